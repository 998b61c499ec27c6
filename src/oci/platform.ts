/** Operating system and processor of an image. Source: OCI image-spec, image-index.md, `platform`. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

/** Returns `linux/arm64/v8`. */
export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter(Boolean).join('/')

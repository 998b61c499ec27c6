import { hasControlCharacter } from './control-characters.ts'
import { type Digest, isDigest } from './digest.ts'
import { isObject, textOf } from './json.ts'

/** Operating system and processor of an image. Source: OCI image-spec, image-index.md, `platform`. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

/** Returns `linux/arm64/v8`. */
export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter(Boolean).join('/')

/** Type, digest and size of one piece of content. Source: OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly platform?: Platform
  readonly artifactType?: string
  /** Other locations of the content, which need not be in the registry. This server never follows them. */
  readonly urls?: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
}

/** Returns the entries whose value is text; keys like `__proto__` stay plain keys. */
export function parseStringMap(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** Parses a platform; undefined when os or architecture is missing, and for control characters. */
export function parsePlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined
  const os = textOf(value.os)
  const architecture = textOf(value.architecture)
  const variant = textOf(value.variant)
  if (!os || !architecture || hasControlCharacter(os + architecture + variant)) return undefined
  return { os, architecture, ...(variant && { variant }) }
}

/** Parses a descriptor; undefined for an unsupported digest or an invalid size. */
export function parseDescriptor(value: unknown): Descriptor | undefined {
  if (!isObject(value) || !isDigest(value.digest)) return undefined
  if (typeof value.size !== 'number' || !Number.isSafeInteger(value.size) || value.size < 0) return undefined
  const platform = parsePlatform(value.platform)
  const artifactType = textOf(value.artifactType)
  const urls = Array.isArray(value.urls) ? value.urls.filter((url) => typeof url === 'string') : []
  return {
    mediaType: textOf(value.mediaType),
    digest: value.digest,
    size: value.size,
    ...(platform && { platform }),
    ...(artifactType && { artifactType }),
    ...(urls.length > 0 && { urls }),
    annotations: parseStringMap(value.annotations),
  }
}

const REFERENCE_TYPE = 'vnd.docker.reference.type'

/** Reports whether a child of an index accompanies another child (a build attestation) and is not an image to run. */
export const isAttachment = ({ annotations, platform, artifactType }: Descriptor): boolean =>
  annotations[REFERENCE_TYPE] === 'attestation-manifest' ||
  artifactType !== undefined ||
  (platform?.os === 'unknown' && platform.architecture === 'unknown')

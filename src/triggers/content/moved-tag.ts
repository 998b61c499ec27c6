import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** A tag that points to another image: what an action may say about it, and nothing else. */
export interface MovedTag {
  readonly namespace: string
  /** Name of the image stream. */
  readonly imageStream: string
  readonly tag: TagName
  readonly digest: Digest
  /** Image that the tag pointed to before; null for the tag's first image. */
  readonly previousDigest: Digest | null
  /** `registry.example.org/team/app@sha256:…`, from which the image can be pulled. */
  readonly dockerImageReference: string
  /** `linux/amd64`; of an index those of its images. */
  readonly platforms: readonly string[]
  /** Milliseconds since 1970 of the move. */
  readonly movedAt: number
}

/** Names of the texts that templates may insert. */
export const PLACEHOLDERS = [
  'namespace',
  'imageStream',
  'tag',
  'digest',
  'previousDigest',
  'dockerImageReference',
  'repository',
  'platforms',
  'movedAt',
] as const

/** Returns the texts that templates may insert, by name. */
export function textsOf(move: MovedTag): Record<(typeof PLACEHOLDERS)[number], string> {
  const { previousDigest, platforms, movedAt, ...texts } = move
  return {
    ...texts,
    previousDigest: previousDigest ?? '',
    platforms: platforms.join(','),
    movedAt: new Date(movedAt).toISOString(),
    repository: repositoryOf(move),
  }
}

/** Returns `registry.example.org/team/app`, from which the image can be pulled. */
export const repositoryOf = ({ dockerImageReference }: Pick<MovedTag, 'dockerImageReference'>): string =>
  dockerImageReference.replace(/@.*$/s, '')

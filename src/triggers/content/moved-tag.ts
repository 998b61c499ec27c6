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
  /** The move of its base image to which the trigger reacts; undefined for a trigger that reacts to moves of the tag itself. */
  readonly baseImage?: BaseImageMove | undefined
}

/** A tag, the base of another one's image, that points to another image. */
export type BaseImageMove = Pick<
  MovedTag,
  'namespace' | 'imageStream' | 'tag' | 'digest' | 'previousDigest' | 'dockerImageReference'
>

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
  'baseImage',
  'baseDigest',
] as const

/** Returns the texts that templates may insert, by name. */
export function textsOf(move: MovedTag): Record<(typeof PLACEHOLDERS)[number], string> {
  const { previousDigest, platforms, movedAt, baseImage, ...texts } = move
  return {
    ...texts,
    previousDigest: previousDigest ?? '',
    baseImage: baseImage?.dockerImageReference ?? '',
    baseDigest: baseImage?.digest ?? '',
    platforms: platforms.join(','),
    movedAt: new Date(movedAt).toISOString(),
    repository: repositoryOf(move),
  }
}

/** Returns `registry.example.org/team/app`, from which the image can be pulled. */
export const repositoryOf = ({ dockerImageReference }: Pick<MovedTag, 'dockerImageReference'>): string =>
  dockerImageReference.replace(/@.*$/s, '')

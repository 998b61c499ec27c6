import type { PushSource } from '../../events/change-log.ts'
import type { Digest } from '../../oci/digest.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'

/** A tag of a stream, with the names that the change log stores. */
export interface TagAddress {
  readonly streamId: number
  readonly namespace: string
  readonly streamName: string
  readonly tag: TagName
}

/** A tag of a stream. */
export type TagKey = Pick<TagAddress, 'streamId' | 'tag'>

/** The image that a tag points to from `at` on. */
export interface TagChange {
  readonly imageId: number
  /** Pull spec of the image. */
  readonly dockerImageReference: string
  readonly generation: number
  readonly source: PushSource
  /** The import that stores the event. */
  readonly importId?: number
  /** Digest of the tag in the upstream registry; null for an image that does not come from one. */
  readonly upstreamDigest: Digest | null
  /** The other stream that the image is copied from; undefined for an import, a push, and an image of the own history. */
  readonly copiedFrom?: StreamName | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Returns the change of a tag that gets the image of another tag or of a history, of the stream `copiedFrom`. */
export const copiedChange = (
  { imageId, dockerImageReference }: Pick<TagChange, 'imageId' | 'dockerImageReference'>,
  { generation, copiedFrom, at }: Pick<TagChange, 'generation' | 'copiedFrom' | 'at'>,
): TagChange => ({
  imageId,
  dockerImageReference,
  generation,
  source: 'TAG',
  upstreamDigest: null,
  copiedFrom,
  at,
})

/** A tag, or the whole repository of a stream, cannot be imported any longer, or can be imported again. */
export interface ImportTransition {
  readonly streamId: number
  /** Null for the whole repository. */
  readonly tag: TagName | null
  /** The import that found it; null where a client gave the tag another image. */
  readonly importId: number | null
  /** Why it cannot be imported; null where it can be imported again. */
  readonly failure: { readonly reason: FailureReason; readonly message: string } | null
}

export interface ImportFailure {
  readonly reason: FailureReason
  /** The same text for the same cause, so that a lasting failure is written once. */
  readonly message: string
  /** The import that failed. */
  readonly importId?: number
  readonly generation: number
  /** Milliseconds since 1970. */
  readonly at: number
}

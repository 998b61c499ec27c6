import type { Transaction } from '../../db/transact.ts'
import type { PushSource } from '../../events/push-log.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RegistryErrorReason } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'

/** Which tag of which stream, as the push log names it. */
export interface TagAddress {
  readonly streamId: number
  readonly namespace: string
  readonly streamName: string
  readonly tag: TagName
}

export interface TagChange {
  readonly imageId: number
  /** Pull spec of the image. */
  readonly dockerImageReference: string
  readonly generation: number
  readonly source: PushSource
  /** The import that brings the image in, of which the event is a result. */
  readonly importId?: number
  /** What the upstream registry answers for the tag; null when the image does not come from one. */
  readonly upstreamDigest: Digest | null
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What a tag gets that is to mean what another means. */
export const takenOver = (
  { imageId, dockerImageReference }: Pick<TagChange, 'imageId' | 'dockerImageReference'>,
  { generation, at }: Pick<TagChange, 'generation' | 'at'>,
): TagChange => ({ imageId, dockerImageReference, generation, source: 'TAG', upstreamDigest: null, at })

/** Spec tags of one stream that were written together. */
export interface SpecTagChanges {
  /** Of tags that take what another tag or a history has; each is asked for when those before it are recorded. */
  readonly events: Iterable<{ readonly tag: TagName; readonly change: TagChange }>
  /** Tags of which the spec says something else now, or nothing any more. */
  readonly rewritten: readonly TagName[]
}

/** Why a tag cannot be imported: what a registry answered, or that a rule would have to look at too many images. */
export type ImportFailureReason = RegistryErrorReason | 'TooManyTags'

export interface ImportFailure {
  readonly reason: ImportFailureReason
  /** The same for the same cause, so that a lasting failure is written once. */
  readonly message: string
  readonly generation: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface Recorded {
  readonly tagEventId: number
  /** Whether the tag has another image now: only that is a push. */
  readonly pushed: boolean
}

/** The one door through which tags change, whoever asks: an import, a push or a tag of another tag. */
export interface TagRecorder {
  /**
   * Every spec tag that follows the tag, directly or through others, gets the same event when it has another one now; and
   * so does each of the stream's tags whose rule chooses it, with what follows that.
   */
  recordTagEvent(tx: Transaction, address: TagAddress, change: TagChange): Recorded
  /** The same for what one write of a spec changes: the stream's rules choose once, when all of it is recorded. */
  recordSpecTags(tx: Transaction, stream: Omit<TagAddress, 'tag'>, changes: SpecTagChanges): void
  /** Keeps the history and says why the tag could not be read: the condition `ImportSuccess=False`. */
  recordImportFailure(tx: Transaction, address: TagAddress, failure: ImportFailure): void
  /**
   * Removes the tag with its history, and what the spec says of it; rules that chose it choose another. Whether there was
   * anything to remove.
   */
  removeTag(tx: Transaction, address: Pick<TagAddress, 'streamId' | 'tag'>): boolean
  /** Forgets entries of histories; what a tag means now stays, whoever asks. */
  pruneTagEvents(tx: Transaction, eventIds: readonly number[]): void
}

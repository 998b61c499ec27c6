import type { Transaction } from '../../db/transact.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagAddress, TagChange } from '../tag/tag-change.ts'

/** An image that a tag gets from another stream, or from an import. */
export interface TaggedContent
  extends Pick<TagChange, 'imageId' | 'dockerImageReference' | 'copiedFrom' | 'at'> {
  readonly stream: StreamName
  readonly streamId: number
}

/** The integrated registry, as tags give their images to it; `app/registry.ts` connects it to `registry`. */
export interface StreamContent {
  /**
   * Makes the repository of the tag's stream serve the image, where another repository of the integrated registry does.
   * Returns the image's pull spec in the stream's repository; null where its content stays elsewhere.
   */
  share(tx: Transaction, image: TaggedContent): string | null
}

/**
 * Returns a function that shares the content of a tag's new image, and returns the change with the pull spec that the tag
 * gets: for an image of another stream, the one of the tag's own stream. An import keeps the pull spec of its source.
 */
export function createSharing(content: StreamContent | null) {
  // tags of one stream that follow the same tag get its content once
  const shared = new WeakMap<Transaction, Map<string, string | null>>()

  const share = (own: StreamContent, tx: Transaction, image: TaggedContent): string | null => {
    const ofTransaction = shared.get(tx) ?? new Map<string, string | null>()
    shared.set(tx, ofTransaction)
    const key = JSON.stringify(image)
    const known = ofTransaction.get(key)
    if (known !== undefined) return known
    const reference = own.share(tx, image)
    ofTransaction.set(key, reference)
    return reference
  }

  return (
    tx: Transaction,
    { streamId, namespace, streamName: name }: TagAddress,
    change: TagChange,
  ): TagChange => {
    if (!content || change.source === 'REGISTRY') return change
    const { source, imageId, dockerImageReference, at } = change
    const stream = { namespace, name }
    // what names no other stream comes from the history of its own
    const copiedFrom = source === 'TAG' ? (change.copiedFrom ?? stream) : undefined
    const own = share(content, tx, { stream, streamId, imageId, dockerImageReference, copiedFrom, at })
    return own === null || source === 'IMPORT' ? change : { ...change, dockerImageReference: own }
  }
}

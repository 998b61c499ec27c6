import type { Transaction } from '../../db/transact.ts'
import type { ImportFailure, TagKey } from '../tag/tag-change.ts'
import type { TagState } from '../tag/tag-rows.ts'
import type { RecordedElsewhere, RecordedRows } from './record-one.ts'

/** Creates the function that records the failed import of a tag as its condition. */
export const createRecordFailure =
  (
    { tags, conditions, versions }: Pick<RecordedRows, 'tags' | 'conditions' | 'versions'>,
    onTransition: RecordedElsewhere['onTransition'],
  ) =>
  (tx: Transaction, { streamId, tag }: TagKey, failure: ImportFailure): void => {
    const old = tags.find(streamId, tag)
    const id = old?.id ?? tags.insert(streamId, tag, null)
    if (!conditions.setFailure(id, failure)) return
    versions.raise(tx, streamId)
    if (isGone(old, failure)) conditions.setGone(id, failure.at)
    if (!old?.failing) onTransition(tx, { streamId, tag, importId: failure.importId ?? null, failure })
  }

/** Reports whether the failure confirms that the registry lost the image: it came from the source that does not have the tag. */
const isGone = (old: TagState | undefined, { reason, generation }: ImportFailure): boolean =>
  reason === 'NotFound' && old?.upstreamDigest != null && (old.generation ?? 0) >= generation

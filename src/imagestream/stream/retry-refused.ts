import { SYSTEM } from '../../access/right/viewer.ts'
import { repeatable } from '../../concurrency/repeatable.ts'
import { inBatches, turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Following } from './follow.ts'
import type { Streams } from './stream.ts'

interface RetryDependencies {
  readonly db: Database
  readonly streams: Pick<Streams, 'byIds'>
  readonly following: Pick<Following, 'copySources'>
  /** Receives the error of a write; the tags keep their images until the next call. */
  readonly onError: (error: unknown) => void
}

/** A reason for which tags keep their images, which can end without a write of the tag or of its source. */
type HoldReason = Extract<FailureReason, 'NoPullRight' | 'ProtectedTag' | 'QuotaExceeded'>

/** Tags that one transaction tries again. */
const TOGETHER = 50

/**
 * Returns a function that makes another one for a reason: it gives tags of streams that kept their images for this reason the image
 * of their source where nothing is in the way now. It works in the background, on some tags at a time. Called after rights,
 * protections or quotas have changed.
 */
export function createRetryRefused({ db, streams, following, onError }: RetryDependencies) {
  const refused = db.prepare<{ streamId: number; tags: string }>(
    `select stream_id as streamId, json_group_array(name) as tags from tags indexed by tags_by_failing
     where failing = ? group by stream_id`,
  )
  const retry = (streamId: number, tags: readonly TagName[]): void =>
    db.transact((tx) => {
      const stream = streams.byIds(SYSTEM, [streamId]).get(streamId)
      if (stream) following.copySources(tx, SYSTEM, { stream, tags, fieldOf: String })
    })
  const retryAll = async (reason: HoldReason): Promise<void> => {
    for (const { streamId, tags } of refused.all(reason)) {
      for (const some of inBatches(JSON.parse(tags) as TagName[], TOGETHER)) {
        await turnToRead()
        if (!db.isOpen()) return
        retry(streamId, some)
      }
    }
  }

  return (reason: HoldReason): (() => void) => repeatable(() => retryAll(reason), onError)
}

import { and, eq, gt, inArray, min, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receiverDeliveries, receiverHints, receiverTargets } from '../db/tables/receiver.ts'
import type { Transaction } from '../db/transact.ts'
import { createImportEffects } from '../imagestream/stored-import/import-effects.ts'
import type { Import } from '../imagestream/stored-import/import-state.ts'
import { createStreamSources } from '../imagestream/watch/stream-sources.ts'
import type { FailureReason } from '../oci/failure-reason.ts'
import type { TagName } from '../oci/tag.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
/** Milliseconds before each retry at a registry that does not respond, or limits requests. */
export const WHILE_UNAVAILABLE = [10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE] as const
/**
 * Milliseconds before each retry at a registry that responds with the old image: some send a notification before all of
 * their nodes and caches have the new tag. A false notification costs no more than these requests.
 */
export const WHILE_BEHIND = [5 * SECOND, MINUTE] as const
const UNAVAILABLE: readonly FailureReason[] = ['RegistryUnavailable', 'TooManyRequests', 'InternalError']
/** Tags of one repository that are retried one by one when the others could be read. */
const MAX_SINGLE_TAGS = 100

/** Why an import could not read a tag; nulls if it could. */
type ReadFailure = Pick<Import, 'reason' | 'message'>

/** Retries of hints. */
export type HintRetries = ReturnType<typeof createHintRetries>

/** Creates the retries of hints for which the registry gave no response, or not yet the reported image. */
export function createHintRetries(db: Database, now: () => number) {
  const { orm } = db
  const effects = createImportEffects(db)
  const isBehind = createBehindCheck(db)
  const requested = requestedTargets(db)
  const nextRetry = orm
    .select({ at: min(receiverTargets.nextAttemptAt) })
    .from(receiverTargets)
    .where(
      and(sql`${receiverTargets.state} = 'OPEN'`, gt(receiverTargets.nextAttemptAt, sql.placeholder('now'))),
    )
    .prepare()

  const change = (id: number, columns: Partial<typeof receiverTargets.$inferInsert>): void =>
    void orm.update(receiverTargets).set(columns).where(eq(receiverTargets.id, id)).run()
  const retryFailedTags = (importId: number, { hintId, receiverId, streamId }: RequestedTarget): void => {
    const failed = { reasons: UNAVAILABLE, limit: MAX_SINGLE_TAGS }
    const ofHint = { hintId, receiverId, streamId, isSpecTag: 0, state: 'OPEN' } as const
    const nextAttemptAt = now() + WHILE_UNAVAILABLE[0]
    const rows = effects
      .failedRepositoryTags(importId, streamId, failed)
      .map(({ tag, ...failure }) => ({ ...ofHint, ...failure, tag, retryCount: 1, nextAttemptAt }))
    if (rows.length > 0) orm.insert(receiverTargets).values(rows).run()
  }

  /** Returns why the import could not read the tag, or for an empty one the repository; nulls if it could. */
  const failureOf = ({ id, state, reason, message }: Import, tag: TagName | ''): ReadFailure => {
    const ofTag = tag === '' ? null : effects.failureOf(id, tag)
    const isWhole = tag === '' || state === 'FAILED'
    return ofTag ?? (isWhole ? { reason, message } : { reason: null, message: null })
  }

  return {
    /** Deletes the targets in a deleted stream. */
    dropTargets: (_tx: Transaction, streamId: number): void =>
      void orm.delete(receiverTargets).where(eq(receiverTargets.streamId, streamId)).run(),

    /**
     * Settles the targets that the import was requested for, or opens them again for a retry, in the transaction that ends
     * the import.
     */
    onFinished(_tx: Transaction, finished: Import): void {
      for (const target of requested.all({ importId: finished.id })) {
        const { id, tag, action, retryCount } = target
        const { reason, message } = failureOf(finished, tag)
        const isUnavailable = reason !== null && UNAVAILABLE.includes(reason)
        // NotFound: the registry reported a push of a tag that it does not have yet
        const isLate = (reason === null || reason === 'NotFound') && isBehind(finished.id, target)
        const delay = (isUnavailable ? WHILE_UNAVAILABLE : isLate ? WHILE_BEHIND : [])[retryCount]
        // the absence of a tag confirms its deletion
        const hasFailed = reason !== null && !(action === 'delete' && reason === 'NotFound')
        const failure = hasFailed ? { reason, message } : { reason: null, message: null }
        if (delay !== undefined) {
          change(id, { ...failure, state: 'OPEN', retryCount: retryCount + 1, nextAttemptAt: now() + delay })
          continue
        }
        change(id, { ...failure, state: hasFailed ? 'FAILED' : 'FINISHED' })
        if (tag === '' && !hasFailed) retryFailedTags(finished.id, target)
      }
    },

    /** Returns when the first retry is due, in milliseconds since 1970; undefined when none is planned. */
    next: (): number | undefined => nextRetry.get({ now: now() })?.at ?? undefined,
  }
}

type RequestedTarget = ReturnType<ReturnType<typeof requestedTargets>['all']>[number]

/** Returns the query of the targets that an import was requested for, with their hints. */
function requestedTargets({ orm }: Database) {
  const { id, hintId, receiverId, streamId, tag, isSpecTag, retryCount, importId, state } = receiverTargets
  const { action, digest } = receiverHints
  const { isTest } = receiverDeliveries
  return orm
    .select({ id, hintId, receiverId, streamId, tag, isSpecTag, retryCount, action, digest, isTest })
    .from(receiverTargets)
    .innerJoin(receiverHints, eq(receiverHints.id, hintId))
    .innerJoin(receiverDeliveries, eq(receiverDeliveries.id, receiverHints.deliveryId))
    .where(and(eq(importId, sql.placeholder('importId')), eq(state, 'REQUESTED')))
    .prepare()
}

/**
 * Returns a function that reports whether the registry reported a push of another digest than the tag has after the
 * import, which did not move the tag either, and no later hint concerns the tag.
 */
function createBehindCheck(db: Database) {
  const sources = createStreamSources(db)
  const effects = createImportEffects(db)
  const laterTarget = db.orm
    .select({ id: receiverTargets.id })
    .from(receiverTargets)
    .where(
      and(
        eq(receiverTargets.streamId, sql.placeholder('streamId')),
        inArray(receiverTargets.tag, [sql.placeholder('tag'), '']),
        gt(receiverTargets.id, sql.placeholder('id')),
      ),
    )
    .limit(1)
    .prepare()

  return (importId: number, target: RequestedTarget): boolean => {
    const { id, streamId, tag, isSpecTag, action, digest, isTest } = target
    if (action !== 'push' || tag === '' || digest === null || isTest) return false
    if (laterTarget.get({ streamId, tag, id })) return false
    if (sources.tag(streamId, tag)?.upstreamDigest === digest) return false
    return (
      !effects.hasMoved(importId, streamId, tag) && !(isSpecTag && sources.specTag(streamId, tag)?.hasPolicy)
    )
  }
}

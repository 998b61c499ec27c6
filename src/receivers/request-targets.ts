import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receiverHints, receiverTargets } from '../db/tables/receiver.ts'
import type { Transaction } from '../db/transact.ts'
import { type Importer, RUNNING_IMPORTS } from '../imagestream/import/import.ts'
import { createImportEffects } from '../imagestream/stored-import/import-effects.ts'
import { createStreamSources } from '../imagestream/watch/stream-sources.ts'
import { groupBy } from '../input/maps.ts'
import type { TagName } from '../oci/tag.ts'

/** Targets that one transaction reads. */
const TARGETS_AT_ONCE = 500
/** Unfinished imports for hints; beyond that hints wait, and are imported together. */
export const MAX_UNFINISHED = RUNNING_IMPORTS / 2

/**
 * Returns a function that requests imports for the oldest open targets. A target that already points to the reported
 * digest is settled without an import. It runs inside a transaction, and reports whether there were open targets.
 */
export function createRequestTargets(db: Database, now: () => number, importer: Pick<Importer, 'request'>) {
  const { orm } = db
  const effects = createImportEffects(db)
  const sources = createStreamSources(db)

  /**
   * Returns the open targets that are due, except those of streams with an import for hints, which the next import
   * combines.
   */
  const openTargets = (busy: readonly number[]) => {
    const { id, streamId, tag, isSpecTag, state, nextAttemptAt } = receiverTargets
    const { action, digest } = receiverHints
    const isIdle = sql`${streamId} not in (select value from json_each(${JSON.stringify(busy)}))`
    return (
      orm
        .select({ id, streamId, tag, isSpecTag, action, digest })
        .from(receiverTargets)
        .innerJoin(receiverHints, eq(receiverHints.id, receiverTargets.hintId))
        // a literal, so that the index of open targets is used
        .where(and(sql`${state} = 'OPEN'`, sql`coalesce(${nextAttemptAt}, 0) <= ${now()}`, isIdle))
        .orderBy(asc(id))
        .limit(TARGETS_AT_ONCE)
        .all()
    )
  }
  type OpenTarget = ReturnType<typeof openTargets>[number]

  /** Reports whether the target's tag points to the reported digest already. */
  const isKnown = ({ streamId, tag, isSpecTag, action, digest }: OpenTarget): boolean => {
    if (action !== 'push' || tag === '' || digest === null) return false
    const known = sources.tag(streamId, tag)
    const isCurrent = known?.upstreamDigest === digest && known.failing === null
    return isCurrent && !(isSpecTag && sources.specTag(streamId, tag)?.hasPolicy)
  }

  const settle = (
    targets: readonly OpenTarget[],
    result: { state: 'UP_TO_DATE' | 'REQUESTED'; importId?: number },
  ): void => {
    if (targets.length === 0) return
    const ids = targets.map(({ id }) => id)
    orm.update(receiverTargets).set(result).where(inArray(receiverTargets.id, ids)).run()
  }

  const requestImport = (tx: Transaction, streamId: number, targets: readonly OpenTarget[]): void => {
    const repository = targets.some(({ tag }) => tag === '')
    const tagsOf = (isSpecTag: 0 | 1): TagName[] => [
      ...new Set(
        targets.flatMap((target) =>
          target.tag !== '' && target.isSpecTag === isSpecTag ? [target.tag] : [],
        ),
      ),
    ]
    const importId = importer.request(tx, streamId, {
      repository,
      specTags: tagsOf(1).sort(),
      // an import of the repository includes them
      repositoryTags: repository ? [] : tagsOf(0).sort(),
      urgency: 'webhook',
    })
    settle(targets, { state: 'REQUESTED', importId })
  }

  return (tx: Transaction): boolean => {
    const unfinished = effects.unfinished()
    const forHints = unfinished.filter(({ isForWebhook }) => isForWebhook)
    let places = MAX_UNFINISHED - forHints.length
    if (places <= 0) return false
    const idsOf = (imports: typeof unfinished): number[] => imports.flatMap(({ streamId }) => streamId ?? [])
    // while an import of the stream runs, its tags may be about to change
    const isImporting = new Set(idsOf(unfinished))
    const ofStreams = groupBy(openTargets(idsOf(forHints)), ({ streamId }) => streamId)
    for (const [streamId, targets] of ofStreams) {
      if (places-- <= 0) break
      const known = isImporting.has(streamId) ? [] : targets.filter(isKnown)
      settle(known, { state: 'UP_TO_DATE' })
      const unknown = targets.filter((target) => !known.includes(target))
      if (unknown.length > 0) requestImport(tx, streamId, unknown)
    }
    return ofStreams.size > 0
  }
}

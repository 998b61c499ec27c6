import { KeyLock } from '../../concurrency/bounded.ts'
import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { createImageRemoval } from '../../imagestream/image/remove-images.ts'
import type { TagRecorder } from '../../imagestream/record/record.ts'
import { createStreamPruning } from '../../imagestream/stream/prune-streams.ts'
import { createImageAges } from './image-ages.ts'
import { ImagePass } from './image-pass.ts'
import { createIndexChildren } from './index-children.ts'
import { createFindEmptied, createImageJudges } from './kept-images.ts'
import { LostManifests } from './lost-manifests.ts'
import { createReadOldEvents, FIRST_POSITION, type HistoryPosition } from './old-events.ts'
import { GrowingPruneReport, type PruneListing, type PruneReport } from './report.ts'
import { type PrunePolicy, type PruneTerms, pruneTermsAt } from './terms.ts'

export interface PruneOptions extends PrunePolicy, PruneListing {}

export interface PrunerDependencies {
  readonly db: Database
  readonly recorder: Pick<TagRecorder, 'pruneTagEvents'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Entries of histories that a dry run reads at once: it deletes none, and so takes less time for each. */
const DRY_RUN_EVENTS = 5 * BATCH

/** Removal of old entries of histories and of unreferenced images. */
export type Pruner = ReturnType<typeof createPruner>

/**
 * Removes old entries of histories and, unless the prune is for one namespace, unreferenced images while imports and pushes
 * continue: each deleting transaction checks again. Runs are serialized; the next run completes one that a crash
 * interrupted. Disposing aborts the running one, and resolves when it has stopped.
 */
export function createPruner({ db, recorder, now }: PrunerDependencies) {
  const readOldEvents = createReadOldEvents(db)
  const children = createIndexChildren(db)
  const judges = createImageJudges(db)
  const findEmptied = createFindEmptied(db)
  const ages = createImageAges(db)
  const removal = createImageRemoval(db)
  const deletedStreams = createStreamPruning(db)
  const stopping = new AbortController()
  const runs = new KeyLock()
  ages.observe(now())

  async function run(
    terms: PruneTerms,
    listing: PruneListing,
    { isDryRun, signal }: { readonly isDryRun: boolean; readonly signal: AbortSignal },
  ): Promise<PruneReport> {
    const report = new GrowingPruneReport(listing)
    const lost = new LostManifests(db)
    const goneEvents = new Map<number, number>()

    const eventStep = (from: HistoryPosition): HistoryPosition | null =>
      db.transact((tx) => {
        const { events, next } = readOldEvents(from, terms, isDryRun ? DRY_RUN_EVENTS : BATCH)
        const ids = events.map(({ id }) => id)
        if (!isDryRun && ids.length > 0) recorder.pruneTagEvents(tx, ids)
        for (const event of events) {
          report.addEvent(event)
          lost.add(event)
          if (isDryRun) goneEvents.set(event.imageId, (goneEvents.get(event.imageId) ?? 0) + 1)
        }
        return next
      })

    for (let at: HistoryPosition | null = FIRST_POSITION; at; ) {
      at = eventStep(at)
      await yieldToEventLoop(signal)
    }
    for await (const count of lost.count(isDryRun, signal)) report.addRepositoryManifests(count)
    if (isDryRun) report.addStreams(deletedStreams.count(terms))
    else {
      for (let removed = -1; removed !== 0; await yieldToEventLoop(signal)) {
        removed = db.transact((tx) => deletedStreams.removeBatch(tx, terms))
        report.addStreams(removed)
      }
    }
    // images belong to no namespace
    if (terms.namespace !== null) return report.finished()
    const lastOld = await ages.lastStoredBy(terms.oldUntil, signal)
    await children.build(signal)
    const emptied = await findEmptied(goneEvents, signal)
    const judge = judges({ children, all: terms.all, lastOld, emptied })
    const images = new ImagePass({ removal, children, judge, report, isDryRun })
    while (db.transact((tx) => images.step(tx))) await yieldToEventLoop(signal)
    await images.finish(signal)
    return report.finished()
  }

  const serialized = async (
    options: PruneOptions = {},
    isDryRun: boolean,
    own: AbortSignal | undefined,
  ): Promise<PruneReport> => {
    // invalid options reject before earlier runs have ended
    pruneTermsAt(now(), options)
    const signal = own ? AbortSignal.any([stopping.signal, own]) : stopping.signal
    return runs.run('prune', async () => {
      signal.throwIfAborted()
      const at = now()
      ages.observe(at)
      try {
        return await run(pruneTermsAt(at, options), options, { isDryRun, signal })
      } finally {
        if (!stopping.signal.aborted) children.clear()
      }
    })
  }

  return {
    /** Reports what `prune` would remove, without changes. Rejects with InvalidInputError or the signal's reason. */
    plan: (options?: PruneOptions, signal?: AbortSignal) => serialized(options, true, signal),
    /** Rejects with InvalidInputError, or the error that stopped it; completed deletions remain. */
    prune: (options?: PruneOptions, signal?: AbortSignal) => serialized(options, false, signal),

    async [Symbol.asyncDispose](): Promise<void> {
      stopping.abort(new Error('the server is stopping'))
      await runs.run('prune', () => {})
    },
  }
}

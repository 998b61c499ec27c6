import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { createImageRemoval } from '../../imagestream/image/remove-images.ts'
import type { TagRecorder } from '../../imagestream/record/record.ts'
import { createStreamPruning } from '../../imagestream/stream/prune-streams.ts'
import type { PageKey } from '../../input/page.ts'
import { createImageAges } from './image-ages.ts'
import { ImagePass } from './image-pass.ts'
import { createIndexChildren } from './index-children.ts'
import { createFindEmptied, createImageJudges } from './kept-images.ts'
import { LostManifests } from './lost-manifests.ts'
import { createReadOldEvents, FIRST_POSITION, type HistoryPosition } from './old-events.ts'
import type { PruneReport } from './report.ts'
import type { PruneTerms } from './terms.ts'

export interface PruneRunDependencies {
  readonly db: Database
  readonly recorder: Pick<TagRecorder, 'pruneTagEvents'>
}

interface RunOptions {
  /** Changes nothing, and reads only what was requested of the report. */
  readonly isDryRun: boolean
  readonly signal: AbortSignal
}

/** Entries of histories that a dry run reads at once: it deletes none, and so takes less time for each. */
const DRY_RUN_EVENTS = 5 * BATCH

const historyPosition = ([tagId, eventId]: PageKey): HistoryPosition => ({
  tagId: Number(tagId),
  eventId: Number(eventId),
})

// images belong to no namespace
const needsImages = ({ namespace }: PruneTerms, report: PruneReport): boolean =>
  namespace === null && report.needsImages

/** Creates the runs of prunes and of their plans, which must not overlap. */
export function createPruneRun({ db, recorder }: PruneRunDependencies) {
  const readOldEvents = createReadOldEvents(db)
  const children = createIndexChildren(db)
  const judges = createImageJudges(db)
  const findEmptied = createFindEmptied(db)
  const ages = createImageAges(db)
  const removal = createImageRemoval(db)
  const deletedStreams = createStreamPruning(db)

  /** Removes or plans the removal of old entries of histories: all, or those that the report requests. */
  async function readEvents(terms: PruneTerms, report: PruneReport, { isDryRun, signal }: RunOptions) {
    const lost = new LostManifests(db)
    const goneEvents = new Map<number, number>()
    const needsLost = !isDryRun || report.hasTotals
    const eventStep = (from: HistoryPosition): HistoryPosition | null =>
      db.transact((tx) => {
        const { events, next } = readOldEvents(from, terms, isDryRun ? DRY_RUN_EVENTS : BATCH)
        const ids = events.map(({ id }) => id)
        if (!isDryRun && ids.length > 0) recorder.pruneTagEvents(tx, ids)
        for (const event of events) {
          report.addEvent(event)
          if (needsLost) lost.add(event)
          if (isDryRun) goneEvents.set(event.imageId, (goneEvents.get(event.imageId) ?? 0) + 1)
        }
        return next
      })

    const isListed = isDryRun && !needsImages(terms, report)
    const start = isListed ? report.events.start : undefined
    for (let at: HistoryPosition | null = start ? historyPosition(start) : FIRST_POSITION; at; ) {
      if (isListed && report.events.isComplete) break
      at = eventStep(at)
      await yieldToEventLoop(signal)
    }
    return { lost, goneEvents }
  }

  async function run(terms: PruneTerms, report: PruneReport, options: RunOptions): Promise<void> {
    const { isDryRun, signal } = options
    const { lost, goneEvents } = await readEvents(terms, report, options)
    if (!isDryRun) {
      for (let removed = -1; removed !== 0; await yieldToEventLoop(signal)) {
        removed = db.transact((tx) => deletedStreams.removeBatch(tx, terms))
        report.addStreams(removed)
      }
    } else if (report.hasTotals) report.addStreams(deletedStreams.count(terms))
    for await (const count of lost.count(isDryRun, signal)) report.addRepositoryManifests(count)
    if (isDryRun ? !needsImages(terms, report) : terms.namespace !== null) return
    const lastOld = await ages.lastStoredBy(terms.oldUntil, signal)
    await children.build(signal)
    const emptied = await findEmptied(goneEvents, signal)
    const judge = judges({ children, all: terms.all, lastOld, emptied })
    const images = new ImagePass({ removal, children, judge, report, isDryRun })
    while (db.transact((tx) => images.step(tx))) await yieldToEventLoop(signal)
    await images.finish(signal)
  }

  return {
    /** Fills the report. Rejects with the signal's reason once it is aborted. */
    run,
    /** Records the newest image at this time, as evidence of the age of images. */
    observe: ages.observe,
    /** Frees the memory of the last run. */
    clear: children.clear,
  }
}

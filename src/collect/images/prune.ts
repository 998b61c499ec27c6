import { forEachYielding, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { TagRecorder } from '../../imagestream/tag/record.ts'
import { createImageAges } from './age.ts'
import { createIndexChildren } from './children.ts'
import { createReadOldEvents, FIRST_POSITION, type HistoryPosition } from './events.ts'
import { ImagePass } from './images.ts'
import { createImageJudge } from './kept.ts'
import { type PruneListing, type PruneReport, RunningReport } from './report.ts'
import { LostManifests } from './repositories.ts'
import { type PrunePolicy, type PruneTerms, pruneTermsAt } from './terms.ts'

export interface PruneOptions extends PrunePolicy, PruneListing {}

export interface PrunerDependencies {
  readonly db: Database
  readonly recorder: Pick<TagRecorder, 'pruneTagEvents'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * Forgets histories beyond what is kept, and images that nothing refers to any more, while imports and pushes go on: each
 * deleting transaction asks again. One run at a time; who asks meanwhile waits. What a crash interrupts the next run
 * does. Disposing stops it, and resolves when it has stopped.
 */
export interface Pruner extends AsyncDisposable {
  /** What `prune` would do now; changes nothing. Rejects with InvalidInputError, or the signal's reason. */
  plan(options?: PruneOptions, signal?: AbortSignal): Promise<PruneReport>
  /** Rejects with InvalidInputError, or with what ended it early: what went until then is gone. */
  prune(options?: PruneOptions, signal?: AbortSignal): Promise<PruneReport>
}

export function createPruner({ db, recorder, now }: PrunerDependencies): Pruner {
  const readOldEvents = createReadOldEvents(db)
  const children = createIndexChildren(db)
  const judges = createImageJudge(db)
  const ages = createImageAges(db)
  const stopping = new AbortController()
  let last: Promise<unknown> = Promise.resolve()
  ages.look(now())

  async function run(
    terms: PruneTerms,
    listing: PruneListing,
    { isDryRun, signal }: { readonly isDryRun: boolean; readonly signal: AbortSignal },
  ): Promise<PruneReport> {
    const report = new RunningReport(listing)
    const lost = new LostManifests(db)
    const goneEvents = new Map<number, number>()

    const eventStep = (from: HistoryPosition): HistoryPosition | null =>
      db.transact((tx) => {
        const { events, next } = readOldEvents(from, terms)
        if (!isDryRun && events.length > 0) {
          recorder.pruneTagEvents(
            tx,
            events.map(({ id }) => id),
          )
        }
        for (const event of events) {
          report.events.add(event)
          lost.add(event)
          if (isDryRun) goneEvents.set(event.imageId, (goneEvents.get(event.imageId) ?? 0) + 1)
        }
        return next
      })

    for (let at: HistoryPosition | null = FIRST_POSITION; at; ) {
      at = eventStep(at)
      await yieldToEventLoop(signal)
    }
    await forEachYielding(lost.count(isDryRun), signal, (manifests) => {
      report.repositoryManifests += manifests
    })
    const lastOld = await ages.lastStoredBy(terms.oldUntil, signal)
    await children.build(signal)
    const judge = judges({ children, lastOld, goneEvents })
    const images = new ImagePass({ db, children, judge, report, isDryRun })
    while (db.transact(() => images.step())) await yieldToEventLoop(signal)
    await images.finish(signal)
    return report.finished()
  }

  const inTurn = async (
    options: PruneOptions = {},
    isDryRun: boolean,
    own: AbortSignal | undefined,
  ): Promise<PruneReport> => {
    // what cannot be asked is told at once
    pruneTermsAt(now(), options)
    const signal = own ? AbortSignal.any([stopping.signal, own]) : stopping.signal
    const done = last.then(async () => {
      signal.throwIfAborted()
      const at = now()
      ages.look(at)
      try {
        return await run(pruneTermsAt(at, options), options, { isDryRun, signal })
      } finally {
        if (!stopping.signal.aborted) children.clear()
      }
    })
    last = done.catch(() => {})
    return done
  }

  return {
    plan: (options, signal) => inTurn(options, true, signal),
    prune: (options, signal) => inTurn(options, false, signal),

    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('the server is stopping'))
      await last
    },
  }
}

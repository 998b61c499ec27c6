import { sees, type Viewer } from '../../access/right/viewer.ts'
import type { KeysetPage } from '../../input/page.ts'
import { createImageFetcher } from '../image/fetch-image.ts'
import type { Import, ImportResult, ResultPage } from '../stored-import/import-state.ts'
import { createPolicyChoices } from '../tag/policy-choice.ts'
import { DryRunOutcomes } from './dry-run-outcomes.ts'
import { createDryRuns } from './dry-runs.ts'
import type { ImporterDependencies } from './import-context.ts'
import { ImportQueue } from './import-queue.ts'
import { LiveImports } from './live-imports.ts'
import { createStoredImports } from './stored-imports.ts'

/** Imports that run at a time. */
export const RUNNING_IMPORTS = 100
/** Imports of one registry that run at a time: more would only wait for the registry, and block others. */
export const RUNNING_OF_REGISTRY = 20

/** Runs imports: one at a time for each stream, continued after a restart. */
export type Importer = ReturnType<typeof createImporter>

export function createImporter(dependencies: ImporterDependencies) {
  const { db, rows, streams, images } = dependencies
  const closing = new AbortController()
  const live = new LiveImports(rows, closing.signal)
  const queue = new ImportQueue<number>({ running: RUNNING_IMPORTS, ofGroup: RUNNING_OF_REGISTRY })
  const context = {
    ...dependencies,
    fetcher: createImageFetcher(images),
    choices: createPolicyChoices(db),
    closing: closing.signal,
  }
  const outcomesOf = (id: number) => live.get(id)?.outcomes

  return {
    ...createStoredImports(context, live, queue),
    ...createDryRuns(context, live, queue),
    /** Returns the imports with these ids into streams that the viewer sees, also into a deleted one. */
    byIds(viewer: Viewer, ids: readonly number[]): Map<number, Import> {
      const found = rows.byIds(ids)
      for (const id of ids) {
        const state = live.get(id)?.run.snapshot()
        if (state) found.set(id, state)
      }
      const streamIds = [...found.values()].flatMap(({ streamId }) => streamId ?? [])
      const seen = streams.evenDeleted(viewer, streamIds)
      const isSeen = (id: number, streamId: number | null): boolean => {
        if (streamId !== null) return seen.has(streamId)
        const outcomes = outcomesOf(id)
        return outcomes instanceof DryRunOutcomes
          ? sees(viewer, outcomes.stream)
          : viewer.rights.isServerAdmin
      }
      return new Map([...found].filter(([id, { streamId }]) => isSeen(id, streamId)))
    },
    /** Returns a page of each stream's imports, newest first; its keys are [id]. */
    ofStreams: (streamIds: readonly number[], page: KeysetPage): Import[] =>
      rows.ofStreams(streamIds, page).map((row) => live.get(row.id)?.run.snapshot() ?? row),
    countOfStreams: rows.countOfStreams,
    /** Counts the stored imports that run, and those that wait. */
    countUnfinished: rows.countUnfinished,
    /** Returns a page of results, in order of importance. */
    results(importId: number, page: ResultPage): ImportResult[] {
      const outcomes = outcomesOf(importId)
      return outcomes instanceof DryRunOutcomes
        ? outcomes.page(page)
        : rows.results(importId, page, outcomes?.unchangedTags)
    },
    countResults(importId: number, state: ResultPage['state']): number {
      const outcomes = outcomesOf(importId)
      if (outcomes instanceof DryRunOutcomes) {
        return outcomes.results.filter((result) => !state || result.state === state).length
      }
      const found = live.current(importId)
      if (!found) return 0
      const counts = { IMPORTED: found.imported, UNCHANGED: found.unchanged, FAILED: found.failed }
      return state ? counts[state] : counts.IMPORTED + counts.UNCHANGED + counts.FAILED
    },
    /** Returns the import once it is finished, or its state after so many seconds. */
    wait: (importId: number, seconds: number): Promise<Import | undefined> => live.wait(importId, seconds),
    /** Yields the state of the import, and again after each change, until it is finished. */
    follow: (importId: number): AsyncIterableIterator<Import> => live.follow(importId),

    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the server is stopping'))
      await queue.stop()
    },
  }
}

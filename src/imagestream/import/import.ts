import type { Transaction } from '../../db/transact.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import { createImageFetcher } from '../image/fetch-image.ts'
import type { ImportRequest } from '../request/import-plan.ts'
import type { Import, ImportResult, ResultPage } from '../request/import-state.ts'
import type { ImageStream, SpecTag } from '../spec/spec.ts'
import { createPolicyChoices } from '../tag/policy-choice.ts'
import type { RepositoryCheckDependencies } from '../watch/repository-check.ts'
import { DryRunOutcomes } from './dry-run-outcomes.ts'
import { DryRuns } from './dry-runs.ts'
import { ImportProgress } from './import-progress.ts'
import { ImportQueue } from './import-queue.ts'
import type { ImportTools } from './import-run.ts'
import { LiveImports } from './live-imports.ts'
import type { OutcomeStores } from './record-target.ts'
import { StoredImports } from './stored-imports.ts'

/** Imports that run at a time. */
export const RUNNING_IMPORTS = 100
/** Imports of one registry that run at a time: more would only wait for the registry, and block others. */
export const RUNNING_OF_REGISTRY = 20

export interface ImporterDependencies
  extends Omit<ImportTools, 'fetcher'>,
    RepositoryCheckDependencies,
    Omit<OutcomeStores, 'choices'> {}

/** Runs imports: one at a time for each stream, continued after a restart. */
export type Importer = ReturnType<typeof createImporter>

export function createImporter(dependencies: ImporterDependencies) {
  const { db, rows, images } = dependencies
  const closing = new AbortController()
  const live = new LiveImports(rows)
  const queue = new ImportQueue<number>({ running: RUNNING_IMPORTS, ofGroup: RUNNING_OF_REGISTRY })
  const fetcher = createImageFetcher(images)
  const shared = { ...dependencies, fetcher, live, queue, closing: closing.signal }
  const stored = new StoredImports({ ...shared, choices: createPolicyChoices(db) })
  const dryRuns = new DryRuns(shared)
  const progress = new ImportProgress(live, closing.signal)

  return {
    /**
     * Adds an import that starts after the commit. If an equal one waits, that one gets the higher urgency of the two
     * instead. Returns its id.
     */
    request: (tx: Transaction, streamId: number, request: ImportRequest): number =>
      stored.add(tx, streamId, request),
    /** Continues the imports that a previous process has not finished. */
    resume: (): void => stored.resume(),
    /** Ends the imports of a stream that is being deleted. */
    endOfStream: (tx: Transaction, streamId: number): void => stored.endOfStream(tx, streamId),
    /** Fetches and reports by a spec that need not be stored, and stores nothing. Returns the id of the dry run. */
    dryRun: (
      subject: { stream: ImageStream; specTags: readonly SpecTag[] },
      request: ImportRequest,
    ): number => dryRuns.start(subject, request),
    /** Returns the decision of a tag's rule in a dry run; undefined until the rule is applied. */
    dryRunDecision: (importId: number, tag: TagName): Decision | undefined =>
      dryRuns.outcomesOf(importId)?.decisions.get(tag),
    byIds(ids: readonly number[]): Map<number, Import> {
      const found = rows.byIds(ids)
      for (const id of ids) {
        const state = live.get(id)?.run.snapshot()
        if (state) found.set(id, state)
      }
      return found
    },
    /** Returns a page of each stream's imports, newest first; its keys are [id]. */
    ofStreams: (streamIds: readonly number[], page: KeysetPage): Import[] =>
      rows.ofStreams(streamIds, page).map((row) => live.get(row.id)?.run.snapshot() ?? row),
    countOfStreams: rows.countOfStreams,
    /** Counts the stored imports that run, and those that wait. */
    countUnfinished: rows.countUnfinished,
    /** Returns a page of results, in order of importance. */
    results(importId: number, page: ResultPage): ImportResult[] {
      const outcomes = live.get(importId)?.outcomes
      if (outcomes instanceof DryRunOutcomes) return outcomes.page(page)
      return rows.results(importId, page, outcomes)
    },
    countResults(importId: number, state: ResultPage['state']): number {
      const dryRun = dryRuns.outcomesOf(importId)
      if (dryRun) return dryRun.results.filter((result) => !state || result.state === state).length
      const found = live.current(importId)
      if (!found) return 0
      const counts = { IMPORTED: found.imported, UNCHANGED: found.unchanged, FAILED: found.failed }
      return state ? counts[state] : counts.IMPORTED + counts.UNCHANGED + counts.FAILED
    },
    /** Returns the import once it is finished, or its state after so many seconds. */
    wait: (importId: number, seconds: number): Promise<Import | undefined> =>
      progress.wait(importId, seconds),
    /** Yields the state of the import, and again after each change, until it is finished. */
    follow: (importId: number): AsyncIterableIterator<Import> => progress.follow(importId),

    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the server is stopping'))
      await queue.stop()
    },
  }
}

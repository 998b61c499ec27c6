import { type ImportRequest, planImport } from '../request/import-plan.ts'
import type { ImageStream, SpecTag } from '../spec/spec.ts'
import { checkTagList } from '../watch/repository-check.ts'
import { DryRunOutcomes } from './dry-run-outcomes.ts'
import { registryOf } from './import-queue.ts'
import { ImportRun } from './import-run.ts'
import type { StoredImportsDependencies } from './stored-imports.ts'

/** Number of dry runs that are kept, to be read by their id. Their images are in memory. */
export const KEPT_DRY_RUNS = 10

type DryRunsDependencies = Omit<StoredImportsDependencies, 'choices'>

/** Imports that fetch and report, and store nothing. */
export class DryRuns {
  readonly #dependencies: DryRunsDependencies
  // negative, and below the ids of every earlier start: an id is never reused
  #nextId: number

  constructor(dependencies: DryRunsDependencies) {
    this.#dependencies = dependencies
    this.#nextId = -dependencies.now()
  }

  /** Starts a dry run for a spec, which need not be stored. Returns its id. */
  start(
    { stream, specTags }: { readonly stream: ImageStream; readonly specTags: readonly SpecTag[] },
    request: ImportRequest,
  ): number {
    const { live, queue, closing, maximumTags, onInternalError } = this.#dependencies
    live.keepDryRuns(KEPT_DRY_RUNS)
    const id = this.#nextId--
    const outcomes = new DryRunOutcomes(this.#dependencies, stream)
    const run = new ImportRun(this.#dependencies, {
      subject: { id, streamId: stream.id > 0 ? stream.id : null, namespace: stream.namespace },
      outcomes,
      checkOf: () => checkTagList(maximumTags),
      onProgress: () => live.changed(id),
    })
    live.add(id, { run, outcomes })
    // dry runs of one stream may run at the same time: the id is the key
    queue.add({ key: id, group: registryOf(stream, () => specTags) }, () =>
      // a signal of its own: each signal has the listeners of one import
      run.run(planImport(stream, specTags, request), AbortSignal.any([closing])).catch((error: unknown) => {
        live.delete(id)
        if (!closing.aborted) onInternalError(error, id)
      }),
    )
    return id
  }

  /** Returns undefined unless the id is that of a kept dry run. */
  outcomesOf(id: number): DryRunOutcomes | undefined {
    const outcomes = this.#dependencies.live.get(id)?.outcomes
    return outcomes instanceof DryRunOutcomes ? outcomes : undefined
  }
}

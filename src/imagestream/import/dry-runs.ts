import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import { type ImageStream, registryOf, type SpecTag } from '../spec/spec.ts'
import { type ImportRequest, planImport } from '../stored-import/import-plan.ts'
import { checkTagList } from '../watch/repository-check.ts'
import { DryRunOutcomes } from './dry-run-outcomes.ts'
import type { ImportContext } from './import-context.ts'
import type { ImportQueue } from './import-queue.ts'
import { ImportRun } from './import-run.ts'
import type { LiveImports } from './live-imports.ts'

/** Number of dry runs that are kept, to be read by their id. Their images are in memory. */
export const KEPT_DRY_RUNS = 10

/** Creates the imports that fetch and report, and store nothing. */
export function createDryRuns(context: ImportContext, live: LiveImports, queue: ImportQueue<number>) {
  const { closing, maximumTags, onInternalError } = context
  // negative, and below the ids of every earlier start: an id is never reused
  let nextId = -context.now()

  return {
    /** Starts a dry run for a spec, which need not be stored. Returns its id. */
    dryRun(
      { stream, specTags }: { readonly stream: ImageStream; readonly specTags: readonly SpecTag[] },
      request: ImportRequest,
    ): number {
      live.keepDryRuns(KEPT_DRY_RUNS)
      const id = nextId--
      const outcomes = new DryRunOutcomes(context, stream)
      const run = new ImportRun(context, {
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
    },
    /** Returns the decision of a tag's rule in a kept dry run; undefined until the rule is applied. */
    dryRunDecision(id: number, tag: TagName): Decision | undefined {
      const outcomes = live.get(id)?.outcomes
      return outcomes instanceof DryRunOutcomes ? outcomes.decisions.get(tag) : undefined
    },
  }
}

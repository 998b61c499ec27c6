import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireInNamespace, requireServerAdmin, type Viewer } from '../../access/right/viewer.ts'
import { KeyLock } from '../../concurrency/bounded.ts'
import { createPlanLimit } from '../kept/plan-limit.ts'
import { PrunePlan } from './plan.ts'
import { createPruneRun, type PruneRunDependencies } from './prune-run.ts'
import { PruneReport, type PruneTotals } from './report.ts'
import { type PrunePolicy, pruneTermsAt } from './terms.ts'

export interface PrunerDependencies extends PruneRunDependencies {
  readonly audit: AuditRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Removal of old entries of histories and of unreferenced images. */
export type Pruner = ReturnType<typeof createPruner>

/**
 * Removes old entries of histories and, unless the prune is for one namespace, unreferenced images while imports and pushes
 * continue: each deleting transaction checks again. Runs are serialized; the next run completes one that a crash
 * interrupted. Disposing aborts the running one, and resolves when it has stopped.
 */
export function createPruner({ audit, now, ...dependencies }: PrunerDependencies) {
  const runner = createPruneRun(dependencies)
  const stopping = new AbortController()
  const runs = new KeyLock()
  const limited = createPlanLimit()
  runner.observe(now())

  const serialized = (
    policy: PrunePolicy,
    report: PruneReport,
    { isDryRun, signal }: { readonly isDryRun: boolean; readonly signal: AbortSignal },
  ): Promise<void> =>
    runs.run('prune', async () => {
      signal.throwIfAborted()
      const at = now()
      runner.observe(at)
      try {
        await runner.run(pruneTermsAt(at, policy), report, { isDryRun, signal })
      } finally {
        if (!stopping.signal.aborted) runner.clear()
      }
    })
  const withStopping = (own: AbortSignal | undefined): AbortSignal =>
    own ? AbortSignal.any([stopping.signal, own]) : stopping.signal

  return {
    /**
     * Returns the plan of `prune`, without changes. Throws InvalidInputError, ForbiddenError, UnauthenticatedError; its reads
     * reject with TooManyPlansError.
     */
    plan(viewer: Viewer, policy: PrunePolicy = {}, signal?: AbortSignal): PrunePlan {
      checkRights(viewer, policy)
      pruneTermsAt(now(), policy)
      const either = withStopping(signal)
      return new PrunePlan((report) =>
        limited(() => serialized(policy, report, { isDryRun: true, signal: either })),
      )
    },

    /**
     * Rejects with InvalidInputError, ForbiddenError, UnauthenticatedError, or the error that stopped it; completed deletions remain. `report` may request pages
     * of the lists.
     */
    async prune(
      viewer: Viewer,
      policy: PrunePolicy = {},
      {
        report = new PruneReport(),
        signal,
      }: { readonly report?: PruneReport; readonly signal?: AbortSignal } = {},
    ): Promise<PruneTotals> {
      checkRights(viewer, policy)
      // an invalid policy rejects before earlier runs have ended
      pruneTermsAt(now(), policy)
      const { namespace = null, ...details } = policy
      const action = { action: 'pruneImages', namespace: namespace ?? null, target: null, details }
      // many transactions follow: an interrupted run has deleted, too
      dependencies.db.transact((tx) => audit.record(tx, viewer, action))
      await serialized(policy, report, { isDryRun: false, signal: withStopping(signal) })
      return report.totals()
    },

    async [Symbol.asyncDispose](): Promise<void> {
      stopping.abort(new Error('the server is stopping'))
      await runs.run('prune', () => {})
    },
  }
}

/** Throws ForbiddenError or UnauthenticatedError unless the viewer may prune so: images are those of all namespaces. */
function checkRights(viewer: Viewer, { namespace }: PrunePolicy): void {
  if (namespace == null) requireServerAdmin(viewer)
  else requireInNamespace(viewer, 'delete', namespace)
}

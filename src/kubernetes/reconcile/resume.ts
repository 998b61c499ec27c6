import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { NotFoundError } from '../../input/errors.ts'
import type { Workload } from '../observe/workload.ts'
import type { WorkloadReads } from '../observe/workload-reads.ts'
import { type DueRows, tagOf } from './due-rows.ts'

interface ResumeDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly workloads: Pick<WorkloadReads, 'byId'>
  readonly due: Pick<DueRows, 'resume' | 'containersOf'>
  readonly onDue: (clusterId: number) => void
}

/**
 * Sets images of a workload again that another field manager has replaced too often. Throws NotFoundError; ForbiddenError and
 * UnauthenticatedError without the right `configure` in the streams that the workload follows.
 */
export type ResumeWorkload = (viewer: Viewer, id: number) => Workload

export const createResumeWorkload =
  ({ db, audit, workloads, due, onDue }: ResumeDependencies): ResumeWorkload =>
  (viewer, id) =>
    db.transact((tx) => {
      const workload = workloads.byId(viewer, id)
      const followed = due
        .containersOf(id)
        .flatMap((container) => (container.isFollowing ? (tagOf(container) ?? []) : []))
      if (!workload || followed.length === 0) throw new NotFoundError('no workload with triggers has this id')
      for (const { stream } of followed) requireRight(viewer, 'configure', stream)
      due.resume(tx, id)
      const { namespace, kind, name, clusterId } = workload
      audit.record(tx, viewer, {
        action: 'resumeWorkload',
        namespace: followed[0]?.stream.namespace ?? null,
        target: `${kind} ${namespace}/${name}`,
        details: { cluster: clusterId },
      })
      tx.afterCommit(() => onDue(clusterId))
      return workload
    })

import { and, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { workloads } from '../../db/tables/workload.ts'

/** Makes the workloads with triggers that meet a condition due at a time, in milliseconds since 1970. Returns the clusters that have some. */
export function markDue({ orm }: Database, where: SQL | undefined, at: number): Set<number> {
  const marked = orm
    .update(workloads)
    .set({ dueAt: at, marked: sql`${workloads.marked} + 1`, failureCount: 0 })
    .where(and(isNotNull(workloads.version), where))
    .returning({ clusterId: workloads.clusterId })
    .all()
  return new Set(marked.map(({ clusterId }) => clusterId))
}

import { count, isNotNull, ne, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { workloads } from '../../db/tables/workload.ts'
import type { Clusters } from '../cluster/clusters.ts'

/** Returns a function that counts clusters by state, workloads that are to be compared, and those with a condition by its reason. */
export const createWorkloadFigures =
  ({ orm }: Database, clusters: Pick<Clusters, 'all'>) =>
  () => {
    const all = clusters.all()
    const reachable = all.filter(({ conditions }) =>
      conditions.some(({ type, status }) => type === 'REACHABLE' && status === 'MET'),
    ).length
    const due = orm.select({ total: count() }).from(workloads).where(isNotNull(workloads.dueAt)).get()?.total
    const reason = sql<string>`problem.value ->> 'reason'`
    const problems = orm
      .select({ reason, total: sql<number>`count(distinct ${workloads.id})` })
      .from(workloads)
      .innerJoin(sql`json_each(${workloads.conditions}) problem`, sql`true`)
      .where(ne(workloads.conditions, '[]'))
      .groupBy(reason)
      .all()
    return {
      clusters: { reachable, unreachable: all.length - reachable },
      due: due ?? 0,
      problems: Object.fromEntries(problems.map((one) => [one.reason, one.total])),
    }
  }

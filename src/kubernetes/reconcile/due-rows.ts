import { and, asc, eq, gt, isNotNull, lte, min, notInArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { workloadContainers, workloads } from '../../db/tables/workload.ts'
import type { Transaction } from '../../db/transact.ts'
import { markDue } from '../observe/mark-due.ts'
import type { WorkloadCondition } from '../observe/workload.ts'
import type { ContainerRow, WorkloadRow, WorkloadRows } from '../observe/workload-rows.ts'
import type { Comparison } from './compare.ts'
import type { FollowedTag } from './source-images.ts'

/** A container that follows a tag. */
export type FollowingContainer = Pick<
  ContainerRow,
  'workloadId' | 'name' | 'image' | 'streamNamespace' | 'streamName' | 'tag'
>

/** Conditions of a workload that are stored: an object, which others write, can cause any number. */
const MAX_CONDITIONS = 200

/** When a workload is compared again. */
interface Settlement {
  /** The row as it was when the comparison began. */
  readonly row: WorkloadRow
  /** Null for when something changes; milliseconds since 1970. */
  readonly nextAt: number | null
}

/** Which workloads are to be compared with their tags, in the database: a restart loses none. */
export type DueRows = ReturnType<typeof createDueRows>

/** Creates the access to what is due. */
export function createDueRows(
  db: Database,
  rows: Pick<WorkloadRows, 'setContainers' | 'note'>,
  now: () => number,
) {
  const { orm } = db
  const isFollowing = eq(workloadContainers.isFollowing, 1)
  // each move of a tag asks for it
  const first = orm.select({ id: workloadContainers.workloadId }).from(workloadContainers).limit(1).prepare()

  const conditionsOf = (row: WorkloadRow, found: Comparison['conditions']): string => {
    const before = JSON.parse(row.conditions) as WorkloadCondition[]
    const at = now()
    return JSON.stringify(
      found.slice(0, MAX_CONDITIONS).map((problem) => {
        const same = before.find(
          ({ reason, fieldPath }) => reason === problem.reason && fieldPath === problem.fieldPath,
        )
        return { ...problem, since: same?.since ?? at }
      }),
    )
  }

  return {
    /** Returns workloads of a cluster that are due, the longest due first, but not the excluded ones. */
    due: (clusterId: number, limit: number, excluded: readonly number[]): WorkloadRow[] =>
      orm
        .select()
        .from(workloads)
        .where(
          and(
            eq(workloads.clusterId, clusterId),
            lte(workloads.dueAt, now()),
            notInArray(workloads.id, [...excluded]),
          ),
        )
        .orderBy(asc(workloads.dueAt), asc(workloads.id))
        .limit(limit)
        .all(),

    /** Returns when the next workload of a cluster is due; null for none. */
    nextDueAt: (clusterId: number): number | null =>
      orm
        .select({ at: min(workloads.dueAt) })
        .from(workloads)
        .where(and(eq(workloads.clusterId, clusterId), isNotNull(workloads.dueAt)))
        .get()?.at ?? null,

    /** Reports whether there are workloads, which may follow tags. */
    areAny: (): boolean => first.get() !== undefined,

    containersOf: (workloadId: number): ContainerRow[] =>
      orm.select().from(workloadContainers).where(eq(workloadContainers.workloadId, workloadId)).all(),

    /** Makes the workloads due that follow a tag, or for null any tag of the stream. Returns their clusters. */
    markFollowers({
      stream,
      tag,
    }: {
      stream: FollowedTag['stream']
      tag: FollowedTag['tag'] | null
    }): Set<number> {
      const isFollower = and(
        eq(workloadContainers.streamNamespace, stream.namespace),
        eq(workloadContainers.streamName, stream.name),
        tag === null ? undefined : eq(workloadContainers.tag, tag),
        isFollowing,
      )
      const followers = () =>
        orm.select({ id: workloadContainers.workloadId }).from(workloadContainers).where(isFollower)
      // most tags have none, and need no transaction
      if (!followers().limit(1).get()) return new Set()
      return db.transact(() => markDue(db, sql`${workloads.id} in ${followers()}`, now()))
    },

    /** Makes all workloads with triggers of a cluster due. */
    markCluster: (clusterId: number): void =>
      db.transact(() => void markDue(db, eq(workloads.clusterId, clusterId), now())),

    /** Makes workloads due. Returns their clusters. */
    mark: (ids: readonly number[]): Set<number> =>
      db.transact(() =>
        markDue(db, sql`${workloads.id} in (select value from json_each(${JSON.stringify(ids)}))`, now()),
      ),

    /** Returns containers that follow a tag, after those of a workload, in the order of workloads. */
    following: (after: number, limit: number): FollowingContainer[] =>
      orm
        .select()
        .from(workloadContainers)
        .where(and(gt(workloadContainers.workloadId, after), isFollowing))
        .orderBy(workloadContainers.workloadId)
        .limit(limit)
        .all(),

    /** Sets the images of a workload again that another field manager has replaced. */
    resume(_tx: Transaction, workloadId: number): void {
      orm
        .update(workloadContainers)
        .set({ revertCount: 0, revertedBy: null, revertedSince: null })
        .where(eq(workloadContainers.workloadId, workloadId))
        .run()
      markDue(db, eq(workloads.id, workloadId), now())
    },

    /**
     * Stores the result of a comparison. A workload that became due again while it was compared stays due.
     */
    settle(tx: Transaction, { row, nextAt }: Settlement, comparison: Comparison): void {
      const { conditions, containers, contests, version } = comparison
      const isSame = and(eq(workloads.id, row.id), eq(workloads.marked, row.marked))
      if (!orm.select({ id: workloads.id }).from(workloads).where(eq(workloads.id, row.id)).get()) return
      if (containers === null || version === null) {
        rows.note(tx, row.clusterId, row, null)
        return
      }
      rows.setContainers(tx, row.id, containers)
      for (const [name, contest] of contests) {
        const isContainer = and(eq(workloadContainers.workloadId, row.id), eq(workloadContainers.name, name))
        orm.update(workloadContainers).set(contest).where(isContainer).run()
      }
      const settled = { dueAt: nextAt, failureCount: 0, ...(version !== undefined && { version }) }
      orm.update(workloads).set(settled).where(isSame).run()
      orm
        .update(workloads)
        .set({ conditions: conditionsOf(row, conditions) })
        .where(eq(workloads.id, row.id))
        .run()
    },

    /** Stores that a comparison failed, and is repeated. */
    postpone(_tx: Transaction, { row, nextAt }: Settlement, problem: Comparison['conditions'][number]): void {
      const before = (JSON.parse(row.conditions) as WorkloadCondition[]).filter(
        ({ reason }) => reason !== problem.reason,
      )
      const conditions = conditionsOf(row, [...before, problem])
      orm
        .update(workloads)
        .set({ conditions, dueAt: nextAt, failureCount: row.failureCount + 1 })
        .where(and(eq(workloads.id, row.id), eq(workloads.marked, row.marked)))
        .run()
    },
  }
}

/** Returns the tag that a container follows. */
export const tagOf = ({ streamNamespace, streamName, tag }: FollowingContainer): FollowedTag | undefined =>
  streamNamespace === null || streamName === null || tag === null
    ? undefined
    : { stream: { namespace: streamNamespace, name: streamName }, tag }

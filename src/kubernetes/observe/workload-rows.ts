import { and, eq, isNotNull, isNull, notExists, notInArray, type SQL } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { workloadContainers, workloadImages, workloads } from '../../db/tables/workload.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ImageLink } from './links.ts'
import { markDue } from './mark-due.ts'
import { digestIn, type Owner } from './pod.ts'
import type { ContainerSummary } from './pod-table.ts'

export type WorkloadRow = typeof workloads.$inferSelect
export type ContainerRow = typeof workloadContainers.$inferSelect

/** A container of a workload as its object specifies it. */
export interface SpecifiedContainer {
  readonly name: string
  readonly image: string
  readonly link: ImageLink | undefined
  /** Whether a trigger of the object sets the image. */
  readonly isFollowing: boolean
}

/** The stored workloads of all clusters. */
export type WorkloadRows = ReturnType<typeof createWorkloadRows>

/** Creates the writes of workloads. Times are in milliseconds since 1970. */
export function createWorkloadRows(db: Database, now: () => number) {
  const { orm } = db
  const isOwner = (clusterId: number, { namespace, kind, name }: Owner): SQL | undefined =>
    and(
      eq(workloads.clusterId, clusterId),
      eq(workloads.namespace, namespace),
      eq(workloads.kind, kind),
      eq(workloads.name, name),
    )
  const find = (clusterId: number, owner: Owner): WorkloadRow | undefined =>
    orm.select().from(workloads).where(isOwner(clusterId, owner)).get()
  const insert = (clusterId: number, { namespace, kind, name }: Owner): WorkloadRow =>
    orm.insert(workloads).values({ clusterId, namespace, kind, name, createdAt: now() }).returning().get()
  /** Deletes workloads that have neither triggers nor pods. */
  const deleteUnused = (where: SQL | undefined): void => {
    const images = orm
      .select({ id: workloadImages.workloadId })
      .from(workloadImages)
      .where(eq(workloadImages.workloadId, workloads.id))
    orm
      .delete(workloads)
      .where(and(where, isNull(workloads.version), notExists(images)))
      .run()
  }
  const forgetTriggers = (where: SQL | undefined): void => {
    const forgotten = { version: null, dueAt: null, conditions: '[]' }
    const ids = orm
      .update(workloads)
      .set(forgotten)
      .where(and(isNotNull(workloads.version), where))
      .returning({ id: workloads.id })
      .all()
    for (const { id } of ids) {
      const isOfOne = eq(workloadContainers.workloadId, id)
      orm
        .update(workloadContainers)
        .set({ isFollowing: 0, ...NOT_APPLIED })
        .where(isOfOne)
        .run()
      deleteUnused(eq(workloads.id, id))
    }
  }
  const saveContainer = (workloadId: number, container: SpecifiedContainer): void => {
    const { name, image, link, isFollowing } = container
    const columns = {
      image,
      digest: digestIn(image),
      ...columnsOf(link),
      isFollowing: isFollowing ? 1 : 0,
    } as const
    orm
      .insert(workloadContainers)
      .values({ workloadId, name, ...columns })
      .onConflictDoUpdate({
        target: [workloadContainers.workloadId, workloadContainers.name],
        set: columns,
      })
      .run()
  }
  /** Deletes the containers other than these. */
  const keepContainers = (workloadId: number, names: readonly string[]): void => {
    const isOther = notInArray(workloadContainers.name, [...names])
    orm
      .delete(workloadContainers)
      .where(and(eq(workloadContainers.workloadId, workloadId), isOther))
      .run()
  }

  return {
    containersOf: (workloadId: number): ContainerRow[] =>
      orm.select().from(workloadContainers).where(eq(workloadContainers.workloadId, workloadId)).all(),

    /**
     * Notes an object with triggers, which is due if its version is new; for a version of null its triggers are gone. Reports
     * whether it is due.
     */
    note(_tx: Transaction, clusterId: number, owner: Owner, version: string | null): boolean {
      if (version === null) {
        forgetTriggers(isOwner(clusterId, owner))
        return false
      }
      const row = find(clusterId, owner) ?? insert(clusterId, owner)
      if (row.version === version) return false
      orm.update(workloads).set({ version }).where(eq(workloads.id, row.id)).run()
      return markDue(db, eq(workloads.id, row.id), now()).size > 0
    },

    /** Forgets the triggers of objects of a kind that are not in the list `seen`, which was read completely. */
    keepOnly(_tx: Transaction, clusterId: number, kind: string, seen: ReadonlySet<string>): void {
      const isOfKind = and(eq(workloads.clusterId, clusterId), eq(workloads.kind, kind))
      const known = orm
        .select({ id: workloads.id, namespace: workloads.namespace, name: workloads.name })
        .from(workloads)
        .where(and(isOfKind, isNotNull(workloads.version)))
        .all()
      for (const { id, namespace, name } of known) {
        if (!seen.has(`${namespace}/${name}`)) forgetTriggers(eq(workloads.id, id))
      }
    },

    /** Stores the containers that the object specifies, in place of those before. */
    setContainers(_tx: Transaction, workloadId: number, containers: readonly SpecifiedContainer[]): void {
      for (const container of containers) saveContainer(workloadId, container)
      keepContainers(
        workloadId,
        containers.map(({ name }) => name),
      )
    },

    /** Returns the workloads with pods of a cluster. */
    ownersWithPods: (clusterId: number): Owner[] =>
      orm
        .selectDistinct({ namespace: workloads.namespace, kind: workloads.kind, name: workloads.name })
        .from(workloads)
        .innerJoin(workloadImages, eq(workloadImages.workloadId, workloads.id))
        .where(eq(workloads.clusterId, clusterId))
        .all(),

    /**
     * Stores what the pods of a workload run, in place of what was stored before. `link` finds the stream of an image; an object
     * without triggers is only stored where `isKnown` is true of one of its images.
     */
    setRunning(
      _tx: Transaction,
      clusterId: number,
      owner: Owner,
      { summaries, linkOf, isOurs }: RunningImages,
    ): void {
      const known = find(clusterId, owner)
      if (!known && !summaries.some(isOurs)) return
      const row = known ?? insert(clusterId, owner)
      const before = new Map(
        orm
          .select()
          .from(workloadImages)
          .where(eq(workloadImages.workloadId, row.id))
          .all()
          .map((image) => [`${image.container} ${image.digest}`, image.since]),
      )
      const specified = new Set(
        orm
          .select({ name: workloadContainers.name })
          .from(workloadContainers)
          .where(eq(workloadContainers.workloadId, row.id))
          .all()
          .map(({ name }) => name),
      )
      orm.delete(workloadImages).where(eq(workloadImages.workloadId, row.id)).run()
      for (const summary of summaries) {
        // the object itself says what is specified, where it was read
        if (row.version === null || !specified.has(summary.name)) {
          saveContainer(row.id, { ...summary, link: linkOf(summary), isFollowing: false })
        }
        for (const [digest, { podCount, since }] of summary.digests) {
          const first = Math.min(since, before.get(`${summary.name} ${digest}`) ?? since)
          const container = summary.name
          orm
            .insert(workloadImages)
            .values({ workloadId: row.id, container, digest, podCount, since: first })
            .run()
        }
      }
      if (row.version !== null) return
      const names = summaries.map(({ name }) => name)
      keepContainers(row.id, names)
      deleteUnused(eq(workloads.id, row.id))
    },
  }
}

interface RunningImages {
  readonly summaries: readonly ContainerSummary[]
  readonly linkOf: (summary: ContainerSummary) => ImageLink | undefined
  /** Reports whether an image of the container is stored here, or is one of a stream. */
  readonly isOurs: (summary: ContainerSummary) => boolean
}

const NOT_APPLIED = { appliedImage: null, revertCount: 0, revertedBy: null, revertedSince: null } as const

const columnsOf = (link: ImageLink | undefined) => ({
  streamNamespace: link?.stream.namespace ?? null,
  streamName: link?.stream.name ?? null,
  tag: link?.tag ?? null,
})

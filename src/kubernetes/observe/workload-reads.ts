import { and, count, eq, type SQL, sql } from 'drizzle-orm'
import type { Viewer } from '../../access/right/viewer.ts'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { conditionOf } from '../../db/search.ts'
import { imageStreams, tags, workloadContainers, workloadImages, workloads } from '../../db/tables/index.ts'
import { visibleStreams } from '../../db/visible-places.ts'
import { groupBy } from '../../input/maps.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import { createLags, IS_BEHIND } from './lag.ts'
import { type Workload, type WorkloadContainer, workloadOf } from './workload.ts'
import type { ContainerRow } from './workload-rows.ts'

/** Which workloads a list has; undefined and null for all. */
export interface WorkloadFilter {
  readonly clusterId?: number | null | undefined
  /** Namespace of the cluster. */
  readonly namespace?: string | null | undefined
  readonly imageStream?: StreamName | null | undefined
  readonly tag?: TagName | null | undefined
  /** Digest that pods run, or that an object specifies. */
  readonly digest?: Digest | null | undefined
  readonly isBehind?: boolean | null | undefined
}

/** Reads of workloads for viewers. */
export type WorkloadReads = ReturnType<typeof createWorkloadReads>

const NO_LAG = { entriesBehind: null, timeBehind: null } as const
const KEY = [workloads.clusterId, workloads.namespace, workloads.kind, workloads.name] as const

/** Creates the reads of workloads. A viewer sees the containers with images of streams that it may view; a server admin all. */
export function createWorkloadReads(db: Database) {
  const { orm } = db
  const lagsOf = createLags(db)

  /** The condition on a container `c`. */
  const isVisible = (viewer: Viewer): SQL | undefined => {
    if (viewer.rights.isServerAdmin) return undefined
    const names = { namespace: 'c.stream_namespace', name: 'c.stream_name' }
    return and(sql`c.stream_name is not null`, conditionOf(visibleStreams(viewer.rights, names)))
  }
  const isOfFilter = (viewer: Viewer, filter: WorkloadFilter): SQL | undefined => {
    const { clusterId, namespace, imageStream, tag, digest, isBehind } = filter
    const ofContainer = and(
      isVisible(viewer),
      imageStream
        ? sql`c.stream_namespace = ${imageStream.namespace} and c.stream_name = ${imageStream.name}`
        : undefined,
      tag == null ? undefined : sql`c.tag = ${tag}`,
      digest == null
        ? undefined
        : sql`(c.digest = ${digest} or exists (
            select 1 from workload_images r
            where r.workload_id = c.workload_id and r.container = c.name and r.digest = ${digest}))`,
      isBehind == null ? undefined : isBehind ? IS_BEHIND : sql`not ${IS_BEHIND}`,
    )
    // by the index of the most selective part, where there is one
    const byIndex =
      imageStream || digest == null
        ? sql`${workloads.id} in (select c.workload_id from workload_containers c where ${ofContainer})`
        : sql`${workloads.id} in (
            select workload_id from workload_images where digest = ${digest}
            union all select workload_id from workload_containers where digest = ${digest})
            and exists (select 1 from workload_containers c where c.workload_id = ${workloads.id} and ${ofContainer})`
    return and(
      clusterId == null ? undefined : eq(workloads.clusterId, clusterId),
      namespace == null ? undefined : eq(workloads.namespace, namespace),
      ofContainer && byIndex,
    )
  }

  return {
    /** Returns a page of workloads by cluster, namespace, kind and name, which are its keys. */
    page(viewer: Viewer, filter: WorkloadFilter, page: KeysetPage): Workload[] {
      const list = { columns: KEY, where: isOfFilter(viewer, filter) }
      return rowsOfPage(orm.select().from(workloads).$dynamic(), page, list).map(workloadOf)
    },

    /** Returns the number of the same workloads. */
    count: (viewer: Viewer, filter: WorkloadFilter): number =>
      orm.select({ total: count() }).from(workloads).where(isOfFilter(viewer, filter)).get()?.total ?? 0,

    /** Returns a workload; undefined if it does not exist, or the viewer sees none of its containers. */
    byId(viewer: Viewer, id: number): Workload | undefined {
      const where = and(eq(workloads.id, id), isOfFilter(viewer, {}))
      const row = orm.select().from(workloads).where(where).get()
      return row && workloadOf(row)
    },

    /** Returns those of the workloads that have containers with images of streams that the viewer does not see. */
    withHidden(viewer: Viewer, ids: readonly number[]): Map<number, true> {
      const isSeen = isVisible(viewer)
      if (!isSeen) return new Map()
      const rows = orm.all<{ id: number }>(sql`select distinct c.workload_id as id from workload_containers c
        where c.workload_id in (select value from json_each(${JSON.stringify(ids)}))
        and c.stream_name is not null and not (${isSeen})`)
      return new Map(rows.map(({ id }) => [id, true]))
    },

    /** Returns the containers of workloads that the viewer sees, by name, with what they run. */
    containersOf(viewer: Viewer, ids: readonly number[]): Map<number, WorkloadContainer[]> {
      const isSeen = isVisible(viewer)
      const seen = isSeen
        ? sql`(${workloadContainers.workloadId}, ${workloadContainers.name}) in (
            select c.workload_id, c.name from workload_containers c
            where c.workload_id in (select value from json_each(${JSON.stringify(ids)})) and ${isSeen})`
        : undefined
      const rows = orm
        .select({ container: workloadContainers, tagId: tags.id, newestImageId: tags.newestImageId })
        .from(workloadContainers)
        .leftJoin(
          imageStreams,
          and(
            eq(imageStreams.namespace, workloadContainers.streamNamespace),
            eq(imageStreams.name, workloadContainers.streamName),
            sql`${imageStreams.deletedAt} is null`,
          ),
        )
        .leftJoin(tags, and(eq(tags.streamId, imageStreams.id), eq(tags.name, workloadContainers.tag)))
        .where(and(isOneOf(workloadContainers.workloadId, ids), seen))
        .orderBy(workloadContainers.workloadId, workloadContainers.name)
        .all()
      const running = groupBy(
        orm
          .select()
          .from(workloadImages)
          .where(isOneOf(workloadImages.workloadId, ids))
          .orderBy(workloadImages.since)
          .all(),
        ({ workloadId, container }) => `${workloadId} ${container}`,
      )
      const runningIn = ({ workloadId, name }: ContainerRow) => running.get(`${workloadId} ${name}`) ?? []
      const lagOf = lagsOf(
        rows.flatMap(({ container, tagId }) =>
          tagId === null ? [] : runningIn(container).map(({ digest }) => ({ tagId, digest })),
        ),
      )
      const containers = rows.map(({ container, tagId, newestImageId }) => {
        const own = runningIn(container)
        const images = own.map((image) => ({
          ...NO_LAG,
          ...image,
          ...(tagId !== null && lagOf({ tagId, digest: image.digest })),
        }))
        const isBehind = newestImageId !== null && images.some(({ entriesBehind }) => entriesBehind !== 0)
        return { ...container, isFollowing: container.isFollowing === 1, running: images, isBehind }
      })
      return groupBy(containers, ({ workloadId }) => workloadId)
    },
  }
}

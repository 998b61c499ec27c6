import { and, count, eq, type SQL, sql } from 'drizzle-orm'
import { sees, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { pageBy, rowsOfPage } from '../../db/page.ts'
import { conditionOf } from '../../db/search.ts'
import { repositories } from '../../db/tables/index.ts'
import { createValueSteps } from '../../db/value-steps.ts'
import { columnsOfStream, visibleStreams } from '../../db/visible-places.ts'
import { windowsOf } from '../../db/windows.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { isNamed } from './repository-names.ts'

/** A repository in a list; `streamId` is null until it has a manifest. */
export type RepositorySummary = typeof repositories.$inferSelect

/** Repositories of a list; all unless a field is given. */
export interface RepositoryFilter {
  readonly namespace?: string | undefined
  /** Glob on the name: `*` matches any characters. */
  readonly matching?: string | undefined
}

/** Disk space of content. Bytes include blobs and manifests. */
export interface Usage {
  readonly manifests: number
  readonly blobs: number
  /** Bytes if each repository had its own copy. */
  readonly logicalBytes: number
  /** Bytes of content that no other repository has: deleting the content frees them. */
  readonly uniqueBytes: number
}

/** Reads about the content of the registry. */
export type RegistryUsage = ReturnType<typeof createUsage>

/** Number and bytes of some blobs or manifests. */
interface Sum {
  readonly total: number
  readonly logical: number
  readonly unique: number
}
interface OwnerSum extends Sum {
  readonly owner: number
}

const { namespace, name } = repositories

export function createUsage(db: Database) {
  const { orm } = db
  /** Returns the parts of the page that are read one by one: its conditions are checked on each repository. */
  const windows = ({ namespace: only }: RepositoryFilter, page: KeysetPage) => {
    const where = only === undefined ? [] : [{ text: 'namespace = ?', values: [only] }]
    const columns = [{ column: 'namespace' }, { column: 'name' }]
    const from = 'repositories indexed by repositories_by_name'
    return windowsOf(db, { from, where, columns }, { page, probes: 1 })
  }

  return {
    /** The namespaces of the repositories. */
    namespaces: createValueSteps(db, {
      ...{ table: 'repositories', column: 'namespace', index: 'repositories_by_name' },
    }),

    /** Returns the repository; undefined for an unknown one, and for that of a stream that the viewer does not see. */
    repository: (viewer: Viewer, repository: StreamName): RepositorySummary | undefined =>
      sees(viewer, repository)
        ? orm
            .select()
            .from(repositories)
            .where(and(eq(namespace, repository.namespace), eq(name, repository.name)))
            .get()
        : undefined,

    /** Returns the repository of a row; undefined once it is deleted, or while its stream is. */
    repositoryById: (id: number): RepositorySummary | undefined =>
      orm
        .select()
        .from(repositories)
        .where(and(eq(repositories.id, id), sql.raw(isNamed('name'))))
        .get(),

    /**
     * Returns a page of the repositories that the viewer sees, by namespace, then name. Page keys are [namespace, name]. Reads in bounded statements, between which
     * other work runs.
     */
    async repositories(
      viewer: Viewer,
      filter: RepositoryFilter,
      page: KeysetPage,
    ): Promise<RepositorySummary[]> {
      const { limit: wanted } = pageBy([namespace, name], page)
      let found: RepositorySummary[] = []
      for await (const window of windows(filter, page)) {
        const rest = { ...window, limit: wanted - found.length, peek: false }
        const list = { columns: [namespace, name], where: matches(viewer, filter) }
        const rows = rowsOfPage(orm.select().from(repositories).$dynamic(), rest, list)
        found = page.fromEnd ? [...rows, ...found] : [...found, ...rows]
        if (found.length >= wanted) break
      }
      return found
    },

    async countRepositories(viewer: Viewer, filter: RepositoryFilter): Promise<number> {
      let total = 0
      for await (const window of windows(filter, { limit: 0 })) {
        const { where } = pageBy([namespace, name], window)
        const counted = orm
          .select({ total: count() })
          .from(repositories)
          .where(and(matches(viewer, filter), where))
        total += counted.get()?.total ?? 0
      }
      return total
    },

    /**
     * Returns the usage by repository id; an empty repository has zeros. Content is shared only with repositories that the
     * viewer sees: the others must not be noticed.
     */
    ofRepositories({ rights }: Viewer, ids: readonly number[]): Map<number, Usage> {
      const list = JSON.stringify(ids)
      const isVisible = conditionOf(visibleStreams(rights, columnsOfStream('p')))
      const other = isVisible
        ? sql`o.repository_id in (select p.id from repositories p where p.id = o.repository_id and ${isVisible})`
        : sql`true`
      const blobSums = orm.all<OwnerSum>(sql`
        select l.repository_id as owner, count(*) as total, sum(b.size) as logical, sum(iif(exists (
            select 1 from repository_blobs o where o.digest = l.digest and o.repository_id <> l.repository_id and ${other}
          ), 0, b.size)) as "unique"
        from json_each(${list}) r join repository_blobs l on l.repository_id = r.value
          join blobs b on b.digest = l.digest
        group by l.repository_id`)
      const manifestSums = orm.all<OwnerSum>(sql`
        select m.repository_id as owner, count(*) as total, sum(length(i.manifest)) as logical, sum(iif(exists (
            select 1 from repository_manifests o where o.image_id = m.image_id and o.repository_id <> m.repository_id and ${other}
          ), 0, length(i.manifest))) as "unique"
        from json_each(${list}) r join repository_manifests m on m.repository_id = r.value
          join images i on i.id = m.image_id
        group by m.repository_id`)
      const blobsOf = new Map(blobSums.map((sum) => [sum.owner, sum]))
      const manifestsOf = new Map(manifestSums.map((sum) => [sum.owner, sum]))
      return new Map(ids.map((id) => [id, usageOf(manifestsOf.get(id), blobsOf.get(id))]))
    },

    /** Returns the usage of the whole registry; content of several repositories counts once in `uniqueBytes`. */
    total(): Usage {
      const [allBlobs] = orm.all<Sum>(sql`
        select (select count(*) from blobs) as total, (select coalesce(sum(size), 0) from blobs) as "unique",
          (select coalesce(sum(b.size), 0) from repository_blobs l join blobs b on b.digest = l.digest) as logical`)
      const [allManifests] = orm.all<Sum>(sql`
        select count(*) as total, coalesce(sum(bytes), 0) as "unique", coalesce(sum(bytes * links), 0) as logical
        from (select length(i.manifest) as bytes, count(*) as links
          from repository_manifests m join images i on i.id = m.image_id group by i.id)`)
      return usageOf(allManifests, allBlobs)
    },
  }
}

const matches = ({ rights }: Viewer, filter: RepositoryFilter): SQL | undefined =>
  and(
    conditionOf(visibleStreams(rights, columnsOfStream('repositories'))),
    sql.raw(isNamed('name')),
    filter.namespace === undefined ? undefined : eq(namespace, filter.namespace),
    filter.matching === undefined ? undefined : sql`matches_glob(${filter.matching}, ${name})`,
  )

const NONE: Sum = { total: 0, logical: 0, unique: 0 }

const usageOf = (manifests: Sum = NONE, blobs: Sum = NONE): Usage => ({
  manifests: manifests.total,
  blobs: blobs.total,
  logicalBytes: manifests.logical + blobs.logical,
  uniqueBytes: manifests.unique + blobs.unique,
})

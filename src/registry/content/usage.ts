import type { BlobStore } from '../../blobs/blob-store.ts'
import type { UploadSummary } from '../../blobs/layout.ts'
import type { Database } from '../../db/open.ts'
import { keyset } from '../../db/page.ts'
import type { Parameter } from '../../db/statement.ts'
import { columnsOf } from '../../db/statement.ts'
import { repositories } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { StreamName } from '../../oci/stream-name.ts'

/** A repository in a list; `streamId` is null until it has a manifest. */
export type RepositorySummary = typeof repositories.$inferSelect

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

/** Reports the content of the registry. */
export interface RegistryUsage {
  repository(name: StreamName): RepositorySummary | undefined
  /** Returns a page by namespace, then name. Page keys are [namespace, name]. */
  repositories(filter: RepositoryFilter, page: KeysetPage): RepositorySummary[]
  countRepositories(filter: RepositoryFilter): number
  /** Returns the usage by repository id; an empty repository has zeros. */
  ofRepositories(ids: readonly number[]): Map<number, Usage>
  /** Returns the usage of the whole registry; content of several repositories counts once in `uniqueBytes`. */
  total(): Usage
  uploads(): Promise<readonly UploadSummary[]>
}

const COLUMNS = columnsOf(repositories, 'r')

interface Sum {
  readonly owner: number
  readonly total: number
  readonly logical: number
  readonly unique: number
}

export function createUsage({ db, blobs }: { db: Database; blobs: BlobStore }): RegistryUsage {
  const byName = db.prepare<RepositorySummary>(
    `select ${COLUMNS} from repositories r where r.namespace = ? and r.name = ?`,
  )
  const blobSums = db.prepare<Sum>(`
    select l.repository_id as owner, count(*) as total, sum(b.size) as logical, sum(iif(exists (
        select 1 from repository_blobs o where o.digest = l.digest and o.repository_id <> l.repository_id
      ), 0, b.size)) as "unique"
    from json_each(?) r join repository_blobs l on l.repository_id = r.value join blobs b on b.digest = l.digest
    group by l.repository_id`)
  const manifestSums = db.prepare<Sum>(`
    select m.repository_id as owner, count(*) as total, sum(length(i.manifest)) as logical, sum(iif(exists (
        select 1 from repository_manifests o where o.image_id = m.image_id and o.repository_id <> m.repository_id
      ), 0, length(i.manifest))) as "unique"
    from json_each(?) r join repository_manifests m on m.repository_id = r.value join images i on i.id = m.image_id
    group by m.repository_id`)
  const allBlobs = db.prepare<Omit<Sum, 'owner'>>(`
    select (select count(*) from blobs) as total, (select coalesce(sum(size), 0) from blobs) as "unique",
      (select coalesce(sum(b.size), 0) from repository_blobs l join blobs b on b.digest = l.digest) as logical`)
  const allManifests = db.prepare<Omit<Sum, 'owner'>>(`
    select count(*) as total, coalesce(sum(bytes), 0) as "unique", coalesce(sum(bytes * links), 0) as logical
    from (select length(i.manifest) as bytes, count(*) as links
      from repository_manifests m join images i on i.id = m.image_id group by i.id)`)

  const conditions = ({ namespace, matching }: RepositoryFilter) => {
    const where: string[] = []
    const values: Parameter[] = []
    if (namespace !== undefined) {
      where.push('r.namespace = ?')
      values.push(namespace)
    }
    if (matching !== undefined) {
      where.push('matches_glob(?, r.name)')
      values.push(matching)
    }
    return { where, values }
  }
  const whereOf = (where: readonly string[]): string =>
    where.length > 0 ? `where ${where.join(' and ')}` : ''

  return {
    repository: ({ namespace, name }) => byName.get(namespace, name),

    repositories(filter, page) {
      const { where, values } = conditions(filter)
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [
        { column: 'r.namespace' },
        { column: 'r.name' },
      ])
      const text = `select ${COLUMNS} from repositories r ${whereOf([...where, ...condition])}
        order by ${orderBy} limit ?`
      return inOrder(db.prepare<RepositorySummary>(text).all(...values, ...keys, limit))
    },

    countRepositories(filter) {
      const { where, values } = conditions(filter)
      const text = `select count(*) as total from repositories r ${whereOf(where)}`
      return db.prepare<{ total: number }>(text).get(...values)?.total ?? 0
    },

    ofRepositories(ids) {
      const list = JSON.stringify(ids)
      const blobsOf = new Map(blobSums.all(list).map((sum) => [sum.owner, sum]))
      const manifestsOf = new Map(manifestSums.all(list).map((sum) => [sum.owner, sum]))
      return new Map(ids.map((id) => [id, usageOf(manifestsOf.get(id), blobsOf.get(id))]))
    },

    total: () => usageOf(allManifests.get(), allBlobs.get()),

    uploads: () => blobs.uploads(),
  }
}

const usageOf = (
  manifests: Omit<Sum, 'owner'> | undefined,
  blobs: Omit<Sum, 'owner'> | undefined,
): Usage => ({
  manifests: manifests?.total ?? 0,
  blobs: blobs?.total ?? 0,
  logicalBytes: (manifests?.logical ?? 0) + (blobs?.logical ?? 0),
  uniqueBytes: (manifests?.unique ?? 0) + (blobs?.unique ?? 0),
})

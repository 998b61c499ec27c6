import { and, eq, sql } from 'drizzle-orm'
import { quotaGuardOf } from '../../access/quota/quota-guard.ts'
import type { Database } from '../../db/open.ts'
import { repositories, repositoryBlobs } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { StreamName } from '../../oci/stream-name.ts'

/** A stream with the name that its repository has or gets. */
interface NamedStream extends StreamName {
  readonly id: number
  readonly uid: string
}

/** The character of the names that repositories of deleted streams have, and no request can have. */
const RETIRED = '@'

/** Returns the condition that a repository's name is not that of a deleted stream. */
export const isNamed = (column: string): string => `instr(${column}, '${RETIRED}') = 0`

/**
 * Creates the changes of the names of repositories whose stream is deleted or restored. Until the stream is pruned, the
 * repository of a deleted stream keeps its content under a name that no request can have, `app@<uid>`.
 */
export function createRepositoryNames(db: Database) {
  const { orm } = db
  const quota = quotaGuardOf(db)
  const { namespace, name, streamId } = repositories
  const rename = (id: number, to: StreamName): void =>
    void orm.update(repositories).set(to).where(eq(streamId, id)).run()

  /** Gives the blobs that were pushed to the free name meanwhile to the stream's repository. */
  const mergeBlobs = (id: number, taken: StreamName): void => {
    const own = orm.select({ id: repositories.id }).from(repositories).where(eq(streamId, id)).get()
    const other = and(eq(namespace, taken.namespace), eq(name, taken.name))
    const found = orm.select({ id: repositories.id }).from(repositories).where(other).get()
    if (!own || !found) return
    const { repositoryId, digest, confirmedAt } = repositoryBlobs
    const blobs = orm
      .select({ repositoryId: sql<number>`${own.id}`.as('own'), digest, confirmedAt })
      .from(repositoryBlobs)
      .where(eq(repositoryId, found.id))
    orm.insert(repositoryBlobs).select(blobs).onConflictDoNothing().run()
    orm.delete(repositories).where(eq(repositories.id, found.id)).run()
  }

  /** Returns the bytes of the repository's blobs and manifests that no repository of the namespace has. */
  const bytesNew = (id: number, to: string): number =>
    orm.get<{ bytes: number }>(sql`
      select (select coalesce(sum(b.size), 0) from repository_blobs l cross join blobs b on b.digest = l.digest
          where l.repository_id = ${id} and not exists (select 1 from repository_blobs o
            cross join repositories r on r.id = o.repository_id where o.digest = l.digest and r.namespace = ${to}))
        + (select coalesce(sum(length(i.manifest)), 0) from repository_manifests m cross join images i on i.id = m.image_id
          where m.repository_id = ${id} and not exists (select 1 from repository_manifests o
            cross join repositories r on r.id = o.repository_id where o.image_id = i.id and r.namespace = ${to})) as bytes`)
      .bytes

  /** Takes the content of a repository that moves to another namespace from the quota there. */
  const takeMoved = (tx: Transaction, stream: NamedStream): void => {
    const own = orm
      .select({ id: repositories.id, from: namespace })
      .from(repositories)
      .where(eq(streamId, stream.id))
      .get()
    if (!own || own.from === stream.namespace) return
    quota.take(tx, stream.namespace, 'bytes', () => bytesNew(own.id, stream.namespace))
  }

  return {
    /** Frees the name of the deleted stream's repository. */
    retire: (_tx: Transaction, stream: NamedStream): void =>
      rename(stream.id, { namespace: stream.namespace, name: `${stream.name}${RETIRED}${stream.uid}` }),
    /** Gives the repository of a restored stream the stream's name. Throws NamespaceRuleError. */
    bringBack(tx: Transaction, stream: NamedStream): void {
      takeMoved(tx, stream)
      mergeBlobs(stream.id, stream)
      rename(stream.id, { namespace: stream.namespace, name: stream.name })
    },
  }
}

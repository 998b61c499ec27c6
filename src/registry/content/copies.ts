import { quotaGuardOf } from '../../access/quota/quota-guard.ts'
import { NamespaceRuleError } from '../../access/right/errors.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Repository } from './content.ts'

/** A manifest to link from one repository to another. */
export interface NewCopy {
  /** Id of the repository that has the manifest. */
  readonly from: number
  /** Id of the repository that gets it. */
  readonly to: number
  readonly digest: Digest
  /** Milliseconds since 1970. */
  readonly at: number
}

interface TreeManifest {
  readonly digest: Digest
  readonly imageId: number
}

/** Maximum number of manifests of one copy: more of an index are not copied, and more referrers are left out. */
const MAX_MANIFESTS = 10_000

const CHILDREN = `select c.digest, c.image_id from tree t
  cross join manifest_references f on f.image_id = t.image_id
  cross join repository_manifests c on c.repository_id = ? and c.digest = f.digest`

/** Statements of each promotion, which is part of an import or a push: prepared SQL with a fixed plan. */
function prepareStatements(db: Database) {
  return {
    tree: db.prepare<TreeManifest>(
      `with recursive tree (digest, image_id) as (
         select digest, image_id from repository_manifests where repository_id = ? and digest = ?
         union ${CHILDREN}
         limit ${MAX_MANIFESTS + 1})
       select digest, image_id as imageId from tree`,
    ),
    // the queue is first in, first out: the manifests themselves come first, then their own referrers
    treeWithReferrers: db.prepare<TreeManifest>(
      `with recursive tree (digest, image_id) as (
         select m.digest, m.image_id from json_each(?) d
           cross join repository_manifests m on m.repository_id = ? and m.digest = d.value
         union ${CHILDREN}
         union
         select r.digest, r.image_id from tree t
           cross join repository_manifests r on r.repository_id = ? and r.subject = t.digest
         limit ${MAX_MANIFESTS})
       select digest, image_id as imageId from tree`,
    ),
    // a manifest that was pushed here too stays a pushed one, as all its parts are here
    manifests: db.prepare(
      `insert into repository_manifests (repository_id, digest, image_id, subject, artifact_type, source, insecure,
         pushed_at, confirmed_at, copied_from)
       select ?, m.digest, m.image_id, m.subject, m.artifact_type, m.source, m.insecure, ?, ?, m.repository_id
       from json_each(?) d cross join repository_manifests m on m.repository_id = ? and m.digest = d.value
       where true on conflict do update set confirmed_at = max(confirmed_at, excluded.confirmed_at),
         source = case when source is null then null else excluded.source end, copied_from = excluded.copied_from`,
    ),
    blobs: db.prepare(
      `insert into repository_blobs (repository_id, digest, confirmed_at)
       select distinct ?, l.digest, ? from json_each(?) i cross join manifest_references f on f.image_id = i.value
         cross join repository_blobs l on l.repository_id = ? and l.digest = f.digest
       where true on conflict do update set confirmed_at = max(confirmed_at, excluded.confirmed_at)`,
    ),
    namespace: db.prepare<Pick<Repository, 'namespace'>>('select namespace from repositories where id = ?'),
    newBytes: db.prepare<{ bytes: number }>(
      `with i (id) as materialized (select value from json_each(?)), n (id, name) as materialized (select ?, ?)
       select (select coalesce(sum(b.size), 0) from (
           select distinct l.digest from i cross join manifest_references f on f.image_id = i.id
             cross join repository_blobs l on l.repository_id = (select id from n) and l.digest = f.digest) d
           cross join blobs b on b.digest = d.digest
         where not exists (select 1 from repository_blobs o cross join repositories r on r.id = o.repository_id
           where o.digest = b.digest and r.namespace = (select name from n)))
       + (select coalesce(sum(length(m.manifest)), 0) from i cross join images m on m.id = i.id
         where not exists (select 1 from repository_manifests o cross join repositories r on r.id = o.repository_id
           where o.image_id = m.id and r.namespace = (select name from n))) as bytes`,
    ),
    copiesOf: db.prepare<{ id: number }>(
      'select repository_id as id from repository_manifests where copied_from = ? and digest = ? order by repository_id',
    ),
    originsOf: db.prepare<Repository>(
      `with recursive origins (id) as (
         select copied_from from repository_manifests where repository_id = ? and digest = ?
         union
         select m.copied_from from origins o
           cross join repository_manifests m on m.repository_id = o.id and m.digest = ?)
       select r.id, r.namespace, r.name, r.stream_id as streamId from origins o
         cross join repositories r on r.id = o.id`,
    ),
  }
}

/** Creates the links of content from one repository to another. */
export function createCopies(db: Database) {
  const sql = prepareStatements(db)
  const quota = quotaGuardOf(db)

  /**
   * Links a manifest to another repository with all that belongs to it: children, referrers, and the stored blobs of
   * all of them. No bytes are copied. Returns false, and links nothing, where the repository does not have the manifest, or
   * has too many below it. Throws NamespaceRuleError.
   */
  const copy = (tx: Transaction, { from, to, digest, at }: NewCopy): boolean => {
    const own = sql.tree.all(from, digest, from)
    if (own.length === 0 || own.length > MAX_MANIFESTS) return false
    const tree = sql.treeWithReferrers.all(digestsOf(own), from, from, from)
    const images = JSON.stringify(tree.map(({ imageId }) => imageId))
    const { namespace = '' } = sql.namespace.get(to) ?? {}
    quota.take(tx, namespace, 'bytes', () => sql.newBytes.get(images, from, namespace)?.bytes ?? 0)
    sql.manifests.run(to, at, at, digestsOf(tree), from)
    sql.blobs.run(to, at, images, from)
    return true
  }

  return {
    copy,

    /** Returns the repositories that the manifest comes from, directly or through others; the nearest first. */
    originsOf: (repositoryId: number, digest: Digest): Repository[] =>
      sql.originsOf.all(repositoryId, digest, digest),

    /**
     * Links a pushed referrer to each repository that has a copy of its subject from this one, directly or through others,
     * where the quota of the namespace allows it.
     */
    passOn(
      tx: Transaction,
      { subject, ...referrer }: Omit<NewCopy, 'to'> & { readonly subject: Digest },
    ): void {
      const reached = new Set([referrer.from])
      for (const from of reached) {
        for (const { id: to } of sql.copiesOf.all(from, subject)) {
          if (reached.has(to)) continue
          reached.add(to)
          if (!isWithinQuota(() => copy(tx, { ...referrer, from, to }))) continue
        }
      }
    },
  }
}

/** Reports whether the copy was within the quota of its namespace; a refused one has written nothing. */
function isWithinQuota(copy: () => unknown): boolean {
  try {
    copy()
    return true
  } catch (error) {
    if (!(error instanceof NamespaceRuleError)) throw error
    return false
  }
}

const digestsOf = (manifests: readonly TreeManifest[]): string =>
  JSON.stringify(manifests.map(({ digest }) => digest))

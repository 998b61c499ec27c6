import type { Database } from '../../db/open.ts'
import type { HeldResource } from './quota.ts'

/** The blobs and manifests of a namespace, each once, whose sizes are summed. */
const BLOBS = `select distinct l.digest from n cross join repositories r on r.namespace = n.name
  cross join repository_blobs l on l.repository_id = r.id`
const MANIFESTS = `select distinct m.image_id from n cross join repositories r on r.namespace = n.name
  cross join repository_manifests m on m.repository_id = r.id`

/** Creates the counts. Each reads what the namespace holds, and nothing else. */
export function createQuotaUsage(
  db: Database,
): Readonly<Record<HeldResource, (namespace: string) => number>> {
  const counted = (text: string) => {
    const statement = db.prepare<{ used: number }>(text)
    return (namespace: string): number => statement.get(namespace)?.used ?? 0
  }
  return {
    streams: counted('select count(*) as used from image_streams where namespace = ? and deleted_at is null'),
    tags: counted(
      `select count(*) as used from image_streams s cross join tags t on t.stream_id = s.id
       where s.namespace = ? and s.deleted_at is null and t.removed_at is null and t.newest_image_id is not null`,
    ),
    bytes: counted(
      `with n (name) as materialized (select ?)
       select (select coalesce(sum(b.size), 0) from (${BLOBS}) d join blobs b on b.digest = d.digest)
         + (select coalesce(sum(length(i.manifest)), 0) from (${MANIFESTS}) d join images i on i.id = d.image_id) as used`,
    ),
  }
}

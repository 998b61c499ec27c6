import type { Database } from '../../db/open.ts'
import type { HeldResource } from './quota.ts'

/** The blobs of a namespace, each once, whose sizes are summed. */
const BLOBS_OF_NAMESPACE = `select distinct l.digest from repositories r
  cross join repository_blobs l on l.repository_id = r.id where r.namespace = ?`

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
      `select coalesce(sum(b.size), 0) as used from (${BLOBS_OF_NAMESPACE}) d join blobs b on b.digest = d.digest`,
    ),
  }
}

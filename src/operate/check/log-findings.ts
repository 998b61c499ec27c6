import { sql } from 'drizzle-orm'
import type { ReadOnlyDatabase } from '../../db/read-only.ts'
import type { Finding } from './finding.ts'

interface Difference {
  readonly tag: string
  readonly found: string | null
  readonly expected: string | null
}

/** Findings that are read. */
const MAX_ROWS = 1_000

const NAMED = sql`s.namespace || '/' || s.name || ':' || t.name as tag`

/** Tags that do not point to the newest entry of their history, or to another image than that entry. */
const NOT_NEWEST = sql`
  select ${NAMED}, i.digest as found, n.digest as expected from tags t
    join image_streams s on s.id = t.stream_id
    left join tag_events e on e.id = t.newest_event_id and e.tag_id = t.id
    left join tag_events last on last.id = (select max(id) from tag_events where tag_id = t.id)
    left join images i on i.id = t.newest_image_id
    left join images n on n.id = last.image_id
  where t.removed_at is null and t.newest_event_id is not null
    and (e.id is null or e.image_id is not t.newest_image_id or last.id is not e.id)
  limit ${MAX_ROWS}`

/** Tags whose image is not that of their last push in the log, which is trimmed from its beginning. */
const NOT_LOGGED = sql`
  select ${NAMED}, i.digest as found, n.digest as expected from (
      select stream_id, tag, max(sequence) as sequence from push_log group by stream_id, tag) l
    join push_log p on p.sequence = l.sequence
    join image_streams s on s.id = l.stream_id
    join tags t on t.stream_id = l.stream_id and t.name = l.tag and t.removed_at is null
    left join images i on i.id = t.newest_image_id
    join images n on n.id = p.image_id
  where t.newest_image_id is not p.image_id limit ${MAX_ROWS}`

/** The numbers of the log, which has no gaps. */
const SEQUENCES = sql`
  select count(*) as total, min(sequence) as first, max(sequence) as last from (
    select sequence from push_log union all select sequence from stream_changes)`

/** Returns where tags, their histories and the change log differ: replaying the log gives the tags. */
export function findLogDifferences({ orm }: ReadOnlyDatabase): Finding[] {
  const differences = [NOT_NEWEST, NOT_LOGGED].flatMap((query) => orm.all<Difference>(query))
  const tags = new Map(
    differences.map(({ tag, found, expected }): [string, Finding] => [
      tag,
      { kind: 'TAG_DIFFERS', subject: `${tag} points to ${found}, not to ${expected}`, neededBy: [tag] },
    ]),
  )
  const { total, first, last } = orm.get<{ total: number; first: number; last: number }>(SEQUENCES)
  const missing = total === 0 ? 0 : last - first + 1 - total
  const gap: Finding = {
    kind: 'LOG_GAP',
    subject: `${missing} of the entries ${first} to ${last}`,
    neededBy: [],
  }
  return missing === 0 ? [...tags.values()] : [...tags.values(), gap]
}

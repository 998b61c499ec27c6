import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import type { Import } from '../imagestream/request/import-rows.ts'

/** What is asked again, because the registry did not yet say what was told, or nothing at all. */
export interface HintRetries {
  /** Opens once more what the import could not settle, in the transaction that ends it. */
  onFinished(tx: Transaction, finished: Import): void
  /** When the first of what waits for its time is to be asked again; undefined where nothing does. */
  next(): number | undefined
}

const SECOND = 1000
const MINUTE = 60 * SECOND
/** Milliseconds to each further attempt at a registry that gives no answer, or takes no more requests. */
export const WHILE_UNAVAILABLE = [10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE] as const
/**
 * The same at a registry that answers with what was before: some tell of a push while other parts of them, or a cache, still
 * give out the old tag. Whoever tells what is not true has it looked at so often, and no more.
 */
export const WHILE_BEHIND = [5 * SECOND, MINUTE] as const

interface Asked {
  readonly id: number
  /** Empty for all of the repository. */
  readonly tag: string
  readonly retries: number
  /** Why the tag could not be read. */
  readonly reason: string | null
  /** 1 when a push was told of another digest than the tag has, nothing else came of it, and no later hint is there. */
  readonly isBehind: 0 | 1
}

const UNAVAILABLE = ['RegistryUnavailable', 'TooManyRequests', 'InternalError']
/** Tags of one repository that are asked again one by one, where the others could be read. */
const MAX_SINGLE_TAGS = 100

export function createHintRetries({
  db,
  now,
}: {
  readonly db: Database
  readonly now: () => number
}): HintRetries {
  const asked = db.prepare<Asked>(`
    select t.id, t.tag, t.retries, f.reason,
      h.action = 'push' and t.tag <> '' and h.digest is not null
        and not (select d.is_test from webhook_deliveries d where d.id = h.delivery_id)
        and not exists (select 1 from webhook_targets n
          where n.stream_id = t.stream_id and n.tag in (t.tag, '') and n.id > t.id)
        and not exists (select 1 from tags g where g.stream_id = t.stream_id and g.name = t.tag
          and (g.upstream_digest = h.digest
            or exists (select 1 from tag_events e where e.id = g.newest_event_id and e.import_id = t.import_id)))
        and not exists (select 1 from spec_tags p where t.is_spec_tag and p.stream_id = t.stream_id
          and p.name = t.tag and p.policy is not null) as isBehind
    from webhook_targets t join webhook_hints h on h.id = t.hint_id
    left join import_failures f on f.import_id = t.import_id and f.tag = t.tag
    where t.import_id = ? and t.state = 'ASKED'`)
  const reopen = db.prepare(
    `update webhook_targets set state = 'OPEN', retries = retries + 1, retry_at = ? where id = ?`,
  )
  const openTags = db.prepare(
    `insert into webhook_targets (hint_id, stream_id, tag, is_spec_tag, state, retries, retry_at)
     select t.hint_id, t.stream_id, f.tag, 0, 'OPEN', 1, ? from webhook_targets t
     join import_failures f on f.import_id = t.import_id and f.reason in (select value from json_each(?))
     where t.id = ? and not exists (select 1 from spec_tags p where p.stream_id = t.stream_id and p.name = f.tag)
     order by f.importance limit ${MAX_SINGLE_TAGS}`,
  )
  const next = db.prepare<{ at: number | null }>(
    `select min(retry_at) as at from webhook_targets where state = 'OPEN' and retry_at > ?`,
  )

  return {
    onFinished(_tx, finished) {
      for (const { id, tag, retries, reason, isBehind } of asked.all(finished.id)) {
        const isWhole = tag === '' || finished.state === 'FAILED'
        const failure = reason ?? (isWhole ? finished.reason : null)
        const isUnavailable = failure !== null && UNAVAILABLE.includes(failure)
        // a tag that was pushed and is not there yet
        const isLate = isBehind === 1 && (failure === null || failure === 'NotFound')
        const delay = (isUnavailable ? WHILE_UNAVAILABLE : isLate ? WHILE_BEHIND : [])[retries]
        if (delay !== undefined) reopen.run(now() + delay, id)
        // of a repository that could be read but for some tags only these are asked again
        else if (tag === '' && failure === null) {
          openTags.run(now() + WHILE_UNAVAILABLE[0], JSON.stringify(UNAVAILABLE), id)
        }
      }
    },
    next: () => next.get(now())?.at ?? undefined,
  }
}

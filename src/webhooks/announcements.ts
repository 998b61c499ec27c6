import type { Database } from '../db/open.ts'
import { columnsOf } from '../db/rows.ts'
import { webhooks } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import type { ImportRequest } from '../imagestream/request/import-plan.ts'
import type { Import } from '../imagestream/request/import-rows.ts'
import type { ImageStream } from '../imagestream/spec/spec.ts'
import { splitPrefix } from '../logins/registry-login.ts'
import { parseReference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import { isBelow } from './scope.ts'
import { SILENT_AFTER, type Webhook, webhookOf } from './webhook.ts'

/**
 * How well webhooks tell of what changes, source by source: a source whose changes are told of before anybody looks
 * need not be looked at as often. Only what an import found counts, never what a delivery claims.
 */
export interface Announcements {
  /** How many times the usual interval may pass before the source is looked at without being told; 1 unless proven. */
  slowdownOf(streamId: number, tag: TagName | ''): number
  /** Learns from an import, in the transaction that ends it. */
  onFinished(tx: Transaction, stream: Pick<ImageStream, 'id' | 'namespace'>, finished: Import): void
  /** Relies on the webhook no more. Returns the streams that did. */
  forget(tx: Transaction, webhookId: number): number[]
  /** Streams that rely on a webhook which has said nothing for too long, since this was asked last. */
  newlySilent(): number[]
}

export interface AnnouncementsDependencies {
  readonly db: Database
  readonly requestOf: (importId: number) => ImportRequest | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Changes in a row that were told of in time, for each doubling of the interval. */
export const PROOFS = 3
/** Times the usual interval: also what is always told of is looked at. */
export const LONGEST_SLOWDOWN = 8
/** Milliseconds before an import begins: what was told then was told in time, though the import saw it first. */
export const IN_TIME = 5 * 60_000

interface Move {
  readonly tag: TagName
  /** The spec tag, or empty for the stream's repository. */
  readonly source: TagName | ''
  /** As the spec has it. */
  readonly from: string
}

export function createAnnouncements({ db, requestOf, now }: AnnouncementsDependencies): Announcements {
  const currentSource = `case when w.tag = '' then s.docker_image_repository else t.from_name end`
  const proven = db.prepare<{ announced: number }>(`
    select w.announced from webhook_watches w join webhooks h on h.id = w.webhook_id
    join image_streams s on s.id = w.stream_id
    left join spec_tags t on t.stream_id = w.stream_id and t.name = w.tag
    where w.stream_id = ? and w.tag = ? and h.enabled and h.accepted_at >= ? and w.source = ${currentSource}`)
  // what follows other tags, or chooses among them, is no source of its own
  const moves = db.prepare<Move>(`
    select g.name as tag, coalesce(t.name, '') as source, coalesce(t.from_name, s.docker_image_repository) as "from"
    from tag_events e join tags g on g.id = e.tag_id join image_streams s on s.id = g.stream_id
    left join spec_tags t on t.stream_id = g.stream_id and t.name = g.name
    where e.import_id = ? and g.stream_id = ? and (t.name is null or (t.from_kind = 'DockerImage' and not t.reference))
      and coalesce(t.from_name, s.docker_image_repository) is not null`)
  const tellers = db.prepare<{ webhookId: number }>(`
    select distinct h.webhook_id as webhookId from webhook_targets t join webhook_hints h on h.id = t.hint_id
    join webhooks w on w.id = h.webhook_id where t.import_id = ? order by h.webhook_id`)
  const watch = db.prepare(`
    insert into webhook_watches (stream_id, tag, source, webhook_id, announced) values (?, ?, ?, ?, 1)
    on conflict (stream_id, tag) do update set source = excluded.source, webhook_id = excluded.webhook_id,
      announced = case when source = excluded.source then announced + 1 else 1 end`)
  const countAnnounced = db.prepare(
    'update webhooks set announced = announced + ?, announced_at = ? where id = ?',
  )
  const countMissed = db.prepare('update webhooks set missed = missed + ?, missed_at = ? where id = ?')
  const wasTold = db.prepare<object>(`
    select 1 from webhook_targets t join webhook_hints h on h.id = t.hint_id
    where t.stream_id = ? and t.tag in (?, '') and h.received_at >= ? limit 1`)
  const distrust = db.prepare('update webhook_watches set announced = 0 where stream_id = ? and tag = ?')
  const ofNamespace = db.prepare<typeof webhooks.$inferSelect>(
    `select ${columnsOf(webhooks, 'w')}
     from webhooks w where w.namespace = ? and w.enabled`,
  )
  const watchers = db.prepare<{ streamId: number }>(
    'select distinct stream_id as streamId from webhook_watches where webhook_id = ?',
  )
  const forget = db.prepare('delete from webhook_watches where webhook_id = ?')
  const silent = db.prepare<{ streamId: number }>(`
    select distinct w.stream_id as streamId from webhooks h join webhook_watches w on w.webhook_id = h.id
    where h.accepted_at < ? and h.accepted_at >= ?`)
  let askedBefore = Number.NEGATIVE_INFINITY

  const announced = (importId: number, streamId: number, found: readonly Move[]): void => {
    const ids = tellers.all(importId).map(({ webhookId }) => webhookId)
    const [teller] = ids
    if (teller === undefined) return
    for (const [source, from] of new Map(found.map((move) => [move.source, move.from]))) {
      watch.run(streamId, source, from, teller)
    }
    for (const id of ids) countAnnounced.run(found.length, now(), id)
  }

  const missed = (streamId: number, namespace: string, unannounced: readonly Move[]): void => {
    for (const source of new Set(unannounced.map((move) => move.source))) distrust.run(streamId, source)
    for (const webhook of ofNamespace.all(namespace).map(webhookOf)) {
      const its = unannounced.filter(({ from }) => covers(webhook, from)).length
      if (its > 0) countMissed.run(its, now(), webhook.id)
    }
  }

  return {
    slowdownOf(streamId, tag) {
      const { announced = 0 } = proven.get(streamId, tag, now() - SILENT_AFTER) ?? {}
      return Math.min(2 ** Math.floor(announced / PROOFS), LONGEST_SLOWDOWN)
    },

    onFinished(_tx, { id, namespace }, finished) {
      // what a person asked for may well come before a webhook that is on its way
      const urgency = requestOf(finished.id)?.urgency
      if (urgency === undefined || finished.imported === 0) return
      const found = moves.all(finished.id, id)
      if (urgency === 'webhook') return announced(finished.id, id, found)
      const since = (finished.startedAt ?? now()) - IN_TIME
      const unannounced = found.filter(({ tag }) => !wasTold.get(id, tag, since))
      if (unannounced.length > 0) missed(id, namespace, unannounced)
    },

    forget(_tx, webhookId) {
      const streams = watchers.all(webhookId).map(({ streamId }) => streamId)
      forget.run(webhookId)
      return streams
    },

    newlySilent() {
      const until = now() - SILENT_AFTER
      const streams = silent.all(until, askedBefore).map(({ streamId }) => streamId)
      askedBefore = until
      return streams
    },
  }
}

function covers(webhook: Webhook, source: string): boolean {
  const { registry, repository } = parseReference(source)
  return splitPrefix(registry).registry === webhook.registry && isBelow(webhook, repository)
}

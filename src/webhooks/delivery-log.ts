import type { Database } from '../db/open.ts'
import { pageOfEach } from '../db/page.ts'
import { columnsOf } from '../db/rows.ts'
import { webhookDeliveries, type webhookHints, type webhookTargets } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import type { KeysetPage } from '../input/page.ts'
import type { Digest } from '../oci/digest.ts'
import type { ScopedHint } from './scope.ts'

/** What came of one request to a webhook. Times are milliseconds since 1970. */
export type LoggedDelivery = typeof webhookDeliveries.$inferSelect
export type DeliveryOutcome = LoggedDelivery['outcome']

/** What a delivery told may have changed. */
export type LoggedHint = Omit<typeof webhookHints.$inferSelect, 'webhookId' | 'receivedAt'>

/** A tag of a stream that a hint concerns. */
export type LoggedTarget = Omit<typeof webhookTargets.$inferSelect, 'id'>

/** A delivery, as the log names it. */
export interface Entry {
  readonly webhookId: number
  readonly senderId: string | null
  readonly bodyDigest: Digest
  readonly note: string | null
  readonly source: string
  readonly isTest: boolean
}

/** What was sent to webhooks, by whom and what came of it: never the body, a header or a secret. */
export interface DeliveryLog {
  /** Keeps the delivery with its hints, to be worked off; one that was kept before only counts. Says which it is. */
  accept(tx: Transaction, entry: Entry, hints: readonly ScopedHint[]): 'ACCEPTED' | 'DUPLICATE'
  /** Notes one that tells nothing new. Without a row where the webhook had too many of them lately: it only counts. */
  note(
    tx: Transaction,
    entry: Entry,
    what: {
      readonly outcome: Exclude<DeliveryOutcome, 'ACCEPTED'>
      readonly reason: string
      readonly isLogged: boolean
    },
  ): void
  /** Forgets what is too old, and what is too much of the webhooks that got something since the last time. */
  trim(tx: Transaction): void
  /** A page of each webhook's deliveries, newest first; its keys are [id]. */
  ofWebhooks(webhookIds: readonly number[], page: KeysetPage): LoggedDelivery[]
  countOf(webhookIds: readonly number[]): Map<number, number>
  /** The first so many of each delivery. */
  hintsOf(deliveryIds: readonly number[], first: number): LoggedHint[]
  /** The first so many of each hint: a thousand streams may follow one repository. */
  targetsOf(hintIds: readonly number[], first: number): LoggedTarget[]
}

/** Deliveries of one webhook that are kept: those that told something, and the others. */
export const KEPT_ACCEPTED = 1000
export const KEPT_OTHERS = 500
/** Milliseconds for which any is kept. */
export const KEPT_FOR = 30 * 24 * 3_600_000
/** Milliseconds after a delivery that was believed for which one that is not tells nothing of the webhook's health. */
const PROVEN_FOR = 3_600_000

const COLUMNS = columnsOf(webhookDeliveries, 't')

export function createDeliveryLog({
  db,
  now,
}: {
  readonly db: Database
  readonly now: () => number
}): DeliveryLog {
  const insert = db.prepare(
    `insert into webhook_deliveries
       (webhook_id, received_at, sender_id, body_digest, outcome, reason, note, is_test, source)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertHint = db.prepare(
    `insert into webhook_hints (delivery_id, webhook_id, registry, repository, tag, digest, action, received_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const bySenderId = db.prepare<{ id: number }>(
    `select id from webhook_deliveries
     where webhook_id = ? and outcome = 'ACCEPTED' and not is_test and sender_id = ? limit 1`,
  )
  const withTarget = (which: string) =>
    `exists (select 1 from webhook_targets t where t.hint_id = h.id and t.state ${which} 'OPEN')`
  // also where it waits to be asked again
  const isUndone = `(h.handled_at is null or ${withTarget('=')})`
  const isBegun = `(h.handled_at is not null and (${withTarget('<>')} or not ${withTarget('=')}))`
  const byBody = db.prepare<{ id: number }>(
    `select d.id from webhook_deliveries d
     where d.webhook_id = ? and d.body_digest = ? and d.outcome = 'ACCEPTED' and not d.is_test
       and not exists (select 1 from webhook_hints h where h.delivery_id = d.id and ${isBegun}) limit 1`,
  )
  const believed = db.prepare(
    'update webhooks set accepted = accepted + 1, accepted_at = ?, trouble = null where id = ?',
  )
  const failed = db.prepare(
    'update webhooks set accepted = accepted + 1, accepted_at = ?, trouble = ? where id = ?',
  )
  const refused = db.prepare(
    `update webhooks set refused = refused + 1, refused_at = ?,
       trouble = case when coalesce(accepted_at, 0) < ? then ? else trouble end where id = ?`,
  )
  const isOpen = `exists (select 1 from webhook_hints h where h.delivery_id = d.id and ${isUndone})`
  const trimRows = (which: string, kept: number) =>
    db.prepare(`delete from webhook_deliveries as d where webhook_id = ? and outcome ${which} 'ACCEPTED'
      and id <= (select id from webhook_deliveries where webhook_id = ? and outcome ${which} 'ACCEPTED'
        order by id desc limit 1 offset ${kept}) and not ${isOpen}`)
  const trimAccepted = trimRows('=', KEPT_ACCEPTED)
  const trimOthers = trimRows('<>', KEPT_OTHERS)
  // up to the first that is young enough: they came in the order of their ids
  const trimOld = db.prepare(`delete from webhook_deliveries as d
    where id < coalesce((select id from webhook_deliveries where received_at >= ? order by id limit 1),
      (select max(id) + 1 from webhook_deliveries)) and not ${isOpen}`)
  const count = db.prepare<{ webhookId: number; total: number }>(
    `select webhook_id as webhookId, count(*) as total from webhook_deliveries
     where webhook_id in (select value from json_each(?)) group by webhook_id`,
  )
  const hints = db.prepare<LoggedHint>(
    `select h.id, delivery_id as deliveryId, registry, repository, tag, digest, action, handled_at as handledAt
     from json_each(?) each join webhook_hints h on h.id in
       (select id from webhook_hints where delivery_id = each.value order by id limit ?) order by h.id`,
  )
  const targets = db.prepare<LoggedTarget>(
    `select hint_id as hintId, stream_id as streamId, tag, is_spec_tag as isSpecTag, state, import_id as importId,
       retries, retry_at as retryAt
     from json_each(?) each join webhook_targets t on t.id in
       (select id from webhook_targets where hint_id = each.value order by id limit ?) order by t.id`,
  )

  /** Webhooks that got rows since the last trimming. */
  const grown = new Set<number>()
  const add = (entry: Entry, outcome: DeliveryOutcome, reason: string | null): number => {
    const { webhookId, senderId, bodyDigest, note, isTest, source } = entry
    grown.add(webhookId)
    return insert.insert(
      webhookId,
      now(),
      senderId,
      bodyDigest,
      outcome,
      reason,
      note,
      isTest ? 1 : 0,
      source,
    )
  }

  // Two pushes may be told in the very same words. Only while the registry is still to be asked for all that was told the
  // first time does the second add nothing.
  const isKnown = ({ webhookId, senderId, bodyDigest }: Entry): boolean =>
    (senderId === null ? byBody.get(webhookId, bodyDigest) : bySenderId.get(webhookId, senderId)) !==
    undefined

  const note: DeliveryLog['note'] = (_tx, entry, { outcome, reason, isLogged }) => {
    const { webhookId, isTest } = entry
    if (isLogged) add(entry, outcome, reason)
    if (isTest) return
    if (outcome === 'REFUSED') refused.run(now(), now() - PROVEN_FOR, reason, webhookId)
    else if (outcome === 'FAILED') failed.run(now(), reason, webhookId)
    else believed.run(now(), webhookId)
  }

  return {
    accept(_tx, entry, told) {
      if (!entry.isTest && isKnown(entry)) return 'DUPLICATE'
      const deliveryId = add(entry, 'ACCEPTED', null)
      for (const { registry, repository, tag, digest, action } of told) {
        insertHint.run(deliveryId, entry.webhookId, registry, repository, tag, digest, action, now())
      }
      if (!entry.isTest) believed.run(now(), entry.webhookId)
      return 'ACCEPTED'
    },
    note,

    trim() {
      trimOld.run(now() - KEPT_FOR)
      for (const id of grown) {
        trimAccepted.run(id, id)
        trimOthers.run(id, id)
      }
      grown.clear()
    },

    ofWebhooks(webhookIds, page) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(page, [{ column: 'id', descending: true }], {
        table: 'webhook_deliveries',
        owner: 'webhook_id',
      })
      return inOrder(
        db
          .prepare<LoggedDelivery>(`select ${COLUMNS} from ${from} order by ${orderBy}`)
          .all(...parameters(webhookIds)),
      )
    },
    countOf: (webhookIds) =>
      new Map(count.all(JSON.stringify(webhookIds)).map(({ webhookId, total }) => [webhookId, total])),
    hintsOf: (deliveryIds, first) => hints.all(JSON.stringify(deliveryIds), first),
    targetsOf: (hintIds, first) => targets.all(JSON.stringify(hintIds), first),
  }
}

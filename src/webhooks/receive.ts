import { TokenBuckets } from '../concurrency/token-bucket.ts'
import type { Database } from '../db/open.ts'
import { digestOf } from '../oci/digest.ts'
import {
  type Authentication,
  type Delivery,
  InvalidDeliveryError,
  type Reading,
  type Sender,
} from '../vendors/delivery/sender.ts'
import type { Senders } from '../vendors/senders.ts'
import { type Answer, answerOf, GONE, type Received, tooMany } from './answer.ts'
import type { DeliveryLog, DeliveryOutcome, Entry } from './delivery-log.ts'
import { type ScopedHint, scopeOf } from './scope.ts'
import type { WebhookSecrets } from './secrets.ts'
import { pathOf, settingsOf, type Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

/** An address that takes deliveries now. */
export interface OpenEndpoint {
  readonly sender: Webhook['sender']
  readonly methods: Sender['methods']
  /** Authenticates and reads; answers 2xx once what it tells is on disk, or tells nothing. Rejects when nothing can be stored. */
  receive(delivery: Delivery): Promise<Answer>
}

/** What came of a delivery that was tried. */
export interface Trial {
  readonly outcome: DeliveryOutcome
  readonly reason: string | null
  readonly note: string | null
  readonly hints: readonly ScopedHint[]
}

export interface Receiver {
  /** Undefined where there is nothing, or nothing any more: nobody can tell which. */
  open(key: string, source: string): OpenEndpoint | undefined
  /** Seconds that requests from there have to wait; 0 for none. */
  waitOf(source: string): number
  /** The same way for a delivery of our own: logged as a test, and its hints are followed only if said. */
  try(webhook: Webhook, delivery: Delivery, isFollowed: boolean): Promise<Trial>
}

export interface ReceiverDependencies {
  readonly db: Database
  readonly senders: Senders
  readonly webhooks: Pick<Webhooks, 'byKey'>
  readonly secrets: Pick<WebhookSecrets, 'open'>
  readonly log: DeliveryLog
  /** Where clients elsewhere find this server: `https://streams.example`. */
  readonly publicUrl: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Called when there are hints to work off. */
  readonly onHints: () => void
  /** Told what of a webhook's secrets cannot be opened. */
  readonly onBroken: (error: unknown, webhookId: number) => void
}

/** Requests from one address, believed or not. */
export const FROM_ONE_SOURCE = { capacity: 2000, perSecond: 200 }
/** Deliveries to one webhook that are believed. */
export const TO_ONE_WEBHOOK = { capacity: 2000, perSecond: 200 }
/** Rows of one webhook's log that tell of nothing: whoever floods it shall not push out the rest, nor wear out the disk. */
export const ROWS_OF_NOTHING = { capacity: 60, perSecond: 1 }
const MAX_TEXT = 500

/** Takes what senders tell: believed and read here, confirmed by the registry later. */
export function createReceiver(dependencies: ReceiverDependencies): Receiver {
  const { db, senders, webhooks, secrets, log, publicUrl, now, onHints, onBroken } = dependencies
  const ofSource = new TokenBuckets(FROM_ONE_SOURCE, now)
  const ofWebhook = new TokenBuckets(TO_ONE_WEBHOOK, now)
  const ofNothing = new TokenBuckets(ROWS_OF_NOTHING, now)

  const openSecrets = (webhook: Webhook): readonly string[] | undefined => {
    try {
      return secrets.open(webhook)
    } catch (error) {
      onBroken(error, webhook.id)
      return undefined
    }
  }

  const judge = async (webhook: Webhook, delivery: Delivery, isTest: boolean): Promise<Received> => {
    const sender = senders[webhook.sender]
    const refused = (outcome: DeliveryOutcome, reason: string, isTemporary = false): Received => ({
      outcome,
      reason: printable(reason),
      reading: null,
      hints: [],
      isTemporary,
    })
    const opened = openSecrets(webhook)
    if (!opened) return refused('FAILED', 'its secret cannot be opened: rotate it', true)
    const settings = settingsOf(webhook)
    const place = { url: publicUrl() + pathOf(webhook), settings }
    // a platform's token is nobody else's to sign: of such a sender a test tries what comes after it
    const shown: Authentication =
      isTest && sender.authenticity === 'JWT'
        ? { ok: true }
        : await sender.authenticate(delivery, opened, place)
    if (!shown.ok) return refused('REFUSED', shown.reason, shown.isTemporary)
    let reading: Reading
    try {
      reading = sender.read(delivery, settings)
    } catch (error) {
      // what cannot be read now cannot be read later: the sender is not kept from telling the rest
      if (error instanceof InvalidDeliveryError) return refused('FAILED', error.message)
      throw error
    }
    const { allowed, reason } = scopeOf(webhook, reading.hints)
    if (allowed.length > 0) return { outcome: 'ACCEPTED', reason: null, reading, hints: allowed }
    return { outcome: 'IGNORED', reason: reason ?? 'it tells of no push', reading, hints: [] }
  }

  const keep = async (
    webhook: Webhook,
    { delivery, received, source, isTest, isFollowed }: Keeping,
  ): Promise<DeliveryOutcome | undefined> => {
    const { outcome, reason, reading, hints } = received
    const entry: Entry = {
      webhookId: webhook.id,
      senderId: reading?.id ? printable(reading.id) : null,
      bodyDigest: digestOf(delivery.body),
      note: reading && printable(reading.note),
      source,
      isTest,
    }
    // asked once: a write that shares its commit may run twice
    const isLogged = outcome === 'ACCEPTED' || isTest || ofNothing.take(webhook.id) === 0
    return db.transactTogether(
      (tx) => {
        // deleted or disabled while this was judged, or waited for its turn
        const current = webhooks.byKey(webhook.key)
        if (!current || !(current.enabled || isTest)) return undefined
        if (outcome !== 'ACCEPTED') {
          log.note(tx, entry, { outcome, reason: reason ?? '', isLogged })
          return outcome
        }
        const accepted = log.accept(tx, entry, isFollowed ? hints : [])
        if (accepted === 'ACCEPTED') tx.afterCommit(onHints)
        else log.note(tx, entry, { outcome: accepted, reason: 'it came before', isLogged })
        return accepted
      },
      { patient: false },
    )
  }

  const openedAt = (key: string): Webhook | undefined => {
    const webhook = webhooks.byKey(key)
    return webhook?.enabled ? webhook : undefined
  }

  const receive = async (key: string, delivery: Delivery, source: string): Promise<Answer> => {
    // as it is now: it may have been changed while the body was on its way
    const webhook = openedAt(key)
    if (!webhook) return GONE
    const received = await judge(webhook, delivery, false)
    const isBelieved = received.outcome !== 'REFUSED' && !received.isTemporary
    const wait = isBelieved ? ofWebhook.take(webhook.id) : 0
    if (wait > 0) return tooMany(wait)
    const outcome = await keep(webhook, {
      delivery,
      received,
      source,
      isTest: false,
      isFollowed: true,
    })
    return outcome === undefined ? GONE : answerOf(outcome, received)
  }

  return {
    waitOf: (source) => ofSource.take(source),

    open(key, source) {
      if (!KEY.test(key)) return undefined
      const webhook = openedAt(key)
      if (!webhook) return undefined
      return {
        sender: webhook.sender,
        methods: senders[webhook.sender].methods,
        receive: (delivery) => receive(key, delivery, source),
      }
    },

    async try(webhook, delivery, isFollowed) {
      const received = await judge(webhook, delivery, true)
      await keep(webhook, { delivery, received, source: 'testWebhook', isTest: true, isFollowed })
      const { outcome, reason, reading, hints } = received
      return { outcome, reason, note: reading?.note ?? null, hints }
    },
  }
}

interface Keeping {
  readonly delivery: Delivery
  readonly received: Received
  readonly source: string
  readonly isTest: boolean
  readonly isFollowed: boolean
}

const KEY = /^[A-Za-z0-9_-]{22,64}$/

/** What others wrote, for a log: one line, of bounded length. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e]+/gu, ' ').slice(0, MAX_TEXT)

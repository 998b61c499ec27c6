import { TokenBuckets } from '../concurrency/token-bucket.ts'
import type { Database } from '../db/open.ts'
import { digestOf } from '../oci/digest.ts'
import type { Delivery, DeliveryResponse } from '../vendors/delivery/delivery.ts'
import type { Sender } from '../vendors/senders.ts'
import type { DeliveryEntry, DeliveryLog, DeliveryOutcome } from './delivery-log.ts'
import { GONE, responseOf, tooManyDeliveries } from './delivery-response.ts'
import {
  createDeliveryJudge,
  type DeliveryJudgeDependencies,
  type DeliveryVerdict,
  printable,
} from './judge-delivery.ts'
import type { ScopedHint } from './scope.ts'
import type { Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

/** A webhook that accepts deliveries. */
export interface OpenEndpoint {
  readonly sender: Webhook['sender']
  readonly methods: Sender['methods']
  /**
   * Authenticates, reads and stores the delivery. Resolves with a 2xx response once its hints are on disk, or when it has
   * none. Rejects when the database cannot be written.
   */
  receive(delivery: Delivery): Promise<DeliveryResponse>
}

/** The result of a test delivery. */
export interface TestOutcome {
  readonly outcome: DeliveryOutcome
  readonly reason: string | null
  readonly note: string | null
  readonly hints: readonly ScopedHint[]
}

export interface Receiver {
  /** Returns undefined for an unknown, a deleted and a disabled webhook; callers cannot distinguish the three. */
  open(key: string, source: string): OpenEndpoint | undefined
  /** Counts a request of the source. Returns the seconds that it has to wait; 0 when it need not. */
  waitOf(source: string): number
  /** Receives a delivery that this server made. It is logged as a test, and its hints are stored only if `isFollowed`. */
  try(webhook: Webhook, delivery: Delivery, isFollowed: boolean): Promise<TestOutcome>
}

export interface ReceiverDependencies extends DeliveryJudgeDependencies {
  readonly db: Database
  readonly webhooks: Pick<Webhooks, 'byKey'>
  readonly log: DeliveryLog
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Called after hints were stored. */
  readonly onHints: () => void
}

/** Limit of requests from one address, authenticated or not. */
export const FROM_ONE_SOURCE = { capacity: 2000, perSecond: 200 }
/** Limit of authenticated deliveries to one webhook. */
export const TO_ONE_WEBHOOK = { capacity: 2000, perSecond: 200 }
/** Limit of log entries without hints of one webhook: a flood must not displace the others, nor wear out the disk. */
export const ENTRIES_WITHOUT_HINTS = { capacity: 60, perSecond: 1 }
const KEY = /^[A-Za-z0-9_-]{22,64}$/

/** A delivery with its verdict, ready to be stored. */
interface JudgedDelivery {
  readonly delivery: Delivery
  readonly verdict: DeliveryVerdict
  readonly source: string
  readonly isTest: boolean
  /** False for a test whose hints are not to be stored. */
  readonly isFollowed: boolean
}

/** Creates the receiver of deliveries. A delivery is only a hint: the registry confirms each change later. */
export function createReceiver(dependencies: ReceiverDependencies): Receiver {
  const { senders, webhooks, now } = dependencies
  const judge = createDeliveryJudge(dependencies)
  const store = createDeliveryStore(dependencies)
  const sources = new TokenBuckets(FROM_ONE_SOURCE, now)
  const deliveries = new TokenBuckets(TO_ONE_WEBHOOK, now)

  const enabledAt = (key: string): Webhook | undefined => {
    const webhook = webhooks.byKey(key)
    return webhook?.enabled ? webhook : undefined
  }

  const receive = async (key: string, delivery: Delivery, source: string): Promise<DeliveryResponse> => {
    // read again: it may have been changed while the body arrived
    const webhook = enabledAt(key)
    if (!webhook) return GONE
    const verdict = await judge(webhook, delivery, false)
    const isAuthenticated = verdict.outcome !== 'REFUSED' && !verdict.isTemporary
    const wait = isAuthenticated ? deliveries.take(webhook.id) : 0
    if (wait > 0) return tooManyDeliveries(wait)
    const outcome = await store(webhook, { delivery, verdict, source, isTest: false, isFollowed: true })
    return outcome === undefined ? GONE : responseOf(outcome, verdict)
  }

  return {
    waitOf: (source) => sources.take(source),

    open(key, source) {
      const webhook = KEY.test(key) ? enabledAt(key) : undefined
      if (!webhook) return undefined
      return {
        sender: webhook.sender,
        methods: senders[webhook.sender].methods,
        receive: (delivery) => receive(key, delivery, source),
      }
    },

    async try(webhook, delivery, isFollowed) {
      const verdict = await judge(webhook, delivery, true)
      await store(webhook, { delivery, verdict, source: 'testWebhook', isTest: true, isFollowed })
      const { outcome, reason, parsed, hints } = verdict
      return { outcome, reason, note: parsed?.note ?? null, hints }
    },
  }
}

/** Returns a function that stores a delivery and its hints; it resolves with undefined when the webhook is gone. */
function createDeliveryStore({ db, webhooks, log, now, onHints }: ReceiverDependencies) {
  const entriesWithoutHints = new TokenBuckets(ENTRIES_WITHOUT_HINTS, now)

  return async (webhook: Webhook, judged: JudgedDelivery): Promise<DeliveryOutcome | undefined> => {
    const { delivery, verdict, source, isTest, isFollowed } = judged
    const { outcome, reason, parsed, hints } = verdict
    const entry: DeliveryEntry = {
      webhookId: webhook.id,
      senderId: parsed?.id ? printable(parsed.id) : null,
      bodyDigest: digestOf(delivery.body),
      note: parsed && printable(parsed.note),
      source,
      isTest,
    }
    // outside of the write, which may run twice when it shares its commit
    const isLogged = outcome === 'ACCEPTED' || isTest || entriesWithoutHints.take(webhook.id) === 0
    return db.transactTogether((tx) => {
      // it may have been deleted or disabled meanwhile
      const current = webhooks.byKey(webhook.key)
      if (!current || !(current.enabled || isTest)) return undefined
      if (outcome !== 'ACCEPTED') {
        log.note(tx, entry, { outcome, reason: reason ?? '', isLogged })
        return outcome
      }
      const accepted = log.accept(tx, entry, isFollowed ? hints : [])
      if (accepted === 'ACCEPTED') tx.afterCommit(onHints)
      else log.note(tx, entry, { outcome: accepted, reason: 'this delivery arrived before', isLogged })
      return accepted
    })
  }
}

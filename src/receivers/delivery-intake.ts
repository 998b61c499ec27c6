import { TokenBuckets } from '../concurrency/token-bucket.ts'
import { NotFoundError } from '../input/errors.ts'
import { digestOf } from '../oci/digest.ts'
import type { Delivery, DeliveryResponse } from '../vendors/delivery/delivery.ts'
import type { ReceiverContext } from './context.ts'
import type { DeliveryEntry, DeliveryLog, DeliveryOutcome } from './delivery-log.ts'
import {
  createDeliveryJudge,
  type DeliveryVerdict,
  GONE,
  printable,
  responseOf,
  tooManyDeliveries,
} from './judge-delivery.ts'
import { RECEIVERS_PATH, type Receiver } from './receiver.ts'
import type { Receivers } from './receivers.ts'

export interface DeliveryIntakeDependencies extends ReceiverContext {
  readonly receivers: Receivers
  readonly log: DeliveryLog
  /** Called after hints were stored. */
  readonly onHints: () => void
  /** Receives the error when the secrets of a receiver cannot be opened. */
  readonly onBroken: (error: unknown, receiverId: number) => void
}

/** Limit of requests from one address, authenticated or not. */
export const FROM_ONE_SOURCE = { capacity: 2000, perSecond: 200 }
/** Limit of authenticated deliveries to one receiver. */
export const TO_ONE_RECEIVER = { capacity: 2000, perSecond: 200 }
/** Limit of log entries without hints of one receiver: a flood must not displace the others, nor wear out the disk. */
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

/** The intake of deliveries. */
export type DeliveryIntake = ReturnType<typeof createDeliveryIntake>

/** Creates the intake of deliveries, which authenticates and stores them. A delivery is only a hint: the registry confirms each change later. */
export function createDeliveryIntake(dependencies: DeliveryIntakeDependencies) {
  const { senders, receivers, now } = dependencies
  const judge = createDeliveryJudge(dependencies, dependencies.onBroken)
  const store = createDeliveryStore(dependencies)
  const sources = new TokenBuckets(FROM_ONE_SOURCE, now)
  const deliveries = new TokenBuckets(TO_ONE_RECEIVER, now)

  const enabledAt = (key: string): Receiver | undefined => {
    const receiver = receivers.byKey(key)
    return receiver?.enabled ? receiver : undefined
  }

  const receive = async (key: string, delivery: Delivery, source: string): Promise<DeliveryResponse> => {
    // read again: it may have been changed while the body arrived
    const receiver = enabledAt(key)
    if (!receiver) return GONE
    const verdict = await judge(receiver, delivery, false)
    const isAuthenticated = verdict.outcome !== 'REFUSED' && !verdict.isTemporary
    const wait = isAuthenticated ? deliveries.take(receiver.id) : 0
    if (wait > 0) return tooManyDeliveries(wait)
    const stored = await store(receiver, { delivery, verdict, source, isTest: false, isFollowed: true })
    return stored === undefined ? GONE : responseOf(stored.outcome, verdict)
  }

  return {
    /**
     * Returns the endpoint at a path, for one request of a source; undefined for an unknown, a deleted and a disabled receiver,
     * which callers cannot distinguish.
     */
    open(path: string, source: string) {
      if (!path.startsWith(RECEIVERS_PATH)) return undefined
      const key = path.slice(RECEIVERS_PATH.length)
      const receiver = KEY.test(key) ? enabledAt(key) : undefined
      if (!receiver) return undefined
      return {
        sender: receiver.sender,
        methods: senders[receiver.sender].methods,
        /** Seconds that the source of the request has to wait; 0 when it need not. */
        wait: sources.take(source),
        /**
         * Authenticates, reads and stores the delivery. Resolves with a 2xx response once its hints are on disk, or when it
         * has none. Rejects when the database cannot be written.
         */
        receive: (delivery: Delivery) => receive(key, delivery, source),
      }
    },

    /**
     * Receives a delivery that this server made. It is logged as a test, and its hints are followed only if `isFollowed`.
     * Returns the id of the log entry and the hints. Throws NotFoundError if the receiver was deleted meanwhile.
     */
    async try(receiver: Receiver, delivery: Delivery, isFollowed: boolean) {
      const verdict = await judge(receiver, delivery, true)
      const test = { delivery, verdict, source: 'testReceiver', isTest: true, isFollowed }
      const deliveryId = (await store(receiver, test))?.deliveryId
      if (deliveryId === undefined) throw new NotFoundError('no receiver has this id')
      return { deliveryId, hints: verdict.hints }
    },
  }
}

/** A stored delivery. */
interface StoredDelivery {
  readonly outcome: DeliveryOutcome
  /** Undefined for a delivery that the log does not contain. */
  readonly deliveryId: number | undefined
}

/** Returns a function that stores a delivery and its hints; it resolves with undefined when the receiver is gone. */
function createDeliveryStore({ db, receivers, log, now, onHints }: DeliveryIntakeDependencies) {
  const entriesWithoutHints = new TokenBuckets(ENTRIES_WITHOUT_HINTS, now)

  return async (receiver: Receiver, judged: JudgedDelivery): Promise<StoredDelivery | undefined> => {
    const { delivery, verdict, source, isTest, isFollowed } = judged
    const { outcome, message, parsed, hints } = verdict
    const entry: DeliveryEntry = {
      receiverId: receiver.id,
      senderDeliveryId: parsed?.id ? printable(parsed.id) : null,
      bodyDigest: digestOf(delivery.body),
      summary: parsed && printable(parsed.note),
      senderAddress: source,
      isTest,
    }
    // outside of the write, which may run twice when it shares its commit
    const isLogged = outcome === 'ACCEPTED' || isTest || entriesWithoutHints.take(receiver.id) === 0
    return db.transactTogether((tx) => {
      // it may have been deleted or disabled meanwhile
      const current = receivers.byKey(receiver.key)
      if (!current || !(current.enabled || isTest)) return undefined
      if (outcome !== 'ACCEPTED') {
        return { outcome, deliveryId: log.note(tx, entry, { outcome, message: message ?? '', isLogged }) }
      }
      const accepted = log.accept(tx, entry, hints, isFollowed)
      if (accepted !== undefined) {
        tx.afterCommit(onHints)
        return { outcome, deliveryId: accepted }
      }
      const repeated = { outcome: 'DUPLICATE', message: 'this delivery arrived before', isLogged } as const
      return { outcome: repeated.outcome, deliveryId: log.note(tx, entry, repeated) }
    })
  }
}

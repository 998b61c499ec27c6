import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Database } from '../db/open.ts'
import type { Egress } from '../egress/egress.ts'
import type { GraphQLContext } from '../graphql/kit/context.ts'
import type { DeliveryEndpoint } from '../http/endpoints/webhook-delivery.ts'
import { MAX_DELIVERY_BYTES_HELD } from '../http/request/limits.ts'
import { BodyBudget } from '../request-body/body-budget.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { createSenders } from '../vendors/senders.ts'
import { createDeliveryLog } from '../webhooks/delivery-log.ts'
import { createReceiver } from '../webhooks/receive.ts'
import { createWebhookSecrets } from '../webhooks/secrets.ts'
import { createTestWebhook } from '../webhooks/test-webhook.ts'
import { WEBHOOKS_PATH } from '../webhooks/webhook.ts'
import { createWebhooks } from '../webhooks/webhooks.ts'
import { createHintWorker } from '../webhooks/worker.ts'
import type { Config } from './config.ts'
import type { Domain } from './domain.ts'
import type { Opened } from './opened.ts'

export interface WebhookParts {
  readonly config: Config
  readonly db: Database
  readonly domain: Pick<Domain, 'importer' | 'announcements' | 'hintRetries' | 'schedules'>
  readonly sealer: Sealer
  readonly egress: Egress
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** What people call this server: `localhost:4000`. Asked only once it listens. */
  readonly ownHost: () => string
}

/** Webhooks, as the rest of the server sees them. */
export interface WebhookRooms {
  readonly view: GraphQLContext['webhooks']
  readonly deliveries: DeliveryEndpoint
  /** Begins with what a stop left open. */
  start(): void
}

const MINUTE = 60_000
/** 256 bits: nobody finds a webhook, nor its secret, by trying. */
const random = (): string => randomBytes(32).toString('base64url')
const KEYS_MAX_BYTES = 256 * 1024
const KEYS_TIMEOUT = 10_000

/** Joins what takes deliveries with what asks registries. */
export function openWebhooks(parts: WebhookParts, opened: Opened): WebhookRooms {
  const { config, db, domain, sealer, egress, now, log, ownHost } = parts
  const { importer, announcements, hintRetries, schedules } = domain
  const publicUrl = (): string => config.publicUrl?.origin ?? `http://${ownHost()}`
  const senders = createSenders({ fetchKeys: (url) => fetchJson(egress, url), now })
  const secrets = createWebhookSecrets({ db, sealer, random, now })
  const webhooks = createWebhooks({
    db,
    senders,
    secrets,
    randomKey: random,
    now,
    onWeakened: (tx, id) => schedules.quicken(tx, announcements.forget(tx, id)),
  })
  const deliveryLog = createDeliveryLog({ db, now })
  const worker = opened.use(
    createHintWorker({
      db,
      importer,
      retries: hintRetries,
      now,
      onError: (error) => log.error({ err: error }, 'what webhooks told could not be worked off'),
    }),
  )
  const receiver = createReceiver({
    db,
    senders,
    webhooks,
    secrets,
    log: deliveryLog,
    publicUrl,
    now,
    onHints: worker.wake,
    onBroken: (error, webhookId) => log.error({ err: error, webhookId }, 'a webhook cannot be opened'),
  })
  const lookAfter = (): void => {
    try {
      db.transact((tx) => {
        deliveryLog.trim(tx)
        schedules.quicken(tx, announcements.newlySilent())
      })
    } catch (error) {
      // a full disk, say: the next minute tries again
      log.error({ err: error }, 'webhooks could not be looked after')
    }
    // what could not be written before
    worker.wake()
  }

  return {
    view: {
      store: webhooks,
      senders,
      log: deliveryLog,
      publicUrl,
      now,
      test: createTestWebhook({ db, senders, webhooks, secrets, receiver, publicUrl }),
    },
    deliveries: endpointOf(receiver),
    start() {
      lookAfter()
      // after each import as well: what waited for its end may be asked now
      opened.defer(schedules.onChanged(worker.wake))
      const timer = setInterval(lookAfter, MINUTE).unref()
      opened.defer(() => clearInterval(timer))
    },
  }
}

function endpointOf(receiver: ReturnType<typeof createReceiver>): DeliveryEndpoint {
  const budget = new BodyBudget(MAX_DELIVERY_BYTES_HELD)
  return {
    open(path, source) {
      if (!path.startsWith(WEBHOOKS_PATH)) return undefined
      const endpoint = receiver.open(path.slice(WEBHOOKS_PATH.length), source)
      return (
        endpoint && {
          sender: endpoint.sender,
          methods: endpoint.methods,
          wait: receiver.waitOf(source),
          budget,
          receive: (delivery) => endpoint.receive(delivery),
        }
      )
    },
  }
}

async function fetchJson(egress: Egress, url: string): Promise<unknown> {
  const response = await egress.request(url, {
    signal: AbortSignal.timeout(KEYS_TIMEOUT),
    maxBytes: KEYS_MAX_BYTES,
  })
  if (response.status !== 200) throw new Error(`${new URL(url).host} answers ${response.status}`)
  return JSON.parse(Buffer.from(response.body).toString())
}

import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Database } from '../db/open.ts'
import type { Egress } from '../egress/egress.ts'
import type { GraphQLContext } from '../graphql/kit/context.ts'
import type { DeliveryEndpoint } from '../http/endpoints/webhook-delivery.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { createKeyFetcher } from '../vendors/delivery/public-keys.ts'
import { createSenders } from '../vendors/senders.ts'
import { createDeliveryLog } from '../webhooks/delivery-log.ts'
import { startWebhookMaintenance } from '../webhooks/maintenance.ts'
import { createReceiver } from '../webhooks/receiver.ts'
import { createWebhookSecrets } from '../webhooks/secrets.ts'
import { createTestWebhook } from '../webhooks/test-webhook.ts'
import { createWebhooks } from '../webhooks/webhooks.ts'
import { createHintWorker } from '../webhooks/worker.ts'
import type { Config } from './config.ts'
import type { Domain } from './domain.ts'
import type { Opened } from './parts.ts'

export interface WebhookParts {
  readonly config: Config
  readonly db: Database
  readonly domain: Pick<Domain, 'importer' | 'announcements' | 'hintRetries' | 'schedules'>
  readonly sealer: Sealer
  readonly egress: Egress
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** `localhost:4000`; throws before the server listens. */
  readonly ownHost: () => string
}

/** Webhooks, joined. */
export interface WebhookRooms {
  readonly view: GraphQLContext['webhooks']
  readonly deliveries: DeliveryEndpoint
  /** Starts periodic work and continues unfinished hints; called once the server listens. */
  start(): void
}

/** Returns 256 random bits: neither an address nor a secret can be guessed. */
const random = (): string => randomBytes(32).toString('base64url')

/** Joins the receivers of deliveries with the imports that they start. */
export function openWebhooks(parts: WebhookParts, opened: Opened): WebhookRooms {
  const { config, db, domain, sealer, egress, now, log, ownHost } = parts
  const { importer, announcements, hintRetries, schedules } = domain
  const publicUrl = (): string => config.publicUrl?.origin ?? `http://${ownHost()}`
  const fetchKeys = createKeyFetcher((url, options) => egress.request(url, options))
  const context = {
    db,
    senders: createSenders({ fetchKeys, now }),
    secrets: createWebhookSecrets({ db, sealer, random, now }),
    publicUrl,
    now,
  }
  const webhooks = createWebhooks({ ...context, randomKey: random, announcements, schedules })
  const deliveryLog = createDeliveryLog(db, now)
  const worker = opened.use(
    createHintWorker({
      db,
      importer,
      retries: hintRetries,
      now,
      onError: (error) => log.error({ err: error }, 'hint processing failed'),
    }),
  )
  const receiver = createReceiver({
    ...context,
    webhooks,
    log: deliveryLog,
    onHints: worker.wake,
    onBroken: (error, webhookId) => log.error({ err: error, webhookId }, 'cannot open secrets of webhook'),
  })

  return {
    view: {
      store: webhooks,
      senders: context.senders,
      log: deliveryLog,
      publicUrl,
      now,
      test: createTestWebhook(context, webhooks, receiver),
    },
    deliveries: receiver,
    start() {
      opened.use(
        startWebhookMaintenance({
          db,
          log: deliveryLog,
          announcements,
          schedules,
          worker,
          now,
          onError: (error) => log.error({ err: error }, 'webhook maintenance failed'),
        }),
      )
    },
  }
}

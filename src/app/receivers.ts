import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { AuditRecorder } from '../access/audit/audit-log.ts'
import type { Database } from '../db/open.ts'
import type { Egress } from '../egress/egress.ts'
import type { GraphQLContext } from '../graphql/kit/context.ts'
import type { DeliveryEndpoint } from '../http/endpoints/receiver-delivery.ts'
import { createJsonFetcher } from '../published-keys/fetch-json.ts'
import { createDeliveryIntake } from '../receivers/delivery-intake.ts'
import { createDeliveryLog } from '../receivers/delivery-log.ts'
import { startReceiverMaintenance } from '../receivers/maintenance.ts'
import { createReceivers } from '../receivers/receivers.ts'
import { createReceiverSecrets } from '../receivers/secrets.ts'
import { createSettled } from '../receivers/settled.ts'
import { createTestReceiver } from '../receivers/test-receiver.ts'
import { createHintWorker } from '../receivers/worker.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { createSenders } from '../vendors/senders.ts'
import type { Config } from './config.ts'
import type { Domain } from './domain.ts'
import { ownOrigin } from './own-names.ts'
import type { Opened } from './parts.ts'

export interface ReceiverParts {
  readonly config: Config
  readonly db: Database
  readonly audit: AuditRecorder
  readonly domain: Pick<Domain, 'importer' | 'announcements' | 'hintRetries' | 'schedules'>
  readonly sealer: Sealer
  readonly egress: Egress
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** `localhost:4000`; throws before the server listens. */
  readonly ownHost: () => string
}

/** Receivers, joined. */
export interface ReceiverRooms {
  readonly view: GraphQLContext['receivers']
  readonly deliveries: DeliveryEndpoint
  /** Starts periodic work and continues unfinished hints; called once the server listens. */
  start(): void
}

/** Returns 256 random bits: neither an address nor a secret can be guessed. */
const random = (): string => randomBytes(32).toString('base64url')

/** Joins the receivers of deliveries with the imports that they start. */
export function openReceivers(parts: ReceiverParts, opened: Opened): ReceiverRooms {
  const { config, db, audit, domain, sealer, egress, now, log, ownHost } = parts
  const { importer, announcements, hintRetries, schedules } = domain
  const publicUrl = (): string => ownOrigin({ config, ownHost })
  const fetchKeys = createJsonFetcher((url, options) => egress.request(url, options))
  const context = {
    db,
    senders: createSenders({ fetchKeys, now }),
    secrets: createReceiverSecrets({ db, sealer, random, now }),
    publicUrl,
    now,
  }
  const receivers = createReceivers({ ...context, audit, randomKey: random, announcements, schedules })
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
  const intake = createDeliveryIntake({
    ...context,
    receivers,
    log: deliveryLog,
    onHints: worker.wake,
    onBroken: (error, receiverId) => log.error({ err: error, receiverId }, 'cannot open secrets of receiver'),
  })

  const settled = createSettled({ db, importer, worker })

  return {
    view: {
      store: receivers,
      senders: context.senders,
      log: deliveryLog,
      publicUrl,
      now,
      test: createTestReceiver({ ...context, receivers, intake, log: deliveryLog, settled }),
    },
    deliveries: intake,
    start() {
      opened.use(
        startReceiverMaintenance({
          db,
          log: deliveryLog,
          announcements,
          schedules,
          worker,
          now,
          onError: (error) => log.error({ err: error }, 'receiver maintenance failed'),
        }),
      )
    },
  }
}

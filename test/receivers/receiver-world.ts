import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { LoggedDelivery } from '../../src/receivers/delivery-history.ts'
import { createDeliveryIntake, type DeliveryIntake } from '../../src/receivers/delivery-intake.ts'
import { createDeliveryLog, type DeliveryLog } from '../../src/receivers/delivery-log.ts'
import { pathOf, type Receiver } from '../../src/receivers/receiver.ts'
import { type CreateReceiver, createReceivers, type Receivers } from '../../src/receivers/receivers.ts'
import { createReceiverSecrets, type ReceiverSecrets } from '../../src/receivers/secrets.ts'
import { createSettled } from '../../src/receivers/settled.ts'
import { createTestReceiver, type TestReceiverCommand } from '../../src/receivers/test-receiver.ts'
import { createHintWorker, type HintWorker } from '../../src/receivers/worker.ts'
import { createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys } from '../../src/secrets/sealing-key.ts'
import type { Delivery, DeliveryResponse } from '../../src/vendors/delivery/delivery.ts'
import { createSenders, type Senders } from '../../src/vendors/senders.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'
import type { Image, Index } from '../fixtures/random-image.ts'
import { ALL, TestDomain, type TestDomainOptions } from '../fixtures/test-domain.ts'

export const REGISTRY = 'registry.test'
export const REPOSITORY = 'team/app'
/** The repository as the fake registry and streams name it. */
export const SOURCE = `${REGISTRY}/${REPOSITORY}`
const SOURCE_ADDRESS = '192.0.2.1'

export interface Issued {
  readonly receiver: Receiver
  readonly secret: string
}

/** Fields of a delivery of the kind GENERIC. */
export interface Notification {
  readonly registry?: string
  readonly repository?: string
  readonly tag?: string
  readonly tags?: readonly string[]
  readonly digest?: Digest
  readonly action?: 'push' | 'delete'
}

/** Everything from a delivery to its imports, over a real database; only the registry is fake. */
export class ReceiverWorld implements AsyncDisposable {
  readonly domain: TestDomain
  readonly senders: Senders
  readonly secrets: ReceiverSecrets
  readonly receivers: Receivers
  readonly log: DeliveryLog
  readonly worker: HintWorker
  readonly intake: DeliveryIntake
  readonly test: TestReceiverCommand
  readonly errors: unknown[] = []
  /** Next run of the worker. */
  timer: { readonly callback: () => void; readonly milliseconds: number } | undefined
  /** Whether the worker handles hints; otherwise they stay open. */
  isWorking = true

  constructor(options: TestDomainOptions = {}) {
    this.domain = new TestDomain(options)
    const { db, importer, announcements, hintRetries, schedules } = this.domain
    const now = () => this.domain.time
    const sealer = createSealer(parseSealingKeys(newSealingKey(), 'the test'))
    let made = 0
    const random = () => `${String(++made).padStart(8, '0')}-made-for-a-test-alone`
    this.senders = createSenders({ fetchKeys: () => Promise.reject(new Error('no keys here')), now })
    this.secrets = createReceiverSecrets({ db, sealer, random, now })
    this.log = createDeliveryLog(db, now)
    const { senders, secrets, log } = this
    const context = { db, senders, secrets, publicUrl: () => 'https://streams.test', now }
    this.receivers = createReceivers({
      ...context,
      audit: NO_AUDIT,
      randomKey: random,
      announcements,
      schedules,
    })
    this.worker = createHintWorker({
      db,
      importer,
      retries: hintRetries,
      now,
      onError: (error) => this.errors.push(error),
      setTimer: (callback, milliseconds) => {
        this.timer = { callback, milliseconds }
        return () => {
          this.timer = undefined
        }
      },
    })
    const { receivers } = this
    this.intake = createDeliveryIntake({
      ...context,
      receivers,
      log,
      onHints: () => this.#wake(),
      onBroken: (error) => this.errors.push(error),
    })
    schedules.onChanged(() => this.#wake())
    const settled = createSettled({ db, importer, worker: this.worker })
    this.test = createTestReceiver({ ...context, receivers, intake: this.intake, log, settled })
  }

  #wake(): void {
    if (this.isWorking) this.worker.wake()
  }

  create(input: Partial<CreateReceiver> = {}): Issued {
    const { receiver, secret } = this.receivers.create(SYSTEM, {
      namespace: 'default',
      sender: 'GENERIC',
      registry: REGISTRY,
      ...input,
    })
    return { receiver, secret: secret ?? '' }
  }

  receiver({ id }: Receiver): Receiver {
    const found = this.receivers.byIds([id]).get(id)
    if (!found) throw new Error(`there is no receiver ${id}`)
    return found
  }

  /** A stream of all tags of the repository, imported. */
  async follow(name = 'app', spec: object = { dockerImageRepository: SOURCE }, namespace = 'default') {
    const { stream } = this.domain.writer.create(SYSTEM, { namespace, name, spec })
    await this.settle()
    return stream
  }

  push(tag: string, content: Image | Index): this {
    this.domain.remote.push(SOURCE, tag, content)
    return this
  }

  /** A delivery of the kind GENERIC. */
  notification({ secret }: Issued, notification: Notification, id?: string): Delivery {
    return {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        'content-type': 'application/json',
        ...(id !== undefined && { 'webhook-id': id }),
      },
      query: new URLSearchParams(),
      body: Buffer.from(JSON.stringify({ repository: REPOSITORY, ...notification })),
    }
  }

  /** Delivers as the server does; undefined for an unknown receiver. */
  async deliver(
    { receiver }: Pick<Issued, 'receiver'>,
    delivery: Delivery,
    source = SOURCE_ADDRESS,
  ): Promise<DeliveryResponse | undefined> {
    return this.intake.open(pathOf(receiver), source)?.receive(delivery)
  }

  /** Delivers, and waits until its hints and imports are finished. */
  async notify(
    issued: Issued,
    notification: Notification,
    id?: string,
  ): Promise<DeliveryResponse | undefined> {
    const response = await this.deliver(issued, this.notification(issued, notification, id))
    await this.settle()
    return response
  }

  /** Waits until no hint and no import is unfinished. */
  async settle(): Promise<void> {
    const { importRows: rows } = this.domain
    for (let open = [{ id: 0 }]; open.length > 0; ) {
      await this.worker.idle()
      open = rows.unfinished()
      await Promise.all(open.map(({ id }) => this.domain.finished(id)))
    }
  }

  /** Advances the clock to the next run of the worker, and waits for its end. Returns the milliseconds. */
  async retry(): Promise<number | undefined> {
    const { timer } = this
    if (!timer) return undefined
    this.timer = undefined
    this.domain.time += timer.milliseconds
    timer.callback()
    await this.settle()
    return timer.milliseconds
  }

  /** Logged deliveries, newest first. */
  deliveries({ receiver }: Issued): LoggedDelivery[] {
    return this.log.ofReceivers([receiver.id], ALL)
  }

  /** Outcome of each tag that the last delivery concerned: `app:v1 FINISHED`. */
  targets(issued: Issued): string[] {
    const [last] = this.deliveries(issued)
    if (!last) return []
    const hints = this.log.hintsOf([last.id], ALL)
    return this.log
      .targetsOf(
        hints.map(({ id }) => id),
        ALL,
      )
      .map(({ streamId, tag, state }) => {
        const name = this.domain.streams.byIds(SYSTEM, [streamId]).get(streamId)?.name
        return `${name}:${tag || '*'} ${state}`
      })
  }

  /** Imports that receivers requested, in order. */
  requests() {
    return this.domain.db
      .prepare<{ request: string }>('select request from imports order by id')
      .all()
      .map(({ request }) => JSON.parse(request))
      .filter(({ urgency }) => urgency === 'webhook')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.worker[Symbol.dispose]()
    await this.worker.idle()
    await this.domain[Symbol.asyncDispose]()
  }
}

import { expect } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { unlessAborted } from '../../src/concurrency/abort.ts'
import {
  createExternalRegistry,
  type ExternalRegistry,
  type ExternalRegistryDependencies,
} from '../../src/external-registry/external-registry.ts'
import {
  createNotificationInbox,
  type NotificationInbox,
} from '../../src/external-registry/notification-inbox.ts'
import { parseEnvelope } from '../../src/oci/distribution-events.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { deleteEvent, type EventOptions, envelopeOf, pushEvent } from '../fixtures/notifications.ts'
import type { Image, Index } from '../fixtures/random-image.ts'
import { TestDomain, tagName } from '../fixtures/test-domain.ts'

export const HOST = 'registry.test:5000'

/** The domain with an external registry in place of the integrated one; only that registry is fake. */
export class ExternalWorld implements AsyncDisposable {
  readonly domain: TestDomain
  readonly inbox: NotificationInbox
  readonly registry: FakeRegistry
  readonly warnings: string[] = []
  readonly internalErrors: unknown[] = []
  /** Milliseconds of each wait for the next attempt so far. */
  readonly delays: number[] = []
  readonly #wakeUps: (() => void)[] = []
  external: ExternalRegistry

  constructor(file?: string, registry = new FakeRegistry()) {
    this.registry = registry
    this.domain = new TestDomain({ remote: registry, ...(file !== undefined && { file }) })
    this.inbox = createNotificationInbox({ db: this.domain.db, now: () => this.domain.time })
    this.external = this.open()
  }

  open(changes: Partial<ExternalRegistryDependencies> = {}): ExternalRegistry {
    const { db, streams, tags, lookBack, writer, images, recorder } = this.domain
    return createExternalRegistry({
      db,
      streams,
      tags,
      lookBack,
      writer,
      images,
      recorder,
      inbox: this.inbox,
      remote: this.registry,
      registry: HOST,
      insecure: true,
      importMode: 'Legacy',
      now: () => this.domain.time,
      reconcileEvery: null,
      warn: (message) => this.warnings.push(message),
      onInternalError: (error) => this.internalErrors.push(error),
      sleep: (milliseconds, signal) => {
        this.delays.push(milliseconds)
        return unlessAborted(new Promise<void>((resolve) => this.#wakeUps.push(resolve)), signal)
      },
      ...changes,
    })
  }

  /** Adds content to the registry, without a notification. */
  push(repository: string, tag: string, content: Image | Index): this {
    this.registry.push(`${HOST}/${repository}`, tag, content)
    return this
  }

  /** Delivers these events of the registry, in one envelope. */
  async notify(...events: readonly object[]): Promise<void> {
    await this.inbox.receive(parseEnvelope(envelopeOf(...events)))
    this.external.wake()
  }

  /** Delivers the notification of a push at the present time; it is handled later. */
  async tellPush(options: EventOptions): Promise<void> {
    await this.notify(pushEvent({ at: this.domain.time, ...options }))
    await this.external.idle()
  }

  async tellDelete(options: EventOptions): Promise<void> {
    await this.notify(deleteEvent({ at: this.domain.time, ...options }))
    await this.external.idle()
  }

  /** Adds content to the registry, and delivers its notification, one second after the previous one. */
  async pushAndTell(repository: string, tag: string, content: Image | Index): Promise<void> {
    this.domain.time += 1000
    this.push(repository, tag, content)
    await this.tellPush({ repository, tag, digest: content.digest })
  }

  /** Ends all waits for a next attempt, after so many waits have begun since the start. */
  async wakeUp(delays: number): Promise<void> {
    await expect.poll(() => this.delays.length).toBe(delays)
    for (const wake of this.#wakeUps.splice(0)) wake()
  }

  /** `tag → digest` of each push, oldest first. */
  log(): string[] {
    const pushes = this.domain.log()
    const images = this.domain.images.byIds(pushes.map(({ imageId }) => imageId))
    return pushes.map(({ namespace, imageStreamName, tag, imageId }) => {
      return `${namespace}/${imageStreamName}:${tag} ${images.get(imageId)?.digest}`
    })
  }

  /** Digest of the image that the tag points to. */
  digest(namespace: string, name: string, tag: string): string | undefined {
    const stream = this.domain.streams.byName(SYSTEM, namespace, name)
    return stream && this.domain.tags.named([stream.id], tagName(tag))[0]?.image?.digest
  }

  async restart(): Promise<void> {
    await this.external[Symbol.asyncDispose]()
    this.external = this.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.external[Symbol.asyncDispose]()
    await this.domain[Symbol.asyncDispose]()
  }
}

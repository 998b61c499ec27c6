import { EVERYTHING } from '../../src/access/right/rights.ts'
import type { Viewer } from '../../src/access/right/viewer.ts'
import type { RightsOf } from '../../src/imagestream/record/record-followers.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { newSealingKey } from '../../src/secrets/sealing-key.ts'
import type { Answer } from '../../src/triggers/content/answer.ts'
import { newReading } from '../../src/triggers/definition/bases-reading.ts'
import type { Trigger } from '../../src/triggers/definition/trigger.ts'
import { createTriggerRows } from '../../src/triggers/definition/trigger-rows.ts'
import type { Guards } from '../../src/triggers/guard/guards.ts'
import type { Attempted } from '../../src/triggers/run/attempt.ts'
import type { VerifyMove } from '../../src/triggers/run/guarding.ts'
import type { StoredTarget } from '../../src/triggers/state/target.ts'
import { createTriggers, type Triggers } from '../../src/triggers/triggers.ts'
import { type Image, type Index, image } from '../fixtures/random-image.ts'
import { REGISTRY_HOST, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { sealerOf } from '../registry-config/world.ts'

export const OK: Answer = { status: 200, text: '', link: null, failure: null }
export const BUSY: Answer = {
  ...{ status: 503, text: '', link: null },
  failure: { kind: 'LATER', message: 'it responded with status 503' },
}

interface TriggerRow {
  readonly guards?: Guards
  readonly source?: Trigger['source']
  /** `default/ruby:*` */
  readonly bases?: string | null
  readonly basesNamedBy?: string | null
  readonly streams?: string
  readonly tags?: string
  readonly host?: string
}

/** A domain whose triggers call `answer` instead of a receiver. */
export class World extends TestDomain {
  /** What was attempted: trigger, tag and image. */
  readonly attempts: string[] = []
  readonly errors: unknown[] = []
  rightsOf: RightsOf = () => EVERYTHING
  /** The signatures of the image of an entry of a tag's history. */
  verify: VerifyMove = async () => ({ isVerified: true, message: 'signed' })
  /** Whether attempts reach the receiver. */
  isSent = true
  answer: (attempted: Attempted) => Promise<Answer> | Answer = () => OK
  readonly #rows = createTriggerRows(this.db)
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  #count = 0
  triggers = this.#createTriggers()

  #createTriggers(): Triggers {
    const now = () => this.time
    const { db, audit, changeLog, streams, tags } = this
    const unused = (): never => {
      throw new Error('no request is sent')
    }
    return createTriggers({
      ...{ db, audit, changeLog, streams, tags, now, random: () => 0.5, uuid: () => 'u' },
      ...{
        sealer: sealerOf(newSealingKey()),
        egress: { request: unused },
        perform: unused,
        rehearse: unused,
      },
      ...{ publicUrl: () => 'https://streams.test', isOwn: () => false, registryHost: () => REGISTRY_HOST },
      rightsOf: (principal) => this.rightsOf(principal),
      verify: (eventId) => this.verify(eventId),
      attempt: async (attempted) => {
        const { trigger, move } = attempted
        this.attempts.push(`${trigger.id} ${move.tag} ${move.digest}`)
        const answer = await this.answer(attempted)
        return { at: now(), milliseconds: 1, request: null, isSent: this.isSent, answer }
      },
      onError: (error) => this.errors.push(error),
      setTimer: (callback, milliseconds) => {
        const timer = { at: this.time + milliseconds, callback }
        this.#timers.add(timer)
        return () => this.#timers.delete(timer)
      },
    })
  }

  get worker(): Triggers['worker'] {
    return this.triggers.worker
  }

  get targets(): Triggers['targets'] {
    return this.triggers.targets
  }

  get deliveries(): Triggers['deliveries'] {
    return this.triggers.deliveries
  }

  trigger({
    streams = 'ruby',
    tags = '*',
    host = 'build.test',
    guards = {},
    source = 'TAG',
    bases = null,
    basesNamedBy = null,
  }: TriggerRow = {}): void {
    this.#rows.insert({
      ...{ uid: 'u', namespace: 'default', name: `t${++this.#count}`, streams, tags, host, guards },
      ...{
        source,
        bases,
        basesNamedBy,
        basesReadFrom: source === 'BASE_IMAGE' ? newReading(this.changeLog.head()) : null,
      },
      ...{ since: this.changeLog.head(), createdBy: 'somebody', createdAt: 0, updatedAt: 0 },
      ...{ pausedAt: null, pausedUntil: null, pausedBy: null, pauseReason: null, disabledReason: null },
      action: {
        kind: 'HTTP',
        settings: {
          ...{
            url: `http://${host}/`,
            format: 'CLOUD_EVENT',
            template: null,
            signature: 'NONE',
            headers: [],
          },
        },
      },
    })
  }

  /** Moves a tag upstream, imports it, and lets the worker do what it can. */
  move(tag: string, seed: string): Promise<string> {
    return this.moveTo(tag, image({ seed }))
  }

  /** Moves a tag as `move`, to a given image or index. */
  async moveTo(tag: string, pushed: Image | Index): Promise<string> {
    this.remote.push(UPSTREAM, tag, pushed)
    await this.import({ all: true })
    this.worker.wake()
    await this.worker.idle()
    return pushed.digest
  }

  /** Approves an image for the target, as this viewer. */
  approve(viewer: Viewer, digest: string): StoredTarget {
    return this.triggers.approve(viewer, { id: this.target().id, digest: digest as Digest })
  }

  /** Lets time pass, and the timers that are due call back. */
  async later(milliseconds: number): Promise<void> {
    this.time += milliseconds
    const due = [...this.#timers].filter(({ at }) => at <= this.time)
    for (const timer of due) if (this.#timers.delete(timer)) timer.callback()
    await this.worker.idle()
  }

  tagId(name: string): number {
    return this.tags.named([this.stream().id], tagName(name))[0]?.id ?? 0
  }

  target(): StoredTarget {
    const target = this.targets.find({ triggerId: 1, tagId: this.tagId('latest') })
    if (!target) throw new Error('there is no target')
    return target
  }

  /** Ends the triggers as a crash does, and starts others. */
  restart(): void {
    this.#timers.clear()
    this.triggers = this.#createTriggers()
  }
}

/** Opens a world with the tag `latest` of the stream `ruby`. */
export async function open(): Promise<World> {
  const world = new World()
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'first' }))
  await world.create()
  return world
}

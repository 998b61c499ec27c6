import { EVERYTHING } from '../../src/access/right/rights.ts'
import type { Viewer } from '../../src/access/right/viewer.ts'
import type { RightsOf } from '../../src/imagestream/record/record-followers.ts'
import { NotFoundError } from '../../src/input/errors.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { createBaseContent } from '../../src/triggers/base/base-content.ts'
import { createBaseNames } from '../../src/triggers/base/base-names.ts'
import { createBases } from '../../src/triggers/base/bases.ts'
import { createDerivedTags } from '../../src/triggers/base/derived-tags.ts'
import type { Answer } from '../../src/triggers/content/answer.ts'
import { createMatchingTriggers } from '../../src/triggers/definition/matching-triggers.ts'
import type { Trigger } from '../../src/triggers/definition/trigger.ts'
import { createTriggerRows } from '../../src/triggers/definition/trigger-rows.ts'
import type { Guards } from '../../src/triggers/guard/guards.ts'
import { createApproval } from '../../src/triggers/run/approval.ts'
import type { Attempted } from '../../src/triggers/run/attempt.ts'
import { createBaseMoves } from '../../src/triggers/run/base-moves.ts'
import { createCauses } from '../../src/triggers/run/causes.ts'
import { createDeliveryChanges } from '../../src/triggers/run/changes.ts'
import { createDescribeDelivery } from '../../src/triggers/run/described.ts'
import { DueLanes } from '../../src/triggers/run/due-lanes.ts'
import { createGuarding, type VerifyMove } from '../../src/triggers/run/guarding.ts'
import { createLogReader } from '../../src/triggers/run/log-reader.ts'
import { createMoves } from '../../src/triggers/run/moves.ts'
import { createPolicyMoves } from '../../src/triggers/run/policy-moves.ts'
import { createTriggerWorker } from '../../src/triggers/run/worker.ts'
import { MAX_DELAY } from '../../src/triggers/state/backoff.ts'
import { createDeliveryRows } from '../../src/triggers/state/delivery-rows.ts'
import type { StoredTarget } from '../../src/triggers/state/target.ts'
import { createTargetRows } from '../../src/triggers/state/target-rows.ts'
import { createTargets } from '../../src/triggers/state/targets.ts'
import { type Image, type Index, image } from '../fixtures/random-image.ts'
import { REGISTRY_HOST, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

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
  answer: (attempted: Attempted) => Promise<Answer> | Answer = () => OK
  readonly rows = createTargetRows(this.db, () => this.time)
  readonly deliveries = createDeliveryRows(this.db, () => this.time)
  readonly triggers = createTriggerRows(this.db)
  readonly causes = createCauses(this.db)
  worker = this.#createWorker()
  #timer: (() => void) | undefined
  #count = 0

  #createWorker() {
    const now = () => this.time
    const { db, changeLog, tags, rows, deliveries, triggers: definitions } = this
    rows.planAgain(MAX_DELAY)
    const dueLanes = new DueLanes(rows)
    const targets = createTargets({ rows, deliveries, onPlanned: (host, at) => dueLanes.plan(host, at) })
    const verify: VerifyMove = (eventId) => this.verify(eventId)
    const onError = (error: unknown) => this.errors.push(error)
    const wake = () => this.worker.wake()
    const describe = createMoves(db)
    const namesOf = createBaseNames(db, () => REGISTRY_HOST)
    const baseMoves = createBaseMoves({
      ...{ tags, targets, now, triggers: definitions, derivedTags: createDerivedTags(db) },
      bases: createBases({ db, contentOf: createBaseContent(db), namesOf }),
      rightsOf: (principal) => this.rightsOf(principal),
    })
    const guarding = createGuarding({ db, deliveries, targets, verify, now, wake, onError })
    return createTriggerWorker({
      ...{ db, rows, now, deliveries, dueLanes, targets, triggers: definitions },
      describe: createDescribeDelivery(describe, tags),
      guarding,
      causes: this.causes,
      changes: createDeliveryChanges(),
      reader: createLogReader({
        ...{ db, changeLog, tags, targets, baseMoves, now },
        ...{ matching: createMatchingTriggers(db), isByPolicy: createPolicyMoves(db) },
      }),
      attempts: {
        run: async (attempted) => {
          const { trigger, move } = attempted
          this.attempts.push(`${trigger.id} ${move.tag} ${move.digest}`)
          const answer = await this.answer(attempted)
          return { at: now(), milliseconds: 1, request: null, answer }
        },
      },
      onPass: () => {},
      disable: () => {},
      resumeEnded: () => {},
      nextResumeAt: () => undefined,
      random: () => 0.5,
      onError,
      setTimer: (callback) => {
        this.#timer = callback
        return () => {
          this.#timer = undefined
        }
      },
    })
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
    this.triggers.insert({
      ...{ uid: 'u', namespace: 'default', name: `t${++this.#count}`, streams, tags, host, guards },
      ...{ source, bases, basesNamedBy, basesReadFrom: source === 'BASE_IMAGE' ? '' : null },
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
    const { db, audit, rows, deliveries, tags, triggers } = this
    const approve = createApproval({
      ...{ db, audit, rows, tags, describe: createMoves(db), now: () => this.time },
      targets: createTargets({ rows, deliveries, onPlanned: () => this.restart() }),
      definitions: {
        find(_, id) {
          const trigger = triggers.byIds([id]).get(id)
          if (!trigger) throw new NotFoundError('no trigger has this id')
          return trigger
        },
      },
      wake: () => this.worker.wake(),
    })
    return approve(viewer, { id: this.target().id, digest: digest as Digest })
  }

  /** Lets time pass until the next attempt is due. */
  async later(milliseconds: number): Promise<void> {
    this.time += milliseconds
    this.#timer?.()
    await this.worker.idle()
  }

  tagId(name: string): number {
    return this.tags.named([this.stream().id], tagName(name))[0]?.id ?? 0
  }

  target(): StoredTarget {
    const target = this.rows.find({ triggerId: 1, tagId: this.tagId('latest') })
    if (!target) throw new Error('there is no target')
    return target
  }

  /** Ends the worker as a crash does, and starts another. */
  restart(): void {
    this.worker = this.#createWorker()
  }
}

/** Opens a world with the tag `latest` of the stream `ruby`. */
export async function open(): Promise<World> {
  const world = new World()
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'first' }))
  await world.create()
  return world
}

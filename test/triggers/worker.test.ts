import { expect, it } from 'vitest'
import type { Answer } from '../../src/triggers/content/answer.ts'
import { createMatchingTriggers } from '../../src/triggers/definition/matching-triggers.ts'
import { createTriggerRows } from '../../src/triggers/definition/trigger-rows.ts'
import type { Attempted } from '../../src/triggers/run/attempt.ts'
import { DueHosts } from '../../src/triggers/run/due-hosts.ts'
import { createLogReader } from '../../src/triggers/run/log-reader.ts'
import { createMoves } from '../../src/triggers/run/moves.ts'
import { createTriggerWorker } from '../../src/triggers/run/worker.ts'
import { MAX_DELAY } from '../../src/triggers/state/backoff.ts'
import { createDeliveryRows } from '../../src/triggers/state/delivery-rows.ts'
import { createTargetRows, type StoredTarget } from '../../src/triggers/state/target-rows.ts'
import { LEASE } from '../../src/triggers/state/target-state.ts'
import { createTargets } from '../../src/triggers/state/targets.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

const OK: Answer = { status: 200, text: '', link: null, failure: null }
const BUSY: Answer = {
  ...{ status: 503, text: '', link: null },
  failure: { kind: 'LATER', message: 'it responded with status 503' },
}

interface TriggerRow {
  readonly streams?: string
  readonly tags?: string
  readonly host?: string
}

/** A domain whose triggers call `attempt`. */
class World extends TestDomain {
  /** What was attempted: trigger, tag and image. */
  readonly attempts: string[] = []
  readonly errors: unknown[] = []
  answer: (attempted: Attempted) => Promise<Answer> | Answer = () => OK
  readonly rows = createTargetRows(this.db, () => this.time)
  readonly deliveries = createDeliveryRows(this.db, () => this.time)
  readonly triggers = createTriggerRows(this.db)
  worker = this.#createWorker()
  #timer: (() => void) | undefined
  #count = 0

  #createWorker() {
    const now = () => this.time
    const { db, changeLog, tags, rows, deliveries, triggers: definitions } = this
    rows.planAgain(MAX_DELAY)
    const dueHosts = new DueHosts(rows)
    const targets = createTargets({ rows, deliveries, onPlanned: (host, at) => dueHosts.plan(host, at) })
    return createTriggerWorker({
      ...{ db, rows, now, deliveries, dueHosts, targets, triggers: definitions, describe: createMoves(db) },
      reader: createLogReader({ db, changeLog, tags, matching: createMatchingTriggers(db), targets, now }),
      attempts: {
        run: async (attempted) => {
          const { trigger, move } = attempted
          this.attempts.push(`${trigger.id} ${move.tag} ${move.digest}`)
          const answer = await this.answer(attempted)
          return { at: now(), milliseconds: 1, request: null, answer }
        },
      },
      disable: () => {},
      resumeEnded: () => {},
      nextResumeAt: () => undefined,
      random: () => 0.5,
      onError: (error) => this.errors.push(error),
      setTimer: (callback) => {
        this.#timer = callback
        return () => {
          this.#timer = undefined
        }
      },
    })
  }

  trigger({ streams = 'ruby', tags = '*', host = 'build.test' }: TriggerRow = {}): void {
    this.triggers.insert({
      ...{ uid: 'u', namespace: 'default', name: `t${++this.#count}`, streams, tags, host },
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
  async move(tag: string, seed: string): Promise<string> {
    const pushed = image({ seed })
    this.remote.push(UPSTREAM, tag, pushed)
    await this.import({ all: true })
    this.worker.wake()
    await this.worker.idle()
    return pushed.digest
  }

  /** Lets time pass until the next attempt is due. */
  async later(milliseconds: number): Promise<void> {
    this.time += milliseconds
    this.#timer?.()
    await this.worker.idle()
  }

  target(): StoredTarget {
    const target = this.rows.find({ triggerId: 1, streamId: this.stream().id, tag: tagName('latest') })
    if (!target) throw new Error('there is no target')
    return target
  }

  /** Ends the worker as a crash does, and starts another. */
  restart(): void {
    this.worker = this.#createWorker()
  }
}

async function open(): Promise<World> {
  const world = new World()
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'first' }))
  await world.create()
  return world
}

it('a trigger acts for moves after its creation, of the streams and tags that its patterns match', async () => {
  await using world = await open()
  world.trigger({ tags: 'v*' })
  world.trigger({ streams: 'r*', tags: 'latest' })
  world.trigger({ streams: 'other' })
  const [v1, latest] = [await world.move('v1', 'a'), await world.move('latest', 'b')]
  expect(world.attempts).toEqual([`1 v1 ${v1}`, `2 latest ${latest}`])
  expect(world.errors).toEqual([])
})

it('the same image causes nothing, and a rollback acts', async () => {
  await using world = await open()
  world.trigger()
  const moved = await world.move('latest', 'b')
  await world.move('latest', 'b')
  const back = await world.move('latest', 'first')
  expect(world.attempts).toEqual([`1 latest ${moved}`, `1 latest ${back}`])
})

it('many moves during an outage cause one delivery, of the newest image', async () => {
  await using world = await open()
  world.trigger()
  world.answer = () => BUSY
  const first = await world.move('latest', 'm0')
  for (let at = 1; at <= 5; at++) await world.move('latest', `m${at}`)
  world.answer = () => OK
  const attempts = world.attempts.length
  await world.later(5_000)
  expect(attempts).toBe(6)
  expect(world.attempts[0]).toContain(first)
  expect(world.attempts.slice(attempts)).toEqual([`1 latest ${image({ seed: 'm5' }).digest}`])
})

it('an attempt that a crash has ended is made again by the next process', async () => {
  await using world = await open()
  world.trigger()
  world.answer = () => new Promise(() => {})
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  world.worker.wake()
  await expect.poll(() => world.attempts.length).toBe(1)
  world.answer = () => OK
  world.restart()
  world.worker.wake()
  await world.worker.idle()
  expect(world.attempts).toHaveLength(2)
  expect(world.attempts[1]).toBe(world.attempts[0])
})

it('a host that does not respond delays no other', async () => {
  await using world = await open()
  for (let at = 0; at < 10; at++) world.trigger({ host: 'dead.test' })
  world.trigger({ host: 'quick.test' })
  const waiting = new Promise<Answer>(() => {})
  world.answer = ({ trigger: { host } }) => (host === 'dead.test' ? waiting : OK)
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  world.worker.wake()
  const key = { triggerId: 11, streamId: world.stream().id, tag: tagName('latest') }
  const fired = () => world.rows.find(key)?.state.fired ?? null
  await expect.poll(fired).not.toBeNull()
  expect(world.attempts.filter((one) => !one.startsWith('11 '))).toHaveLength(4)
})

it('an attempt that takes long keeps its lease, and is not made twice', async () => {
  await using world = await open()
  world.trigger()
  let finish = (_: Answer): void => {}
  world.answer = () =>
    new Promise((resolve) => {
      finish = resolve
    })
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  world.worker.wake()
  await expect.poll(() => world.attempts.length).toBe(1)
  for (let passed = 0; passed < 5 * LEASE; passed += LEASE) {
    world.time += LEASE
    world.worker.wake()
    await expect.poll(() => world.target().state.delivery?.leaseUntil).toBe(world.time + LEASE)
  }
  finish(OK)
  await world.worker.idle()
  expect(world.attempts).toHaveLength(1)
  expect(world.target()).toMatchObject({
    stateName: 'IDLE',
    state: { fired: { imageId: expect.any(Number) } },
  })
})

it('a clock that was set back delays no attempt beyond the longest wait', async () => {
  await using world = await open()
  world.trigger()
  world.answer = () => BUSY
  await world.move('latest', 'b')
  world.time -= 2 * MAX_DELAY
  world.answer = () => OK
  world.restart()
  world.worker.wake()
  await world.worker.idle()
  expect(world.attempts).toHaveLength(2)
})

it('a delivery keeps its id over attempts, and one that a newer image replaces is kept as superseded', async () => {
  await using world = await open()
  world.trigger()
  world.answer = () => BUSY
  await world.move('latest', 'b')
  await world.later(5_000)
  world.answer = () => OK
  await world.move('latest', 'c')
  const deliveries = [...world.deliveries.byIds([1, 2, 3]).values()]
  expect(deliveries).toMatchObject([
    { state: 'SUPERSEDED', attempts: 2, message: 'the tag has moved to another image since' },
    { state: 'DELIVERED', attempts: 1, message: null },
  ])
  expect(new Set(deliveries.map(({ webhookId }) => webhookId)).size).toBe(2)
})

import { expect, it } from 'vitest'
import type { Answer } from '../../src/triggers/content/answer.ts'
import { MAX_DELAY } from '../../src/triggers/state/backoff.ts'
import { LEASE } from '../../src/triggers/state/target-state.ts'
import { image } from '../fixtures/random-image.ts'
import { UPSTREAM } from '../fixtures/test-domain.ts'
import { BUSY, OK, open } from './world.ts'

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
  const key = { triggerId: 11, tagId: world.tagId('latest') }
  const fired = () => world.rows.find(key)?.state.fired ?? null
  await expect.poll(fired).not.toBeNull()
  expect(world.attempts.filter((one) => !one.startsWith('11 '))).toHaveLength(4)
})

it('a pass that fails gives back the places that it took', async () => {
  await using world = await open()
  for (let at = 0; at < 4; at++) world.trigger()
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  const { transactUnsynced } = world.db
  Object.assign(world.db, {
    transactUnsynced: (write: Parameters<typeof transactUnsynced>[0]) =>
      transactUnsynced((tx) => {
        write(tx)
        throw new Error('the disk is full')
      }),
  })
  for (let turn = 0; turn < 2; turn++) {
    world.worker.wake()
    await world.worker.idle()
  }
  Object.assign(world.db, { transactUnsynced })

  world.worker.wake()
  await world.worker.idle()
  expect(world.attempts).toHaveLength(4)
})

it('a pass that fails after it has begun a part gives back the places of that part', async () => {
  await using world = await open()
  for (let at = 0; at < 4; at++) world.trigger({ host: 'first.test' })
  world.trigger({ host: 'second.test' })
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  const { due } = world.rows
  Object.assign(world.rows, {
    due(lane: string, limit: number) {
      if (lane.endsWith('second.test')) throw new Error('the disk is full')
      return due(lane, limit)
    },
  })
  world.worker.wake()
  await world.worker.idle()
  expect(world.errors).toHaveLength(1)
  Object.assign(world.rows, { due })

  await world.later(5_000)
  expect(world.attempts).toHaveLength(5)
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

it('a pass that fails is made again after some seconds, without another move', async () => {
  await using world = await open()
  world.trigger()
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  const { transactUnsynced } = world.db
  Object.assign(world.db, {
    transactUnsynced() {
      throw new Error('the disk is full')
    },
  })
  world.worker.wake()
  await world.worker.idle()
  Object.assign(world.db, { transactUnsynced })
  expect(world.errors).toHaveLength(1)
  expect(world.attempts).toEqual([])

  await world.later(5_000)
  expect(world.attempts).toHaveLength(1)
})

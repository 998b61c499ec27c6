import { expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
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
  const fired = () => world.targets.find(key)?.state.fired ?? null
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
  const { due } = world.targets
  Object.assign(world.targets, {
    due(lane: string, limit: number) {
      if (lane.endsWith('second.test')) throw new Error('the disk is full')
      return due(lane, limit)
    },
  })
  world.worker.wake()
  await world.worker.idle()
  expect(world.errors).toHaveLength(1)
  Object.assign(world.targets, { due })

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

it('a rollback is delivered although nothing else was since, when an attempt of another image may have been accepted', async () => {
  await using world = await open()
  world.trigger()
  const first = await world.move('latest', 'a')
  world.answer = () => BUSY
  const second = await world.move('latest', 'b')
  world.answer = () => OK
  await world.move('latest', 'a')
  expect(world.attempts).toEqual([first, second, first].map((digest) => `1 latest ${digest}`))
})

it('targets that a guard holds take no place: what is behind them is attempted at once', async () => {
  await using world = await open()
  world.trigger({ tags: 'v*', guards: { approval: true } })
  world.trigger({ tags: 'w' })
  for (let at = 0; at < 10; at++) world.remote.push(UPSTREAM, `v${at}`, image({ seed: `v${at}` }))
  world.remote.push(UPSTREAM, 'w', image({ seed: 'w' }))
  await world.import({ all: true })
  world.worker.wake()
  await world.worker.idle()

  const stateOf = (tag: string) => world.targets.find({ triggerId: 1, tagId: world.tagId(tag) })?.stateName
  expect(Array.from({ length: 10 }, (_, at) => stateOf(`v${at}`))).toEqual(Array(10).fill('WAITING'))
  expect(world.attempts).toHaveLength(1)
})

it('a move that a kill cuts off from its first pass is delivered after the restart', async () => {
  await using world = await open()
  world.trigger()
  world.remote.push(UPSTREAM, 'latest', image({ seed: 'b' }))
  await world.import({ all: true })
  world.restart()
  world.worker.wake()
  await world.worker.idle()
  expect(world.attempts).toHaveLength(1)
})

it('a delivery that cannot begin fails alone, and is tried again', async () => {
  await using world = await open()
  const window = { cron: '* * * * *', durationMinutes: 10, timeZone: 'Nowhere/None' }
  world.trigger({ tags: 'a', guards: { windows: [window] } })
  world.trigger({ tags: 'b' })
  await world.move('a', 'a')
  await world.move('b', 'b')

  expect(world.errors).toHaveLength(1)
  expect(world.attempts).toHaveLength(1)
  const target = world.targets.find({ triggerId: 1, tagId: world.tagId('a') })
  expect(target).toMatchObject({ stateName: 'RETRYING', message: expect.stringContaining('internal error') })
})

it('the delivery of a tag that was removed is given up', async () => {
  await using world = await open()
  world.trigger()
  world.answer = () => BUSY
  await world.move('latest', 'b')
  const { id } = world.target()
  world.tagRemoval.remove(SYSTEM, { namespace: 'default', imageStream: 'ruby', tag: 'latest' })
  world.answer = () => OK
  await world.later(5_000)

  expect(world.attempts).toHaveLength(1)
  expect(world.targets.byIds([id]).get(id)).toMatchObject({
    stateName: 'IDLE',
    message: expect.stringContaining('was removed'),
  })
  expect([...world.deliveries.byIds([1]).values()]).toMatchObject([{ state: 'SUPERSEDED' }])
})

it('an attempt that was not sent does not make its host slow for others', async () => {
  await using world = await open()
  for (let at = 0; at < 6; at++) world.trigger({ tags: 'b' })
  world.trigger({ tags: 'a' })
  world.isSent = false
  world.answer = () => ({ ...BUSY, status: null })
  await world.move('a', 'a')
  const waiting = new Promise<Answer>(() => {})
  world.answer = () => waiting
  world.remote.push(UPSTREAM, 'b', image({ seed: 'b' }))
  await world.import({ all: true })
  world.worker.wake()
  await expect.poll(() => world.attempts.length).toBe(5)
})

import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { EVERYTHING } from '../../src/access/right/rights.ts'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import { auditEntries } from '../../src/db/tables/index.ts'
import type { Guards } from '../../src/triggers/guard/guards.ts'
import { image, index } from '../fixtures/random-image.ts'
import { UPSTREAM } from '../fixtures/test-domain.ts'
import { BUSY, OK, open, type World } from './world.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const arm64 = { os: 'linux', architecture: 'arm64' }

async function guarded(guards: Guards): Promise<World> {
  const world = await open()
  world.trigger({ guards })
  return world
}

describe('a guard', () => {
  it('lets a move wait, with its reason and the time of the next judgement, and then act', async () => {
    await using world = await guarded({ minimumAgeSeconds: 3_600 })
    const digest = await world.move('latest', 'b')

    expect(world.attempts).toEqual([])
    expect(world.target()).toMatchObject({
      stateName: 'WAITING',
      message: 'the tag has not pointed to the image for 3600 seconds yet',
      state: { delivery: { guard: 'MINIMUM_AGE', nextAt: world.time + HOUR } },
    })

    await world.later(HOUR)
    expect(world.attempts).toEqual([`1 latest ${digest}`])
    expect(world.target()).toMatchObject({ stateName: 'IDLE', message: null })
  })

  it('holds the newest image alone: the age begins again with it', async () => {
    await using world = await guarded({ minimumAgeSeconds: 3_600 })
    await world.move('latest', 'b')
    world.time += HOUR / 2
    const newest = await world.move('latest', 'c')
    await world.later(HOUR / 2)
    expect(world.attempts).toEqual([])

    await world.later(HOUR / 2)
    expect(world.attempts).toEqual([`1 latest ${newest}`])
    expect(world.deliveries.byIds([1, 2]).size).toBe(1)
  })

  it('that waits is still waiting after a restart, and when the clock is set back it waits no longer than before', async () => {
    await using world = await guarded({ minimumAgeSeconds: 3_600 })
    const digest = await world.move('latest', 'b')
    world.time -= 30 * 24 * HOUR
    world.restart()
    world.worker.wake()
    await world.worker.idle()
    expect(world.target()).toMatchObject({ stateName: 'WAITING' })

    await world.later(HOUR)
    expect(world.attempts).toEqual([`1 latest ${digest}`])
  })

  it('forgets an image when the tag points again to the one that was delivered', async () => {
    await using world = await guarded({ minimumAgeSeconds: 3_600 })
    await world.move('latest', 'b')
    await world.later(HOUR)
    await world.move('latest', 'c')
    await world.move('latest', 'b')

    expect(world.target()).toMatchObject({ stateName: 'IDLE', state: { delivery: null } })
  })
})

describe('a maintenance window', () => {
  // the world begins on 1 January 2026 at midnight
  const nights = { windows: [{ cron: '0 2 * * *', timeZone: 'UTC', durationMinutes: 60 }] }

  it('holds what moves until it opens', async () => {
    await using world = await guarded(nights)
    await world.move('latest', 'b')
    const newest = await world.move('latest', 'c')
    expect(world.target()).toMatchObject({ stateName: 'WAITING', state: { delivery: { guard: 'WINDOW' } } })

    await world.later(2 * HOUR)
    expect(world.attempts).toEqual([`1 latest ${newest}`])
  })

  it('holds retries, too', async () => {
    await using world = await guarded(nights)
    world.answer = () => BUSY
    await world.move('latest', 'b')
    await world.later(2 * HOUR)
    while (world.target().stateName === 'RETRYING') {
      const { nextAt } = world.target().state.delivery ?? {}
      await world.later((nextAt ?? 0) - world.time)
    }
    expect(world.target()).toMatchObject({
      stateName: 'WAITING',
      state: { delivery: { guard: 'WINDOW', nextAt: Date.UTC(2026, 0, 2, 2) } },
    })

    world.answer = () => OK
    await world.later(Date.UTC(2026, 0, 2, 2) - world.time)
    expect(world.target()).toMatchObject({ stateName: 'IDLE' })
    expect(new Set(world.attempts).size).toBe(1)
  })
})

it('all platforms present: an image that lacks one waits until the tag moves', async () => {
  await using world = await guarded({ platforms: ['linux/amd64', 'linux/arm64'] })
  world.writer.update(SYSTEM, {
    ...{ namespace: 'default', name: 'ruby' },
    spec: { importPolicy: { insecure: false, scheduled: false, importMode: 'PreserveOriginal' } },
  })
  await world.move('latest', 'b')
  expect(world.target()).toMatchObject({
    stateName: 'WAITING',
    message: 'the image lacks linux/arm64: it has linux/amd64',
    state: { delivery: { guard: 'PLATFORMS', nextAt: null } },
  })

  const both = index([image({ seed: 'c' }), image({ seed: 'c', platform: arm64 })])
  await world.moveTo('latest', both)
  expect(world.attempts).toEqual([`1 latest ${both.digest}`])
})

it('maximum rate: of many tags that move, only so many act in an hour', async () => {
  await using world = await guarded({ maxPerHour: 2 })
  for (const tag of ['a', 'b', 'c', 'd', 'e']) await world.move(tag, tag)
  expect(world.attempts).toHaveLength(2)

  await world.later(HOUR)
  expect(world.attempts).toHaveLength(4)
  await world.later(HOUR - 1)
  expect(world.attempts).toHaveLength(4)
  await world.later(1)
  expect(world.attempts).toHaveLength(5)
})

it('maximum rate: another attempt of the same delivery is no further one', async () => {
  await using world = await guarded({ maxPerHour: 1 })
  world.answer = () => BUSY
  await world.move('latest', 'b')
  await world.later(5_000)
  expect(world.attempts).toHaveLength(2)
})

describe('verified only', () => {
  it('holds an image until its signature is found', async () => {
    await using world = await guarded({ verified: true })
    const verified: number[] = []
    world.verify = async (eventId) => {
      verified.push(eventId)
      return { isVerified: false, message: 'the image has no signature' }
    }
    const digest = await world.move('latest', 'b')
    expect(world.attempts).toEqual([])
    expect(world.target()).toMatchObject({
      stateName: 'WAITING',
      message: 'the image has no signature',
      state: { delivery: { guard: 'VERIFIED', nextAt: world.time + MINUTE } },
    })

    world.verify = async () => ({ isVerified: true, message: 'signed by release' })
    await world.later(MINUTE)
    expect(world.attempts).toEqual([`1 latest ${digest}`])
    expect(verified).toHaveLength(1)
  })

  it('reads signatures once for all triggers of a move, and never for triggers without the guard', async () => {
    await using world = await guarded({ verified: true })
    world.trigger({ guards: { verified: true } })
    world.trigger()
    let count = 0
    world.verify = async () => ({ isVerified: count++ >= 0, message: '' })
    await world.move('latest', 'b')

    expect(world.attempts).toHaveLength(3)
    expect(count).toBe(1)
  })

  it('that cannot be read is reported, and read again later', async () => {
    await using world = await guarded({ verified: true })
    world.verify = () => Promise.reject(new Error('the disk is full'))
    await world.move('latest', 'b')
    expect(world.errors).toMatchObject([{ message: 'the disk is full' }])

    world.verify = async () => ({ isVerified: true, message: '' })
    await world.later(MINUTE)
    expect(world.attempts).toHaveLength(1)
  })
})

describe('approval by a person', () => {
  const ada: Viewer = { ...SYSTEM, id: 'user:7', name: 'ada', rights: EVERYTHING }

  it('fires exactly the image that was shown, and stores who approved it and when', async () => {
    await using world = await guarded({ approval: true })
    const shown = await world.move('latest', 'b')
    expect(world.target()).toMatchObject({
      stateName: 'WAITING',
      state: { delivery: { guard: 'APPROVAL', nextAt: null } },
    })
    await world.later(1_000 * HOUR)
    expect(world.attempts).toEqual([])

    world.approve(ada, shown)
    await world.worker.idle()
    expect(world.attempts).toEqual([`1 latest ${shown}`])
    expect(world.target()).toMatchObject({ stateName: 'IDLE', approval: { by: 'ada', at: world.time } })
    expect(
      world.db.orm.select().from(auditEntries).where(sql`action = 'approveDelivery'`).all(),
    ).toMatchObject([{ action: 'approveDelivery', principal: 'user:7', target: 'trigger default/t1' }])
  })

  it('is refused when the tag has moved meanwhile, naming the new digest, and then given for it alone', async () => {
    await using world = await guarded({ approval: true })
    const shown = await world.move('latest', 'b')
    const newer = await world.move('latest', 'c')

    expect(() => world.approve(ada, shown)).toThrow(
      `the tag points to ${newer} now: approve what it points to`,
    )
    expect(world.attempts).toEqual([])
    world.approve(ada, newer)
    await world.worker.idle()
    expect(world.attempts).toEqual([`1 latest ${newer}`])
  })

  it('is refused when the tag has moved and its trigger has not noted it yet', async () => {
    await using world = await guarded({ approval: true })
    const shown = await world.move('latest', 'b')
    const newer = image({ seed: 'c' })
    world.remote.push(UPSTREAM, 'latest', newer)
    await world.import({ all: true })

    expect(() => world.approve(ada, shown)).toThrow(`the tag points to ${newer.digest} now`)
  })

  it('of an image is not one of the same image after a move away and back', async () => {
    await using world = await guarded({
      approval: true,
      windows: [{ cron: '0 2 * * *', timeZone: 'UTC', durationMinutes: 60 }],
    })
    const shown = await world.move('latest', 'b')
    world.approve(ada, shown)
    await world.worker.idle()
    expect(world.target()).toMatchObject({ state: { delivery: { guard: 'WINDOW' } } })

    await world.move('latest', 'c')
    await world.move('latest', 'b')
    expect(world.target()).toMatchObject({ state: { delivery: { guard: 'APPROVAL' } } })
  })

  it('is given once: the first person stays', async () => {
    await using world = await guarded({
      approval: true,
      windows: [{ cron: '0 2 * * *', timeZone: 'UTC', durationMinutes: 60 }],
    })
    const shown = await world.move('latest', 'b')
    world.approve(ada, shown)

    expect(world.approve({ ...ada, id: 'user:8', name: 'bob' }, shown).approval).toMatchObject({ by: 'ada' })
  })

  it('needs a person, a trigger with this guard, and a delivery that waits', async () => {
    await using world = await guarded({ approval: true })
    const shown = await world.move('latest', 'b')

    expect(() => world.approve({ ...ada, id: 'token:3' }, shown)).toThrow(
      'only a person who has signed in may do this',
    )
    world.approve(ada, shown)
    await world.worker.idle()
    expect(() => world.approve(ada, shown)).toThrow(
      'no delivery of the trigger t1 for this tag waits for approval',
    )
  })
})

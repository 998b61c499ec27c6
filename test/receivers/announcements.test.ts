import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { IN_TIME, PROOFS } from '../../src/receivers/announcements.ts'
import { SILENT_AFTER, stateOf } from '../../src/receivers/receiver.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage } from '../fixtures/test-domain.ts'
import { type Issued, ReceiverWorld, SOURCE } from './receiver-world.ts'

const MINUTE = 60_000
const INTERVAL = 15 * MINUTE
const SCHEDULED = { insecure: false, scheduled: true, importMode: 'Legacy' } as const
const REPOSITORY = { dockerImageRepository: SOURCE, importPolicy: SCHEDULED }

let world: ReceiverWorld
let issued: Issued
let made: number
beforeEach(() => {
  world = new ReceiverWorld({ intervalMs: INTERVAL })
  made = 0
  world.push('v1', image({ seed: 'first' }))
  issued = world.create()
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world[Symbol.asyncDispose]()
})

const now = (): number => world.domain.time
const schedule = (tag = '', of = world) =>
  of.domain.schedules.ofStreams([of.domain.stream('app').id]).find((one) => one.tag === tag)

/** Pushes a new image, and delivers its notification. */
const announce = async (): Promise<void> => {
  world.push('v1', image({ seed: ++made }))
  await world.notify(issued, { tag: 'v1' })
}
/** Imports the sources that are due, as the schedule does. */
const poll = async (of = world): Promise<void> => {
  const { db, importer, schedules } = of.domain
  const { streamId, dueAt } = schedules.next() ?? { streamId: 0, dueAt: 0 }
  of.domain.time = Math.max(of.domain.time, dueAt)
  db.transact((tx) => importer.request(tx, streamId, schedules.take(tx, streamId)))
  await of.settle()
}
const prove = async (times: number): Promise<void> => {
  for (let left = times; left > 0; left--) await announce()
}
const health = () => world.receiver(issued.receiver)

describe('a repository whose changes are announced in time', () => {
  it.each([
    [0, 1],
    [PROOFS - 1, 1],
    [PROOFS, 2],
    [2 * PROOFS, 4],
    [3 * PROOFS, 8],
    [9 * PROOFS, 8],
  ])('%i times in a row is polled at %i times the interval', async (times, slowedBy) => {
    await world.follow('app', REPOSITORY)
    await prove(times)

    await poll()

    expect(schedule()).toMatchObject({ slowedBy, dueAt: now() + slowedBy * INTERVAL })
    expect(health()).toMatchObject({ confirmedCount: times, missedCount: 0 })
  })

  it('is polled at the usual interval after a change without a delivery: best effort (ECR), fire-and-forget (zot), no event for a retag (harbor#22640)', async () => {
    await world.follow('app', REPOSITORY)
    await prove(3 * PROOFS)
    await poll()
    expect(schedule()?.slowedBy).toBe(8)

    world.push('v1', image({ seed: 'unannounced' }))
    await poll()

    expect(schedule()).toMatchObject({ slowedBy: 1, dueAt: now() + INTERVAL })
    expect(health()).toMatchObject({ missedCount: 1, lastMissedAt: now() })
    await prove(PROOFS)
    await poll()
    expect(schedule()?.slowedBy).toBe(2)
  })

  it('stays slowed down when a poll finds the change while the delivery arrives', async () => {
    await world.follow('app', REPOSITORY)
    await prove(PROOFS)
    world.push('v1', image({ seed: 'at the same time' }))
    const held = world.domain.remote.hold()
    const polled = poll()
    await held.reached
    await world.deliver(issued, world.notification(issued, { tag: 'v1' }))
    await world.worker.idle()
    held.release()
    await polled
    await world.settle()

    expect(health().missedCount).toBe(0)
    expect(schedule()?.slowedBy).toBe(2)
  })

  it('is polled at the usual interval when the delivery was long before the change', async () => {
    await world.follow('app', REPOSITORY)
    await prove(PROOFS)
    world.domain.time += IN_TIME + INTERVAL
    world.push('v1', image({ seed: 'later' }))

    await poll()

    expect(health().missedCount).toBe(1)
    expect(schedule()?.slowedBy).toBe(1)
  })

  it('is polled at the usual interval while its receiver is silent', async () => {
    await world.follow('app', REPOSITORY)
    await prove(PROOFS)
    await poll()
    expect(world.domain.announcements.newlySilent()).toEqual([])

    world.domain.time = (health().lastAcceptedAt ?? 0) + SILENT_AFTER + 1
    const silent = world.domain.announcements.newlySilent()

    expect(silent).toEqual([world.domain.stream('app').id])
    expect(stateOf(health(), now())).toBe('SILENT')
    await poll()
    expect(schedule()?.slowedBy).toBe(1)
    expect(world.domain.announcements.newlySilent()).toEqual([])
  })

  it.each([
    [
      'disabled',
      () => world.receivers.update(SYSTEM, { id: issued.receiver.id, enabled: false, dropOldSecret: false }),
    ],
    ['deleted', () => world.receivers.delete(SYSTEM, issued.receiver.id)],
    [
      'given another scope',
      () =>
        world.receivers.update(SYSTEM, {
          id: issued.receiver.id,
          repositories: ['elsewhere'],
          dropOldSecret: false,
        }),
    ],
  ])('is due within the next interval once the receiver is %s', async (_what, weaken) => {
    await world.follow('app', REPOSITORY)
    await prove(3 * PROOFS)
    await poll()
    expect(schedule()?.dueAt).toBe(now() + 8 * INTERVAL)

    weaken()

    expect(schedule()?.slowedBy).toBe(1)
    expect(schedule()?.dueAt).toBeLessThanOrEqual(now() + INTERVAL)
  })

  it('stays slowed down after a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagestreams-announcements-'))
    const options = { file: join(folder, 'imagestreams.db'), intervalMs: INTERVAL }
    await world[Symbol.asyncDispose]()
    world = new ReceiverWorld(options)
    world.push('v1', image({ seed: 'first' }))
    issued = world.create()
    await world.follow('app', REPOSITORY)
    await prove(PROOFS)
    await poll()
    const before = schedule()
    const time = now()
    await world[Symbol.asyncDispose]()

    world = new ReceiverWorld(options)
    world.domain.time = time
    world.domain.db.transact((tx) => {
      world.domain.schedules.restore(tx)
      world.domain.schedules.pullIn(tx)
    })

    expect(schedule()).toEqual({ ...before, slowedBy: 2, dueAt: time + 2 * INTERVAL })
    rmSync(folder, { recursive: true })
  })

  it('starts again at the usual interval when the source changes', async () => {
    await world.follow('app', REPOSITORY)
    await prove(3 * PROOFS)
    world.domain.remote.push('registry.test/team/other', 'v1', image({ seed: 'other' }))
    world.domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'app',
      spec: { dockerImageRepository: 'registry.test/team/other' },
    })
    await world.settle()

    await poll()

    expect(schedule()?.slowedBy).toBe(1)
  })

  it('is counted for its own tags only: spec tags are counted separately', async () => {
    world.domain.remote.push('registry.test/team/other', 'v9', image({ seed: 'other' }))
    await world.follow('app', {
      tags: [
        fromImage('v1', `${SOURCE}:v1`, { importPolicy: SCHEDULED }),
        fromImage('other', 'registry.test/team/other:v9', { importPolicy: SCHEDULED }),
      ],
    })
    await prove(PROOFS)
    expect(schedule('v1')).toMatchObject({ slowedBy: 2, dueAt: now() + 2 * INTERVAL })
    await poll()

    expect(schedule('other')?.slowedBy).toBe(1)
  })
})

describe('a receiver is not rated by', () => {
  it('an import on request, which may run before the delivery', async () => {
    await world.follow('app', REPOSITORY)
    await prove(PROOFS)
    world.push('v1', image({ seed: 'by hand' }))

    await world.domain.import({ imageStream: 'app', tag: 'v1' })
    await poll()

    expect(health().missedCount).toBe(0)
    expect(schedule()?.slowedBy).toBe(2)
  })

  it('a delivery that the registry does not confirm', async () => {
    await world.follow('app', REPOSITORY)
    for (let times = 0; times < 9 * PROOFS; times++) {
      await world.notify(issued, { tag: 'v1', digest: image({ seed: `forged ${times}` }).digest })
    }
    await poll()

    expect(health()).toMatchObject({ confirmedCount: 0, acceptedCount: 9 * PROOFS })
    expect(schedule()?.slowedBy).toBe(1)
  })

  it('a change of a repository outside of its scope', async () => {
    world.receivers.update(SYSTEM, {
      id: issued.receiver.id,
      repositories: ['elsewhere'],
      dropOldSecret: false,
    })
    await world.follow('app', REPOSITORY)
    world.push('v1', image({ seed: 'new' }))

    await poll()

    expect(health().missedCount).toBe(0)
  })
})

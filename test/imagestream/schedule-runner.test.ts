import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { PLACES, PLACES_OF_REGISTRY } from '../../src/imagestream/schedule/schedule.ts'
import { cpuTime } from '../fixtures/cpu-time.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { UPSTREAM } from '../fixtures/test-domain.ts'
import {
  INTERVAL,
  MINUTE,
  SCHEDULED,
  ScheduleWorld,
  SECOND,
  scheduledTag,
  UNSCHEDULED,
} from './schedule-world.ts'

let world: ScheduleWorld
beforeEach(() => {
  world = new ScheduleWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const now = (): number => world.domain.time
const everything = { repository: true, specTags: [] }
const createStreams = async (count: number, to = world, registries = 1): Promise<string[]> => {
  const names = Array.from({ length: count }, (_, at) => `app-${at}`)
  for (const [at, name] of names.entries()) {
    const dockerImageRepository = at % registries === 0 ? UPSTREAM : `registry-${at % registries}.test/ruby`
    to.domain.writer.create(SYSTEM, {
      namespace: 'default',
      name,
      spec: { ...ALL_TAGS, dockerImageRepository },
    })
  }
  await to.settle()
  return names
}
const ALL_TAGS = { dockerImageRepository: UPSTREAM, importPolicy: SCHEDULED }
const makeOverdue = (of = world): void => {
  of.domain.db.prepare('update import_schedules set due_at = ? - id').run(of.domain.time - INTERVAL)
}

describe('a scheduled source', () => {
  it('waits while the quota of its namespace is used up, and is imported once there are requests again', async () => {
    world.runner.start()
    await world.createStream()
    world.waitsUntil = now() + 3.5 * INTERVAL

    await world.pass(3 * INTERVAL)
    expect(world.requested).toEqual([])
    await world.pass(2 * INTERVAL)

    expect(world.requested.length).toBeGreaterThan(0)
    expect(world.errors).toEqual([])
  })

  it('is imported one interval after each import', async () => {
    world.runner.start()
    await world.createStream()
    const created = now()
    world.domain.remote.push(UPSTREAM, '3.3', image({ seed: 'new' }))

    await world.pass(3 * INTERVAL)

    expect(world.requested).toEqual(
      [1, 2, 3].map((times) => ({ at: created + times * INTERVAL, stream: 'ruby', request: everything })),
    )
    expect(world.domain.digests('3.3')).toEqual(
      [image({ seed: 'new' }), image({ seed: '3.3' })].map(digestOf),
    )
    expect(world.errors).toEqual([])
  })

  it('is imported together with all due sources of the stream', async () => {
    world.runner.start()
    await world.createStream('ruby', { tags: [scheduledTag('3.4'), scheduledTag('3.3')] })
    await world.pass(INTERVAL)

    expect(world.takeRequested()).toMatchObject([{ request: { repository: true, specTags: ['3.3', '3.4'] } }])
    await world.pass(5 * MINUTE)
    await world.domain.import({ tag: '3.3' })
    await world.pass(INTERVAL)
    expect(world.takeRequested().map(({ request }) => request)).toEqual([
      { repository: true, specTags: ['3.4'] },
      { repository: false, specTags: ['3.3'] },
    ])
  })

  it('waits a full interval after a requested import', async () => {
    world.runner.start()
    await world.createStream()
    await world.pass(INTERVAL - MINUTE)
    await world.domain.import()
    const imported = now()

    await world.pass(INTERVAL - SECOND)
    expect(world.requested).toEqual([])
    await world.pass(SECOND)
    expect(world.requested).toMatchObject([{ at: imported + INTERVAL }])
  })

  it('is not requested again before its import has ended', async () => {
    world.runner.start()
    await world.createStream()
    const held = world.domain.remote.hold()
    world.passHeld(INTERVAL)
    await held.reached
    expect(world.schedule()?.dueAt).toBe(now() + INTERVAL)
    world.passHeld(3 * INTERVAL)
    expect(world.requested).toHaveLength(1)

    held.release()
    await world.settle()
    const ended = now()
    expect(world.schedule()?.dueAt).toBe(ended + INTERVAL)
    await world.pass(INTERVAL)
    expect(world.requested.map(({ at }) => at)).toEqual([ended - 3 * INTERVAL, ended + INTERVAL])
  })

  it('is imported right after another import of the stream', async () => {
    world.runner.start()
    await world.createStream()
    await world.pass(INTERVAL - MINUTE)
    const held = world.domain.remote.hold()
    world.domain.beginImport({ tag: '3.3' })
    await held.reached
    world.passHeld(5 * MINUTE)
    expect(world.requested).toEqual([])

    held.release()
    await world.settle()
    await world.pass(0)

    expect(world.requested).toEqual([{ at: now(), stream: 'ruby', request: everything }])
  })

  it('is imported only while the spec schedules it', async () => {
    world.runner.start()
    await world.createStream('ruby', { importPolicy: UNSCHEDULED })
    await world.pass(3 * INTERVAL)
    expect(world.requested).toEqual([])

    world.update({ importPolicy: SCHEDULED })
    await world.pass(INTERVAL)
    expect(world.takeRequested()).toHaveLength(1)

    world.update({ importPolicy: UNSCHEDULED })
    await world.pass(3 * INTERVAL)
    expect(world.requested).toEqual([])
  })

  it('of a deleted stream is not imported', async () => {
    const [first = '', second = ''] = await createStreams(2)
    makeOverdue()
    world.runner.start()
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: second })

    await world.pass(MINUTE)

    expect(world.requested.map(({ stream }) => stream)).toEqual([first])
    expect(world.errors).toEqual([])
  })

  it('of a stream that is deleted during its import does not affect others', async () => {
    world.runner.start()
    const [first = '', second = ''] = await createStreams(2)
    const held = world.domain.remote.hold()
    world.passHeld(INTERVAL + SECOND)
    await held.reached
    expect(world.takeRequested()).toHaveLength(2)

    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: first })
    held.release()
    await world.pass(INTERVAL + SECOND)

    expect(world.requested.map(({ stream }) => stream)).toEqual([second])
  })

  it('that fails is imported less often until it succeeds', async () => {
    world.runner.start()
    await world.createStream()
    const created = now()
    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')

    await world.pass(12 * INTERVAL)
    const tried = world.takeRequested().map(({ at }) => (at - created) / INTERVAL)
    world.domain.remote.fail(UPSTREAM, '', null)
    await world.pass(6 * INTERVAL)

    expect(tried).toEqual([1, 2, 4, 8, 12])
    expect(world.requested.map(({ at }) => (at - created) / INTERVAL)).toEqual([16, 17, 18])
  })
})

describe('streams that are due at the same time', () => {
  it('are imported evenly spaced, limited for each minute', async () => {
    await using quick = new ScheduleWorld({ perMinute: 120 })
    await createStreams(400, quick)
    makeOverdue(quick)
    quick.runner.start()
    await quick.pass(3 * MINUTE)

    const times = quick.requested.map(({ at }) => at)
    expect(times).toHaveLength(360)
    for (const [at, time] of times.slice(1).entries()) expect(time - (times[at] ?? 0)).toBe(500)
  })

  it('are imported by due time', async () => {
    const names = await createStreams(5)
    // the later a stream was created, the longer it is overdue
    makeOverdue()
    world.runner.start()
    await world.pass(5 * SECOND)

    expect(world.requested.map(({ stream }) => stream)).toEqual(names.reverse())
  })

  it('that exceed an interval’s capacity are all imported', async () => {
    await using slow = new ScheduleWorld({ perMinute: 1 })
    const names = await createStreams(20, slow)
    slow.runner.start()
    await slow.pass(3 * INTERVAL)

    const turns = names.map((name) => slow.requested.filter(({ stream }) => stream === name).length)
    expect(Math.min(...turns)).toBe(1)
    expect(Math.max(...turns)).toBe(2)
    expect(slow.requested.length).toBe(31)
  })

  it('leave half of the places to requested imports', async () => {
    await createStreams(PLACES + 20, world, 7)
    const held = world.domain.remote.hold()
    world.runner.start()
    world.passHeld(2 * INTERVAL)
    await held.reached
    expect(world.requested).toHaveLength(PLACES)
    // an import without a waiting client
    expect(world.domain.importRows.unfinished()).toHaveLength(PLACES)

    held.release()
    await world.settle()
    await world.pass(MINUTE)
    expect(new Set(world.requested.map(({ stream }) => stream)).size).toBe(PLACES + 20)
  })

  it('of a slow registry do not block others: each registry has a share of the places (kargo#2836)', async () => {
    await createStreams(PLACES + 20)
    const { stream } = world.domain.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'elsewhere',
      spec: { ...ALL_TAGS, dockerImageRepository: 'elsewhere.test/ruby' },
    })
    await world.settle()
    // the last source that is due
    world.domain.db
      .prepare('update import_schedules set due_at = due_at + 1 where stream_id = ?')
      .run(stream.id)
    const held = world.domain.remote.hold(({ repository }) => repository === UPSTREAM)
    world.runner.start()
    world.passHeld(2 * INTERVAL)
    await held.reached
    expect(world.requested.map((requested) => requested.stream).at(-1)).toBe('elsewhere')
    expect(world.requested).toHaveLength(PLACES_OF_REGISTRY + 1)

    held.release()
    await world.settle()
    await world.pass(MINUTE)
    expect(new Set(world.requested.map((requested) => requested.stream)).size).toBe(PLACES + 21)
  })
})

describe('the clock', () => {
  it('that is set back by a year does not stop imports', async () => {
    world.runner.start()
    await world.createStream()
    await world.pass(INTERVAL)
    world.takeRequested()

    world.domain.time -= 365 * 24 * 60 * MINUTE
    const turned = now()
    // timers of the machine are not set back with its clock
    world.wake()
    await world.pass(INTERVAL + MINUTE)

    expect(world.requested.length).toBeGreaterThanOrEqual(1)
    expect(world.schedule()?.dueAt).toBeLessThanOrEqual(turned + 2 * INTERVAL + MINUTE)
  })

  it('that is corrected by a second changes no due time', async () => {
    world.runner.start()
    await world.createStream()
    const before = world.schedule()

    world.restart(-SECOND)
    world.wake()

    expect(world.schedule()).toEqual(before)
  })

  it('is read each minute, since a timer does not notice that the machine slept', async () => {
    world.runner.start()
    await world.createStream()
    expect((world.wakesAt ?? 0) - now()).toBe(MINUTE)

    world.domain.time += 8 * INTERVAL
    await world.pass(0)

    expect(world.requested).toHaveLength(1)
  })
})

describe('the timer', () => {
  it('fires when the next stream is due', async () => {
    world.runner.start()
    await world.createStream()
    await world.pass(INTERVAL - 10 * SECOND)
    expect(world.wakesAt).toBe(now() + 10 * SECOND)
    const { armed } = world

    await world.pass(9 * SECOND)

    expect(world.armed).toBe(armed)
  })

  it('is set with one indexed statement for 10,000 schedules', async () => {
    const { db, schedules } = world.domain
    world.runner.start()
    const { stream } = world.domain.writer.create(SYSTEM, { namespace: 'default', name: 'ruby' })
    db.transact(() => {
      for (let at = 0; at < 10_000; at++) {
        db.prepare(`insert into image_streams (uid, namespace, name, generation, resource_version, created_at, labels,
            annotations, docker_image_repository, repository_generation, insecure, scheduled, import_mode, lookup_local)
          select uid, namespace, 'app-' || ?, generation, resource_version,
            created_at, labels, annotations, 'registry.test/ruby', 1, insecure, 1, import_mode, lookup_local
          from image_streams where id = ?`).run(String(at), stream.id)
      }
      db.transact((tx) => schedules.restore(tx))
    })
    expect(db.prepare('select count(*) as n from import_schedules').get()).toEqual({ n: 10_000 })
    using statements = watchStatements()
    world.update({ dockerImageRepository: UPSTREAM, importPolicy: SCHEDULED })

    const arming = statements.run.filter((text) => /select s\.stream_id.*from import_schedules/s.test(text))
    expect(arming).toHaveLength(1)
    for (const text of arming) {
      const plan = db.prepare<{ detail: string }>(`explain query plan ${text}`).all()
      expect(
        plan.map(({ detail }) => detail).filter((detail) => /^(?:SCAN|SEARCH|USE)/.test(detail)),
      ).toEqual([
        // unfinished imports, by registry
        'SCAN i USING INDEX imports_unfinished',
        'SEARCH r USING INTEGER PRIMARY KEY (rowid=?)',
        'USE TEMP B-TREE FOR GROUP BY',
        'SCAN unfinished',
        // reads schedules in the order of due times, up to the first one that may be imported
        'SCAN s USING INDEX import_schedules_by_due',
        'SCAN imports USING INDEX imports_unfinished',
        'SEARCH r USING INTEGER PRIMARY KEY (rowid=?)',
        'SCAN unfinished',
      ])
    }
    await world.settle()
    const took = cpuTime(() => {
      for (let times = 0; times < 1000; times++) schedules.next()
    })
    expect(took).toBeLessThan(1000)
  })

  it('is cancelled with the runner, even if a schedule changes then', async () => {
    world.runner.start()
    await world.createStream()
    world.runner[Symbol.dispose]()
    world.update({ importPolicy: UNSCHEDULED })
    world.update({ importPolicy: SCHEDULED })

    expect(world.wakesAt).toBeUndefined()
  })

  it('is set to a minute if the database fails, without an error for others', async () => {
    world.runner.start()
    await world.createStream()
    const { db } = world.domain
    db.prepare(
      `create trigger refuse before insert on imports begin select raise(abort, 'disk full'); end`,
    ).run()
    await world.pass(INTERVAL + 2 * MINUTE)
    expect(world.errors).toHaveLength(3)
    expect(String(world.errors[0])).toContain('disk full')
    expect(world.schedule()?.dueAt).toBeLessThan(now())

    db.prepare('drop trigger refuse').run()
    await world.pass(MINUTE)

    expect(world.errors).toHaveLength(3)
    expect(world.schedule()?.succeededAt).toBe(now())
  })
})

describe('a restart', () => {
  let folder: string
  let remote: FakeRegistry
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'imagestreams-schedule-'))
    remote = new FakeRegistry()
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const open = (): ScheduleWorld => new ScheduleWorld({ file: join(folder, 'data.db'), remote })

  it('keeps due times', async () => {
    let dueAt: number | undefined
    {
      await using first = open()
      first.runner.start()
      await first.createStream()
      dueAt = first.schedule()?.dueAt
    }
    await using second = open()
    second.domain.time += 5 * MINUTE
    second.runner.start()
    expect(second.schedule()?.dueAt).toBe(dueAt)

    await second.pass(INTERVAL - 5 * MINUTE)

    expect(second.requested).toMatchObject([{ at: dueAt }])
  })

  it('imports overdue streams one after the other', async () => {
    {
      await using first = open()
      await createStreams(30, first)
    }
    await using second = open()
    second.domain.time += 8 * INTERVAL
    const started = second.domain.time
    second.runner.start()

    await second.pass(MINUTE)

    expect(second.requested.map(({ at }) => at - started)).toEqual(
      Array.from({ length: 30 }, (_, at) => (at + 1) * SECOND),
    )
  })

  it('continues a running import, and does not request it twice', async () => {
    {
      await using first = open()
      first.runner.start()
      await first.createStream()
      const held = remote.hold()
      using _ = { [Symbol.dispose]: () => held.release() }
      first.passHeld(INTERVAL)
      await held.reached
    }
    await using second = open()
    second.domain.time += INTERVAL + MINUTE
    second.runner.start()
    second.passHeld(2 * INTERVAL)
    expect(second.requested).toEqual([])

    second.domain.importer.resume()
    await second.settle()

    expect(second.schedule()).toMatchObject({
      succeededAt: second.domain.time,
      dueAt: second.domain.time + INTERVAL,
    })
  })

  it('adds schedules for specs of a version without schedules', async () => {
    {
      await using first = open()
      await first.createStream('ruby', { tags: [scheduledTag('3.3')] })
      await first.createStream('node', { importPolicy: UNSCHEDULED })
      first.domain.db.prepare('delete from import_schedules').run()
      first.domain.db
        .prepare(`insert into import_schedules (stream_id, tag, due_at) select id, '', 0 from image_streams
          where name = 'node'`)
        .run()
    }
    await using second = open()
    second.runner.start()

    expect(second.schedules().map(({ tag }) => tag)).toEqual(['', '3.3'])
    expect(second.schedules('node')).toEqual([])
  })

  it('with a shorter interval shortens waits', async () => {
    {
      await using first = open()
      await first.createStream()
      await first.createStream('broken', { dockerImageRepository: 'registry.test/none' })
      first.domain.db.prepare('update import_schedules set due_at = due_at + 2 * ?').run(INTERVAL)
    }
    await using second = open()
    second.runner.start()

    expect(second.schedule()?.dueAt).toBeLessThan(second.domain.time + INTERVAL)
    // a failing source may wait so long
    expect(second.schedule('', 'broken')?.dueAt).toBe(second.domain.time + 3 * INTERVAL)
  })
})

const digestOf = ({ digest }: { digest: string }): string => digest

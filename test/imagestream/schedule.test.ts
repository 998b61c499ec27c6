import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { isImportable } from '../../src/imagestream/spec/spec.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { INTERVAL, MINUTE, SCHEDULED, ScheduleWorld, scheduledTag, UNSCHEDULED } from './schedule-world.ts'

let world: ScheduleWorld
beforeEach(() => {
  world = new ScheduleWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const tagsOf = (): string[] => world.schedules().map(({ tag }) => tag)
const now = (): number => world.domain.time

describe('the scheduled sources of a spec', () => {
  it('are the repository and the spec tags with "scheduled", the repository first', async () => {
    await world.createStream('ruby', {
      tags: [
        scheduledTag('3.4'),
        scheduledTag('3.3'),
        fromImage('latest', UPSTREAM, { importPolicy: UNSCHEDULED }),
      ],
    })

    expect(tagsOf()).toEqual(['', '3.3', '3.4'])
  })

  it('are none without a repository', async () => {
    await world.createStream('ruby', { dockerImageRepository: null, tags: [scheduledTag('3.3')] })

    expect(tagsOf()).toEqual(['3.3'])
  })

  it('are exactly the importable spec tags with "scheduled"', () => {
    const input = fc.record({
      kind: fc.constantFrom('DockerImage', 'ImageStreamTag', null),
      reference: fc.boolean(),
      scheduled: fc.boolean(),
    })
    let streams = 0
    fc.assert(
      fc.property(fc.array(input, { maxLength: 6 }), (inputs) => {
        const tags = inputs.map(({ kind, reference, scheduled }, at) => ({
          name: `t${at}`,
          from:
            kind === null
              ? null
              : { kind, name: kind === 'DockerImage' ? UPSTREAM : 'nowhere:latest', namespace: null },
          reference: reference && kind !== null,
          importPolicy: scheduled && kind !== 'ImageStreamTag' ? SCHEDULED : UNSCHEDULED,
        }))
        const { stream } = world.domain.writer.create(SYSTEM, {
          namespace: 'default',
          name: `app-${++streams}`,
          spec: { tags },
        })

        const wanted = world.domain.streams
          .specTags([stream.id])
          .filter((tag) => tag.scheduled && isImportable(tag))
        expect(world.schedules(stream.name).map(({ tag }) => tag)).toEqual(wanted.map(({ name }) => name))
      }),
      { numRuns: 30 },
    )
  })

  it('follow each change of the spec, and the remaining ones keep their times', async () => {
    await world.createStream('ruby', { tags: [scheduledTag('3.3')] })
    const before = world.schedule('3.3')

    world.update({ tags: [scheduledTag('3.3'), scheduledTag('3.4')] })
    expect(tagsOf()).toEqual(['', '3.3', '3.4'])
    expect(world.schedule('3.3')).toEqual(before)

    world.update({ importPolicy: UNSCHEDULED })
    expect(tagsOf()).toEqual(['3.3', '3.4'])

    world.update({ tags: [scheduledTag('3.3', { reference: true }), scheduledTag('3.4')] })
    expect(tagsOf()).toEqual(['3.4'])

    world.update({ importPolicy: SCHEDULED, tags: [] })
    expect(tagsOf()).toEqual([''])

    world.update({ dockerImageRepository: null })
    expect(tagsOf()).toEqual([])
  })

  it('lose a tag that is removed by another command', async () => {
    const stream = await world.createStream('ruby', { tags: [scheduledTag('3.3')] })
    const { db, recorder } = world.domain

    db.transact((tx) => recorder.removeTag(tx, SYSTEM, { stream, tag: tagName('3.3'), reason: 'UNTAGGED' }))

    expect(tagsOf()).toEqual([''])
  })

  it('are deleted with the stream', async () => {
    const { id } = await world.createStream('ruby', { tags: [scheduledTag('3.3')] })

    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })

    expect(world.domain.schedules.ofStreams([id])).toEqual([])
  })

  it('are written in the transaction of the spec', async () => {
    await world.createStream('ruby', { importPolicy: UNSCHEDULED })
    const { db, writer } = world.domain

    expect(() =>
      db.transact(() => {
        writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { importPolicy: SCHEDULED } })
        throw new Error('no')
      }),
    ).toThrow('no')

    expect(tagsOf()).toEqual([])
  })
})

describe('first due times', () => {
  it('are evenly spread over the interval', async () => {
    for (let at = 0; at < 200; at++) {
      await world.createStream(`app-${at}`, { dockerImageRepository: null })
    }
    const { writer, schedules } = world.domain
    const spec = { dockerImageRepository: UPSTREAM, importPolicy: SCHEDULED }
    for (let at = 50; at < 150; at++) writer.update(SYSTEM, { namespace: 'default', name: `app-${at}`, spec })

    const ids = Array.from({ length: 100 }, (_, at) => world.domain.stream(`app-${at + 50}`).id)
    const waits = schedules.ofStreams(ids).map(({ dueAt }) => dueAt - now())
    await world.settle()

    expect(waits).toHaveLength(100)
    const tenths = Array.from({ length: 10 }, (_, tenth) => ({
      from: (tenth * INTERVAL) / 10,
      to: ((tenth + 1) * INTERVAL) / 10,
    }))
    for (const { from, to } of tenths) {
      const inside = waits.filter((wait) => wait >= from && wait < to).length
      expect(inside).toBeGreaterThanOrEqual(8)
      expect(inside).toBeLessThanOrEqual(12)
    }
  })
})

describe('a finished import', () => {
  it('makes its sources due one interval after its end', async () => {
    await world.createStream('ruby', { tags: [scheduledTag('3.3')] })
    world.domain.time += 5 * MINUTE

    await world.domain.import({ tag: '3.3' })

    expect(world.schedule('3.3')).toMatchObject({ dueAt: now() + INTERVAL, succeededAt: now() })
    expect(world.schedule('')).toMatchObject({
      dueAt: now() - 5 * MINUTE + INTERVAL,
      succeededAt: now() - 5 * MINUTE,
    })
  })

  it('covers all sources if it was an import of all', async () => {
    await world.createStream('ruby', { tags: [scheduledTag('3.3')] })
    world.domain.time += 5 * MINUTE

    await world.domain.import()

    expect(world.schedules().map(({ dueAt }) => dueAt)).toEqual([now() + INTERVAL, now() + INTERVAL])
  })

  it('covers the repository only if it listed the tags', async () => {
    await world.createStream()
    world.domain.time += 5 * MINUTE

    await world.domain.import({ tag: '3.3' })

    expect(world.schedule()?.dueAt).toBe(now() - 5 * MINUTE + INTERVAL)
  })

  it('counts from its end, not from its start', async () => {
    await world.createStream()
    const held = world.domain.remote.hold()
    const importId = world.domain.beginImport()
    await held.reached
    world.domain.time += 7 * MINUTE
    held.release()
    await world.domain.finished(importId)

    expect(world.schedule()?.dueAt).toBe(now() + INTERVAL)
  })

  it('does not update a source that changed during it', async () => {
    await world.createStream('ruby', { tags: [scheduledTag('3.3')] })
    const held = world.domain.remote.hold()
    const older = world.domain.beginImport()
    await held.reached
    world.domain.time += MINUTE
    world.domain.remote.push('mirror.test/ruby', '3.3', image({ seed: 'mirror' }))
    world.domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { tags: [fromImage('3.3', 'mirror.test/ruby:3.3', { importPolicy: SCHEDULED })] },
    })
    const heldAgain = world.domain.remote.hold(({ repository }) => repository === 'mirror.test/ruby')
    held.release()
    await world.domain.finished(older)

    expect(world.schedule('')).toMatchObject({ succeededAt: now(), dueAt: now() + INTERVAL })
    expect(world.schedule('3.3')).toMatchObject({ succeededAt: now() - MINUTE, failedAt: null, reason: null })
    heldAgain.release()
    await world.settle()
    expect(world.schedule('3.3')).toMatchObject({ succeededAt: now(), dueAt: now() + INTERVAL })
  })

  it('does not update schedules if it was a dry run', async () => {
    await world.createStream()
    const before = world.schedules()
    world.domain.time += MINUTE

    await world.domain.import({ dryRun: true })

    expect(world.schedules()).toEqual(before)
  })
})

describe('a failure', () => {
  it('of one tag is stored at its schedule only, with the registry’s error', async () => {
    world.domain.remote.fail(UPSTREAM, '3.3', 'Unauthorized')
    await world.createStream('ruby', { tags: [scheduledTag('3.3'), scheduledTag('3.4')] })

    expect(world.schedule('3.3')).toEqual({
      streamId: world.domain.stream().id,
      tag: '3.3',
      dueAt: now() + INTERVAL,
      succeededAt: null,
      failedAt: now(),
      reason: 'Unauthorized',
      message: 'registry.test/ruby: 3.3: Unauthorized',
      slowedBy: 1,
    })
    for (const tag of ['', '3.4']) {
      expect(world.schedule(tag)).toMatchObject({ succeededAt: now(), failedAt: null, reason: null })
    }
  })

  it('of a tag of the repository is not one of the repository', async () => {
    world.domain.remote.fail(UPSTREAM, '3.3', 'Unauthorized')
    await world.createStream()

    expect(world.schedule()).toMatchObject({ succeededAt: now(), reason: null })
  })

  it('of the tag list is one of the repository, even if spec tags succeeded', async () => {
    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    await world.createStream('ruby', { tags: [scheduledTag('3.3')] })

    expect(world.schedule('')).toMatchObject({
      succeededAt: null,
      failedAt: now(),
      reason: 'RegistryUnavailable',
      message: 'registry.test/ruby: the tag list: RegistryUnavailable',
    })
    expect(world.schedule('3.3')).toMatchObject({ succeededAt: now(), reason: null })
  })

  it('of every tag of the repository is one of the repository', async () => {
    for (const tag of ['latest', '3.3', '3.4']) world.domain.remote.fail(UPSTREAM, tag, 'TooManyRequests')
    await world.createStream()

    expect(world.schedule()).toMatchObject({ succeededAt: null, reason: 'TooManyRequests' })
  })

  it('by an internal error ends the import, and is stored for all its sources', async () => {
    await world.createStream('ruby', { tags: [scheduledTag('3.3')] })
    world.domain.time += MINUTE
    const held = world.domain.remote.hold()
    const importId = world.domain.beginImport()
    await held.reached
    world.domain.db
      .prepare(`create trigger refuse before update of repository_check on image_streams
        begin select raise(abort, 'no'); end`)
      .run()
    held.release()

    expect(await world.domain.finished(importId)).toMatchObject({ state: 'FAILED', reason: 'InternalError' })
    for (const one of world.schedules()) {
      expect(one).toMatchObject({ reason: 'InternalError', failedAt: now(), dueAt: now() + INTERVAL })
    }
    expect(world.domain.internalErrors).toHaveLength(1)
  })

  it('delays the next import by 1, 2, then 4 intervals, until a success', async () => {
    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    await world.createStream()
    const waits: number[] = []
    const note = async () => {
      const { dueAt = 0 } = world.schedule() ?? {}
      waits.push((dueAt - now()) / INTERVAL)
      // slightly late, like real imports
      world.domain.time = dueAt + MINUTE
      await world.domain.import()
    }
    for (let times = 0; times < 5; times++) await note()
    expect(waits).toEqual([1, 2, 4, 4, 4])
    expect(world.schedule()).toMatchObject({ succeededAt: null, failedAt: now() })
    const failedAt = now()

    world.domain.remote.fail(UPSTREAM, '', null)
    await note()
    expect(world.schedule()).toMatchObject({
      dueAt: now() + INTERVAL,
      succeededAt: now(),
      failedAt,
      reason: null,
      message: null,
      slowedBy: 1,
    })

    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    waits.length = 0
    for (let times = 0; times < 3; times++) await note()
    expect(waits).toEqual([1, 1, 2])
  })

  it('of a requested import restarts the delays', async () => {
    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    await world.createStream()
    world.domain.time += 4 * INTERVAL
    await world.domain.import()
    world.domain.time += MINUTE
    await world.domain.import()

    expect(world.schedule()?.dueAt).toBe(now() + INTERVAL)
  })
})

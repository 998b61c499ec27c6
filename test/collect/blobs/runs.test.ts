import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { type CollectWorld, DAY, HOUR, holdRemovals, openCollectWorld, storeWith } from './world.ts'

/** A registry with two unreferenced blobs, and a collector that stops before it removes the first one. */
async function openHeld() {
  const world = await openCollectWorld()
  for (const text of ['one', 'two']) await world.pushBlob('shop/web', text)
  world.pass(DAY + 1)
  const held = holdRemovals(world.blobs)
  return { world, ...held, collector: world.collectorOf({ blobs: held.blobs }) }
}

const rows = ({ domain }: CollectWorld): unknown[] =>
  domain.db.prepare<object>('select id, finished_at as finishedAt, blobs, message from collections').all()

describe('a collection', () => {
  it('is joined by a call while it runs, and reports its progress', async () => {
    const { world, reached, release, collector } = await openHeld()
    await using _ = world
    const first = collector.collect(SYSTEM)
    await reached
    const second = collector.collect(SYSTEM)

    expect(collector.last()).toMatchObject({ id: 1, finishedAt: null, message: null, blobs: 0 })
    release()
    expect(await second).toEqual(await first)
    expect(collector.last()).toEqual(await first)
    expect(collector.last()).toMatchObject({ finishedAt: world.domain.time, blobs: 2, bytes: 6 })
    expect(rows(world)).toHaveLength(1)
  })

  it('runs again for a later call', async () => {
    await using world = await openCollectWorld()
    const { id } = await world.collector.collect(SYSTEM)

    expect((await world.collector.collect(SYSTEM)).id).toBe(id + 1)
  })

  it('stops when its signal is aborted, and records its deletions', async () => {
    const { world, reached, release, collector } = await openHeld()
    await using _ = world
    const stop = new AbortController()
    const collecting = collector.collect(SYSTEM, stop.signal)
    await reached
    stop.abort(new Error('enough'))
    release()

    await expect(collecting).rejects.toThrow('enough')
    expect(collector.last()).toMatchObject({ finishedAt: null, message: 'stopped before it finished' })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ message: null })
    expect(await world.contents()).toMatchObject({ files: [], links: [] })
  })

  it('is stopped when its collector is disposed of, which waits for it', async () => {
    const { world, reached, release, collector } = await openHeld()
    await using _ = world
    const collecting = collector.collect(SYSTEM)
    collecting.catch(() => {})
    await reached
    const ended = collector[Symbol.asyncDispose]()
    release()
    await ended

    await expect(collecting).rejects.toThrow('the collector has been stopped')
    expect(collector.last()).toMatchObject({ finishedAt: null, message: 'stopped before it finished' })
    await expect(collector.collect(SYSTEM)).rejects.toThrow('the collector has been stopped')
    await expect(collector.plan(SYSTEM).blobs.count()).rejects.toThrow('the collector has been stopped')
  })

  it('removes all other files when one cannot be removed, reports it, and removes that one the next time', async () => {
    await using world = await openCollectWorld()
    const stuck = await world.pushBlob('shop/web', 'stuck')
    await world.pushBlob('shop/web', 'free')
    world.pass(DAY + 1)
    const blobs = storeWith(world.blobs, {
      async remove(digest, isWanted) {
        if (digest !== stuck) return world.blobs.remove(digest, isWanted)
        throw Object.assign(new Error(`EACCES: permission denied, unlink '/${digest}'`), { code: 'EACCES' })
      },
    })

    const collected = await world.collectorOf({ blobs }).collect(SYSTEM)

    expect(collected).toMatchObject({
      blobs: 1,
      bytes: 4,
      message: 'cannot remove 2 files (EACCES): see the log',
    })
    expect(world.errors).toMatchObject([{ message: 'cannot remove files', object: { failures: 2 } }])
    expect(await world.contents()).toMatchObject({ files: [stuck], blobs: [] })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: 1, bytes: 5, message: null })
    expect((await world.contents()).files).toEqual([])
  })

  it('that fails is recorded with the reason', async () => {
    await using world = await openCollectWorld()
    const blobs = storeWith(world.blobs, { uploads: () => Promise.reject(new Error('the folder is gone')) })
    const collector = world.collectorOf({ blobs })

    await expect(collector.collect(SYSTEM)).rejects.toThrow('the folder is gone')
    expect(collector.last()).toMatchObject({ finishedAt: world.domain.time, message: 'the folder is gone' })
  })

  it('that the end of the server interrupted is marked at the next start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'collect-'))
    try {
      {
        await using world = await openCollectWorld({ folder })
        world.domain.db
          .prepare(
            'insert into collections (started_at, manifests, blobs, uploads, bytes) values (1, 0, 0, 0, 0)',
          )
          .run()
      }
      await using world = await openCollectWorld({ folder })
      expect(world.collector.last()).toMatchObject({
        startedAt: 1,
        finishedAt: null,
        message: expect.stringContaining('the server stopped'),
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('the schedule', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Advances the timers and the clock. */
  const wait = async (world: CollectWorld, milliseconds: number): Promise<void> => {
    world.pass(milliseconds)
    await vi.advanceTimersByTimeAsync(milliseconds)
  }
  const finished = (world: CollectWorld, count: number) =>
    eventually(() => {
      expect(rows(world)).toHaveLength(count)
      expect(world.collector.last()?.finishedAt).not.toBeNull()
    })
  const open = async (intervalMs: number | undefined, options = {}): Promise<CollectWorld> => {
    const world = await openCollectWorld({ ...(intervalMs && { intervalMs }), ...options })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    return world
  }

  it('starts at once the first time, then an interval after each end', async () => {
    await using world = await open(6 * HOUR)
    world.collector.start()
    await wait(world, 0)
    await finished(world, 1)
    for (let hour = 0; hour < 5; hour++) await wait(world, HOUR)
    await wait(world, HOUR - 1)
    expect(rows(world)).toHaveLength(1)
    await wait(world, 1)
    await finished(world, 2)
  })

  it('counts from the last end, also of a requested collection, across restarts', async () => {
    await using world = await open(6 * HOUR)
    await world.collector.collect(SYSTEM)
    await world.collector[Symbol.asyncDispose]()
    world.pass(5 * HOUR)
    const restarted = world.collectorOf({})
    restarted.start()
    await wait(world, HOUR - 1)
    expect(rows(world)).toHaveLength(1)

    await wait(world, 1)
    await finished(world, 2)
  })

  it('starts at once if a collection was due while the server was down, or was stopped', async () => {
    await using world = await open(6 * HOUR)
    await world.collector.collect(SYSTEM)
    const stop = new AbortController()
    world.pass(7 * HOUR)
    const blobs = storeWith(world.blobs, {
      uploads() {
        stop.abort()
        return Promise.reject(stop.signal.reason)
      },
    })
    const stopped = world.collectorOf({ blobs }).collect(SYSTEM, stop.signal)
    await expect(stopped).rejects.toThrow()
    world.collector.start()
    await wait(world, 0)

    await finished(world, 3)
  })

  it('logs a failure and tries again an interval later', async () => {
    let failures = 0
    await using world = await open(HOUR, {
      blobs: (store: CollectWorld['blobs']) =>
        storeWith(store, {
          uploads: () => (failures++ === 0 ? Promise.reject(new Error('no')) : store.uploads()),
        }),
    })
    world.collector.start()
    await wait(world, 0)
    await eventually(() => expect(world.errors).toHaveLength(1))
    await wait(world, HOUR - 1)
    expect(rows(world)).toHaveLength(1)

    await wait(world, 1)
    await finished(world, 2)
    expect(world.errors).toMatchObject([{ message: 'garbage collection failed' }])
    expect(world.collector.last()).toMatchObject({ message: null })
  })

  it('never runs without an interval, or after it is disposed of', async () => {
    await using world = await open(undefined)
    world.collector.start()
    await wait(world, 365 * DAY)
    expect(rows(world)).toEqual([])

    const other = world.collectorOf({ intervalMs: HOUR })
    other.start()
    await other[Symbol.asyncDispose]()
    await wait(world, 2 * HOUR)
    expect(rows(world)).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

import { existsSync } from 'node:fs'
import { readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { openWorld, type World } from './world.ts'

const DAMAGES: readonly [string, (world: World, digest: Digest) => Promise<void>][] = [
  ['DAMAGED', (world, digest) => world.flip(digest)],
  ['TRUNCATED', (world, digest) => truncate(world.fileOf(digest), 1)],
  ['MISSING', (world, digest) => rm(world.fileOf(digest))],
]

describe('a pass', () => {
  it('reads all blobs, and finds nothing where nothing is wrong', async () => {
    await using world = await openWorld()
    for (let at = 0; at < 250; at++) await world.add(`blob ${at}`)

    await world.scrub.run()

    expect(world.findings()).toEqual([])
    expect(world.scrub.view.last()).toMatchObject({
      blobCount: 250,
      size: world.scrub.view.totals().size,
      databaseCheckedAt: world.now,
      finishedAt: world.now,
    })
    expect(world.logged).toEqual(['checked all that is stored'])
  })

  it.each(DAMAGES)(
    'finds a blob that is %s, takes it away, and a push ends the finding',
    async (problem, damage) => {
      await using world = await openWorld()
      const [, digest] = [await world.add('whole'), await world.add('damaged')]
      await damage(world, digest)

      await world.scrub.run()
      await world.scrub.recheck()

      expect(world.findings()).toEqual([{ digest, problem, ending: null }])
      expect(existsSync(world.fileOf(digest))).toBe(false)
      expect(await world.quarantined()).toBe(problem === 'MISSING' ? 0 : 1)
      expect(world.logged.filter((line) => line.includes(digest))).toHaveLength(1)

      await world.add('damaged')
      await world.scrub.recheck()
      expect(world.findings()).toEqual([{ digest, problem, ending: 'REPLACED' }])
      expect(await readFile(world.fileOf(digest), 'utf8')).toBe('damaged')
    },
  )

  it('keeps the damaged bytes of each find', async () => {
    await using world = await openWorld()
    const digest = await world.add('again and again')
    for (let time = 0; time < 3; time++) {
      await world.flip(digest)
      world.now += 1
      await world.scrub.run()
      await world.add('again and again')
    }

    const files = await readdir(join(world.folder, 'quarantine'))
    expect(files).toHaveLength(3)
    expect(files.every((name) => name.startsWith(digest.replace(':', '-')))).toBe(true)
  })

  it('continues after a restart where it was', async () => {
    const stopping = new AbortController()
    let reads = 0
    const folder = await openWorld({
      sleep: async () => {
        if (++reads > 3) throw stopping.signal.reason ?? new Error('stopped')
      },
    })
    await using world = folder
    for (let at = 0; at < 6; at++) await world.add(`blob ${at}`)

    await expect(world.scrub.run()).rejects.toThrow()
    expect(world.scrub.view.last()).toMatchObject({ blobCount: 3, finishedAt: null })

    reads = -100
    await world.scrub.run()
    expect(world.scrub.view.last()).toMatchObject({ id: 1, blobCount: 6, finishedAt: world.now })
  })

  it('forgets a finding about a blob that is no longer needed', async () => {
    await using world = await openWorld()
    const digest = await world.add('damaged')
    await world.flip(digest)
    await world.scrub.run()

    world.remove(digest)
    await world.scrub.recheck()

    expect(world.findings()).toEqual([{ digest, problem: 'DAMAGED', ending: 'REMOVED' }])
  })

  it('fetches a damaged blob again where a source is known, later if it does not respond now', async () => {
    const outcomes: (string | null)[] = ['registry.test/web: no response', null]
    const fetched: Digest[] = []
    await using world = await openWorld({
      refetch: async (digest) => {
        fetched.push(digest)
        return outcomes.shift()
      },
    })
    const digest = await world.add('damaged')
    await world.flip(digest)

    await world.scrub.run()
    expect(world.scrub.view.findings()).toMatchObject([
      { message: 'registry.test/web: no response', endedAt: null },
    ])
    await world.scrub.recheck()

    expect(world.findings()).toEqual([{ digest, problem: 'DAMAGED', ending: 'FETCHED' }])
    expect(fetched).toEqual([digest, digest])
  })

  it('reports damaged content of the database until it is whole', async () => {
    await using world = await openWorld()
    const digest = digestOf('a manifest')
    world.report = { damage: [], dangling: [], content: [{ content: 'MANIFEST', digest, size: 10 }] }
    await world.scrub.run()
    await world.scrub.run()
    expect(world.findings()).toEqual([{ digest, problem: 'DAMAGED', ending: null }])

    world.report = { damage: [], dangling: [], content: [] }
    await world.scrub.run()
    expect(world.findings()).toEqual([{ digest, problem: 'DAMAGED', ending: 'REPLACED' }])
  })

  it('ends the process when the database is damaged', async () => {
    await using world = await openWorld()
    world.report = { damage: ['Tree 3 page 7'], dangling: [], content: [] }

    await world.scrub.run()

    expect(world.damage).toEqual([['Tree 3 page 7']])
  })
})

it('a blob that a request found to be lost is fetched again at once', async () => {
  await using world = await openWorld({ refetch: async () => null })
  const digest = await world.add('lost')
  await rm(world.fileOf(digest))

  await world.scrub.lost(digest, 4)

  expect(world.findings()).toEqual([{ digest, problem: 'MISSING', ending: 'FETCHED' }])
})

import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import type { Database } from '../../../src/db/open.ts'
import { ImageGoneError } from '../../../src/imagestream/image/image.ts'
import { type Image, image, index } from '../../fixtures/random-image.ts'
import { randomNumbers } from '../../fixtures/random-numbers.ts'
import { seedOf } from '../../fixtures/seed.ts'
import { fromImage, UPSTREAM } from '../../fixtures/test-domain.ts'
import { fetched, HOUR, PruneWorld, planOf, pruneOf } from './world.ts'

const [one, two, three] = [1, 2, 3].map((seed) => image({ seed })) as [Image, Image, Image]
const EVERYTHING = { keepTagRevisions: 1, keepYoungerThanMinutes: 0 }

/** The stream `default/ruby` with the tag `latest`, which imports complete indexes. */
const wholeLatest = () => {
  const importPolicy = { insecure: false, scheduled: false, importMode: 'PreserveOriginal' as const }
  return { spec: { tags: [fromImage('latest', UPSTREAM, { importPolicy })] } }
}

describe('an image that is pruned while it is imported', () => {
  it('is fetched again: the earlier read is not enough', async () => {
    await using world = new PruneWorld()
    const { remote } = world.domain
    const both = index([one, two])
    world.store(one)
    remote.push(UPSTREAM, 'latest', both)
    await world.pass(HOUR)
    // the import has found the first child in the database, and waits for the second
    const hold = remote.hold(({ kind, subject }) => kind === 'manifest' && subject === two.digest)
    const creating = world.domain.create(wholeLatest())
    await hold.reached

    expect((await pruneOf(world.pruner, EVERYTHING)).images.items).toMatchObject([{ digest: one.digest }])
    hold.release()

    expect((await creating).imported).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(world.digests()).toEqual([one, two, both].map(({ digest }) => digest).sort())
    expect(world.configs()).toEqual([one, two].map(({ config }) => config.digest).sort())
    expect(remote.requested('manifest').filter((digest) => digest === one.digest)).toHaveLength(1)
    expect(world.domain.images.byDigest(SYSTEM, both.digest)?.size).not.toBeNull()
    expect([world.dangling(), world.domain.internalErrors]).toEqual([[], []])
  })

  it('is reused if another import stored it again', async () => {
    await using world = new PruneWorld()
    const { db, images } = world.domain
    world.store(one)
    const read = images.byDigest(SYSTEM, one.digest)
    if (!read) throw new Error('it was not stored')
    const storeAgain = () =>
      db.transact((tx) => images.store(tx, read, { namespace: 'default', pullSpec: () => '' }))
    expect(storeAgain()).toBe(read.id)

    await pruneOf(world.pruner, EVERYTHING)
    expect(storeAgain).toThrow(ImageGoneError)

    const id = world.store(one)
    expect(id).not.toBe(read.id)
    expect(storeAgain()).toBe(id)
  })

  it('is fetched again if another import stored only its index', async () => {
    await using world = new PruneWorld()
    const { db, images } = world.domain
    const both = index([one, two])
    world.store(both)
    const read = images.byDigest(SYSTEM, both.digest)
    if (!read) throw new Error('it was not stored')
    await pruneOf(world.pruner, EVERYTHING)
    // as a Legacy import does
    db.transact((tx) =>
      images.store(tx, { ...fetched(both), children: [] }, { namespace: 'default', pullSpec: () => '' }),
    )

    expect(() =>
      db.transact((tx) => images.store(tx, read, { namespace: 'default', pullSpec: () => '' })),
    ).toThrow(ImageGoneError)
  })

  it('never leaves a tag without its image, for any number of runs', async () => {
    await using world = new PruneWorld()
    const { domain } = world
    const { remote } = domain
    const random = randomNumbers(seedOf('concurrent collection of images'))
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
    const singles = Array.from({ length: 6 }, (_, seed) => image({ seed }))
    const pool = [...singles, index(singles.slice(0, 3)), index(singles.slice(2, 5))]
    const tags = Array.from({ length: 12 }, (_, at) => `v${at}`)
    for (const tag of tags) remote.push(UPSTREAM, tag, pick(pool))
    await domain.create({
      spec: { dockerImageRepository: UPSTREAM, importPolicy: { ...policy, importMode: 'PreserveOriginal' } },
    })
    let isImporting = true
    let gone = 0
    const pruning = (async () => {
      while (isImporting) {
        await domain.changeLog.dropBefore(domain.time + 1)
        gone += (await pruneOf(world.pruner, EVERYTHING)).images.total
      }
    })()

    // on a busy machine the pruner may run less often
    for (let round = 0; round < 60 || (gone <= 20 && round < 3000); round++) {
      for (const tag of tags) if (random() < 0.4) remote.push(UPSTREAM, tag, pick(pool))
      // the pruner may remove the image of a removed tag, while the import finds it in the database
      for (const tag of tags) if (random() < 0.5) world.forgetTag('default/ruby', tag)
      expect(await domain.import()).toMatchObject({ state: 'SUCCEEDED', failed: 0 })
      const upstream = await upstreamOf(tags, world)
      expect(tags.map((tag) => world.history('default/ruby', tag)[0])).toEqual(upstream)
    }
    isImporting = false
    await pruning

    expect(gone).toBeGreaterThan(20)
    expect([world.dangling(), domain.internalErrors]).toEqual([[], []])
  })
})

const policy = { insecure: false, scheduled: false }

/** Image of each tag at the registry. */
async function upstreamOf(tags: readonly string[], { domain }: PruneWorld): Promise<string[]> {
  const repository = domain.remote.repository(
    { registry: 'registry.test', repository: 'ruby' },
    { insecure: false, lane: '', namespace: null, signal: new AbortController().signal },
  )
  const resolved = await Promise.all(tags.map((tag) => repository.resolveTag(tag as never, null)))
  return resolved.map(({ digest }) => digest)
}

/** Hundreds of entries, images and indexes that are removed, and some that are kept. */
async function full(): Promise<PruneWorld> {
  const world = new PruneWorld()
  for (let at = 0; at < 450; at++) world.record('shop/web', 'latest', image({ seed: at }))
  for (let at = 0; at < 40; at++) world.store(index([image({ seed: at }), image({ seed: at + 1 })]))
  world.record('shop/web', 'index', index([one, two]))
  world.store(index([two, three]))
  await world.trimLog()
  await world.pass(2 * HOUR)
  return world
}

describe('a run', () => {
  it('that crashes before any of its transactions leaves complete indexes, and the next run completes it', async () => {
    await using undisturbed = await full()
    await pruneOf(undisturbed.pruner)
    let deaths = 0
    for (let lives = 0; ; lives++) {
      await using world = await full()
      let transactions = 0
      const mortal: Database = {
        ...world.domain.db,
        transact(write) {
          if (transactions++ >= lives) throw new Error('the process has died')
          return world.domain.db.transact(write)
        },
      }
      await using pruner = world.newPruner(mortal)
      await planOf(pruner).catch(() => {})
      transactions = 0
      const died = await pruneOf(pruner).then(
        () => false,
        () => true,
      )

      expect(world.dangling()).toEqual([])
      expectWholeIndexes(world)
      await pruneOf(world.pruner)
      expect(world.digests()).toEqual(undisturbed.digests())
      expect(world.configs()).toEqual(undisturbed.configs())
      expect(world.history('shop/web', 'latest')).toEqual(undisturbed.history('shop/web', 'latest'))
      if (!died) break
      deaths++
    }
    expect(deaths).toBeGreaterThan(4)
  })

  it('that is stopped keeps its deletions, and rejects with the reason', async () => {
    await using world = await full()
    const stop = new AbortController()
    const running = pruneOf(world.pruner, {}, stop.signal)
    setImmediate(() => stop.abort(new Error('enough')))

    await expect(running).rejects.toThrow('enough')
    expect(world.dangling()).toEqual([])
    expect((await pruneOf(world.pruner)).images.total).toBeGreaterThan(0)
  })

  it('waits for the earlier run, and then finds nothing to remove', async () => {
    await using world = await full()

    const [first, second, plan] = await Promise.all([
      pruneOf(world.pruner),
      pruneOf(world.pruner),
      planOf(world.pruner),
    ])

    expect(first.images.total).toBeGreaterThan(400)
    expect([second.images.total, second.events.total, plan.images.total]).toEqual([0, 0, 0])
  })

  it('is aborted when the pruner is disposed of', async () => {
    await using world = await full()
    const running = pruneOf(world.pruner)
    const ended = expect(running).rejects.toThrow('the server is stopping')

    await world.pruner[Symbol.asyncDispose]()

    await ended
    await expect(planOf(world.pruner)).rejects.toThrow('the server is stopping')
  })

  it('lets other writes run between its transactions', async () => {
    await using world = await full()
    const running = pruneOf(world.pruner)
    let turns = 0
    let isRunning = true
    void running.finally(() => {
      isRunning = false
    })
    while (isRunning) {
      world.record('shop/api', 'latest', image({ seed: `turn ${turns++ % 2}` }))
      await new Promise((resolve) => setImmediate(resolve))
    }

    expect(turns).toBeGreaterThan(5)
    await running
    expect(world.dangling()).toEqual([])
  })
})

/** Expects the images of each complete index: an import would not fetch them again. */
function expectWholeIndexes(world: PruneWorld): void {
  const indexes = world.domain.db
    .prepare<{ manifest: Uint8Array }>(
      `select manifest from images where media_type like '%index%' and size is not null`,
    )
    .all()
  for (const { manifest } of indexes) {
    const { manifests } = JSON.parse(Buffer.from(manifest).toString())
    for (const { digest } of manifests) expect(world.domain.images.byDigest(SYSTEM, digest)).toBeDefined()
  }
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { storeRunningWorkload } from '../../fixtures/kubernetes/running-workload.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { fromImage, UPSTREAM } from '../../fixtures/test-domain.ts'
import { HOUR, MINUTE, PruneWorld, planOf, pruneOf } from './world.ts'

let world: PruneWorld
beforeEach(() => {
  world = new PruneWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const build = (seed: number | string) => image({ seed })
const [one, two, three, four, five] = [1, 2, 3, 4, 5].map(build) as [
  ReturnType<typeof build>,
  ReturnType<typeof build>,
  ReturnType<typeof build>,
  ReturnType<typeof build>,
  ReturnType<typeof build>,
]
const releases = [one, two, three, four, five]
const digestsOf = (...contents: { digest: string }[]) => contents.map(({ digest }) => digest)

/** One tag that pointed to five images, each for an hour, the newest since now; the change log has no entry of them. */
async function fiveReleases(stream = 'shop/web', tag = 'latest'): Promise<void> {
  for (const release of releases) {
    world.domain.time += HOUR
    world.record(stream, tag, release)
  }
  await world.trimLog()
}

describe('a history', () => {
  it('keeps the newest three entries of each tag, and loses earlier ones that are older than an hour', async () => {
    await fiveReleases()

    const { events } = await pruneOf(world.pruner)

    expect(world.history('shop/web', 'latest')).toEqual(digestsOf(five, four, three))
    expect(events).toMatchObject({
      total: 2,
      items: [one, two].map(({ digest }, at) => ({
        id: at + 1,
        tagId: 1,
        namespace: 'shop',
        imageStreamName: 'web',
        tag: 'latest',
        dockerImageReference: `registry.test/app@${digest}`,
        createdAt: Date.UTC(2026, 0, 1, at + 1),
      })),
    })
  })

  it('keeps what a workload of a cluster runs, with its image', async () => {
    await fiveReleases()
    storeRunningWorkload(world.domain.db, one.digest)

    const { images } = await pruneOf(world.pruner, { keepTagRevisions: 1, keepYoungerThanMinutes: 0 })

    expect(world.history('shop/web', 'latest')).toEqual(digestsOf(five, one))
    expect(images.total).toBe(3)
  })

  it('keeps all entries younger than keepYoungerThanMinutes', async () => {
    await fiveReleases()

    await pruneOf(world.pruner, { keepTagRevisions: 1, keepYoungerThanMinutes: 121 })

    expect(world.history('shop/web', 'latest')).toEqual(digestsOf(five, four, three))
  })

  it('keeps the newest entry, however old it is', async () => {
    world.record('shop/web', 'latest', one)
    await world.trimLog()
    await world.pass(1000 * HOUR)

    const { events, images, reasons } = await pruneOf(world.pruner, {
      keepTagRevisions: 1,
      keepYoungerThanMinutes: 0,
    })

    expect([events.total, images.total, reasons.TAGGED]).toEqual([0, 0, 1])
    expect(world.history('shop/web', 'latest')).toEqual([one.digest])
  })

  it('of another namespace is kept with its images', async () => {
    await fiveReleases('shop/web')
    await fiveReleases('bank/web')
    await world.pass(2 * HOUR)

    const { images } = await pruneOf(world.pruner, { namespace: 'shop', keepTagRevisions: 1 })

    expect(images.total).toBe(0)
    expect(world.history('shop/web', 'latest')).toEqual([five.digest])
    expect(world.history('bank/web', 'latest')).toHaveLength(5)
  })

  it('of one namespace is trimmed without removing any image, as planned', async () => {
    await fiveReleases()
    world.store(image({ seed: 'unused' }))
    world.trimLog()
    await world.pass(2 * HOUR)
    const stored = world.digests()
    const options = { namespace: 'shop', keepTagRevisions: 1 }

    const plan = await planOf(world.pruner, options)
    const report = await pruneOf(world.pruner, options)

    expect(report).toEqual(plan)
    expect(report).toMatchObject({
      events: { total: 4 },
      images: { total: 0 },
      kept: { total: 0 },
      freedBytes: 0,
    })
    expect(world.digests()).toEqual(stored)
    expect((await pruneOf(world.pruner)).images.total).toBe(5)
  })

  it('of only imported images loses its entries also with all: false, and the images stay', async () => {
    await fiveReleases()
    world.push(one)
    await world.pass(2 * HOUR)
    const options = { all: false, keepTagRevisions: 1 }

    const plan = await planOf(world.pruner, options)
    const report = await pruneOf(world.pruner, options)

    expect(report).toEqual(plan)
    expect(report).toMatchObject({
      events: { total: 4 },
      images: { total: 1, items: [{ digest: one.digest }] },
      reasons: { TAGGED: 1, IMPORTED: 3 },
    })
    expect((await pruneOf(world.pruner)).images.total).toBe(3)
  })

  it('of thousands of entries in one tag is removed in parts', async () => {
    const many = Array.from({ length: 950 }, (_, at) => build(`many ${at}`))
    for (const release of many) world.record('shop/web', 'latest', release)
    await world.trimLog()
    await world.pass(2 * HOUR)

    const { events, images } = await pruneOf(world.pruner, { keepTagRevisions: 2 })

    expect([events.total, images.total]).toEqual([948, 948])
    expect(world.history('shop/web', 'latest')).toEqual(digestsOf(...many.slice(-2).reverse()))
  })

  it('of a stream with a running import is kept: its entries are the results', async () => {
    await fiveReleases()
    const streamId = world.streamId('shop/web')
    const importId = world.domain.db
      .prepare(
        `insert into imports (stream_id, request, state, imported, unchanged, failed, additional_tags,
           unchanged_events) values (?, '{}', 'RUNNING', 0, 0, 0, '[]', '[]')`,
      )
      .insert(streamId)

    expect((await pruneOf(world.pruner)).events.total).toBe(0)

    world.domain.db.prepare('update imports set finished_at = 1 where id = ?').run(importId)
    expect((await pruneOf(world.pruner)).events.total).toBe(2)
  })

  it('that changes raises the resourceVersion of its stream, and no other', async () => {
    await fiveReleases()
    world.record('shop/api', 'latest', one)
    const version = (name: string) => world.domain.streams.byName(SYSTEM, 'shop', name)?.resourceVersion ?? 0
    const [web, api] = [version('web'), version('api')]

    await pruneOf(world.pruner)

    expect([version('web'), version('api')]).toEqual([web + 1, api])
  })

  it('keeps its newest entry even if a caller asks the recorder to remove it', () => {
    world.record('shop/web', 'latest', one)
    world.record('shop/web', 'latest', two)
    const before = world.domain.streams.byName(SYSTEM, 'shop', 'web')?.resourceVersion ?? 0

    world.domain.db.transact((tx) => world.domain.recorder.pruneTagEvents(tx, [2]))
    expect(world.domain.streams.byName(SYSTEM, 'shop', 'web')?.resourceVersion).toBe(before)
    world.domain.db.transact((tx) => world.domain.recorder.pruneTagEvents(tx, [1, 2]))

    expect(world.history('shop/web', 'latest')).toEqual([two.digest])
    expect(world.domain.streams.byName(SYSTEM, 'shop', 'web')?.resourceVersion).toBe(before + 1)
  })
})

describe('an image', () => {
  it('is removed with its last entry, and its config with the last image', async () => {
    await fiveReleases()
    await world.pass(2 * HOUR)

    const { images, configs, freedBytes } = await pruneOf(world.pruner)

    expect(images.items.map(({ digest }) => digest)).toEqual(digestsOf(one, two))
    expect(world.digests()).toEqual(digestsOf(three, four, five).sort())
    expect(world.configs()).toEqual([three, four, five].map(({ config }) => config.digest).sort())
    expect(configs).toBe(2)
    const sizes = [one, two].flatMap(({ bytes, config }) => [bytes.length, config.bytes.length])
    expect(freedBytes).toBe(sizes.reduce((sum, size) => sum + size))
    expect(world.dangling()).toEqual([])
  })

  it('is removed without its config if another image has that config', async () => {
    const twin = image({ seed: 1, docker: true })
    expect([twin.config.digest, twin.digest === one.digest]).toEqual([one.config.digest, false])
    world.store(one)
    world.record('shop/web', 'latest', twin)
    await world.pass(2 * HOUR)

    const plan = await planOf(world.pruner)
    const { images, configs } = await pruneOf(world.pruner)

    expect([images.total, configs, plan.configs]).toEqual([1, 0, 0])
    expect(world.configs()).toEqual([twin.config.digest])
  })

  it('is kept while an entry of the change log has it, as the new or the previous image', async () => {
    await fiveReleases()
    world.record('shop/web', 'latest', one)
    await world.pass(100 * HOUR)

    const { reasons } = await pruneOf(world.pruner, { keepTagRevisions: 1 })

    expect(reasons).toMatchObject({ TAGGED: 1, IN_CHANGE_LOG: 1 })
    expect(world.digests()).toEqual(digestsOf(one, five).sort())
  })

  it('is kept while a repository has its manifest, and the report counts manifests that are in no history', async () => {
    await fiveReleases()
    world.link('shop/web', one)
    world.link('shop/web', two)
    world.link('shop/web', four)
    world.link('bank/web', one)
    world.record('shop/web', 'old', two)
    await world.trimLog()
    await world.pass(100 * HOUR)

    const { reasons, repositoryManifests } = await pruneOf(world.pruner)

    // "two" is in the history of another tag; bank/web never had a history
    expect(repositoryManifests).toBe(1)
    expect(reasons.IN_REPOSITORY).toBe(1)
    expect(world.digests()).toEqual(digestsOf(...releases).sort())
  })

  it('without an entry is kept while it is young, counted from its storing and not its build', async () => {
    world.store(image({ seed: 'old', created: new Date('2001-01-01') }))
    await world.pass(59 * MINUTE)
    expect((await pruneOf(world.pruner)).reasons.YOUNG).toBe(1)

    await world.pass(MINUTE)
    expect((await pruneOf(world.pruner)).images.total).toBe(1)
  })

  it('counts as young after a restart, unless a later push is old', async () => {
    world.store(one)
    world.record('shop/web', 'latest', two)
    world.store(three)
    world.domain.time += 2 * HOUR
    await using restarted = world.newPruner()

    const { images, reasons } = await pruneOf(restarted)

    expect(images.items.map(({ digest }) => digest)).toEqual([one.digest])
    expect(reasons).toMatchObject({ TAGGED: 1, YOUNG: 1 })
  })

  it('of a deleted stream is removed', async () => {
    await fiveReleases()
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'shop', name: 'web' })
    await world.pass(HOUR)

    await pruneOf(world.pruner)

    expect(world.digests()).toEqual([])
    expect(world.configs()).toEqual([])
  })
})

it('a deleted stream whose tags have histories that only a document reported is removed', async () => {
  const created = new Date(world.domain.time - HOUR).toISOString()
  const documents = JSON.stringify({
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name: 'web' },
    status: { tags: [{ tag: 'v1', items: [{ created, image: one.digest }] }] },
  })
  world.domain.applyDocuments(SYSTEM, { documents, importHistory: true, dryRun: false })
  world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'web' })
  await world.pass(HOUR)
  expect(world.domain.dump()).toMatchObject({ image_streams: [{}], tags: [{}], reported_moves: [{}] })

  await pruneOf(world.pruner)

  expect(world.domain.dump()).toMatchObject({ image_streams: [], tags: [], reported_moves: [] })
})

describe('an index', () => {
  const both = index([one, two])
  const nested = index([both, three])

  it('in use keeps its children and their children', async () => {
    world.record('shop/web', 'latest', nested)
    await world.pass(2 * HOUR)

    const { reasons, kept } = await pruneOf(world.pruner, { keepTagRevisions: 1 })

    expect(reasons).toMatchObject({ TAGGED: 1, CHILD: 4 })
    expect(kept.items.map(({ reason }) => reason).sort()).toEqual([
      ...['CHILD', 'CHILD', 'CHILD', 'CHILD', 'TAGGED'],
    ])
  })

  it('is removed with the children that nothing else refers to', async () => {
    world.store(nested)
    world.record('shop/web', 'latest', two)
    world.store(index([three, four]))
    world.record('shop/web', 'all', index([three, four]))
    await world.pass(2 * HOUR)
    const plan = await planOf(world.pruner)

    const pruned = await pruneOf(world.pruner)

    expect(pruned).toEqual(plan)
    expect(pruned.images.items.map(({ digest }) => digest).sort()).toEqual(
      digestsOf(one, both, nested).sort(),
    )
    expect(world.isStored(three)).toBe(true)
  })

  it('that was stored before its child is removed with it', async () => {
    await world.pass(0)
    const { remote } = world.domain
    const built = index([one])
    remote.push(UPSTREAM, 'latest', built)
    // a Legacy import stores the index first, and then only the image that it chose
    await world.domain.create({ spec: { tags: [fromImage('latest', UPSTREAM)] } })
    await world.trimLog()
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })
    await world.pass(2 * HOUR)

    const plan = await planOf(world.pruner)
    expect(await pruneOf(world.pruner)).toEqual(plan)
    expect(world.digests()).toEqual([])
  })

  it('from which a tag’s image was chosen is kept with the tag', async () => {
    world.domain.remote.push(UPSTREAM, 'latest', both)
    await world.domain.create({ spec: { tags: [fromImage('latest', UPSTREAM)] } })
    expect(world.digests()).toEqual(digestsOf(both, one).sort())
    await world.pass(2 * HOUR)

    expect((await pruneOf(world.pruner)).reasons).toMatchObject({ TAGGED: 1, CHOSEN_FROM: 1 })
    expect(world.isStored(both)).toBe(true)

    world.record('default/ruby', 'latest', five)
    await world.trimLog()
    await world.pass(2 * HOUR)
    await pruneOf(world.pruner, { keepTagRevisions: 1 })
    expect(world.digests()).toEqual([five.digest])
  })
})

describe('a report', () => {
  it('has pages of removed and kept items, with totals of all', async () => {
    await fiveReleases()
    await world.pass(2 * HOUR)
    const all = await planOf(world.pruner, { keepTagRevisions: 1 })

    const first = await planOf(world.pruner, { keepTagRevisions: 1, limit: 3 })
    const last = await planOf(world.pruner, {
      keepTagRevisions: 1,
      limit: 3,
      after: { images: first.images.items.at(-1), events: first.events.items.at(-1) },
    })

    expect([first.images.total, first.events.total, first.freedBytes]).toEqual([4, 4, all.freedBytes])
    expect([...first.images.items, ...last.images.items]).toEqual(all.images.items)
    expect([...first.events.items, ...last.events.items]).toEqual(all.events.items)
    expect(first.images.items).toHaveLength(3)
  })

  it.each([
    ['keepTagRevisions', { keepTagRevisions: 0 }],
    ['keepTagRevisions', { keepTagRevisions: 1001 }],
    ['keepYoungerThanMinutes', { keepYoungerThanMinutes: -1 }],
    ['keepYoungerThanMinutes', { keepYoungerThanMinutes: 0.5 }],
    ['namespace', { namespace: 'No' }],
  ])('is refused with the field %s for %j', async (field, options) => {
    await expect(pruneOf(world.pruner, options)).rejects.toMatchObject({ code: 'INVALID', field })
  })
})

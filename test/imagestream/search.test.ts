import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import type { StreamFilter, StreamOrder } from '../../src/imagestream/stream/stream-criteria.ts'
import { streamKeyOf } from '../../src/imagestream/stream/stream-search.ts'
import type { TagSearchFilter } from '../../src/imagestream/tag/tag-search.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { RegistryErrorReason } from '../../src/oci/registry-error.ts'
import { fetched } from '../collect/images/world.ts'
import { image } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { seedOf } from '../fixtures/seed.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { ALL } from '../fixtures/test-domain.ts'
import { createViewers } from '../fixtures/viewers.ts'
import { IMAGES, type KnownStream, SearchWorld } from './search-world.ts'

/** More rows than are read by a criterion's index, so that both plans are used. */
const STREAMS = 700
const STEPS = 4000
const SECOND = 1000

const REGISTRIES = ['docker.io', 'quay.io', 'localhost:5000']
const REASONS: readonly RegistryErrorReason[] = ['RegistryUnavailable', 'Unauthorized', 'NotFound']
const TAGS = ['latest', '1.0', '1.1', '2.0', 'edge']

let world: SearchWorld
let began: number
let viewers: readonly Viewer[]
beforeAll(() => {
  world = new SearchWorld()
  const { in: viewerIn, inBoth } = createViewers(world.domain.db)
  viewers = [
    SYSTEM,
    viewerIn([]),
    viewerIn(['a/*']),
    viewerIn(['a/*', 'c/*', 'missing/*']),
    viewerIn(['a/web-1*', 'a/*-12', 'b/worker-5']),
    viewerIn(['*/web-api*']),
    inBoth(['a/*', 'b/*'], ['b/*', 'c/*']),
    inBoth(['*/*-1*', 'b/x'], ['a/w*', 'c/web*']),
  ]
  began = world.domain.time
  fill()
})
afterAll(() => world[Symbol.asyncDispose]())

function fill(): void {
  const random = randomNumbers(seedOf('searched streams'))
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  // the first far more often than the last
  const skewed = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() ** 4 * items.length)] as Item
  const labels = (): KnownStream['labels'] => ({
    ...(random() < 0.9 && { tier: 'back' }),
    ...(random() < 0.1 && { team: one(['x', 'y']) }),
    ...(random() < 0.01 && { rare: '' }),
  })
  for (let at = 0; at < STREAMS; at++) {
    world.create(one(['a', 'b', 'c']), `${one(['web', 'web-api', 'worker'])}-${at}`, {
      labels: labels(),
      registries: [skewed(REGISTRIES), ...(random() < 0.2 ? [one(REGISTRIES)] : [])],
    })
  }
  for (let step = 0; step < STEPS; step++) {
    world.domain.time += SECOND
    const [stream, tag, what] = [one(world.streams), one(TAGS), random()]
    if (what < 0.7) world.record(stream, tag, skewed(IMAGES), skewed(REGISTRIES))
    else if (what < 0.8) world.fail(stream, tag, skewed(REASONS))
    else if (what < 0.85) world.remove(stream, tag)
    else if (what < 0.9) world.relabel(stream, labels())
    else if (what < 0.92) world.failWhole(stream, random() < 0.5 ? skewed(REASONS) : null)
    else world.check(stream, random() < 0.8)
  }
}

/** Set rarely, since filters with few criteria find more. */
const optional = <Value>(value: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })
const time = fc.nat(STEPS * 1.1).map((step) => began + step * SECOND)
const shared = {
  digest: optional(fc.constantFrom(...IMAGES.map(({ digest }) => digest))),
  registry: optional(fc.constantFrom(...REGISTRIES, 'nowhere.example.org')),
  failing: optional(fc.record({ reason: optional(fc.constantFrom(...REASONS, 'Forbidden' as const)) })),
  platform: optional(
    fc.constantFrom(
      'linux/amd64',
      'linux/arm64',
      'linux/arm64/v8',
      'linux/arm',
      'windows/amd64',
      'linux/arm/v6',
      'linux/arm/v7',
      'linux/amd64/v1',
      'linux/amd64/v3',
    ),
  ),
  unchangedSince: optional(time),
}
const label = (...pairs: readonly (readonly [string, string])[]) =>
  optional(
    fc.subarray(
      pairs.map(([key, value]) => ({ key, value })),
      { maxLength: 2 },
    ),
  )
const streamFilter: fc.Arbitrary<StreamFilter> = fc.record({
  ...shared,
  namespace: optional(fc.constantFrom('a', 'b', 'missing')),
  matching: optional(
    fc.constantFrom('*', 'web*', 'web-1*', 'web-api-*7', '*-12', 'worker-5', 'none', 'wor*1*'),
  ),
  labels: label(['tier', 'back'], ['team', 'x'], ['rare', ''], ['team', 'missing']),
  notCheckedSince: optional(time),
})
const tagFilter: fc.Arbitrary<TagSearchFilter> = fc.record({
  ...shared,
  matching: optional(fc.constantFrom('*', '1.*', 'latest', '*e', 'e*', 'none')),
  labels: label(['team', 'x'], ['org.example/tier', 'front'], ['team', 'missing']),
})
const order = fc.constantFrom<StreamOrder>('NAME', 'NEWEST_FIRST')
// half of them for the server itself
const viewer = fc.oneof(fc.constant(0), fc.nat(7)).map((at) => () => viewers[at] ?? SYSTEM)

describe('found streams', () => {
  it('are those that a check of all streams finds for the viewer, in order and counted, for any filters', async () => {
    let found = 0
    using statements = watchStatements()
    await fc.assert(
      fc.asyncProperty(streamFilter, order, viewer, async (filter, by, seenBy) => {
        const expected = world.expectedStreams(filter, by, seenBy())

        const page = await world.domain.streams.page(seenBy(), { ...filter, order: by, page: ALL })

        expect(page.map(({ id }) => id)).toEqual(expected)
        expect(await world.domain.streams.count(seenBy(), filter)).toBe(expected.length)
        if (expected.length > 0) found++
      }),
      { numRuns: 400 },
    )
    // the drawn cases cover the property
    expect(found).toBeGreaterThan(50)
    for (const way of [
      /few cross join/,
      /indexed by image_streams_by_name/,
      /indexed by image_streams_by_newest/,
      /visible_namespaces v cross join/,
    ]) {
      expect(statements.run.filter((text) => way.test(text)).length).toBeGreaterThan(25)
    }
  })

  it('are paged without gaps or duplicates, in every order and from both ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        streamFilter,
        order,
        viewer,
        fc.integer({ min: 7, max: 150 }),
        fc.boolean(),
        async (filter, by, seenBy, size, fromEnd) => {
          const paged: number[] = []
          let key: readonly (string | number)[] | undefined
          for (;;) {
            const page = { limit: size, fromEnd, ...(fromEnd ? { before: key } : { after: key }) }
            const read = await world.domain.streams.page(seenBy(), { ...filter, order: by, page })
            // one more row than the limit: the list continues
            const goesOn = read.length > size
            const kept = fromEnd ? read.slice(goesOn ? 1 : 0) : read.slice(0, size)
            if (fromEnd) paged.unshift(...kept.map(({ id }) => id))
            else paged.push(...kept.map(({ id }) => id))
            const edge = fromEnd ? kept[0] : kept.at(-1)
            if (!goesOn || !edge) break
            key = streamKeyOf(edge, by)
          }
          expect(paged).toEqual(world.expectedStreams(filter, by, seenBy()))
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('found tags', () => {
  it('are those that a check of all tags of the streams finds, and counted, for any filters', () => {
    let found = 0
    using statements = watchStatements()
    const ids = fc.oneof(
      fc.constant(world.streams.map(({ id }) => id)),
      fc.subarray(world.streams.map(({ id }) => id)),
      fc.constantFrom(...world.streams.map(({ id }) => [id])),
    )
    fc.assert(
      fc.property(ids, tagFilter, (streamIds, filter) => {
        const expected = new Map(
          streamIds
            .map((id) => [id, world.expectedTags(id, filter)] as const)
            .filter(([, names]) => names.length > 0),
        )

        const listing = { ...filter, order: 'NAME', page: ALL } as const
        const tags = world.domain.tags.ofStreams(streamIds, listing)

        const names = new Map<number, string[]>()
        for (const { streamId, name } of tags) {
          names.set(streamId, [...(names.get(streamId) ?? []), name])
        }
        expect(names).toEqual(expected)
        expect(world.domain.tags.countOfStreams(streamIds, filter)).toEqual(
          new Map([...expected].map(([id, { length }]) => [id, length])),
        )
        if (expected.size > 0) found++
      }),
      { numRuns: 250 },
    )
    // the drawn cases cover the property
    expect(found).toBeGreaterThan(50)
    for (const way of [/json_group_array\(id\)/, /json_each\(\?\) o join tags/]) {
      expect(statements.run.filter((text) => way.test(text)).length).toBeGreaterThan(25)
    }
  })

  it('are paged for each stream, in every order', () => {
    const orders = fc.constantFrom('IMPORTANCE', 'NAME', 'NEWEST_FIRST', 'SEMVER_DESC' as const)
    const all = world.streams.map(({ id }) => id)
    fc.assert(
      fc.property(
        tagFilter,
        orders,
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (filter, by, limit, fromEnd) => {
          const read = (page: object) => {
            const tags = world.domain.tags.ofStreams(all, { ...filter, order: by, page: { ...ALL, ...page } })
            const names = new Map<number, string[]>(all.map((id) => [id, []]))
            for (const { streamId, name } of tags) names.get(streamId)?.push(name)
            return names
          }

          const whole = read({})
          const paged = read({ limit, peek: false, fromEnd })

          const cut = (names: string[]) => (fromEnd ? names.slice(-limit) : names.slice(0, limit))
          expect(paged).toEqual(new Map([...whole].map(([id, names]) => [id, cut(names)])))
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('labels of images', () => {
  it.each([
    'no JSON at all',
    '{"config":',
    '[1]',
    '{"config":{"Labels":["x"]}}',
    '{"config":{"Labels":{"team":1}}}',
  ])('are missing for a config that is %s, without hiding those of others', async (config) => {
    await using small = new SearchWorld()
    const { domain } = small
    const stream = small.create('a', 'web')
    const strange = image({ seed: config })
    small.record(stream, '1', IMAGES[0] ?? strange, 'docker.io')
    const bytes = Buffer.from(config)
    const stored = { ...fetched(strange), config: { digest: digestOf(bytes), bytes } }
    domain.db.transact((tx) =>
      domain.images.store(tx, stored, {
        namespace: 'default',
        pullSpec: (digest) => `docker.io/x@${digest}`,
      }),
    )
    small.record(stream, '2', strange, 'docker.io')

    const found = (value: string) =>
      domain.tags
        .ofStreams([stream.id], { labels: [{ key: 'team', value }], order: 'NAME', page: ALL })
        .map(({ name }) => name)

    expect(found('x')).toEqual(['1'])
    expect(found('1')).toEqual([])
  })
})

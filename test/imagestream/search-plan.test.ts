import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { FEW } from '../../src/db/search.ts'
import type { StreamFilter, StreamOrder } from '../../src/imagestream/stream/stream-criteria.ts'
import type { TagOrder } from '../../src/imagestream/tag/tag.ts'
import type { TagSearchFilter } from '../../src/imagestream/tag/tag-search.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { IMAGES, SearchWorld } from './search-world.ts'

const [COMMON, RARE] = [IMAGES[0], IMAGES[4]]
if (!COMMON || !RARE) throw new Error('there are no images')

let world: SearchWorld
let streamIds: number[]
beforeAll(() => {
  world = new SearchWorld()
  for (let at = 0; at <= FEW; at++) {
    const stream = world.create('a', `web-${at}`, {
      labels: { tier: 'back' },
      registries: ['docker.io', 'docker.io'],
    })
    world.record(stream, '1.0', COMMON, 'docker.io')
    world.fail(stream, 'edge', 'NotFound')
    world.failWhole(stream, 'NotFound')
  }
  const rare = world.create('b', 'rare', { labels: { rare: '' }, registries: ['quay.io', 'quay.io'] })
  world.record(rare, 'rare', RARE, 'quay.io')
  world.fail(rare, 'edge', 'Forbidden')
  world.failWhole(rare, 'Forbidden')
  world.check(rare, true)
  streamIds = world.streams.map(({ id }) => id)
})
afterAll(() => world[Symbol.asyncDispose]())

interface Step {
  readonly id: number
  readonly parent: number
  readonly detail: string
}

/** Each statement that the read runs, with the steps in which SQLite runs it. */
async function plansOf(read: () => unknown): Promise<{ text: string; steps: Step[] }[]> {
  let texts: readonly string[] = []
  {
    using statements = watchStatements()
    await read()
    texts = [...statements.run]
  }
  return texts.map((text) => {
    const parameters = Array.from(text.matchAll(/\?/g), () => null)
    return { text, steps: world.domain.db.prepare<Step>(`explain query plan ${text}`).all(...parameters) }
  })
}

/** Lists that the statement creates, each at most as long as the rows that it reads by an index. */
const OWN_LIST =
  /^SCAN (?:(?:json_each|few|o|l) VIRTUAL TABLE|o$|leap$|every$|wanted$|\(subquery-\d+\)$|CONSTANT ROW$)/
/** Reads the index of the order, from the first to the last row of the page. */
const WALK =
  /^(?:SCAN|SEARCH) s USING (?:COVERING )?INDEX image_streams_by_(?:name|newest|newest_in_namespace)\b/

/** A count reads all rows where many match. */
const COUNT = /^SCAN (?:image_streams|s)\b/

/** Steps whose time grows with the table, except reading along the order's index. */
function faultsOf(text: string, steps: readonly Step[]): string[] {
  const isWalk = steps.some(({ detail }) => WALK.test(detail))
  const isCount = text.startsWith('select count(*)')
  const isEachStream = text.includes('json_each(?) o')
  return steps
    .filter(({ detail, parent }) => {
      if (detail.startsWith('SCAN')) {
        return !OWN_LIST.test(detail) && !WALK.test(detail) && !(isCount && COUNT.test(detail))
      }
      // the rows of one page are sorted at the end; the rows of each stream are read in order
      if (detail === 'USE TEMP B-TREE FOR ORDER BY') return isWalk || (isEachStream && parent !== 0)
      // a probe finds its row by a whole key
      if (detail.includes(' EXISTS ')) return !detail.includes(' AND ') && !detail.includes('rowid=?')
      return false
    })
    .map(({ detail }) => `${detail}: ${text}`)
}

const faults = async (read: () => unknown): Promise<string[]> => {
  const plans = await plansOf(read)
  expect(plans.length).toBeGreaterThan(0)
  return plans.flatMap(({ text, steps }) => faultsOf(text, steps))
}

const LATE = Date.UTC(2100, 0, 1)
const common: Readonly<Record<string, TagSearchFilter>> = {
  nothing: {},
  digest: { digest: COMMON.digest },
  registry: { registry: 'docker.io' },
  'failing for any reason': { failing: {} },
  failing: { failing: { reason: 'NotFound' } },
  platform: { platform: 'linux/amd64' },
  unchangedSince: { unchangedSince: LATE },
  'matching from the end': { matching: '*0' },
  everything: {
    ...{ digest: COMMON.digest, registry: 'docker.io', failing: {}, platform: 'linux/amd64', matching: '*' },
    unchangedSince: LATE,
  },
}
const rare: Readonly<Record<string, TagSearchFilter>> = {
  digest: { digest: RARE.digest },
  registry: { registry: 'quay.io' },
  failing: { failing: { reason: 'Forbidden' } },
  platform: { platform: 'linux/arm' },
  unchangedSince: { unchangedSince: 0 },
  matching: { matching: 'rare*' },
  everything: {
    ...{ digest: RARE.digest, registry: 'quay.io', failing: {}, platform: 'linux/arm', matching: 'rare*' },
    unchangedSince: LATE,
  },
}
const named = (filters: Readonly<Record<string, TagSearchFilter>>, how: string, more: object = {}) =>
  Object.entries(filters).map(([name, filter]) => [`${how}: ${name}`, { ...filter, ...more }] as const)

const STREAM_FILTERS: readonly (readonly [string, StreamFilter])[] = [
  ...named(common, 'many'),
  ...named(common, 'many of a namespace', { namespace: 'a' }),
  ...named(rare, 'few'),
  ...named(rare, 'few of a namespace', { namespace: 'b' }),
  ['many: labels', { labels: [{ key: 'tier', value: 'back' }] }],
  ['few: labels', { labels: [{ key: 'rare', value: '' }] }],
  ['several labels', { labels: ['1', '2', '3'].map((value) => ({ key: 'tier', value })) }],
  ['many: notCheckedSince', { notCheckedSince: LATE }],
  ['few: notCheckedSince', { notCheckedSince: LATE, labels: [{ key: 'rare', value: '' }] }],
  ['many: matching', { matching: 'web-*' }],
  ['many: matching in a namespace', { namespace: 'a', matching: 'web-*' }],
]

/** All pages with these keys as their start or end. */
const pagesOf = (key: readonly (string | number)[]) =>
  [{}, { after: key }, { before: key }, { after: key, before: key }].flatMap((part) =>
    [false, true].map((fromEnd) => ({ limit: 20, fromEnd, ...part })),
  )

describe('streams are found by keys and indexes, for any number of streams', () => {
  const keys: Record<StreamOrder, readonly (string | number)[]> = {
    NAME: ['a', 'web-5'],
    NEWEST_FIRST: [LATE, 5],
  }
  it.each(STREAM_FILTERS)('%s', async (_what, filter) => {
    const { streams } = world.domain
    for (const order of ['NAME', 'NEWEST_FIRST'] as const) {
      for (const page of pagesOf(keys[order])) {
        expect(await faults(() => streams.page(SYSTEM, { ...filter, order, page }))).toEqual([])
      }
    }
    expect(await faults(() => streams.count(SYSTEM, filter))).toEqual([])
  })

  it.each(STREAM_FILTERS.filter(([what]) => /^(?:many|few):/.test(what)))(
    'in order where many match, and by the index of a criterion where few do: %s',
    async (what, filter) => {
      const { streams } = world.domain
      const plans = await plansOf(() =>
        streams.page(SYSTEM, { ...filter, order: 'NAME', page: { limit: 20 } }),
      )
      const isWalk = plans.some(({ steps }) => steps.some(({ detail }) => WALK.test(detail)))
      expect(isWalk).toBe(what.startsWith('many'))
    },
  )
})

describe('tags are found by keys and indexes, in many streams and in one', () => {
  const keys: Record<TagOrder, readonly (string | number)[]> = {
    IMPORTANCE: ['1'],
    NAME: ['1.0'],
    NEWEST_FIRST: [LATE, 5],
    SEMVER_DESC: ['1'],
  }
  const filters = [
    ...named(common, 'many'),
    ...named(rare, 'few'),
    ...named({ labels: { labels: [{ key: 'team', value: 'x' }] } }, 'many'),
  ]
  it.each(filters)('%s', async (_what, filter) => {
    const { tags } = world.domain
    for (const ids of [streamIds, streamIds.slice(0, 1)]) {
      for (const order of ['IMPORTANCE', 'NAME', 'NEWEST_FIRST', 'SEMVER_DESC'] as const) {
        for (const page of pagesOf(keys[order])) {
          expect(await faults(() => tags.ofStreams(ids, { ...filter, order, page }))).toEqual([])
        }
      }
      expect(await faults(() => tags.countOfStreams(ids, filter))).toEqual([])
    }
  })
})

it.each([
  'select * from tags where upstream_digest = ?',
  'select * from image_streams s indexed by image_streams_by_name where s.deleted_at is null order by s.newest_at limit ?',
  `select s.id from image_streams s indexed by image_streams_by_name where s.deleted_at is null and exists (
     select 1 from tags t indexed by tags_by_name where t.stream_id = s.id and t.platforms = ?)`,
])('detects a plan that reads or sorts a whole table, or probes by part of a key: %s', async (text) => {
  expect(await faults(() => world.domain.db.prepare(text).all(1))).toHaveLength(1)
})

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM, sees, type Viewer } from '../../src/access/right/viewer.ts'
import type { ImageListFilter } from '../../src/imagestream/stream/image-list.ts'
import { createTagList } from '../../src/imagestream/stream/tag-list.ts'
import {
  type ListedTag,
  type TagListFilter,
  tagListKeyOf,
} from '../../src/imagestream/stream/tag-list-query.ts'
import type { TagOrder } from '../../src/imagestream/tag/tag.ts'
import { sortKeysOf } from '../../src/imagestream/tag/tag-order.ts'
import { matchesGlob } from '../../src/input/glob.ts'
import { compareKeys, type KeysetPage } from '../../src/input/page.ts'
import { PruneWorld } from '../collect/images/world.ts'
import { recordingReads } from '../fixtures/database-reads.ts'
import { countingIterations } from '../fixtures/event-loop.ts'
import { image, index } from '../fixtures/random-image.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { createViewers } from '../fixtures/viewers.ts'

const ORDERS: readonly TagOrder[] = ['IMPORTANCE', 'NAME', 'NEWEST_FIRST', 'SEMVER_DESC']
const TAGS = ['latest', '1.0', '1.10', '1.2', 'v1.2', '1.2.3', 'edge']
const STREAMS = ['a/web', 'a/web-2', 'b/api', 'b/sub/app', 'b/web', 'c/empty', 'd/web']
const IMAGES = [1, 2, 3].map((seed) => image({ seed }))
const both = index(IMAGES.slice(0, 2))

let world: PruneWorld
let viewers: readonly Viewer[]
beforeAll(() => {
  world = new PruneWorld()
  const { in: viewerIn, inBoth } = createViewers(world.domain.db)
  viewers = [
    SYSTEM,
    viewerIn([]),
    viewerIn(['b/*', 'c/*', 'none/*']),
    viewerIn(['a/web', 'b/s*', 'd/*x']),
    viewerIn(['*/web*']),
    inBoth(['a/*', 'b/*'], ['*/*app', 'b/web']),
  ]
  let at = 0
  for (const stream of STREAMS) {
    const [namespace = '', ...rest] = stream.split('/')
    world.domain.writer.create(SYSTEM, { namespace, name: rest.join('/'), spec: {} })
    if (stream === 'c/empty') continue
    for (const tag of TAGS) {
      if (at++ % 4 === 3) continue
      record(stream, tag, IMAGES[at % 3] as (typeof IMAGES)[number])
    }
  }
  record('d/web', 'all', both)
  world.domain.streamRemoval.delete(SYSTEM, { namespace: 'a', name: 'web-2' })
})
afterAll(() => world[Symbol.asyncDispose]())

function record(stream: string, tag: string, content: (typeof IMAGES)[number] | typeof both): void {
  const [namespace = '', ...rest] = stream.split('/')
  const { db, recorder, streams, time } = world.domain
  const streamName = rest.join('/')
  const { id: streamId } = streams.existing(SYSTEM, namespace, streamName)
  const imageId = world.store(content)
  world.domain.time += 1_000
  const event = { imageId, dockerImageReference: `registry.test/app@${content.digest}`, generation: 1 }
  db.transact((tx) =>
    recorder.recordTagEvent(
      tx,
      SYSTEM,
      { streamId, namespace, streamName, tag: tagName(tag) },
      { ...event, source: 'IMPORT', upstreamDigest: null, at: time },
    ),
  )
}

/** The whole list, from the rows of the tables. */
function expected(filter: TagListFilter, order: TagOrder, viewer = SYSTEM): string[] {
  const rows = world.domain.db
    .prepare<{
      id: number
      namespace: string
      stream: string
      name: string
      newestAt: number
      digest: string
    }>(
      `select t.id, s.namespace, s.name as stream, t.name, t.newest_at as newestAt, i.digest from tags t
       join image_streams s on s.id = t.stream_id left join images i on i.id = t.newest_image_id
       where t.removed_at is null`,
    )
    .all()
  const { namespace, stream, matching, digest } = filter
  const keyOf = ({ id, name, newestAt, ...of }: (typeof rows)[number]) => {
    if (order === 'NEWEST_FIRST') return [-newestAt, -id]
    const keys = sortKeysOf(tagName(name))
    const key = { IMPORTANCE: keys.importance, NAME: name, SEMVER_DESC: keys.version }[order]
    return [of.namespace, of.stream, key]
  }
  return rows
    .filter((row) => sees(viewer, { namespace: row.namespace, name: row.stream }))
    .filter((row) => namespace === undefined || row.namespace === namespace)
    .filter((row) => stream === undefined || matchesGlob(stream, row.stream))
    .filter((row) => matching === undefined || matchesGlob(matching, row.name))
    .filter((row) => digest === undefined || row.digest === digest)
    .sort((one, other) => compareKeys(keyOf(one), keyOf(other)))
    .map((row) => `${row.namespace}/${row.stream}:${row.name}`)
}

const nameOf = ({ namespace, streamName, name }: ListedTag): string => `${namespace}/${streamName}:${name}`

/** All pages of the list, read one after the other, each after a change if there is one. */
async function allPages(
  { order, ...filter }: TagListFilter & { order: TagOrder },
  {
    size,
    fromEnd = false,
    change = () => {},
    viewer = SYSTEM,
  }: { size: number; fromEnd?: boolean; change?: () => void; viewer?: Viewer },
): Promise<string[]> {
  const found: string[] = []
  for (let page: KeysetPage = { limit: size, peek: false, fromEnd }; ; change()) {
    const rows = await world.domain.tagList.page(viewer, { ...filter, order, page })
    const names = rows.map(nameOf)
    if (fromEnd) found.unshift(...names)
    else found.push(...names)
    const end = fromEnd ? rows[0] : rows.at(-1)
    if (!end) return found
    const key = tagListKeyOf(end, order)
    page = { ...page, ...(fromEnd ? { before: key } : { after: key }) }
  }
}

const filter: fc.Arbitrary<TagListFilter> = fc.record(
  {
    namespace: fc.constantFrom('a', 'b', 'c', 'none'),
    stream: fc.constantFrom('*', 'web', 'w*', '*app', 'sub/app', 'none'),
    matching: fc.constantFrom('1*', '*2', 'latest', '*zzz'),
    digest: fc.constantFrom(...IMAGES.map(({ digest }) => digest), both.digest),
  },
  { requiredKeys: [] },
)

describe('the list of the tags of all streams', () => {
  it('has every tag that meets the filter and that the viewer sees once, in order, in pages of any size, forward and back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ORDERS),
        filter,
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        fc.nat(5),
        async (order, given, size, fromEnd, at) => {
          const viewer = viewers[at] ?? SYSTEM
          const all = expected(given, order, viewer)
          expect(await allPages({ ...given, order }, { size, fromEnd, viewer })).toEqual(all)
          expect(await world.domain.tagList.count(viewer, given)).toBe(all.length)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('has the page between two cursors, in one stream or in several', async () => {
    for (const order of ORDERS) {
      const all = await world.domain.tagList.page(SYSTEM, { order, page: { limit: 1_000, peek: false } })
      for (const [from, to] of [
        [0, 3],
        [2, 14],
        [5, 6],
      ] as const) {
        const [one, other] = [all[from], all[to]]
        if (!one || !other) throw new Error('the list is too short')
        const between = { after: tagListKeyOf(one, order), before: tagListKeyOf(other, order) }
        for (const fromEnd of [false, true]) {
          const page = { limit: 1_000, peek: false, fromEnd, ...between }
          const rows = await world.domain.tagList.page(SYSTEM, { order, page })
          expect(rows.map(nameOf)).toEqual(all.slice(from + 1, to).map(nameOf))
        }
      }
    }
  })

  it('keeps its cursors while tags are added, and repeats or omits none that stays', async () => {
    for (const order of ['IMPORTANCE', 'NAME', 'SEMVER_DESC'] as const) {
      const before = expected({}, order)
      let added = 0
      const change = () => {
        if (added < 6)
          record('b/web', `${order.toLowerCase()}-${added++}`, IMAGES[0] as (typeof IMAGES)[number])
      }

      const found = await allPages({ order }, { size: 4, change })

      expect(new Set(found).size).toBe(found.length)
      expect(found.filter((name) => before.includes(name))).toEqual(before)
      for (let at = 0; at < added; at++) world.removeTag('b/web', `${order.toLowerCase()}-${at}`)
    }
  })

  it('is read in bounded statements between which other work runs, and a page by an index alone', async () => {
    const { db } = world.domain
    const stream = world.streamId('e/large')
    const many = 5_000
    db.prepare(
      `with recursive n (i) as (select 0 union all select i + 1 from n where i < ${many - 1})
       insert into tags (stream_id, name, importance, version, newest_at)
       select ?, 't' || i, '3t' || i, '2t' || i, i from n`,
    ).run(stream)
    const recording = recordingReads(db)
    const list = createTagList(recording.db, world.domain.tags)
    try {
      for (const order of ORDERS) {
        recording.reads.length = 0
        const page = { limit: 50 }
        const rows = await list.page(SYSTEM, { order, page, artifacts: false })
        expect(rows).toHaveLength(51)
        expect(Math.max(...recording.reads.map((read) => read.rows))).toBeLessThanOrEqual(102)

        const search = () => list.page(SYSTEM, { order, page, registry: 'none.test' })
        const { result, iterations } = await countingIterations(search)
        expect(result).toEqual([])
        expect(iterations).toBeGreaterThanOrEqual(many / 2_000)
      }
      const { iterations } = await countingIterations(() => list.count(SYSTEM, { registry: 'none.test' }))
      expect(iterations).toBeGreaterThanOrEqual(many / 2_000)
    } finally {
      db.prepare('delete from tags where stream_id = ?').run(stream)
    }
  })
})

describe('the list of images', () => {
  const digests = async (given: ImageListFilter, page: KeysetPage = { limit: 100 }): Promise<string[]> => {
    const found = await world.domain.imageList.page(SYSTEM, { order: 'OLDEST_FIRST', ...given, page })
    return found.map(({ digest }) => digest)
  }
  const digestsOf = (...images: readonly { readonly digest: string }[]) =>
    images.map(({ digest }) => digest).sort()

  it.each([
    ['all', {}, digestsOf(...IMAGES, both)],
    ['those of a namespace', { namespace: 'd' }, digestsOf(...IMAGES, both)],
    ['none of a namespace without tags', { namespace: 'c' }, []],
    ['those of a kind', { kind: 'INDEX' }, digestsOf(both)],
    ['those of a media type', { mediaType: both.mediaType }, digestsOf(both)],
    ['one by its digest', { digest: both.digest }, digestsOf(both)],
    ['one by its digest and a pattern', { digest: both.digest, stream: 'w*' }, digestsOf(both)],
    ['none of another stream', { digest: both.digest, stream: 'api' }, []],
    ['those of a registry', { registry: 'registry.test' }, digestsOf(...IMAGES, both)],
    ['none of another registry', { registry: 'none.test' }, []],
    ['none of a platform that no image has', { platform: 'plan9/mips' }, []],
  ] as const)('has %s', async (_, given, wanted) => {
    expect((await digests(given as ImageListFilter)).sort()).toEqual(wanted)
    expect(await world.domain.imageList.count(SYSTEM, given as ImageListFilter)).toBe(wanted.length)
  })

  it('has pages forward and back in both orders, also of the images of streams', async () => {
    const { imageList } = world.domain
    for (const given of [{}, { namespace: 'd' }]) {
      const all = await imageList.page(SYSTEM, { order: 'OLDEST_FIRST', ...given, page: { limit: 100 } })
      const ids = all.map(({ id }) => id)
      expect(ids).toEqual(ids.toSorted((one, other) => one - other))
      for (const order of ['OLDEST_FIRST', 'NEWEST_FIRST'] as const) {
        const sorted = order === 'OLDEST_FIRST' ? ids : ids.toReversed()
        for (const fromEnd of [false, true]) {
          const found: number[] = []
          for (let page: KeysetPage = { limit: 2, peek: false, fromEnd }; ; ) {
            const rows = (await imageList.page(SYSTEM, { order, ...given, page })).map(({ id }) => id)
            if (fromEnd) found.unshift(...rows)
            else found.push(...rows)
            const end = fromEnd ? rows[0] : rows.at(-1)
            if (end === undefined) break
            page = { ...page, ...(fromEnd ? { before: [end] } : { after: [end] }) }
          }
          expect(found).toEqual(sorted)
        }
      }
    }
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { TagOrder } from '../../src/imagestream/tag/tag.ts'
import type { TagSearchFilter } from '../../src/imagestream/tag/tag-search.ts'
import { countingIterations } from '../fixtures/event-loop.ts'
import { TestDomain } from '../fixtures/test-domain.ts'

const TAGS = 6_000
const LONG_HISTORY = 8_000

let domain: TestDomain
let many: number
let one: number
let small: number
beforeAll(() => {
  domain = new TestDomain()
  const create = (name: string) => domain.writer.create(SYSTEM, { namespace: 'default', name }).stream.id
  many = create('many')
  one = create('one')
  small = create('small')
  const insert = (text: string) => domain.db.prepare(text).run()
  const numbers = (count: number) =>
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})`
  domain.db.transact(() => {
    insert(`insert into images (id, digest, media_type, docker_image_reference, manifest)
      values (1, 'sha256:1', 'x', 'y', x'00')`)
    insert(`insert into tags (id, stream_id, name, importance, version, newest_event_id, newest_at, newest_image_id)
      ${numbers(TAGS)} select i, ${many}, printf('t%05d', i), printf('t%05d', i), printf('t%05d', i), i, i * 7 % ${TAGS}, 1 from n`)
    insert(`insert into tag_events (id, tag_id, image_id, docker_image_reference, generation, created_at)
      select id, id, 1, 'registry.test/many@sha256:1', 1, id from tags`)
    insert(`insert into tags (id, stream_id, name, importance, version, newest_event_id, newest_at, newest_image_id)
      values (${TAGS + 1}, ${one}, 'v1', 'v1', 'v1', ${TAGS + LONG_HISTORY}, 1, 1)`)
    // each second entry was removed
    insert(`insert into tag_events (id, tag_id, image_id, docker_image_reference, generation, created_at, removed_at, removed_reason)
      ${numbers(LONG_HISTORY)} select ${TAGS} + i, ${TAGS + 1}, 1, 'registry.test/one@sha256:1', 1, ${TAGS} + i,
        case i % 2 when 1 then ${TAGS} + i end, case i % 2 when 1 then 'UNTAGGED' end from n`)
  })
})
afterAll(() => domain[Symbol.asyncDispose]())

const nameOf = (n: number): string => `t${String(n).padStart(5, '0')}`
const all = Array.from({ length: TAGS }, (_, n) => n + 1)
const names = (rows: readonly { readonly name: string }[]): string[] => rows.map(({ name }) => name)

const FILTERS: readonly (readonly [TagSearchFilter, (n: number) => boolean])[] = [
  [{ matching: '*zzz*' }, () => false],
  [{ matching: '*9' }, (n) => n % 10 === 9],
  [{ matching: 't*9*', artifacts: false }, (n) => nameOf(n).includes('9')],
  [{ registry: 'other.test' }, () => false],
  [{ labels: [{ key: 'a', value: 'b' }] }, () => false],
]

describe.each(FILTERS)('a search of the thousands of tags of a stream by %j', (filter, isExpected) => {
  it('reads them in parts, between which other work runs', async () => {
    const reads: (() => unknown)[] = [
      () => domain.tags.totalOfStreams([small, many], filter),
      () => domain.tags.pageOfStreams([small, many], { ...filter, order: 'NAME', page: { limit: TAGS } }),
    ]
    for (const read of reads) {
      const { iterations } = await countingIterations(read)
      expect(iterations).toBeGreaterThanOrEqual(TAGS / 2_000)
    }
  })

  it('returns the same pages and count as one statement would', async () => {
    const total = await domain.tags.totalOfStreams([small, many], filter)
    const count = all.filter(isExpected).length
    expect(total).toEqual(new Map(count === 0 ? [] : [[many, count]]))
    expect(total).toEqual(domain.tags.countOfStreams([small, many], filter))
    for (const order of ['IMPORTANCE', 'NAME', 'NEWEST_FIRST', 'SEMVER_DESC'] satisfies TagOrder[]) {
      for (const page of [{ limit: 40 }, { limit: 40, fromEnd: true }, { limit: TAGS, peek: false }]) {
        const query = { ...filter, order, page }
        const found = await domain.tags.pageOfStreams([small, many], query)
        expect(names(found)).toEqual(names(domain.tags.ofStreams([small, many], query)))
      }
    }
  })
})

describe('the tags of a stream at a time', () => {
  it('are read in parts, between which other work runs', async () => {
    const reads: (() => unknown)[] = [
      () => domain.lookBack.totalAt([many], { time: 3_000 }),
      () => domain.lookBack.pageAt([many], { time: 0 }, { limit: 10 }),
    ]
    for (const read of reads) {
      const { iterations } = await countingIterations(read)
      expect(iterations).toBeGreaterThanOrEqual(TAGS / 2_000)
    }
  })

  it('are the same as those that one statement returns', async () => {
    for (const time of [
      0,
      1,
      3_000,
      TAGS,
      TAGS + 1,
      TAGS + 2,
      TAGS + LONG_HISTORY - 1,
      TAGS + LONG_HISTORY,
    ]) {
      for (const matching of [undefined, '*5']) {
        const filter = { time, matching }
        expect(await domain.lookBack.totalAt([many, one], filter)).toEqual(
          domain.lookBack.countTagsAt([many, one], filter),
        )
        for (const page of [{ limit: 30 }, { limit: 30, after: ['t00500'], fromEnd: true }]) {
          const found = await domain.lookBack.pageAt([many, one], filter, page)
          expect(names(found).sort()).toEqual(names(domain.lookBack.tagsAt([many, one], filter, page)).sort())
        }
      }
    }
  })

  it('include a tag with thousands of removals while it had an image', () => {
    const has = (time: number) => domain.lookBack.countTagsAt([one], { time }).get(one) ?? 0
    expect([0, 1, 2, 3, 4].map((n) => has(TAGS + n))).toEqual([0, 0, 1, 0, 1])
  })
})

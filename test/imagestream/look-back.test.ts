import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { ALL, TestDomain, tagName } from '../fixtures/test-domain.ts'
import { type RecordedMove, recordMoves } from './recorded-moves.ts'

let domain: TestDomain
let streamId: number
beforeEach(() => {
  domain = new TestDomain()
  streamId = domain.writer.create(SYSTEM, { namespace: 'default', name: 'ruby' }).stream.id
})
afterEach(() => domain[Symbol.asyncDispose]())

const record = (moves: readonly RecordedMove[], stream = { id: streamId, name: 'ruby' }): void =>
  recordMoves(domain, stream, moves)

const moved = (tag: string, seed: number | string, at: number): RecordedMove => ({
  tag,
  content: image({ seed }),
  at,
})

const digestOf = (imageId: number): string => domain.images.byIds([imageId]).get(imageId)?.digest ?? 'unknown'

/** Digest of each tag at that time, by a list of the stream's tags. */
const tagsThen = (time: number, matching?: string): Map<string, string> => {
  const past = domain.lookBack.tagsAt([streamId], { time, matching }, ALL)
  const images = domain.images.byIds([...new Set(past.map(({ event }) => event.imageId))])
  return new Map(past.map(({ name, event }) => [name, images.get(event.imageId)?.digest ?? 'unknown']))
}

/** Digest of one tag at that time. */
const at = (tag: string, time: number): string | undefined => {
  const id = domain.tag(tag)?.id ?? 0
  const event = domain.lookBack.eventsAt([id], time).get(id)
  return event && digestOf(event.imageId)
}

describe('the image of a tag at a time', () => {
  it('is its newest entry at that time, from the exact millisecond of the entry on', () => {
    record([moved('3', 1, 1000), moved('3', 2, 2000), moved('3', 3, 3000)])
    const digests = [1, 2, 3].map((seed) => image({ seed }).digest)

    expect([1000, 1999, 2000, 2999, 3000, 9e15].map((time) => at('3', time))).toEqual([
      digests[0],
      digests[0],
      digests[1],
      digests[1],
      digests[2],
      digests[2],
    ])
  })

  it('is missing before the first entry, and for a tag without images', () => {
    record([moved('3', 1, 1000)])
    domain.db.transact((tx) =>
      domain.recorder.recordImportFailure(
        tx,
        { streamId, tag: tagName('gone') },
        { reason: 'NotFound', message: 'no', generation: 1, at: 500 },
      ),
    )

    expect([at('3', 999), at('3', 0), at('3', -1), at('gone', 5000)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(tagsThen(999)).toEqual(new Map())
    expect(tagsThen(5000).size).toBe(1)
    expect(domain.lookBack.eventsAt([], 5000)).toEqual(new Map())
  })

  it('is the last of several entries of one millisecond', () => {
    record([moved('3', 1, 1000), moved('3', 2, 1000), moved('3', 3, 1000), moved('4', 4, 1000)])

    expect(at('3', 1000)).toBe(image({ seed: 3 }).digest)
    expect(at('3', 999)).toBeUndefined()
  })

  it('equals the result of reading the whole history', () => {
    const entry = fc.record({ tag: fc.constantFrom('a', 'b', 'c'), wait: fc.nat(3), seed: fc.nat(4) })
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 60 }), (entries) => {
        domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })
        streamId = domain.writer.create(SYSTEM, { namespace: 'default', name: 'ruby' }).stream.id
        let now = 10
        const all = entries.map(({ tag, wait, seed }) => {
          now += wait
          return moved(tag, seed, now)
        })
        record(all)

        for (let time = 9; time <= now + 1; time++) {
          const expected = new Map<string, string>()
          for (const one of all) if (one.at <= time) expected.set(one.tag, one.content.digest)
          expect(tagsThen(time)).toEqual(new Map([...expected].sort()))
          for (const tag of ['a', 'b', 'c']) expect(at(tag, time)).toBe(expected.get(tag))
        }
      }),
      { numRuns: 25 },
    )
  })

  it('is the last entry that is not later, where the clock was set back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 40 }), fc.nat(21), (times, time) => {
        domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })
        streamId = domain.writer.create(SYSTEM, { namespace: 'default', name: 'ruby' }).stream.id
        record(times.map((when, seed) => moved(seed % 3 === 0 ? 'b' : 'a', seed, when)))

        for (const tag of ['a', 'b']) {
          const id = domain.tag(tag)?.id ?? 0
          const history = [...domain.history(tag)].reverse()
          const found = domain.lookBack.eventsAt([id], time).get(id)
          const next = history[found ? history.findIndex((event) => event.id === found.id) + 1 : 0]
          if (found) expect(found.createdAt).toBeLessThanOrEqual(time)
          if (next) expect(next.createdAt).toBeGreaterThan(time)
        }
      }),
      { numRuns: 120 },
    )
  })
})

describe('a stream’s tags at a time', () => {
  it('have the removed ones, where the clock was set back', () => {
    record([moved('a', 1, 100), moved('b', 2, 1000), moved('a', 3, 200)])
    const then = () => [tagsThen(300), domain.lookBack.countTagsAt([streamId], { time: 300 }).get(streamId)]
    const before = then()
    domain.tagRemoval.remove(SYSTEM, { namespace: 'default', imageStream: 'ruby', tag: 'a' })

    expect(before).toEqual([new Map([['a', image({ seed: 3 }).digest]]), 1])
    expect(then()).toEqual(before)
  })

  it('are read by name, in pages from both ends, filtered by a glob and counted', () => {
    const names = ['3.10', '3.2', 'latest', '3', '3.2-slim']
    record(names.map((tag, seed) => moved(tag, seed, 1000 + seed)))
    const read = (time: number, page: object, matching?: string) =>
      domain.lookBack.tagsAt([streamId], { time, matching }, { limit: 2, ...page }).map(({ name }) => name)

    expect([...tagsThen(5000).keys()]).toEqual([...names].sort())
    // one more row than the limit: the list continues
    expect(read(5000, {})).toEqual(['3', '3.10', '3.2'])
    expect(read(5000, { after: ['3.10'] })).toEqual(['3.2', '3.2-slim', 'latest'])
    expect(read(5000, { fromEnd: true, before: ['latest'] })).toEqual(['3.10', '3.2', '3.2-slim'])
    expect(read(5000, {}, '*slim')).toEqual(['3.2-slim'])
    expect(read(1001, {})).toEqual(['3.10', '3.2'])
    const count = (time: number, matching?: string) =>
      domain.lookBack.countTagsAt([streamId], { time, matching }).get(streamId)
    expect([count(5000), count(5000, '3.*'), count(1002), count(999)]).toEqual([5, 3, 3, undefined])
  })

  it('are read for many streams in two statements, for any number of tags', () => {
    const ids = Array.from({ length: 20 }, (_, n) => {
      const { id, name } = domain.writer.create(SYSTEM, { namespace: 'default', name: `s${n}` }).stream
      record(
        Array.from({ length: 30 }, (_, seed) => moved(`t${seed}`, seed % 5, 1000)),
        { id, name },
      )
      return id
    })
    domain.lookBack.tagsAt(ids, { time: 1000 }, { limit: 25 })
    using statements = watchStatements()

    const past = domain.lookBack.tagsAt(ids, { time: 1000 }, { limit: 25 })

    expect(statements.run).toHaveLength(2)
    expect(past).toHaveLength(20 * 26)
    expect(new Set(past.map((one) => one.streamId))).toEqual(new Set(ids))
  })
})

describe('an image’s history', () => {
  it('has every entry of every tag in all streams, newest first, in pages', () => {
    const other = domain.writer.create(SYSTEM, { namespace: 'default', name: 'other' }).stream
    record([moved('a', 1, 1000), moved('b', 2, 1000)])
    record([moved('x', 1, 2000)], { id: other.id, name: 'other' })
    record([moved('a', 2, 3000), moved('b', 1, 4000), moved('a', 1, 5000)])
    const id = domain.images.byDigest(SYSTEM, image({ seed: 1 }).digest)?.id ?? 0
    const times = (page: object) =>
      domain.lookBack.eventsOfImages(SYSTEM, [id], { limit: 2, ...page }).map(({ createdAt }) => createdAt)

    const whole = domain.lookBack.eventsOfImages(SYSTEM, [id], ALL)
    expect(whole.map(({ createdAt }) => createdAt)).toEqual([5000, 4000, 2000, 1000])
    expect(times({})).toEqual([5000, 4000, 2000])
    expect(times({ after: [whole[1]?.id ?? 0] })).toEqual([2000, 1000])
    expect(times({ fromEnd: true })).toEqual([4000, 2000, 1000])
    expect(domain.lookBack.countEventsOfImages(SYSTEM, [id]).get(id)).toBe(4)
    expect(domain.lookBack.newestInStream(other.id, id)).toMatchObject({
      name: 'x',
      event: { createdAt: 2000 },
    })
    expect(domain.lookBack.newestInStream(streamId, id)).toMatchObject({
      name: 'a',
      event: { createdAt: 5000 },
    })
    expect(domain.lookBack.newestInStream(streamId, id + 99)).toBeUndefined()
    const b = domain.tag('b')?.id ?? 0
    expect(domain.lookBack.newestOfTag(b, id)?.createdAt).toBe(4000)
  })
})

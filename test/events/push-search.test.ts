import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { type ChangeLog, createChangeLog } from '../../src/events/change-log.ts'
import { matchesPush, type Push, type PushFilter } from '../../src/events/push-filter.ts'
import { type PushRange, WINDOW_ROWS } from '../../src/events/push-search.ts'
import { type DatabaseRead, planOf, recordingReads } from '../fixtures/database-reads.ts'
import { countingIterations } from '../fixtures/event-loop.ts'
import { type LogFixture, openLog } from './fixture.ts'

const PUSHES = 16_000
const NAMESPACES = 30
/** One tag of each push, one in two pushes, and one of many; `old` only at the start of the log. */
const tagAt = (n: number): string => (n < 40 ? 'old' : n % 2 === 0 ? 'latest' : `build-${n % 7_000}`)

let fixture: LogFixture
let log: ChangeLog
let reads: DatabaseRead[]
let all: readonly Push[]
beforeAll(() => {
  fixture = openLog()
  fixture.push(
    ...Array.from({ length: PUSHES }, (_, n) => ({
      namespace: `team-${n % NAMESPACES}`,
      imageStreamName: n % 11 === 0 ? 'app' : `service-${n % 170}`,
      tag: tagAt(n),
      pushedAt: n,
    })),
  )
  all = fixture.log.read({ limit: PUSHES })
  const recording = recordingReads(fixture.db)
  log = createChangeLog(recording.db)
  reads = recording.reads
})
afterAll(() => fixture[Symbol.dispose]())
beforeEach(() => {
  reads.length = 0
})

/** What a search returns, by the plainest means. */
function expected({ after = 0, before = PUSHES + 1, filter = {}, descending, limit }: PushRange): number[] {
  const found = all
    .filter((push) => push.sequence > after && push.sequence < before && matchesPush(push, filter))
    .map(({ sequence }) => sequence)
  return (descending ? found.reverse() : found).slice(0, limit)
}
const find = async (range: PushRange): Promise<number[]> =>
  (await log.find(SYSTEM, range)).map(({ sequence }) => sequence)

const FILTERS: Readonly<Record<string, PushFilter>> = {
  'no criterion': {},
  'a namespace': { namespace: 'team-3' },
  'an image stream': { imageStream: 'app' },
  'an image stream without pushes': { imageStream: 'none' },
  'a pattern of image streams that matches none': { imageStream: 'zzz*' },
  'a pattern without a literal start': { imageStream: '*zzz*' },
  'a pattern of image streams': { imageStream: 'service-16*' },
  'a tag': { tag: 'old' },
  'a tag without pushes': { tag: 'none' },
  'a pattern of tags': { tag: 'build-69*' },
  'a pattern of tags that matches none': { tag: '*none*' },
  'an image stream in a namespace': { namespace: 'team-0', imageStream: 'app' },
  'a pattern in a namespace': { namespace: 'team-4', imageStream: 'service-1*4' },
  'a tag in a namespace': { namespace: 'team-4', tag: 'old' },
  'a tag of image streams': { imageStream: 'service-*', tag: 'old' },
  'all three': { namespace: 'team-1', imageStream: 'service-1', tag: 'build-*' },
  'all three without pushes': { namespace: 'team-1', imageStream: '*', tag: 'build-*none' },
}

describe.each(Object.entries(FILTERS))('a search by %s', (_name, filter) => {
  it('returns the first and the last pushes that meet it', async () => {
    for (const range of [
      { limit: 5 },
      { limit: 5, descending: true },
      { limit: PUSHES },
      { limit: 501, after: 3_000, before: 14_000 },
      { limit: 501, after: 3_000, before: 14_000, descending: true },
    ]) {
      expect(await find({ ...range, filter })).toEqual(expected({ ...range, filter }))
    }
  })

  it('reads a bounded number of rows with each statement', async () => {
    await log.find(SYSTEM, { filter, limit: 5 })
    await log.find(SYSTEM, { filter, limit: 5, descending: true })

    for (const { text, parameters, rows } of reads) {
      expect(rows).toBeLessThanOrEqual(Math.max(WINDOW_ROWS, 5_000))
      if (!/sequence > \? and sequence < \?/.test(text) || /json_each/.test(text)) continue
      // the log itself is read in windows of its dense numbers
      const [after, before] = parameters.map(Number)
      expect((before ?? 0) - (after ?? 0) - 1).toBeLessThanOrEqual(WINDOW_ROWS)
    }
  })

  it('reads by an index or a key only, and sorts no more than a window', async () => {
    await log.find(SYSTEM, { filter, limit: 5 })

    const steps = [...new Set(reads.map(({ text }) => text))].flatMap((text) => planOf(fixture.db, text))
    expect(steps.length).toBeGreaterThan(0)
    expect(steps.filter((step) => /^SCAN (?!json_each|k VIRTUAL|push_log_state)/.test(step))).toEqual([])
    expect(steps.filter((step) => /^SEARCH push_log (?!USING)/.test(step))).toEqual([])
  })
})

describe('a search', () => {
  it('lets other work run between its statements', async () => {
    const { result, iterations } = await countingIterations(() =>
      log.find(SYSTEM, { filter: { imageStream: '*', tag: '*none*' }, limit: 1 }),
    )

    expect(result).toEqual([])
    expect(iterations).toBeGreaterThanOrEqual(PUSHES / WINDOW_ROWS - 2)
  })

  it('reads few rows when few pushes meet it, however long the log is', async () => {
    for (const filter of [{ tag: 'none' }, { imageStream: 'zzz*' }, { namespace: 'none' }, { tag: 'old' }]) {
      reads.length = 0
      await log.find(SYSTEM, { filter, limit: 50, descending: true })

      expect(reads.filter(({ text }) => /^select sequence as/.test(text)).length).toBeLessThan(10)
    }
  })

  it('runs one statement in each iteration of the event loop, however many searches run', async () => {
    const before = reads.length
    const { iterations } = await countingIterations(() =>
      Promise.all(
        Array.from({ length: 10 }, () => log.find(SYSTEM, { filter: { tag: '*none*' }, limit: 1 })),
      ),
    )
    const windows = reads.slice(before).filter(({ text }) => /sequence > \? and sequence < \?/.test(text))

    expect(windows.length).toBeGreaterThan(70)
    expect(iterations).toBeGreaterThanOrEqual(windows.length - 1)
  })

  it('does not return pushes that are appended while it reads', async () => {
    using own = openLog()
    own.push(...Array.from({ length: 3 * WINDOW_ROWS }, () => ({ tag: 'other' })))
    const searching = own.log.find(SYSTEM, { filter: { tag: 'ne*w' }, limit: 5 })
    own.push({ tag: 'new' })

    expect(await searching).toEqual([])
  })

  it('ends when the signal is aborted', async () => {
    const controller = new AbortController()
    const searching = log.find(SYSTEM, { filter: { tag: '*none*' }, limit: 1 }, controller.signal)
    controller.abort(new Error('the client is gone'))

    await expect(searching).rejects.toThrow('the client is gone')
  })

  it('returns what a plain reading does, for random filters', async () => {
    const part = fc.constantFrom('*', 'a', 'app', 'service-1', 'team-2', 'build-6', 'latest', 'old', '9', '-')
    const pattern = fc.option(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
      { nil: undefined },
    )
    const range = fc.record({
      filter: fc.record({
        namespace: fc.option(
          fc.nat(NAMESPACES).map((n) => `team-${n}`),
          { nil: undefined },
        ),
        imageStream: pattern,
        tag: pattern,
      }),
      after: fc.nat(PUSHES),
      before: fc.nat(PUSHES),
      descending: fc.boolean(),
      limit: fc.integer({ min: 1, max: 600 }),
    })
    await fc.assert(
      fc.asyncProperty(range, async (one) => {
        expect(await find(one)).toEqual(expected(one))
      }),
      { numRuns: 100 },
    )
  })
})

describe('removal of old pushes', () => {
  it('deletes a bounded number in each transaction, and lets other work run between them', async () => {
    using own = openLog()
    own.push(...Array.from({ length: 2_500 }, (_, n) => ({ pushedAt: n })))
    const recording = recordingReads(own.db)
    const trimmed = createChangeLog(recording.db)

    const { result, iterations } = await countingIterations(() => trimmed.dropBefore(2_100))

    const deleted = recording.reads
      .filter(({ text }) => /^delete from push_log/.test(text))
      .map(({ rows }) => rows)
    expect(result).toBe(2_100)
    expect(deleted.reduce((sum, rows) => sum + rows, 0)).toBe(2_100)
    expect(Math.max(...deleted)).toBeLessThanOrEqual(500)
    expect(iterations).toBeGreaterThanOrEqual(deleted.length - 1)
    expect(
      planOf(own.db, recording.reads.find(({ text }) => /^delete from push_log/.test(text))?.text ?? ''),
    ).toEqual(['SEARCH push_log USING INTEGER PRIMARY KEY (rowid<?)'])
  })

  it('expires cursors with each part: none is valid whose next pushes are gone', async () => {
    using own = openLog()
    own.push(...Array.from({ length: 2_000 }, (_, n) => ({ pushedAt: n })))
    const stopping = new AbortController()
    const trimming = own.log.dropBefore(2_000, stopping.signal)
    stopping.abort(new Error('stopped'))
    await expect(trimming).rejects.toThrow('stopped')

    const [first] = own.log.read({ limit: 1 })
    expect(first?.sequence).toBeGreaterThan(1)
    expect(own.log.position(own.log.cursor((first?.sequence ?? 0) - 1))).toBe((first?.sequence ?? 0) - 1)
    expect(() => own.log.position(own.log.cursor((first?.sequence ?? 0) - 2))).toThrow(
      expect.objectContaining({ code: 'CURSOR_EXPIRED' }),
    )
  })
})

it('an index has the pushes of a tag in the order of the log', () => {
  expect(planOf(fixture.db, 'select sequence from push_log where tag = ? order by sequence')).toEqual([
    'SEARCH push_log USING COVERING INDEX push_log_by_tag (tag=?)',
  ])
})

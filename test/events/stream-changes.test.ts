import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import {
  type EntryFilter,
  isPush,
  type LogEntry,
  matchesEntry,
  type StreamChange,
} from '../../src/events/log-entry.ts'
import type { TagName } from '../../src/oci/tag.ts'
import { type LogFixture, openLog } from './fixture.ts'

let fixture: LogFixture
beforeEach(() => {
  fixture = openLog()
})
afterEach(() => fixture[Symbol.dispose]())

const changeOf = (more: Partial<StreamChange> = {}): Omit<StreamChange, 'sequence'> => ({
  changedAt: 0,
  kind: 'TAG_REMOVED',
  namespace: 'default',
  imageStreamName: 'ruby',
  streamId: 1,
  tag: 'latest' as TagName,
  reason: null,
  message: null,
  ...more,
})
const change = (more?: Partial<StreamChange>): void =>
  fixture.db.transact((tx) => fixture.log.appendChange(tx, changeOf(more)))

const all = () => fixture.log.readEntries({ after: 0, before: Number.MAX_SAFE_INTEGER, limit: 1000 })

describe('the log of all changes', () => {
  it('numbers pushes and other changes in one sequence, in commit order', () => {
    const { log, push } = fixture
    push({})
    change({ kind: 'STREAM_UPDATED', tag: null })
    change()
    push({ tag: 'b' })

    expect(all().map((entry) => [entry.sequence, isPush(entry) ? 'push' : entry.kind])).toEqual([
      [1, 'push'],
      [2, 'STREAM_UPDATED'],
      [3, 'TAG_REMOVED'],
      [4, 'push'],
    ])
    expect(log.read({ limit: 10 }).map(({ sequence }) => sequence)).toEqual([1, 4])
    expect(log.head()).toBe(4)
    expect(log.position(log.cursor(3))).toBe(3)
  })

  it('notifies its listeners of a change after the commit', () => {
    let rings = 0
    fixture.log.onAppend(() => rings++)
    fixture.db.transact((tx) => {
      fixture.log.appendChange(tx, changeOf())
      expect(rings).toBe(0)
    })
    expect(rings).toBe(1)
  })

  it('is trimmed as one', async () => {
    const { log, push } = fixture
    push({ pushedAt: 1 })
    change({ changedAt: 2 })
    push({ pushedAt: 3 })
    change({ changedAt: 4 })
    const cursor = log.cursor(2)

    expect(await log.dropBefore(4)).toBe(3)
    expect(all().map(({ sequence }) => sequence)).toEqual([4])
    expect(() => log.position(cursor)).toThrow(/have been removed/)
    change({ changedAt: 5 })
    expect(log.head()).toBe(5)
  })

  it('is read by ranges and filters as a reader of all entries would choose, in both directions', async () => {
    const name = fc.constantFrom('a', 'b', 'ab')
    const entry = fc.record({
      kind: fc.constantFrom('push' as const, 'TAG_REMOVED' as const, 'STREAM_UPDATED' as const),
      namespace: name,
      imageStreamName: name,
      tag: name,
    })
    const filter: fc.Arbitrary<EntryFilter> = fc.record(
      {
        namespace: name,
        imageStream: fc.constantFrom('a', 'b', 'a*', '*b'),
        tag: fc.constantFrom('a', '*'),
        kinds: fc.constantFrom(
          'ALL' as const,
          ['TAG_PUSHED'] as const,
          ['TAG_REMOVED'] as const,
          ['TAG_PUSHED', 'STREAM_UPDATED'] as const,
        ),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 20 }),
        filter,
        fc.boolean(),
        fc.integer({ min: 1, max: 8 }),
        async (entries, wanted, descending, limit) => {
          using log = openLog()
          for (const { kind, tag, ...names } of entries) {
            if (kind === 'push') log.push({ ...names, tag })
            else {
              const of = kind === 'STREAM_UPDATED' ? null : (tag as TagName)
              log.db.transact((tx) => log.log.appendChange(tx, changeOf({ ...names, kind, tag: of })))
            }
          }
          const range = { after: 2, before: 18, limit: 1000 }
          const expected = log.log.readEntries(range).filter((one) => matchesEntry(one, wanted))
          if (descending) expected.reverse()

          const found: LogEntry[] = await log.log.findEntries(SYSTEM, {
            ...range,
            filter: wanted,
            descending,
            limit,
          })
          expect(found).toEqual(expected.slice(0, limit))
        },
      ),
      { numRuns: 60 },
    )
  })
})

import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRightSets } from '../../src/access/right/right-sets.ts'
import { intersection, type Rights } from '../../src/access/right/rights.ts'
import { SYSTEM, sees, type Viewer } from '../../src/access/right/viewer.ts'
import { type ChangeLog, createChangeLog } from '../../src/events/change-log.ts'
import { type LogEntry, matchesEntry } from '../../src/events/log-entry.ts'
import { type DatabaseRead, recordingReads } from '../fixtures/database-reads.ts'
import { type LogFixture, openLog } from './fixture.ts'

const PUSHES = 20_000
const NAMESPACES = 40

let fixture: LogFixture
let log: ChangeLog
let reads: DatabaseRead[]
let all: readonly LogEntry[]
let viewers: readonly Viewer[]
beforeAll(() => {
  fixture = openLog()
  fixture.push({ namespace: 'quiet', imageStreamName: 'app', tag: 'first' })
  fixture.push(
    ...Array.from({ length: PUSHES }, (_, n) => ({
      namespace: `team-${n % NAMESPACES}`,
      imageStreamName: n % 3 === 0 ? 'app' : `base-${n % 7}`,
      tag: `v${n % 90}`,
    })),
  )
  fixture.db.transact((tx) => {
    for (let n = 0; n < 200; n++) {
      fixture.log.appendChange(tx, {
        ...{ changedAt: n, kind: 'STREAM_UPDATED', namespace: `team-${n % NAMESPACES}`, streamId: 1 },
        ...{ imageStreamName: 'app', tag: null, reason: null, message: null },
      })
    }
  })
  all = fixture.log.readEntries({ after: 0, before: PUSHES * 2, limit: PUSHES * 2 })
  const recording = recordingReads(fixture.db)
  log = createChangeLog(recording.db)
  reads = recording.reads

  const { rightsOf } = createRightSets(fixture.db)
  const places = (...list: readonly (readonly [namespace: string, streams: string])[]): Rights =>
    rightsOf(list.map(([namespace, streams]) => ({ role: 'VIEWER', namespace, streams })))
  viewers = [
    places(),
    places(['quiet', '*']),
    places(['team-3', '*']),
    places(['team-3', 'base-*'], ['team-4', 'app'], ['empty', '*']),
    places(['*', 'base-1']),
    places(['*', '*']),
    intersection([places(['team-1', '*'], ['team-2', '*']), places(['*', 'app'])]),
  ].map((rights) => ({ ...SYSTEM, id: 'user:1', rights }))
})
afterAll(() => fixture[Symbol.dispose]())
beforeEach(() => {
  reads.length = 0
})

const nameOf = ({ namespace, imageStreamName: name }: LogEntry) => ({ namespace, name })

describe('a search of the log', () => {
  it('returns the entries of streams that the viewer sees, for random filters and viewers', async () => {
    const one = fc.record({
      viewer: fc.nat(6),
      filter: fc.record({
        namespace: fc.option(fc.constantFrom('team-3', 'team-1', 'quiet', 'none'), { nil: undefined }),
        imageStream: fc.option(fc.constantFrom('app', 'base-*', '*1', 'none'), { nil: undefined }),
        tag: fc.option(fc.constantFrom('v1', 'v1*', 'first', 'none'), { nil: undefined }),
        kinds: fc.constantFrom('ALL' as const, undefined),
      }),
      after: fc.nat(PUSHES),
      descending: fc.boolean(),
      limit: fc.integer({ min: 1, max: 600 }),
    })
    await fc.assert(
      fc.asyncProperty(one, async ({ viewer: which, ...range }) => {
        const viewer = viewers[which] ?? SYSTEM
        const expected = all.filter(
          (entry) =>
            entry.sequence > range.after && matchesEntry(entry, range.filter) && sees(viewer, nameOf(entry)),
        )
        if (range.descending) expected.reverse()

        expect(await log.findEntries(viewer, range)).toEqual(expected.slice(0, range.limit))
      }),
      { numRuns: 80 },
    )
  })

  it('finds the only visible push of a long log without reading the pushes of others', async () => {
    const [, quiet] = viewers
    const found = await log.find(quiet ?? SYSTEM, { limit: 10, descending: true })

    expect(found.map(({ tag }) => tag)).toEqual(['first'])
    // the newest windows, then the index of streams
    expect(reads.filter(({ text }) => /from push_log where sequence > \?/.test(text)).length).toBeLessThan(4)
    expect(reads.length).toBeLessThan(20)
  })
})

describe('an entry', () => {
  it('is returned by its key to viewers that see its stream', () => {
    const [nothing = SYSTEM, quiet = SYSTEM, team3 = SYSTEM] = viewers
    const key = log.entryKey(1)

    expect(log.entry(quiet, key)).toMatchObject({ sequence: 1, tag: 'first' })
    expect(log.push(quiet, key)).toMatchObject({ sequence: 1 })
    for (const viewer of [nothing, team3]) expect(log.entry(viewer, key)).toBeUndefined()
  })

  it('is not found by its number', () => {
    for (const key of ['1', '2', '-1', String(PUSHES)]) expect(log.entry(SYSTEM, key)).toBeUndefined()
  })

  it('that is another change is no push', () => {
    expect(log.push(SYSTEM, log.entryKey(log.head()))).toBeUndefined()
    expect(log.entry(SYSTEM, log.entryKey(log.head()))).toMatchObject({ kind: 'STREAM_UPDATED' })
  })
})

describe('the cursor of the end of the log', () => {
  it('does not show whether others pushed meanwhile', () => {
    const [, quiet = SYSTEM] = viewers
    const cursors = [5, 5, 6].map((sequence) => log.endCursor(quiet, sequence))

    expect(new Set(cursors).size).toBe(3)
    expect(cursors.map((cursor) => log.position(cursor))).toEqual([5, 5, 6])
  })

  it('is the cursor of the entry for a viewer that sees every stream', () => {
    expect(log.endCursor(SYSTEM, 5)).toBe(log.cursor(5))
  })
})

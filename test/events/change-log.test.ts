import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createChangeLog } from '../../src/events/change-log.ts'
import { CursorExpiredError, InvalidCursorError } from '../../src/events/cursor.ts'
import { matchesPush } from '../../src/events/push-filter.ts'
import { type LogFixture, openLog, pushOf } from './fixture.ts'

let fixture: LogFixture
beforeEach(() => {
  fixture = openLog()
})
afterEach(() => fixture[Symbol.dispose]())

const sequences = (options = {}): number[] =>
  fixture.log.read({ limit: 1000, ...options }).map(({ sequence }) => sequence)

describe('the change log', () => {
  it('numbers pushes without gaps, in commit order', async () => {
    const { db, log, push } = fixture
    push({ tag: 'a' }, { tag: 'b' })
    await Promise.all(
      ['c', 'd'].map((tag) => db.transactTogether((tx) => log.appendPush(tx, pushOf({ tag })))),
    )

    expect(log.read({ limit: 10 }).map(({ sequence, tag }) => [sequence, tag])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ])
    expect(log.head()).toBe(4)
  })

  it('returns pushes as they were appended', () => {
    const push = pushOf({ source: 'TAG', namespace: 'team', pushedAt: 5, previousImageId: 1, streamId: 9 })
    const sequence = fixture.db.transact((tx) => fixture.log.appendPush(tx, push))

    expect(fixture.log.read({ limit: 1 })).toEqual([{ ...push, sequence }])
  })

  it('has no gap after a transaction was rolled back', async () => {
    const { db, log, push } = fixture
    push({ tag: 'a' })
    const failing = (): never =>
      db.transact((tx) => {
        log.appendPush(tx, pushOf())
        throw new Error('no')
      })
    expect(failing).toThrow('no')
    await Promise.allSettled([
      db.transactTogether((tx) => {
        log.appendPush(tx, pushOf())
        throw new Error('no')
      }),
      db.transactTogether((tx) => log.appendPush(tx, pushOf({ tag: 'b' }))),
    ])

    expect(sequences()).toEqual([1, 2])
    expect(log.head()).toBe(2)
  })

  it('is empty at first', () => {
    expect(fixture.log.head()).toBe(0)
    expect(sequences()).toEqual([])
  })

  it('reads between two numbers, from either end, up to the limit', () => {
    fixture.push({}, {}, {}, {}, {})

    expect(sequences({ after: 1, before: 5 })).toEqual([2, 3, 4])
    expect(sequences({ descending: true, limit: 2 })).toEqual([5, 4])
    expect(sequences({ after: 5 })).toEqual([])
  })
})

describe('a listener', () => {
  it('is called once after each commit, and not for a transaction that fails', () => {
    const { db, log, push } = fixture
    const heads: number[] = []
    log.onAppend(() => heads.push(log.read({ limit: 10 }).length))

    db.transact((tx) => {
      log.appendPush(tx, pushOf())
      log.appendPush(tx, pushOf())
      expect(heads).toEqual([])
    })
    expect(() =>
      db.transact((tx) => {
        log.appendPush(tx, pushOf())
        throw new Error('no')
      }),
    ).toThrow('no')
    push({})

    expect(heads).toEqual([2, 3])
  })

  it('is not called after it was removed', () => {
    let rings = 0
    const stop = fixture.log.onAppend(() => rings++)
    fixture.push({})
    stop()
    fixture.push({})

    expect(rings).toBe(1)
  })
})

describe('a cursor of the log', () => {
  it('is a position from which reading continues', () => {
    const { log, push } = fixture
    push({}, {}, {})

    expect(sequences({ after: log.position(log.cursor(2)) })).toEqual([3])
    expect(log.position(log.cursor(0))).toBe(0)
    expect(log.position(log.cursor(3))).toBe(3)
  })

  it('has expired when it is of another database', () => {
    using other = openLog()

    expect(() => fixture.log.position(other.log.cursor(0))).toThrow(CursorExpiredError)
  })

  it('has expired when it is ahead of this database', () => {
    expect(() => fixture.log.position(fixture.log.cursor(1))).toThrow(CursorExpiredError)
  })

  it('has expired when pushes after it were removed, and not when only pushes up to it were', async () => {
    const { log, push } = fixture
    push({ pushedAt: 1 }, { pushedAt: 2 }, { pushedAt: 3 })

    expect(await log.dropBefore(3)).toBe(2)
    expect(() => log.position(log.cursor(1))).toThrow(CursorExpiredError)
    expect(sequences({ after: log.position(log.cursor(2)) })).toEqual([3])
  })

  it('has expired when the database was set back and another entry got its number', () => {
    const { log, push, db } = fixture
    push({ pushedAt: 1 }, { pushedAt: 2 })
    const lost = log.cursor(2)
    db.prepare('delete from push_log where sequence = 2').run()
    expect(() => log.position(lost)).toThrow(/ahead of this database/)

    push({ pushedAt: 3 }, { pushedAt: 4 })

    expect(() => log.position(lost)).toThrow(/which was set back/)
    expect(() => log.position(lost)).toThrow(CursorExpiredError)
    expect(log.position(log.cursor(2))).toBe(2)
  })

  it('of an earlier version stays valid, and none can be made up to find the end of the log', () => {
    const { push, db } = fixture
    push({}, {})
    const { uid = '' } = db.prepare<{ uid: string }>('select uid from push_log_state').get() ?? {}
    const readable = (sequence: number) => Buffer.from(`push:${uid}:${sequence}`).toString('base64url')
    // as the first start after the update finds it
    db.prepare('update push_log_state set cursor_key = null').run()
    const log = createChangeLog(db)
    push({}, {})

    expect(sequences({ after: log.position(readable(1)) })).toEqual([2, 3, 4])
    for (const sequence of [3, 4, 5, 1_000_000]) {
      expect(() => log.position(readable(sequence))).toThrow(/ahead of this database/)
    }
  })

  it('stays valid after a restart', () => {
    const { log, push, db } = fixture
    push({}, {})

    expect(createChangeLog(db).position(log.cursor(1))).toBe(1)
    expect(createChangeLog(db).cursor(1)).toBe(log.cursor(1))
  })

  it('is refused when it is not a cursor', () => {
    expect(() => fixture.log.position('nonsense')).toThrow(InvalidCursorError)
  })
})

describe('removal of old pushes', () => {
  it('keeps everything from the first push that is new enough', async () => {
    // the clock went back between the second and the third
    fixture.push({ pushedAt: 10 }, { pushedAt: 30 }, { pushedAt: 5 }, { pushedAt: 40 })

    expect(await fixture.log.dropBefore(20)).toBe(1)
    expect(sequences()).toEqual([2, 3, 4])
  })

  it('keeps the numbering when everything is removed', async () => {
    const { log, push } = fixture
    push({ pushedAt: 1 }, { pushedAt: 2 })

    expect(await log.dropBefore(100)).toBe(2)
    expect(await log.dropBefore(100)).toBe(0)
    push({ pushedAt: 200 })

    expect(sequences()).toEqual([3])
    expect(log.position(log.cursor(2))).toBe(2)
  })

  it('removes nothing when nothing is old enough', async () => {
    fixture.push({ pushedAt: 5 })

    expect(await fixture.log.dropBefore(5)).toBe(0)
    expect(fixture.log.position(fixture.log.cursor(0))).toBe(0)
  })
})

describe('a filter', () => {
  it('selects the same pushes in SQL and in memory', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'A'), minLength: 1, maxLength: 3 })
    const glob = fc.option(fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '%', '?'), maxLength: 3 }), {
      nil: undefined,
    })
    const pushes = fc.array(fc.record({ namespace: name, imageStreamName: name, tag: name }), {
      maxLength: 12,
    })
    const filter = fc.record({
      namespace: fc.option(name, { nil: undefined }),
      imageStream: glob,
      tag: glob,
    })
    fc.assert(
      fc.property(pushes, filter, (all, wanted) => {
        const before = fixture.log.head()
        fixture.push(...all)

        const chosen = fixture.log.read({ after: before, filter: wanted, limit: 1000 })

        const beside = fixture.log
          .read({ after: before, limit: 1000 })
          .filter((push) => matchesPush(push, wanted))
        expect(chosen).toEqual(beside)
      }),
      { numRuns: 300 },
    )
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CursorExpiredError } from '../../src/events/cursor.ts'
import { type LogFixture, openLog, pushOf } from './fixture.ts'

/** What the log must do, in the plainest words. */
class Model {
  readonly pushes: { tag: string; at: number }[] = []
  dropped = 0

  /** Pushes that a reader receives after so many; null when the log no longer has them. */
  after(seen: number): string[] | null {
    return seen < this.dropped ? null : this.pushes.slice(seen).map(({ tag }) => tag)
  }

  dropBefore(time: number): void {
    const firstKept = this.pushes.findIndex(({ at }, index) => index >= this.dropped && at >= time)
    this.dropped = firstKept < 0 ? this.pushes.length : firstKept
  }
}

type Step =
  | { readonly do: 'push'; readonly tags: readonly string[] }
  | { readonly do: 'fail' | 'restart' }
  | { readonly do: 'drop'; readonly back: number }
  | { readonly do: 'read'; readonly reader: number; readonly limit: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('push' as const),
    tags: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
  }),
  fc.record({ do: fc.constantFrom('fail' as const, 'restart' as const) }),
  fc.record({ do: fc.constant('drop' as const), back: fc.nat(8) }),
  fc.record({ do: fc.constant('read' as const), reader: fc.nat(2), limit: fc.integer({ min: 1, max: 4 }) }),
)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-events-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a reader with a cursor', () => {
  it('receives every push once and in order, or an error that its cursor has expired', async () => {
    let runs = 0
    let expired = 0
    let delivered = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const file = join(folder, `${++runs}.db`)
        const model = new Model()
        let clock = 0
        let open: LogFixture = openLog(file)
        const cursors = [0, 1, 2].map(() => open.log.cursor(0))
        const seen = [0, 0, 0]

        const read = (reader: number, limit: number): void => {
          const expected = model.after(seen[reader] ?? 0)
          const cursor = cursors[reader] ?? ''
          if (expected === null) {
            expect(() => open.log.position(cursor)).toThrow(CursorExpiredError)
            expired++
            // starts again with what is there now
            seen[reader] = model.pushes.length
            cursors[reader] = open.log.cursor(open.log.head())
            return
          }
          const got = open.log.read({ after: open.log.position(cursor), limit })
          expect(got.map(({ tag }) => tag)).toEqual(expected.slice(0, limit))
          delivered += got.length
          seen[reader] = (seen[reader] ?? 0) + got.length
          cursors[reader] = open.log.cursor(got.at(-1)?.sequence ?? open.log.position(cursor))
        }

        try {
          for (const one of steps) {
            clock++
            if (one.do === 'push') {
              open.push(...one.tags.map((tag) => ({ tag, pushedAt: clock })))
              model.pushes.push(...one.tags.map((tag) => ({ tag, at: clock })))
            } else if (one.do === 'fail') {
              const { db, log } = open
              expect(() =>
                db.transact((tx) => {
                  log.appendPush(tx, pushOf({ tag: 'never' }))
                  throw new Error('no')
                }),
              ).toThrow('no')
            } else if (one.do === 'restart') {
              open[Symbol.dispose]()
              open = openLog(file)
            } else if (one.do === 'drop') {
              await open.log.dropBefore(clock - one.back)
              model.dropBefore(clock - one.back)
            } else if (one.do === 'read') {
              read(one.reader, one.limit)
            }
            expect(open.log.head()).toBe(model.pushes.length)
          }
          for (const reader of [0, 1, 2]) read(reader, 1000)
        } finally {
          open[Symbol.dispose]()
        }
      }),
      { numRuns: 60 },
    )
    expect(expired).toBeGreaterThan(0)
    expect(delivered).toBeGreaterThan(0)
  })
})

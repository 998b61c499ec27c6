import { describe, expect, it } from 'vitest'
import { LogHistory, type Restored } from '../events/log-history.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'

const RUNS = repeats(8, 60, 300)
const WAYS: readonly Restored[] = ['volume', 'database', 'copy', 'without-wal']

describe('a client of a log that is set back at random points', () => {
  it.each(Array.from({ length: RUNS }, (_, run) => run))(
    'resumes without a gap, or notices, for every cursor that it ever got (run %i)',
    async (run) => {
      const random = randomNumbers(seedOf(`log identity ${run}`))
      const choose = (count: number): number => Math.floor(random() * count)
      using history = new LogHistory()
      for (let step = 0; step < 40; step++) {
        const chosen = random()
        if (chosen < 0.5) history.push(1 + choose(4))
        else if (chosen < 0.6) history.restart()
        else if (chosen < 0.75) history.snapshot()
        else if (chosen < 0.8) await history.trim()
        else history.restore(WAYS[choose(WAYS.length)] as Restored, choose)

        for (const client of history.clients) {
          expect([null, history.truth]).toContainEqual(history.resume(client))
        }
      }
      expect(history.clients.some((client) => history.resume(client) === null)).toBe(true)
    },
  )
})

describe('a log', () => {
  it('keeps its identity, and all cursors, over restarts and moves of its whole folder', () => {
    using history = new LogHistory()
    history.push(3)
    history.restart()
    history.push(3)
    history.snapshot()
    history.restore('volume', () => 0)

    expect(history.renewals).toEqual([])
    for (const client of history.clients) expect(history.resume(client)).toEqual(history.truth)
  })

  it.each<[Restored, string]>([
    ['database', 'the database went back: 5 changes were acknowledged, and it has 2'],
    ['copy', 'the database is a copy: the file with its newest position is not beside it'],
    ['without-wal', 'the database went back: 5 changes were acknowledged, and it has 2'],
  ])('gets a new identity when a part of its folder is older or missing: %s', (what, reason) => {
    using history = new LogHistory()
    history.push(2)
    history.snapshot()
    history.push(3)
    history.restore(what, () => 0)

    expect(history.renewals).toEqual([reason])
    expect(history.head).toBe(2)
    history.push(10)
    const before = history.clients.slice(0, 5)
    expect(before.map((client) => history.resume(client))).toEqual(before.map(() => null))
    for (const client of history.clients.slice(5)) expect(history.resume(client)).toEqual(history.truth)

    history.restart()
    expect(history.renewals).toHaveLength(1)
  })

  it('of a volume that was set back refuses the cursors of lost entries for ever, and no others', () => {
    using history = new LogHistory()
    history.push(2)
    history.snapshot()
    history.push(3)
    history.restore('volume', () => 0)
    history.push(10)

    const [kept, lost] = [history.clients.slice(0, 2), history.clients.slice(2, 5)]
    expect(lost.map((client) => history.resume(client))).toEqual([null, null, null])
    for (const client of kept) expect(history.resume(client)).toEqual(history.truth)
  })

  it('whose entries were all removed still recognizes the cursor of the last one', async () => {
    using history = new LogHistory()
    history.push(2)
    history.snapshot()
    history.push(1)
    await history.trim()
    const [trimmed] = history.clients.slice(-1)
    history.restart()
    if (trimmed) expect(history.resume(trimmed)).toEqual(history.truth)

    history.restore('volume', () => 0)
    history.push(1)
    if (trimmed) expect(history.resume(trimmed)).toBeNull()
    await history.trim()
    if (trimmed) expect(history.resume(trimmed)).toBeNull()
  })
})

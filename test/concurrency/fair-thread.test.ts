import { expect, it } from 'vitest'
import { FairThread } from '../../src/concurrency/fair-thread.ts'
import type { ThreadWork } from '../../src/concurrency/thread-work.ts'
import { turnToRead } from '../../src/concurrency/yielding.ts'

const NO_LIMIT = { milliseconds: Number.POSITIVE_INFINITY, onLate: () => {} }

/** Uses the thread for longer than a slice. */
function use(milliseconds = 3): void {
  for (const since = performance.now(); performance.now() - since < milliseconds; );
}

/** Uses the thread for a number of slices, and records each. */
async function run(
  work: ThreadWork,
  name: string,
  slices: number,
  order: string[],
  milliseconds?: number,
): Promise<void> {
  for (let slice = 0; slice < slices; slice++) {
    await work.nextTurn()
    order.push(name)
    use(milliseconds)
  }
}

it('begins the work that finds the thread idle at once', () => {
  const thread = new FairThread()

  expect(thread.begin('a', {}, NO_LIMIT).turn()).toBeUndefined()
})

it('gives each party the same time, however many connections it has', async () => {
  const thread = new FairThread()
  const order: string[] = []
  const flood = Array.from({ length: 8 }, () => run(thread.begin('flood', {}, NO_LIMIT), 'flood', 4, order))
  await Promise.all([...flood, run(thread.begin('other', {}, NO_LIMIT), 'other', 4, order)])

  // the other party has about every second slice until it is done
  expect(order.lastIndexOf('other')).toBeLessThan(20)
  expect(order).toHaveLength(36)
})

it('lets the connection that has used least go first, among those of one party', async () => {
  const thread = new FairThread()
  const order: string[] = []
  const flood = Array.from({ length: 8 }, () => run(thread.begin('one', {}, NO_LIMIT), 'flood', 3, order))
  const connection = {}
  await run(thread.begin('one', connection, NO_LIMIT), 'small', 1, order)
  order.length = 0
  await run(thread.begin('one', connection, NO_LIMIT), 'small', 1, order)

  expect(order.indexOf('small')).toBeLessThanOrEqual(8)
  await Promise.all(flood)
})

it('runs only some long works of a party at a time', async () => {
  const thread = new FairThread({ long: 10, maxLong: 4 })
  const order: string[] = []
  const works = Array.from({ length: 12 }, (_, at) => `${at}`)
  const running = works.map((name) => run(thread.begin('one', {}, NO_LIMIT), name, 20, order))
  await Promise.all(running)

  const ends = works.map((name) => order.lastIndexOf(name)).sort((a, b) => a - b)
  // the last ones finish after the first four: without the limit all would finish together
  expect(ends.at(-1)).toBeGreaterThan((ends[0] ?? 0) + 60)
})

it('lets other events happen between two slices', async () => {
  const work = new FairThread().begin('one', {}, NO_LIMIT)
  let events = 0
  const count = setInterval(() => events++, 0)
  await run(work, '', 10, [])
  clearInterval(count)

  expect(events).toBeGreaterThanOrEqual(5)
})

it('ends a work that is aborted: its reads are rejected, and what waits for a turn never goes on', async () => {
  const thread = new FairThread()
  const [first, work] = [thread.begin('one', {}, NO_LIMIT), thread.begin('one', {}, NO_LIMIT)]
  first.turn()
  let resumed = false
  void work.turn()?.then(() => {
    resumed = true
  })
  const read = turnToRead(work.signal)
  const reason = new Error('gone')
  work.abort(reason)

  await expect(read).rejects.toBe(reason)
  await expect(turnToRead(work.signal)).rejects.toBe(reason)
  await run(first, '', 3, [])
  expect([resumed, work.signal.aborted]).toEqual([false, true])
})

it('calls back once a work has used its time', async () => {
  const late: string[] = []
  const work = new FairThread().begin('one', {}, { milliseconds: 5, onLate: () => late.push('late') })
  work.turn()
  use(10)
  await work.nextTurn()

  expect(late).toEqual(['late'])
})

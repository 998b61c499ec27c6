import { expect, it } from 'vitest'
import {
  BATCH,
  forEachYielding,
  inBatches,
  inOwnIteration,
  turnToRead,
} from '../../src/concurrency/yielding.ts'

it('forEachYielding lets other callbacks run after each batch, and stops when the signal is aborted', async () => {
  const controller = new AbortController()
  let worked = 0
  setImmediate(() => controller.abort(new Error('stopped')))
  const items = Array.from({ length: 10 * BATCH }, (_, at) => at)
  const end = forEachYielding(items, controller.signal, () => worked++)
  await expect(end).rejects.toThrow('stopped')
  expect(worked).toBe(BATCH)
})

it('inBatches splits a list', () => {
  expect([...inBatches([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]])
  expect([...inBatches([])]).toEqual([])
})

it('inOwnIteration runs one callback in each iteration of the event loop', async () => {
  const log: string[] = []
  await new Promise<void>((resolve) => {
    inOwnIteration(() => log.push('a'))
    inOwnIteration(() => log.push('b'))
    inOwnIteration(resolve)
    const tick = (): void => {
      log.push('tick')
      if (log.length < 4) setImmediate(tick)
    }
    setImmediate(tick)
  })
  expect(log.slice(0, 4)).toEqual(['a', 'tick', 'b', 'tick'])
})

/** Counts the iterations of the event loop until the end of the work, and returns the iteration of each step. */
async function iterationsOf(work: (step: () => void) => Promise<unknown>): Promise<readonly number[]> {
  let iteration = 0
  let isDone = false
  const tick = (): void => {
    iteration++
    if (!isDone) setImmediate(tick)
  }
  setImmediate(tick)
  const steps: number[] = []
  await work(() => steps.push(iteration))
  isDone = true
  return steps
}

it('turnToRead gives the first of many readers its turn at once, and one turn to all in each iteration', async () => {
  const reader = async (step: () => void): Promise<void> => {
    for (let part = 0; part < 3; part++) {
      await turnToRead()
      step()
    }
  }

  const steps = await iterationsOf((step) => Promise.all([reader(step), reader(step), reader(step)]))

  expect(steps[0]).toBe(0)
  expect(steps).toHaveLength(9)
  // no iteration has two of them
  expect(new Set(steps).size).toBe(9)
})

it('turnToRead rejects once the signal is aborted', async () => {
  await expect(turnToRead(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
})

import { expect, it } from 'vitest'
import { BATCH, forEachYielding, inBatches, inOwnIteration } from '../../src/concurrency/yielding.ts'

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

import { describe, expect, it } from 'vitest'
import { forEachBounded, mapBounded, SharedSemaphore } from '../../src/concurrency/bounded.ts'
import { yieldToEventLoop } from '../../src/concurrency/yielding.ts'

describe('bounded parallelism', () => {
  it('works on the items in order, never on more than the limit at a time', async () => {
    const started: number[] = []
    let running = 0
    let most = 0
    await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      started.push(item)
      most = Math.max(most, ++running)
      await yieldToEventLoop()
      running--
    })
    expect(started).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(most).toBe(3)
  })

  it.each([
    ['an array', [1, 2, 3, 4, 5, 6]],
    ['a set', new Set([1, 2, 3, 4, 5, 6])],
  ])('starts no further item of %s after the first rejection', async (_, items) => {
    const started: number[] = []
    const work = async (item: number): Promise<void> => {
      started.push(item)
      await yieldToEventLoop()
      if (item === 2) throw new Error('failed')
    }
    await expect(forEachBounded(items, 2, work)).rejects.toThrow('failed')
    await yieldToEventLoop()
    await yieldToEventLoop()
    // the worker that took 1 may have taken 3 before 2 failed
    expect(started.length).toBeLessThanOrEqual(3)
  })

  it('maps to results in the order of the items', async () => {
    const ended: number[] = []
    const results = await mapBounded([3, 1, 2], 3, async (rounds) => {
      for (let round = 0; round < rounds; round++) await yieldToEventLoop()
      ended.push(rounds)
      return rounds * 10
    })
    expect(results).toEqual([30, 10, 20])
    expect(ended).toEqual([1, 2, 3])
    expect(await mapBounded([], 3, async () => 1)).toEqual([])
  })
})

describe('a shared semaphore', () => {
  const open = () => {
    const semaphore = new SharedSemaphore({ limit: 3, share: 2 })
    const started: string[] = []
    const ends: (() => void)[] = []
    const start = (key: string, name: string) =>
      semaphore.run(key, async () => {
        started.push(name)
        await new Promise<void>((end) => ends.push(end))
      })
    return { semaphore, started, ends, start }
  }

  it('leaves room for other keys, and gives them turns', async () => {
    const { started, ends, start } = open()
    for (const name of ['a1', 'a2', 'a3', 'a4']) void start('a', name)
    for (const name of ['b1', 'b2']) void start('b', name)
    await yieldToEventLoop()
    expect(started).toEqual(['a1', 'a2', 'b1'])
    ends.shift()?.()
    await yieldToEventLoop()
    ends.shift()?.()
    await yieldToEventLoop()
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3', 'b2'])
  })

  it('gives the place back after a failure', async () => {
    const { semaphore, started, start } = open()
    for (let turn = 0; turn < 4; turn++) {
      await expect(semaphore.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    }
    void start('a', 'a1')
    await yieldToEventLoop()
    expect(started).toEqual(['a1'])
  })
})

import { describe, expect, it } from 'vitest'
import { type AttemptResult, KeyedQueues, QueueBlockedError } from '../../src/concurrency/keyed-queues.ts'
import { yieldToEventLoop } from '../../src/concurrency/yielding.ts'

interface World {
  readonly log: string[]
  readonly sleeps: number[]
  readonly controller: AbortController
  readonly queues: KeyedQueues<string>
}

/** Queues of items that fail as often as `failing` contains them. */
function open(limit = 10, failing: string[] = []): World {
  const log: string[] = []
  const sleeps: number[] = []
  const controller = new AbortController()
  const queues = new KeyedQueues<string>({
    limit,
    async attempt(item): Promise<AttemptResult> {
      log.push(item)
      await yieldToEventLoop()
      log.push(`${item} ended`)
      const at = failing.indexOf(item)
      if (at < 0) return 'done'
      failing.splice(at, 1)
      return 'retry'
    },
    onDone: () => log.push('done'),
    signal: controller.signal,
    async sleep(milliseconds, signal) {
      sleeps.push(milliseconds)
      await yieldToEventLoop(signal)
    },
  })
  return { log, sleeps, controller, queues }
}

describe('queues by key', () => {
  it('run items of one key in order, and of two keys concurrently', async () => {
    const { queues, log } = open()
    queues.add('a', 'a1')
    queues.add('a', 'a2')
    queues.add('b', 'b1')
    expect(queues.size).toBe(3)
    await queues.idle()
    expect(queues.size).toBe(0)
    expect(log.slice(0, 2)).toEqual(['a1', 'b1'])
    expect(log.indexOf('a2')).toBeGreaterThan(log.indexOf('a1 ended'))
  })

  it('run no more than the limit at a time, over all keys', async () => {
    const { queues, log } = open(1)
    for (const key of ['a', 'b', 'c']) queues.add(key, key)
    await queues.idle()
    expect(log.filter((line) => line !== 'done')).toEqual(['a', 'a ended', 'b', 'b ended', 'c', 'c ended'])
  })

  it('retry an item with growing delays before the next of its key', async () => {
    const { queues, log, sleeps } = open(10, Array(8).fill('a1'))
    queues.add('a', 'a1')
    queues.add('a', 'a2')
    await queues.idle()
    expect(sleeps).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    expect(log.filter((line) => line === 'a1')).toHaveLength(9)
    expect(log.at(-2)).toBe('a2 ended')
  })

  it('run a task when the items of its key are done', async () => {
    const { queues, log } = open()
    queues.add('a', 'a1')
    const task = queues.runAfterItems('a', async () => log.push('task'))
    queues.add('a', 'a2')
    await task
    expect(log.indexOf('task')).toBeGreaterThan(log.indexOf('a2 ended'))
  })

  it('reject a task when an item before it fails, and run those that come after a success', async () => {
    const { queues } = open(10, ['a1'])
    queues.add('a', 'a1')
    const blocked = queues.runAfterItems('a', async () => 1)
    await expect(blocked).rejects.toThrow(QueueBlockedError)
    await expect(queues.runAfterItems('a', async () => 1)).rejects.toThrow(QueueBlockedError)
    await queues.idle()
    await expect(queues.runAfterItems('a', async () => 1)).resolves.toBe(1)
  })

  it('start nothing after the signal is aborted', async () => {
    const { queues, log, controller } = open()
    queues.add('a', 'a1')
    queues.add('a', 'a2')
    const task = queues.runAfterItems('a', async () => 1)
    await Promise.resolve()
    controller.abort(new Error('stopped'))
    await expect(task).rejects.toThrow('stopped')
    await queues.idle()
    expect(log).not.toContain('a2')
    await expect(queues.runAfterItems('a', async () => 1)).rejects.toThrow('stopped')
  })
})

import { describe, expect, it } from 'vitest'
import { KeyLock } from '../../src/concurrency/bounded.ts'
import { yieldToEventLoop } from '../../src/concurrency/yielding.ts'

describe('a key lock', () => {
  it('runs work of one key one at a time, in the order of the calls, and of two keys concurrently', async () => {
    const lock = new KeyLock()
    const log: string[] = []
    const work = (key: string, name: string): Promise<void> =>
      lock.run(key, async () => {
        log.push(`${name} starts`)
        await yieldToEventLoop()
        log.push(`${name} ends`)
      })
    await Promise.all([work('a', 'a1'), work('a', 'a2'), work('b', 'b1')])
    expect(log.filter((line) => line.startsWith('a'))).toEqual([
      'a1 starts',
      'a1 ends',
      'a2 starts',
      'a2 ends',
    ])
    expect(log.indexOf('b1 starts')).toBeLessThan(log.indexOf('a1 ends'))
  })

  it('continues with the next work after a failure', async () => {
    const lock = new KeyLock()
    const failed = lock.run('a', () => Promise.reject(new Error('failed')))
    const next = lock.run('a', () => 2)
    await expect(failed).rejects.toThrow('failed')
    await expect(next).resolves.toBe(2)
  })
})

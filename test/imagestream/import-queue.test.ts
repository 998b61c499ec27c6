import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ImportQueue } from '../../src/imagestream/import/import-queue.ts'

/** A queue whose works run until the test ends them. */
function open(limits: { running: number; ofGroup: number }) {
  const queue = new ImportQueue<string>(limits)
  const ends = new Map<string, () => void>()
  const began: string[] = []
  const add = (name: string, { group = name[0] ?? '', key = name } = {}): void =>
    queue.add({ key, group }, () => {
      began.push(name)
      return new Promise((resolve) => ends.set(name, resolve))
    })
  /** Ends this work, and waits until the next works have started. */
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.()
    await turn()
  }
  return { queue, began, add, end }
}

describe('the import queue', () => {
  it('runs a limited number at a time, the oldest first', async () => {
    const { began, add, end } = open({ running: 2, ofGroup: 2 })
    for (const name of ['a1', 'a2', 'a3', 'a4']) add(name)
    expect(began).toEqual(['a1', 'a2'])
    await end('a2')
    await end('a1')
    expect(began).toEqual(['a1', 'a2', 'a3', 'a4'])
  })

  it('runs one at a time for each key, and starts later works of other keys', async () => {
    const { began, add, end } = open({ running: 9, ofGroup: 9 })
    add('a1', { key: 'stream' })
    add('a2', { key: 'stream' })
    add('a3')
    expect(began).toEqual(['a1', 'a3'])
    await end('a1')
    expect(began).toEqual(['a1', 'a3', 'a2'])
  })

  it('limits the works of one group, so that others can run (kargo#2836)', async () => {
    const { began, add, end } = open({ running: 4, ofGroup: 2 })
    for (let at = 1; at <= 100; at += 1) add(`slow${at}`)
    expect(began).toEqual(['slow1', 'slow2'])
    for (const name of ['b1', 'b2', 'b3', 'c1']) add(name)
    expect(began.slice(2)).toEqual(['b1', 'b2'])
    await end('b1')
    await end('b2')
    expect(began.slice(4)).toEqual(['b3', 'c1'])
    await end('slow1')
    expect(began.slice(6)).toEqual(['slow3'])
  })

  it('alternates between groups', async () => {
    const { began, add, end } = open({ running: 1, ofGroup: 1 })
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) add(name)
    for (let at = 0; at < 5; at += 1) await end(began.at(-1) ?? '')
    expect(began).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
  })

  it('drops waiting works when it is stopped, and waits for running ones', async () => {
    const { queue, began, add, end } = open({ running: 1, ofGroup: 1 })
    add('a1')
    add('b1')
    let isStopped = false
    const stopped = queue.stop().then(() => {
      isStopped = true
    })
    await turn()
    expect(isStopped).toBe(false)
    await end('a1')
    await stopped
    expect(began).toEqual(['a1'])
  })
})

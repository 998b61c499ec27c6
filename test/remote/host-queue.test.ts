import { describe, expect, test } from 'vitest'
import { HostQueue } from '../../src/remote/host-queue.ts'

const signal = new AbortController().signal
const open = (slots: number) => new HostQueue(slots)

describe("a host's queue", () => {
  test('admits as many as it has slots, then one for each that leaves', async () => {
    const queue = open(2)
    expect(queue.enter('a', signal)).toBeUndefined()
    expect(queue.enter('a', signal)).toBeUndefined()
    const third = queue.enter('a', signal)
    expect(third).toBeInstanceOf(Promise)
    expect(queue).toMatchObject({ inFlight: 2, waiting: 1, idle: false })
    queue.leave()
    await third
  })

  test('goes round between lanes: one request waits for one of each other lane, not for a thousand', async () => {
    const queue = open(1)
    queue.enter('large', signal)
    const order: string[] = []
    const enter = (lane: string) => queue.enter(lane, signal)?.then(() => order.push(lane))
    const all = [
      ...Array.from({ length: 5 }, () => enter('large')),
      enter('small'),
      enter('other'),
      enter('small'),
    ]
    for (const _ of all) queue.leave()
    await Promise.all(all)
    expect(order).toEqual(['large', 'small', 'other', 'large', 'small', 'large', 'large', 'large'])
  })

  test('lets who gives up go, and gives the slot to the next', async () => {
    const queue = open(1)
    queue.enter('a', signal)
    const impatient = new AbortController()
    const gone = queue.enter('a', impatient.signal)
    const next = queue.enter('a', signal)
    impatient.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    queue.leave()
    await next
    queue.leave()
    expect(queue.idle).toBe(true)
  })

  test('lets people go first, and each fourth turn a schedule, however many people there are', async () => {
    const queue = open(1)
    queue.enter('a', signal)
    const order: string[] = []
    const enter = (lane: string, scheduled: boolean) =>
      queue.enter(lane, signal, { scheduled })?.then(() => order.push(lane))
    const all = [
      ...Array.from({ length: 4 }, () => enter('schedule', true)),
      ...Array.from({ length: 8 }, () => enter('person', false)),
    ]
    expect(queue.waiting).toBe(12)
    for (const _ of all) queue.leave()
    await Promise.all(all)
    expect(order.map((lane) => lane[0]).join('')).toBe('pppspppsppss')
  })

  test('counts no turns of people while no schedule waits', async () => {
    const queue = open(1)
    queue.enter('a', signal)
    const order: string[] = []
    const enter = (lane: string, scheduled: boolean) =>
      queue.enter(lane, signal, { scheduled })?.then(() => order.push(lane))
    const alone = Array.from({ length: 5 }, () => enter('person', false))
    for (const _ of alone) queue.leave()
    await Promise.all(alone)
    const both = [enter('schedule', true), enter('person', false)]
    for (const _ of both) queue.leave()
    await Promise.all(both)
    expect(order.slice(5)).toEqual(['person', 'schedule'])
  })
})

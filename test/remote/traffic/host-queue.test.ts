import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HostQueue } from '../../../src/remote/traffic/host-queue.ts'

const signal = new AbortController().signal
const open = (slots: number) => new HostQueue(slots)

describe("a host's queue", () => {
  test('admits as many requests as it has slots, then one for each that leaves', async () => {
    const queue = open(2)
    expect(queue.enter('a', signal)).toBeUndefined()
    expect(queue.enter('a', signal)).toBeUndefined()
    const third = queue.enter('a', signal)
    expect(third).toBeInstanceOf(Promise)
    expect(queue).toMatchObject({ inFlight: 2, waiting: 1, idle: false })
    queue.leave()
    await third
  })

  test('takes turns between lanes: one request waits for one of each other lane, not for a thousand', async () => {
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

  test('removes an aborted request, and gives its slot to the next', async () => {
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

  /** Urgencies by letter: `w`ebhooks, `p`eople and `s`chedules, each with its own lanes. */
  const urgencyOf = { w: { urgency: 'webhook' }, p: {}, s: { urgency: 'schedule' } } as const
  type Letter = keyof typeof urgencyOf

  /** Adds a request for each letter, and returns the order in which the queue admits them. */
  async function orderOf(queue: HostQueue, letters: string): Promise<string> {
    let order = ''
    const all = [...letters].map((letter) =>
      queue.enter(letter, signal, urgencyOf[letter as Letter])?.then(() => {
        order += letter
      }),
    )
    expect(queue.waiting).toBe(letters.length)
    for (const _ of all) queue.leave()
    await Promise.all(all)
    return order
  }

  test.each([
    ['clients before schedules, which get each fourth turn', 'ssss' + 'pppppppp', 'pppspppsppss'],
    ['webhooks before clients, four turns to three', 'pppppp' + 'wwwwwwww', 'wwwwpppwwwwppp'],
    ['webhooks before schedules, which get each fifth turn', 'sss' + 'wwwwwwww', 'wwwwswwwwss'],
    [
      'of eight turns four webhooks, three clients and a schedule',
      'ss' + 'pppppp' + 'wwwwwwww',
      'wwwwpppswwwwppps',
    ],
  ])('priorities webhook > user > schedule: serves %s', async (_, letters, order) => {
    const queue = open(1)
    queue.enter('a', signal)
    expect(await orderOf(queue, letters)).toBe(order)
  })

  test('does not count turns for which no other urgency waits', async () => {
    const queue = open(1)
    queue.enter('a', signal)
    expect(await orderOf(queue, 'ppppp')).toBe('ppppp')
    expect(await orderOf(queue, 'spppp')).toBe('pppsp')
  })

  test('lets no lane wait for more than sixteen turns for each lane of its urgency, with any other arrivals', async () => {
    const lanes = fc.constantFrom('w1', 'w2', 'p1', 'p2', 'p3', 's1', 's2')
    const turns = fc.array(fc.array(lanes, { maxLength: 3 }), { maxLength: 300, size: 'max' })
    await fc.assert(
      fc.asyncProperty(turns, async (arrivals) => {
        const queue = open(1)
        queue.enter('first', signal)
        const admitted: string[] = []
        /** Requests of each lane that wait, and the turns that others got meanwhile. */
        const waiting = new Map<string, { requests: number; turns: number }>()
        for (const arriving of arrivals) {
          for (const lane of arriving) {
            queue.enter(lane, signal, urgencyOf[lane[0] as Letter])?.then(() => admitted.push(lane))
            const one = waiting.get(lane) ?? { requests: 0, turns: 0 }
            waiting.set(lane, { ...one, requests: one.requests + 1 })
          }
          if (waiting.size === 0) continue
          queue.leave()
          await Promise.resolve()
          for (const one of waiting.values()) one.turns += 1
          const lane = admitted.at(-1) ?? ''
          const requests = (waiting.get(lane)?.requests ?? 0) - 1
          if (requests > 0) waiting.set(lane, { requests, turns: 0 })
          else waiting.delete(lane)
          for (const [name, one] of waiting) {
            expect(one.turns).toBeLessThanOrEqual(16 * (name[0] === 'p' ? 3 : 2))
          }
        }
      }),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { ImportQueue } from '../../src/imagestream/import-queue.ts'
import { SharedWork } from '../../src/imagestream/shared-work.ts'

/** Work that ends when told. */
function work(): { run: () => Promise<void>; started: () => boolean; end: () => void; ended: Promise<void> } {
  let started = false
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const run = (): Promise<void> => {
    started = true
    return ended
  }
  return { run, started: () => started, end, ended }
}

describe('shared work', () => {
  it('is done once for all who want it at the same time', async () => {
    const shared = new SharedWork()
    let made = 0
    const make = async (): Promise<number> => ++made
    const shares = [shared.begin(), shared.begin()]

    expect(await Promise.all(shares.map((share) => share.once('a', make)))).toEqual([1, 1])
    expect(await shares[0]?.once('a', make)).toBe(1)
    expect(await shares[0]?.once('b', make)).toBe(2)
  })

  it('is kept until the last who holds it lets go', async () => {
    const shared = new SharedWork()
    let made = 0
    const make = async (): Promise<number> => ++made
    const [first, second] = [shared.begin(), shared.begin()]
    await first.once('a', make)
    await second.once('a', make)
    first[Symbol.dispose]()
    using third = shared.begin()
    expect(await third.once('a', make)).toBe(1)
    second[Symbol.dispose]()
    third[Symbol.dispose]()

    using later = shared.begin()
    expect(await later.once('a', make)).toBe(2)
  })

  it('that fails fails only for who did it: the others try for themselves, one at a time', async () => {
    const shared = new SharedWork()
    let made = 0
    const failing = async (): Promise<string> => {
      made++
      throw new Error(`attempt ${made}`)
    }
    const outcomes = await Promise.allSettled([
      shared.begin().once('a', failing),
      shared.begin().once('a', failing),
      shared.begin().once('a', async () => 'done'),
    ])

    expect(outcomes).toMatchObject([
      { reason: { message: 'attempt 1' } },
      { reason: { message: 'attempt 2' } },
      { value: 'done' },
    ])
  })
})

describe('the queue of imports', () => {
  it('runs one at a time for a key, so many at a time over all, in the order added', async () => {
    const queue = new ImportQueue<string>(2)
    const [a1, a2, b, c] = [work(), work(), work(), work()]
    queue.add('a', a1.run)
    queue.add('a', a2.run)
    queue.add('b', b.run)
    queue.add('c', c.run)
    const started = () => [a1, a2, b, c].map((each) => each.started())

    expect(started()).toEqual([true, false, true, false])
    b.end()
    await b.ended
    await new Promise(setImmediate)
    expect(started()).toEqual([true, false, true, true])
    a1.end()
    await new Promise(setImmediate)
    expect(started()).toEqual([true, true, true, true])
    for (const each of [a2, c]) each.end()
    await queue.stop()
  })

  it('forgets what waits when it is stopped, and waits for what runs', async () => {
    const queue = new ImportQueue<string>(1)
    const [running, waiting] = [work(), work()]
    queue.add('a', running.run)
    queue.add('b', waiting.run)
    let stopped = false
    const stopping = queue.stop().then(() => {
      stopped = true
    })
    await new Promise(setImmediate)

    expect(stopped).toBe(false)
    running.end()
    await stopping
    expect(waiting.started()).toBe(false)
  })
})

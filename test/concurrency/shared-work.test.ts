import { describe, expect, it } from 'vitest'
import { SharedWork } from '../../src/concurrency/shared-work.ts'

describe('shared work', () => {
  it('is done once for all concurrent callers', async () => {
    const shared = new SharedWork()
    let made = 0
    const make = async (): Promise<number> => ++made
    const shares = [shared.begin(), shared.begin()]

    expect(await Promise.all(shares.map((share) => share.once('a', make)))).toEqual([1, 1])
    expect(await shares[0]?.once('a', make)).toBe(1)
    expect(await shares[0]?.once('b', make)).toBe(2)
  })

  it('keeps its result until the last share that holds it is disposed of', async () => {
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

  it('fails only for the caller that did it; the others repeat it, one at a time', async () => {
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

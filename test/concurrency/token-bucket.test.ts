import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TokenBucket, TokenBuckets } from '../../src/concurrency/token-bucket.ts'
import { createTestClock } from '../fixtures/registry-client.ts'

const signal = new AbortController().signal

function open(rate: number | null) {
  const clock = createTestClock(0)
  const bucket = new TokenBucket(clock)
  bucket.rate = rate
  /** Takes all tokens, and returns their number. */
  const takeAll = (): number => {
    let taken = 0
    while (taken < 1000 && bucket.take()) taken += 1
    return taken
  }
  return { clock, bucket, takeAll }
}

describe('a token bucket', () => {
  test("allows one second's worth at once, and then no more than the rate", () => {
    const { clock, takeAll } = open(5)
    expect(takeAll()).toBe(5)
    clock.time += 199
    expect(takeAll()).toBe(0)
    clock.time += 1
    expect(takeAll()).toBe(1)
    clock.time += 60_000
    expect(takeAll()).toBe(5)
  })

  test('with a rate below one a second allows one request per period', () => {
    const { clock, takeAll } = open(0.25)
    expect(takeAll()).toBe(1)
    clock.time += 3999
    expect(takeAll()).toBe(0)
    clock.time += 1
    expect(takeAll()).toBe(1)
  })

  test('without a rate allows every request', async () => {
    const { bucket, clock, takeAll } = open(null)
    expect(takeAll()).toBe(1000)
    await bucket.wait(signal)
    expect(clock.sleeps).toEqual([])
  })

  test('has a token after the wait, and not before', async () => {
    const { bucket, clock } = open(3)
    for (let second = 0; second < 3; second += 1) expect(bucket.take()).toBe(true)
    for (let times = 0; times < 100; times += 1) {
      expect(bucket.take()).toBe(false)
      await bucket.wait(signal)
      expect(bucket.take()).toBe(true)
    }
    expect(clock.time).toBeGreaterThan(33_000)
    expect(clock.time).toBeLessThan(34_000)
  })

  test('keeps its level when the rate changes', () => {
    const { bucket, clock, takeAll } = open(10)
    expect(takeAll()).toBe(10)
    bucket.rate = 2
    expect(takeAll()).toBe(0)
    clock.time += 500
    expect(takeAll()).toBe(1)
    bucket.rate = null
    expect(takeAll()).toBe(1000)
    bucket.rate = 2
    expect(takeAll()).toBe(2)
  })

  test('refills from the new time when the clock is set back', () => {
    const { clock, takeAll } = open(1)
    clock.time = 1_000_000
    expect(takeAll()).toBe(1)
    clock.time = 0
    expect(takeAll()).toBe(0)
    clock.time = 1000
    expect(takeAll()).toBe(1)
  })

  test("never allows more in any period than its rate and one second's worth", () => {
    const rates = fc.double({ min: 0.01, max: 100, noNaN: true })
    const steps = fc.array(fc.nat(3000), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(rates, steps, (rate, pauses) => {
        const { clock, takeAll } = open(rate)
        let sent = takeAll()
        for (const pause of pauses) {
          clock.time += pause
          sent += takeAll()
        }
        const burst = Math.max(1, rate)
        expect(sent).toBeLessThanOrEqual(burst + (rate * clock.time) / 1000 + 1e-6)
        expect(sent).toBeLessThan(1000 * (pauses.length + 1))
      }),
    )
  })
})

describe('token buckets by name', () => {
  test('let more be spent than is left, which is refilled before the next token', () => {
    const clock = createTestClock(0)
    const buckets = new TokenBuckets({ capacity: 10, perSecond: 2 }, () => clock.now())
    buckets.spend('a', 13)
    expect([buckets.left('a'), buckets.take('a'), buckets.take('b')]).toEqual([-3, 2, 0])
    clock.time += 2_000
    expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 1])
  })

  test('are kept for a bounded number of names: those that were not used for longest are full again', () => {
    const buckets = new TokenBuckets({ capacity: 1, perSecond: 1 }, () => 0)
    for (const name of ['first', 'second']) expect(buckets.take(name)).toBe(0)
    for (let at = 0; at < 9_999; at += 1) buckets.take(at)
    expect([buckets.take('second'), buckets.take('first')]).toEqual([1, 0])
  })
})

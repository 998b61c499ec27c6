import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TokenBucket } from '../../src/concurrency/token-bucket.ts'
import { createTestClock } from '../fixtures/registry-client.ts'

const signal = new AbortController().signal

function open(rate: number | null) {
  const clock = createTestClock(0)
  const pace = new TokenBucket(clock)
  pace.rate = rate
  /** How many may be sent now. */
  const takeAll = (): number => {
    let taken = 0
    while (taken < 1000 && pace.take()) taken += 1
    return taken
  }
  return { clock, pace, takeAll }
}

describe('a pace', () => {
  test("lets one second's worth pass at once, and then no more than the rate", () => {
    const { clock, takeAll } = open(5)
    expect(takeAll()).toBe(5)
    clock.time += 199
    expect(takeAll()).toBe(0)
    clock.time += 1
    expect(takeAll()).toBe(1)
    clock.time += 60_000
    expect(takeAll()).toBe(5)
  })

  test('below one a second lets one pass in so many seconds', () => {
    const { clock, takeAll } = open(0.25)
    expect(takeAll()).toBe(1)
    clock.time += 3999
    expect(takeAll()).toBe(0)
    clock.time += 1
    expect(takeAll()).toBe(1)
  })

  test('without a rate lets everything pass', async () => {
    const { pace, clock, takeAll } = open(null)
    expect(takeAll()).toBe(1000)
    await pace.wait(signal)
    expect(clock.sleeps).toEqual([])
  })

  test('can be waited for: then one may be sent, and not before', async () => {
    const { pace, clock } = open(3)
    for (let second = 0; second < 3; second += 1) expect(pace.take()).toBe(true)
    for (let times = 0; times < 100; times += 1) {
      expect(pace.take()).toBe(false)
      await pace.wait(signal)
      expect(pace.take()).toBe(true)
    }
    expect(clock.time).toBeGreaterThan(33_000)
    expect(clock.time).toBeLessThan(34_000)
  })

  test('that changes keeps what was sent in mind: a new rate is no new second', () => {
    const { pace, clock, takeAll } = open(10)
    expect(takeAll()).toBe(10)
    pace.rate = 2
    expect(takeAll()).toBe(0)
    clock.time += 500
    expect(takeAll()).toBe(1)
    pace.rate = null
    expect(takeAll()).toBe(1000)
    pace.rate = 2
    expect(takeAll()).toBe(2)
  })

  test('waits no longer because the clock is set back', () => {
    const { clock, takeAll } = open(1)
    clock.time = 1_000_000
    expect(takeAll()).toBe(1)
    clock.time = 0
    expect(takeAll()).toBe(0)
    clock.time = 1000
    expect(takeAll()).toBe(1)
  })

  test("never lets more pass in any time than its rate and one second's worth", () => {
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

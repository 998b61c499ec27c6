import { describe, expect, test } from 'vitest'
import { AdaptiveConcurrency } from '../../../src/remote/traffic/adaptive-concurrency.ts'

/** Counts so many successful requests. */
const succeed = (concurrency: AdaptiveConcurrency, times: number): void => {
  for (let at = 0; at < times; at += 1) {
    concurrency.countSent()
    concurrency.increase()
  }
}

describe('the number of requests at a time (AIMD)', () => {
  test('halves when the host refuses requests for load, down to one', () => {
    const concurrency = new AdaptiveConcurrency(10)
    const sizes = [1, 2, 3, 4, 5].map(() => {
      concurrency.decrease(concurrency.countSent())
      return concurrency.size
    })
    expect(sizes).toEqual([5, 2, 1, 1, 1])
  })

  test('halves once for all requests that were sent before', () => {
    const concurrency = new AdaptiveConcurrency(8)
    const sent = Array.from({ length: 8 }, () => concurrency.countSent())
    for (const request of sent) concurrency.decrease(request)
    expect(concurrency.size).toBe(4)
    concurrency.decrease(concurrency.countSent())
    expect(concurrency.size).toBe(2)
  })

  test('grows by one for each full set of successes, up to the maximum', () => {
    const concurrency = new AdaptiveConcurrency(8)
    concurrency.decrease(concurrency.countSent())
    succeed(concurrency, 5)
    expect(concurrency.size).toBe(5)
    succeed(concurrency, 6)
    expect(concurrency.size).toBe(6)
    succeed(concurrency, 1000)
    expect(concurrency.size).toBe(8)
  })

  test('follows the maximum, unless it was decreased for load', () => {
    const concurrency = new AdaptiveConcurrency(10)
    concurrency.allowed = 4
    expect(concurrency.size).toBe(4)
    concurrency.allowed = 20
    expect(concurrency.size).toBe(20)
    concurrency.decrease(concurrency.countSent())
    concurrency.allowed = 40
    expect(concurrency.size).toBe(10)
    concurrency.allowed = 3
    expect(concurrency.size).toBe(3)
    succeed(concurrency, 100)
    expect(concurrency.size).toBe(3)
  })
})

import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../../src/egress/errors.ts'
import { CircuitBreaker } from '../../../src/remote/traffic/circuit-breaker.ts'
import { type BreakerCause, failureFor, type HostFailure } from '../../../src/remote/traffic/host-failure.ts'
import { CLOSED_PERMIT, type Permit } from '../../../src/remote/traffic/permit.ts'
import { createTestClock } from '../../fixtures/registry-client.ts'

const because = (failure: HostFailure, namespace: string | null = null): BreakerCause => ({
  failure,
  namespace,
})
const refused = because(new ConnectionError('the connection was refused', true, undefined))
const response = (status: number, body = new Uint8Array()) => ({ status, headers: {}, body })
const failed = (status: number) => because(response(status))

function start() {
  const clock = createTestClock(0)
  const limits = { failures: 3, firstOpen: 1000, longestOpen: 5000, firstBackOff: 400 }
  const breaker = new CircuitBreaker({ clock, random: () => 1, ...limits })
  const fail = (times: number): void => {
    for (let at = 0; at < times; at += 1) breaker.fail(CLOSED_PERMIT, refused)
  }
  /** The permit of the probe at the next attempt. */
  const probe = (): Permit => {
    clock.time = breaker.status.nextAttemptAt ?? Number.NaN
    const permit = breaker.permit()
    if (!permit?.isProbe) throw new Error('no probe is permitted')
    return permit
  }
  return { clock, breaker, fail, probe }
}

describe('a circuit breaker', () => {
  test('opens after consecutive failures, and reports the last one', () => {
    const { breaker, fail, clock } = start()
    clock.time = 500
    fail(2)
    expect(breaker.status).toEqual({ state: 'CLOSED', since: null, message: null, nextAttemptAt: null })
    fail(1)
    expect(breaker.status).toEqual({
      ...{ state: 'OPEN', since: 500, nextAttemptAt: 1500 },
      message: 'the connection was refused',
    })
    expect(breaker.permit()).toBeUndefined()
    expect(breaker.opening).toMatchObject({ ...refused, kind: 'FAILURES' })
  })

  test('is not open for longer when the clock is set back', () => {
    const { breaker, fail, clock } = start()
    clock.time = 100_000
    fail(3)
    clock.time = 0
    expect(breaker.permit()).toMatchObject({ isProbe: true })
  })

  test('counts from zero after a success', () => {
    const { breaker, fail } = start()
    fail(2)
    breaker.succeed(CLOSED_PERMIT)
    fail(2)
    expect(breaker.state).toBe('CLOSED')
  })

  test('stays closed while only one part of the host fails', () => {
    const { breaker } = start()
    for (let at = 0; at < 5; at += 1) breaker.fail(CLOSED_PERMIT, refused, 'team/app')
    expect(breaker.state).toBe('CLOSED')
    breaker.fail(CLOSED_PERMIT, refused, 'team/other')
    expect(breaker.state).toBe('OPEN')
  })

  test('permits one probe at its next attempt, and all requests after its success', async () => {
    const { breaker, fail, probe } = start()
    fail(3)
    const permit = probe()
    expect(breaker.status).toMatchObject({ state: 'HALF_OPEN', since: 1000, nextAttemptAt: 1000 })
    expect(breaker.permit()).toBeUndefined()
    const { ended } = breaker.probe
    breaker.succeed(permit)
    await ended
    expect(breaker.state).toBe('CLOSED')
    expect(breaker.permit()).toEqual(CLOSED_PERMIT)
  })

  test('is open for twice as long after each failed probe, up to the maximum', () => {
    const { breaker, fail, probe, clock } = start()
    fail(3)
    const pauses = Array.from({ length: 4 }, () => {
      breaker.fail(probe(), failed(502))
      return (breaker.status.nextAttemptAt ?? 0) - clock.time
    })
    expect(pauses).toEqual([2000, 4000, 5000, 5000])
    expect(breaker.status.message).toBe('it responded with 502')
    breaker.succeed(probe())
    fail(3)
    expect((breaker.status.nextAttemptAt ?? 0) - clock.time).toBe(1000)
  })

  test('is open for a random time between half of that and all of it', () => {
    const clock = createTestClock(0)
    const limits = { failures: 1, firstOpen: 1000, longestOpen: 5000, firstBackOff: 400 }
    const breaker = new CircuitBreaker({ clock, random: () => 0, ...limits })
    breaker.fail(CLOSED_PERMIT, refused)
    expect(breaker.status.nextAttemptAt).toBe(500)
  })

  test('permits the next request as a probe when the probe is aborted', async () => {
    const { breaker, fail, probe } = start()
    fail(3)
    const permit = probe()
    const { ended } = breaker.probe
    breaker.release(permit)
    await ended
    expect(breaker.state).toBe('HALF_OPEN')
    expect(breaker.permit()).toEqual({ isProbe: true })
  })

  test('ignores the results of requests that were sent before it opened', () => {
    const { breaker, fail } = start()
    fail(3)
    breaker.succeed(CLOSED_PERMIT)
    fail(10)
    expect(breaker.status).toMatchObject({ state: 'OPEN', nextAttemptAt: 1000 })
  })

  test('keeps the later of two requested pauses', () => {
    const { breaker, clock } = start()
    breaker.pause(CLOSED_PERMIT, 2000, failed(429))
    breaker.pause(CLOSED_PERMIT, 1000, failed(503))
    expect(breaker.status).toEqual({
      ...{ state: 'OPEN', since: 0, nextAttemptAt: 2000 },
      message: 'it responded with 429 and requested a pause',
    })
    clock.time = 2000
    expect(breaker.state).toBe('HALF_OPEN')
    expect(breaker.opening).toBeUndefined()
  })

  test('keeps at most 64 KiB of a response', () => {
    const { breaker } = start()
    breaker.pause(CLOSED_PERMIT, 2000, because(response(429, new Uint8Array(1024 * 1024))))
    expect(breaker.opening?.failure).toMatchObject({ body: new Uint8Array(64 * 1024) })
  })
  test('returns a response’s text only for the namespace that received it', () => {
    const cause = because(response(429, Buffer.from('too many requests of alice')), 'team')

    expect(failureFor('team', cause)).toBe(cause.failure)
    expect(failureFor('others', cause)).toEqual(response(429))
    expect(failureFor(null, cause)).toEqual(response(429))
    expect(failureFor('others', refused)).toBe(refused.failure)
  })
})

describe('a back-off', () => {
  const limited = failed(429)
  /** Milliseconds until the next attempt, after each of so many refusals in a row. */
  const refusals = ({ breaker, clock, probe }: ReturnType<typeof start>, times: number): number[] =>
    Array.from({ length: times }, () => {
      breaker.backOff(breaker.status.state === 'CLOSED' ? CLOSED_PERMIT : probe(), limited)
      return (breaker.status.nextAttemptAt ?? Number.NaN) - clock.time
    })

  test('doubles with each refusal up to the longest time, with jitter above', () => {
    expect(refusals(start(), 6)).toEqual([500, 1000, 2000, 4000, 6250, 6250])
  })

  test('counts requests that were sent at the same time once', () => {
    const { breaker, clock } = start()
    for (let at = 0; at < 10; at++) breaker.backOff(CLOSED_PERMIT, limited)
    expect(breaker.status).toMatchObject({
      state: 'OPEN',
      nextAttemptAt: 500,
      message: 'it responded with 429',
    })
    clock.time = 500
    breaker.backOff(CLOSED_PERMIT, limited)
    expect(breaker.state).toBe('HALF_OPEN')
  })

  test('is half as long after each ten responses of a working host', () => {
    const it = start()
    expect(refusals(it, 3)).toEqual([500, 1000, 2000])
    it.breaker.succeed(it.probe())
    for (let at = 1; at < 20; at++) it.breaker.succeed(CLOSED_PERMIT)
    expect(refusals(it, 1)).toEqual([1000])
  })

  test('starts again with the shortest time after the longest time without a refusal, and is then forgotten', () => {
    const it = start()
    refusals(it, 3)
    it.breaker.succeed(it.probe())
    expect(it.breaker.idle).toBe(false)
    it.clock.time += 5001
    expect(it.breaker.idle).toBe(true)
    expect(refusals(it, 1)).toEqual([500])
  })

  test('does not shorten a pause that the host requested', () => {
    const { breaker, clock, probe } = start()
    breaker.pause(CLOSED_PERMIT, 60_000, limited)
    breaker.backOff(CLOSED_PERMIT, limited)
    expect(breaker.status.nextAttemptAt).toBe(60_000)
    breaker.backOff(probe(), limited)
    expect(breaker.status.nextAttemptAt).toBe(clock.time + 500)
  })
})

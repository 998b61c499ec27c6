import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../src/egress/errors.ts'
import { Breaker, type Cause, type Pass, type Trouble, troubleFor } from '../../src/remote/traffic/breaker.ts'
import { createTestClock } from '../fixtures/registry-client.ts'

const SENT: Pass = { isProbe: false }
const because = (trouble: Trouble, namespace: string | null = null): Cause => ({ trouble, namespace })
const refused = because(new ConnectionError('the connection was refused', true, undefined))
const answer = (status: number, body = new Uint8Array()) => ({ status, headers: {}, body })
const answered = (status: number) => because(answer(status))

function start() {
  const clock = createTestClock(0)
  const limits = { failures: 3, firstPause: 1000, longestPause: 5000 }
  const breaker = new Breaker({ clock, random: () => 1, ...limits })
  const fail = (times: number): void => {
    for (let at = 0; at < times; at += 1) breaker.fail(SENT, refused)
  }
  /** The leave to find out, at the next attempt. */
  const probe = (): Pass => {
    clock.time = breaker.standing.nextAttempt ?? Number.NaN
    const pass = breaker.pass()
    if (!pass?.isProbe) throw new Error('nobody may find out')
    return pass
  }
  return { clock, breaker, fail, probe }
}

describe('a breaker', () => {
  test('opens at so many failures in a row, and tells which was the last', () => {
    const { breaker, fail, clock } = start()
    clock.time = 500
    fail(2)
    expect(breaker.standing).toEqual({ state: 'CLOSED', since: null, reason: null, nextAttempt: null })
    fail(1)
    expect(breaker.standing).toEqual({
      ...{ state: 'OPEN', since: 500, nextAttempt: 1500 },
      reason: 'the connection was refused',
    })
    expect(breaker.pass()).toBeUndefined()
    expect(breaker.opening).toMatchObject({ ...refused, asked: false })
  })

  test('counts anew after what works', () => {
    const { breaker, fail } = start()
    fail(2)
    breaker.succeed(SENT)
    fail(2)
    expect(breaker.state).toBe('CLOSED')
  })

  test('lets one request through at its next attempt, and all once that works', async () => {
    const { breaker, fail, probe } = start()
    fail(3)
    const pass = probe()
    expect(breaker.standing).toMatchObject({ state: 'HALF_OPEN', since: 1000, nextAttempt: 1000 })
    expect(breaker.pass()).toBeUndefined()
    const { probed } = breaker
    breaker.succeed(pass)
    await probed
    expect(breaker.state).toBe('CLOSED')
    expect(breaker.pass()).toEqual(SENT)
  })

  test('is open for twice as long each time that it finds the host failing still, up to the longest', () => {
    const { breaker, fail, probe, clock } = start()
    fail(3)
    const pauses = Array.from({ length: 4 }, () => {
      breaker.fail(probe(), answered(502))
      return (breaker.standing.nextAttempt ?? 0) - clock.time
    })
    expect(pauses).toEqual([2000, 4000, 5000, 5000])
    expect(breaker.standing.reason).toBe('it answered 502')
    breaker.succeed(probe())
    fail(3)
    expect((breaker.standing.nextAttempt ?? 0) - clock.time).toBe(1000)
  })

  test('is open for between half of that and all of it', () => {
    const clock = createTestClock(0)
    const limits = { failures: 1, firstPause: 1000, longestPause: 5000 }
    const breaker = new Breaker({ clock, random: () => 0, ...limits })
    breaker.fail(SENT, refused)
    expect(breaker.standing.nextAttempt).toBe(500)
  })

  test('that a request which gives up was to find out about lets the next one find out', async () => {
    const { breaker, fail, probe } = start()
    fail(3)
    const pass = probe()
    const { probed } = breaker
    breaker.release(pass)
    await probed
    expect(breaker.state).toBe('HALF_OPEN')
    expect(breaker.pass()).toEqual({ isProbe: true })
  })

  test('is not moved by what was sent before it opened', () => {
    const { breaker, fail } = start()
    fail(3)
    breaker.succeed(SENT)
    fail(10)
    expect(breaker.standing).toMatchObject({ state: 'OPEN', nextAttempt: 1000 })
  })

  test('keeps the later of two ends that the host asked for, until its time', () => {
    const { breaker, clock } = start()
    breaker.pause(SENT, 2000, answered(429))
    breaker.pause(SENT, 1000, answered(503))
    expect(breaker.standing).toEqual({
      ...{ state: 'OPEN', since: 0, nextAttempt: 2000 },
      reason: 'it answered 429 and asked to be left alone',
    })
    clock.time = 2000
    expect(breaker.state).toBe('HALF_OPEN')
    expect(breaker.opening).toBeUndefined()
  })

  test('keeps no more of an answer than is told of it', () => {
    const { breaker } = start()
    breaker.pause(SENT, 2000, because(answer(429, new Uint8Array(1024 * 1024))))
    expect(breaker.opening?.trouble).toMatchObject({ body: new Uint8Array(64 * 1024) })
  })
  test('has the text of an answer for the namespace alone that it was given to', () => {
    const said = because(answer(429, Buffer.from('too many requests of alice')), 'team')

    expect(troubleFor('team', said)).toBe(said.trouble)
    expect(troubleFor('others', said)).toEqual(answer(429))
    expect(troubleFor(null, said)).toEqual(answer(429))
    expect(troubleFor('others', refused)).toBe(refused.trouble)
  })
})

import { expect, it } from 'vitest'
import { createFailedSignIns } from '../../src/access/identity/failed-sign-ins.ts'

const from = (address: string) => ({ address })
const CLIENT = from('192.0.2.1')
const WAITS = /^too many sign-ins from this address have failed: repeat this request after \d+ seconds$/

function open(perMinute = 3) {
  const clock = { time: 0 }
  const failures = createFailedSignIns(perMinute, () => clock.time)
  /** Presents as many different wrong credentials. */
  const guess = (count: number, client = CLIENT): void => {
    for (let at = 0; at < count; at++) failures.failed(client, `guess ${at}`)
  }
  return { failures, clock, guess }
}

it('an address that presents too many different wrong credentials waits, also with the right one', () => {
  const { failures, clock, guess } = open()
  guess(2)
  failures.check(CLIENT, 'right')
  failures.failed(CLIENT, 'third')
  expect(() => failures.check(CLIENT, 'right')).toThrow(WAITS)
  clock.time += 20_000
  failures.check(CLIENT, 'right')
})

it('other addresses do not wait; all addresses of an IPv6 network are one', () => {
  const { failures, guess } = open()
  guess(3, from('2001:db8:0:1::1'))
  failures.check(CLIENT, 'right')
  failures.check(from('2001:db8:0:2::1'), 'right')
  expect(() => failures.check(from('2001:db8:0:1::2'), 'right')).toThrow(WAITS)
})

it('a credential that was valid before is accepted although others at its address guess', () => {
  const { failures, guess } = open()
  failures.succeeded('known')
  guess(3)
  failures.check(CLIENT, 'known')
})

it('a program that repeats its expired credential is one failure', () => {
  const { failures } = open()
  failures.succeeded('expired')
  for (let at = 0; at < 100; at++) failures.failed(CLIENT, 'expired')
  failures.check(CLIENT, 'right')
})

it('0 is no limit', () => {
  const { failures, guess } = open(0)
  guess(1000)
  failures.check(CLIENT, 'right')
})

import { expect, it } from 'vitest'
import { isBusy, Places } from '../../src/triggers/run/places.ts'
import { laneOf } from '../../src/triggers/state/lane.ts'

const lane = (host: string, namespace = 'team') => laneOf({ namespace, host })

/** Takes all free places of a lane. Returns what gives each back. */
function fill(places: Places, of: string) {
  const count = places.free(of)
  return Array.from({ length: count }, () => places.take(of))
}

it('a namespace has a quarter of all places, however many hosts it names', () => {
  const places = new Places()
  const taken = Array.from({ length: 100 }, (_, at) => fill(places, lane(`host-${at}.test`)).length)
  expect(taken.reduce((sum, one) => sum + one)).toBe(16)
  expect(places.free(lane('host-1000.test'))).toBe(0)
  expect(places.free(lane('hook.test', 'other'))).toBe(4)
})

it('a host has four places for all namespaces together, and one while it does not respond', () => {
  const places = new Places()
  const [first, ...rest] = fill(places, lane('hook.test'))
  expect(places.free(lane('hook.test', 'other'))).toBe(0)
  for (const release of rest) release(false)
  expect(places.free(lane('hook.test', 'other'))).toBe(3)
  first?.(true)
  expect(places.free(lane('hook.test'))).toBe(1)
  places.take(lane('hook.test'))(false)
  expect(places.free(lane('hook.test'))).toBe(4)
})

it('hosts that do not respond leave half of the places to others', () => {
  const places = new Places()
  const hosts = Array.from({ length: 60 }, (_, at) => lane(`host-${at}.test`, `team-${at}`))
  for (const one of hosts) places.take(one)(true)
  expect(hosts.flatMap((one) => fill(places, one))).toHaveLength(32)
  expect(places.free(lane('hook.test'))).toBe(4)
})

it('work of other rooms takes no place of a request', () => {
  const places = new Places()
  for (let at = 0; at < 100; at++) fill(places, lane(`registry host-${at}.test`))
  expect(places.free(lane('registry other.test'))).toBe(0)
  expect(places.free(lane('registry other.test', 'other'))).toBe(8)
  expect(places.free(lane('hook.test'))).toBe(4)
})

it('an attempt that was not made says nothing about its host', () => {
  const places = new Places()
  places.take(lane('hook.test'))(true)
  places.take(lane('hook.test'))()
  expect(places.free(lane('hook.test'))).toBe(1)
})

it('a host is busy that did not respond or has too much to do, and not one that did what was asked without a status', () => {
  expect([null, 429, 502, 503, 504].map((status) => isBusy(status, false))).toEqual(Array(5).fill(true))
  expect([isBusy(null, true), isBusy(500, false), isBusy(404, false)]).toEqual([false, false, false])
})

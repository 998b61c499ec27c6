import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRetryAfter } from '../../../src/remote/traffic/quota-headers.ts'

const NOW = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000

test.each<[string, Record<string, string | string[]>, number | undefined]>([
  ['seconds', { 'retry-after': '7' }, 7000],
  ['an HTTP date', { 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
  ["Docker Hub's seconds since 1970", { 'x-retry-after': String(NOW / 1000 + 20) }, 20_000],
  ['the standard header before the other', { 'retry-after': '7', 'x-retry-after': '9' }, 7000],
  ['the first of several', { 'retry-after': ['7', '9'] }, 7000],
  ['a fraction of seconds', { 'retry-after': '1.5' }, 1500],
  ['a fraction of one second as a second', { 'retry-after': '0.2' }, 1000],
  ['a negative fraction as a second', { 'retry-after': '-0.5' }, 1000],
  ['a number with an exponent as nothing', { 'retry-after': '1e9' }, undefined],
  ["Docker Hub's time that is past as a second", { 'x-retry-after': '1' }, 1000],
  ["Docker Hub's time in the year 5138 as an hour", { 'x-retry-after': '99999999999' }, HOUR],
  [
    'the time at which an exhausted budget is renewed',
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 90) },
    90_000,
  ],
  [
    'nothing while some of the budget is left',
    { 'ratelimit-remaining': '1', 'ratelimit-reset': '90' },
    undefined,
  ],
  [
    'the standard header before the budget',
    { 'retry-after': '7', 'ratelimit-remaining': '0', 'ratelimit-reset': '90' },
    7000,
  ],
  ['zero as a second', { 'retry-after': '0' }, 1000],
  ['a negative number as a second', { 'retry-after': '-5' }, 1000],
  ['a date that is past as a second', { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 1000],
  ['a billion as an hour', { 'retry-after': '1000000000' }, HOUR],
  ['more digits than a number holds as an hour', { 'retry-after': '9'.repeat(400) }, HOUR],
  ['a date in the year 9999 as an hour', { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }, HOUR],
  ['nonsense as nothing', { 'retry-after': 'soon' }, undefined],
  ['an empty one as nothing', { 'retry-after': '' }, undefined],
  ['none as nothing', {}, undefined],
])('Retry-After is parsed as %s', (_, headers, milliseconds) => {
  expect(parseRetryAfter(headers, NOW)).toBe(milliseconds)
})

test('Retry-After of arbitrary values is between a second and an hour, or undefined (threats: clamp, never fail open)', () => {
  const text = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    fc.integer({ min: -10, max: 4000 }).map(String),
  )
  const names = [
    'retry-after',
    'x-retry-after',
    'ratelimit-remaining',
    'ratelimit-reset',
    'x-ratelimit-reset',
  ]
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.oneof(text, fc.array(text))), (headers) => {
      const pause = parseRetryAfter(headers, NOW)
      if (pause === undefined) return
      expect(pause).toBeGreaterThanOrEqual(1000)
      expect(pause).toBeLessThanOrEqual(HOUR)
    }),
  )
})

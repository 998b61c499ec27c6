import { expect, test } from 'vitest'
import { parseBudget } from '../../../src/remote/traffic/quota-headers.ts'

const NOW = Date.UTC(2026, 0, 1)
const NOTHING = { limit: null, window: null, resetAt: null, pullsOnly: false, source: null, readAt: NOW }

test.each<[string, Record<string, string | string[]>, object | undefined]>([
  [
    'Docker Hub writes it',
    {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '20;w=21600',
      'docker-ratelimit-source': '192.0.2.7',
    },
    { ...NOTHING, limit: 100, remaining: 20, window: 21_600, pullsOnly: true, source: '192.0.2.7' },
  ],
  [
    'those write it who name no window',
    { 'ratelimit-limit': '5000', 'ratelimit-remaining': '0' },
    { ...NOTHING, limit: 5000, remaining: 0 },
  ],
  ['a remainder alone', { 'ratelimit-remaining': '7' }, { ...NOTHING, remaining: 7 }],
  [
    'a window beside the limit alone',
    { 'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '7' },
    { ...NOTHING, limit: 100, remaining: 7 },
  ],
  ['the first of several', { 'ratelimit-remaining': ['7', '9'] }, { ...NOTHING, remaining: 7 }],
  ['nothing from a limit alone', { 'ratelimit-limit': '100;w=21600' }, undefined],
  ['nothing from a negative number', { 'ratelimit-remaining': '-1' }, undefined],
  ['nothing from more digits than a number holds', { 'ratelimit-remaining': '9'.repeat(16) }, undefined],
  ['nothing from words', { 'ratelimit-remaining': 'plenty' }, undefined],
  ['nothing from no header', {}, undefined],
  [
    'no source from what is no name',
    { 'ratelimit-remaining': '7', 'docker-ratelimit-source': 'a b' },
    { ...NOTHING, remaining: 7 },
  ],
  [
    'no source from a long one',
    { 'ratelimit-remaining': '7', 'docker-ratelimit-source': 'x'.repeat(101) },
    { ...NOTHING, remaining: 7 },
  ],
  [
    "GitLab's, with a time since 1970 (RateLimit-*)",
    {
      'ratelimit-limit': '60',
      'ratelimit-remaining': '57',
      'ratelimit-reset': String(NOW / 1000 + 42),
      'ratelimit-observed': '3',
    },
    { ...NOTHING, limit: 60, remaining: 57, resetAt: NOW + 42_000 },
  ],
  [
    'the API of Docker Hub and GitHub write it (X-RateLimit-*)',
    {
      'x-ratelimit-limit': '180',
      'x-ratelimit-remaining': '179',
      'x-ratelimit-reset': String(NOW / 1000 + 60),
    },
    { ...NOTHING, limit: 180, remaining: 179, resetAt: NOW + 60_000 },
  ],
  [
    'seconds until it is renewed',
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' },
    { ...NOTHING, remaining: 0, resetAt: NOW + 30_000 },
  ],
  [
    'the standard names before the others',
    { 'ratelimit-remaining': '7', 'x-ratelimit-remaining': '9' },
    { ...NOTHING, remaining: 7 },
  ],
  [
    "Azure's calls per second, in fractions (ACR)",
    { 'x-ms-ratelimit-remaining-calls-per-second': '166.65' },
    { ...NOTHING, remaining: 166, window: 1 },
  ],
  ['nothing from an odd number of calls', { 'x-ms-ratelimit-remaining-calls-per-second': 'NaN' }, undefined],
  [
    'no reset from what is no time',
    { 'ratelimit-remaining': '7', 'ratelimit-reset': 'tomorrow' },
    { ...NOTHING, remaining: 7 },
  ],
])('a budget is parsed: %s', (_, headers, budget) => {
  expect(parseBudget(headers, NOW)).toEqual(budget)
})

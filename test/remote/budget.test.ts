import { describe, expect, test } from 'vitest'
import { Budgets, parseBudget } from '../../src/remote/budget.ts'
import type { Urgency } from '../../src/remote/host-queue.ts'

const NOW = Date.UTC(2026, 0, 1)
const NOTHING = { limit: null, window: null, source: null, readAt: NOW }

test.each<[string, Record<string, string | string[]>, object | undefined]>([
  [
    'Docker Hub writes it',
    {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '20;w=21600',
      'docker-ratelimit-source': '192.0.2.7',
    },
    { limit: 100, remaining: 20, window: 21_600, source: '192.0.2.7', readAt: NOW },
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
])('what a host still gives is read as %s', (_, headers, budget) => {
  expect(parseBudget(headers, NOW)).toEqual(budget)
})

describe("a host's budgets", () => {
  const remaining = (count: number) => ({ 'ratelimit-remaining': `${count};w=60` })

  test('are kept for each account, the newest last', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', remaining(10), NOW)
    budgets.read('ann', remaining(20), NOW)
    budgets.read('', remaining(9), NOW + 1)
    budgets.read('ann', {}, NOW + 2)
    expect(budgets.of('ann', NOW)).toMatchObject({ remaining: 20 })
    expect(budgets.all).toMatchObject([{ remaining: 20 }, { remaining: 9, readAt: NOW + 1 }])
  })

  test('mean nothing once their window is over', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', remaining(10), NOW)
    expect(budgets.of('', NOW + 59_999)).toMatchObject({ remaining: 10 })
    expect(budgets.of('', NOW + 60_000)).toBeUndefined()
  })

  test('mean nothing after an hour where no window is named, and after a day whatever it is', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', { 'ratelimit-remaining': '7' }, NOW)
    budgets.read('ann', { 'ratelimit-remaining': '7;w=999999999' }, NOW)
    expect(budgets.of('', NOW + 3_600_000)).toBeUndefined()
    expect(budgets.of('ann', NOW + 24 * 3_600_000 - 1)).toBeDefined()
    expect(budgets.of('ann', NOW + 24 * 3_600_000)).toBeUndefined()
  })

  test('leave the last tenth to people and webhooks, what is under way counted', () => {
    const budgets = new Budgets(0.1)
    const schedule = { urgency: 'schedule' } as const
    const spend = (urgency: Urgency) => budgets.spend('', NOW, urgency)
    spend(schedule)()
    budgets.read('', { 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': '12;w=60' }, NOW)
    const endFirst = spend({})
    const endSecond = spend(schedule)
    expect(() => spend(schedule)).toThrow(
      'of the 100 requests that it gives at most 10 are left, which are kept for people and webhooks',
    )
    spend({})()
    spend({ urgency: 'webhook' })()
    endFirst()
    spend(schedule)()
    endSecond()
    budgets.read('', { 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': '10;w=60' }, NOW)
    expect(() => spend(schedule)).toThrow('kept for people')
    spend({})()
    budgets.spend('', NOW + 60_000, schedule)()
    budgets.spend('ann', NOW, schedule)()
  })

  test('keep nothing where no limit is told', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', { 'ratelimit-remaining': '0' }, NOW)
    budgets.spend('', NOW, { urgency: 'schedule' })()
  })

  test('are kept for a hundred accounts', () => {
    const budgets = new Budgets(0.1)
    for (let account = 0; account < 101; account += 1) budgets.read(`${account}`, remaining(account), NOW)
    expect(budgets.all).toHaveLength(100)
    expect(budgets.of('0', NOW)).toBeUndefined()
  })
})

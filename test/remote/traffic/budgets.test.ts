import { describe, expect, test } from 'vitest'
import { Budgets } from '../../../src/remote/traffic/budgets.ts'
import type { Prioritized } from '../../../src/remote/traffic/request-context.ts'

const NOW = Date.UTC(2026, 0, 1)

describe("a host's budgets", () => {
  const remaining = (count: number) => ({ 'ratelimit-remaining': `${count};w=60` })
  const pull = (account = '') => ({ account, isPull: true })
  const head = { account: '', isPull: false, urgency: 'schedule' } as const

  test('are kept for each account, the newest last', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', remaining(10), NOW)
    budgets.read('ann', remaining(20), NOW)
    budgets.read('', remaining(9), NOW + 1)
    budgets.read('ann', {}, NOW + 2)
    expect(budgets.valid('ann', NOW)).toMatchObject({ remaining: 20 })
    expect(budgets.accounts.map((account) => budgets.last(account))).toMatchObject([
      { remaining: 20 },
      { remaining: 9, readAt: NOW + 1 },
    ])
  })

  test('expire at the end of their window', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', remaining(10), NOW)
    expect(budgets.valid('', NOW + 59_999)).toMatchObject({ remaining: 10 })
    expect(budgets.valid('', NOW + 60_000)).toBeUndefined()
  })

  test('expire after an hour without a window, and after a day with a longer one', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', { 'ratelimit-remaining': '7' }, NOW)
    budgets.read('ann', { 'ratelimit-remaining': '7;w=999999999' }, NOW)
    expect(budgets.valid('', NOW + 3_600_000)).toBeUndefined()
    expect(budgets.valid('ann', NOW + 24 * 3_600_000 - 1)).toBeDefined()
    expect(budgets.valid('ann', NOW + 24 * 3_600_000)).toBeUndefined()
  })

  test('reserve the last tenth for API clients and webhooks, and count requests in flight', () => {
    const budgets = new Budgets(0.1)
    const schedule = { urgency: 'schedule' } as const
    const take = (urgency: Prioritized) => budgets.take({ ...pull(), ...urgency }, NOW)
    take(schedule)()
    budgets.read('', { 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': '12;w=60' }, NOW)
    const endFirst = take({})
    const endSecond = take(schedule)
    expect(() => take(schedule)).toThrow(
      'at most 10 of the 100 requests of its quota are left, which are reserved for API clients and webhooks',
    )
    take({})()
    take({ urgency: 'webhook' })()
    endFirst()
    take(schedule)()
    endSecond()
    budgets.read('', { 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': '10;w=60' }, NOW)
    expect(() => take(schedule)).toThrow('reserved for API clients')
    take({})()
    budgets.take({ ...pull(), ...schedule }, NOW + 60_000)()
    budgets.take({ ...pull('ann'), ...schedule }, NOW)()
  })

  test('reserve nothing without a reported limit', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', { 'ratelimit-remaining': '0' }, NOW)
    budgets.take({ ...pull(), urgency: 'schedule' }, NOW)()
  })

  test('are kept for a hundred accounts', () => {
    const budgets = new Budgets(0.1)
    for (let account = 0; account < 101; account += 1) budgets.read(`${account}`, remaining(account), NOW)
    expect(budgets.accounts).toHaveLength(100)
    expect(budgets.valid('0', NOW)).toBeUndefined()
  })

  test('that count pulls ignore other requests', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', { 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': '0;w=60' }, NOW)
    expect(budgets.recordRefusal(head, NOW)).toBe(false)
    budgets.take(head, NOW)()
  })

  test('that count every request reserve their last tenth', () => {
    const budgets = new Budgets(0.1)
    budgets.read('', { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '11' }, NOW)
    const end = budgets.take(head, NOW)
    expect(() => budgets.take(head, NOW)).toThrow('reserved for API clients and webhooks')
    end()
    budgets.take(head, NOW)()
  })

  test('that are used up allow no request for a minute, or until they are renewed', () => {
    const budgets = new Budgets(0.1)
    const spent = (account: string, headers: Record<string, string>) => {
      budgets.read(account, headers, NOW)
      expect(budgets.recordRefusal(pull(account), NOW)).toBe(true)
      expect(() => budgets.take(pull(account), NOW)).toThrow(/ used up: requests are retried once a minute$/)
    }
    spent('', { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' })
    expect(() => budgets.take(pull(), NOW + 59_999)).toThrow('the 100 requests of its quota are used up')
    budgets.take(pull(), NOW + 60_000)()
    spent('ann', { 'ratelimit-remaining': '0', 'ratelimit-reset': '30' })
    budgets.take(pull('ann'), NOW + 30_000)()
    spent('bob', { 'ratelimit-remaining': '0;w=60' })
    budgets.read('bob', remaining(1), NOW)
    budgets.take(pull('bob'), NOW)()
  })

  test('with a remainder are not used up by a 429', () => {
    const budgets = new Budgets(0.1)
    expect(budgets.recordRefusal(pull(), NOW)).toBe(false)
    budgets.read('', remaining(1), NOW)
    expect(budgets.recordRefusal(pull(), NOW)).toBe(false)
    budgets.take(pull(), NOW)()
  })
})

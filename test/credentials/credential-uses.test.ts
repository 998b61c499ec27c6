import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { createRegistryCredentials } from '../../src/credentials/registry-credentials.ts'
import { openDatabase } from '../../src/db/open.ts'
import type { Secret } from '../../src/logins/registry-login.ts'
import { createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys } from '../../src/secrets/sealing-key.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'

const ALL = { limit: 1000 }

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const SECRET: Secret = { kind: 'password', username: 'me', password: 'x' }

beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

function open() {
  const db = openDatabase(':memory:')
  const errors: unknown[] = []
  const store = createRegistryCredentials({
    audit: NO_AUDIT,
    db,
    sealer: createSealer(parseSealingKeys(newSealingKey(), 'the test')),
    now: Date.now,
    onError: (error) => void errors.push(error),
  })
  const set = (prefix: string) => store.set(SYSTEM, { namespace: 'default', prefix, secret: SECRET })
  return {
    db,
    store,
    errors,
    set,
    use: (registry: string) => store.find('default', registry, 'team/app')?.onUsed(),
    /** Times as the API returns them. */
    lastUses: () => store.page(SYSTEM, 'default', ALL).map(({ lastUsedAt }) => lastUsedAt),
    /** As a crash would leave it. */
    written: () =>
      db
        .prepare<{ at: number | null }>(
          'select last_used_at as at from registry_credentials order by registry',
        )
        .all()
        .map(({ at }) => at),
    [Symbol.dispose]() {
      store[Symbol.dispose]()
      db[Symbol.dispose]()
    },
  }
}

describe('the time of the last use of a credential', () => {
  test('is null at first, returned at once, and written within a minute', () => {
    using it = open()
    it.set('quay.io')
    expect(it.lastUses()).toEqual([null])

    vi.setSystemTime(START + 1000)
    it.use('quay.io')
    expect(it.lastUses()).toEqual([START + 1000])
    expect(it.written()).toEqual([null])

    vi.advanceTimersByTime(MINUTE)
    expect(it.written()).toEqual([START + 1000])
    expect(it.lastUses()).toEqual([START + 1000])
  })

  test('is written at most once a minute, for all credentials together', () => {
    using it = open()
    for (const prefix of ['ghcr.io', 'quay.io']) it.set(prefix)
    const commit = vi.spyOn(it.db, 'transact')

    for (let at = 0; at < 1000; at += 1) for (const prefix of ['ghcr.io', 'quay.io']) it.use(prefix)
    vi.advanceTimersByTime(MINUTE)
    vi.advanceTimersByTime(10 * MINUTE)

    expect(commit).toHaveBeenCalledTimes(1)
    expect(it.written()).toEqual([START, START])
  })

  test('is written when the server stops', () => {
    using it = open()
    it.set('quay.io')
    it.use('quay.io')
    it.store[Symbol.dispose]()
    expect(it.written()).toEqual([START])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is reset when the credential is replaced, even if an import still uses the old one', () => {
    using it = open()
    it.set('quay.io')
    const old = it.store.find('default', 'quay.io', 'team/app')
    old?.onUsed()
    vi.setSystemTime(START + 1000)
    it.set('quay.io')
    expect(it.lastUses()).toEqual([null])

    old?.onUsed()
    expect(it.lastUses()).toEqual([null])
    it.store[Symbol.dispose]()
    expect(it.written()).toEqual([null])

    it.use('quay.io')
    old?.onUsed()
    expect(it.lastUses()).toEqual([START + 1000])
  })

  test('is written with the next use when a write fails', () => {
    using it = open()
    it.set('quay.io')
    it.use('quay.io')
    const commit = vi.spyOn(it.db, 'transact').mockImplementationOnce(() => {
      throw new Error('the disk is full')
    })
    vi.advanceTimersByTime(MINUTE)
    expect(it.errors).toMatchObject([{ message: 'the disk is full' }])
    expect(it.lastUses()).toEqual([START])

    it.use('quay.io')
    vi.advanceTimersByTime(MINUTE)
    expect(it.written()).toEqual([START + MINUTE])
    expect(commit).toHaveBeenCalledTimes(2)
  })
})

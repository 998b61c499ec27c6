import { expect, test } from 'vitest'
import { exceededText } from '../../src/access/quota/quota.ts'
import { quotaGuardOf } from '../../src/access/quota/quota-guard.ts'
import { createQuotas } from '../../src/access/quota/quotas.ts'
import { createRequestHours } from '../../src/access/quota/request-hours.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'
import { TestDomain } from '../fixtures/test-domain.ts'

const NONE = { streams: null, tags: null, bytes: null, requestsPerHour: null }

/** Opens a domain in which the namespace has room for three streams. */
function openDomain() {
  const domain = new TestDomain()
  const requestHours = createRequestHours(domain.db, () => domain.time)
  const quotas = createQuotas({
    db: domain.db,
    audit: NO_AUDIT,
    requestHours,
    now: () => domain.time,
    onSet() {},
  })
  quotas.set(SYSTEM, 'team', { ...NONE, streams: 3, requestsPerHour: 2 })
  const create = (name: string) => domain.writer.create(SYSTEM, { namespace: 'team', name })
  const remove = (name: string) => domain.streamRemoval.delete(SYSTEM, { namespace: 'team', name })
  return { domain, quotas, requestHours, create, remove, used: () => quotas.usage.streams('team') }
}

test('a quota is never exceeded, and never refuses what there is room for, after failed and committed transactions', async () => {
  const { domain, create, remove, used } = openDomain()
  await using _ = domain
  const attempt = (write: () => void): void => {
    try {
      domain.db.transact(write)
    } catch {
      // rolled back
    }
  }
  const fail = (): never => {
    throw new Error('rolled back')
  }

  create('one')
  create('two')
  attempt(() => {
    remove('one')
    remove('two')
    create('three')
    fail()
  })
  expect(used()).toBe(2)
  create('three')
  expect(() => create('four')).toThrow('3 of at most 3 image streams')
  attempt(() => {
    remove('three')
    fail()
  })
  expect(() => create('four')).toThrow('3 of at most 3 image streams')
  remove('one')
  create('four')
  expect(used()).toBe(3)
})

test('a quota counts at most once for many additions with room for them', async () => {
  const { domain, quotas } = openDomain()
  await using _ = domain
  const guard = quotaGuardOf(domain.db)
  quotas.set(SYSTEM, 'team', { ...NONE, tags: 1_000 })

  domain.db.transact((tx) => {
    for (let count = 0; count < 1_000; count++) guard.take(tx, 'team', 'tags')
  })

  // nothing was added: the next count finds all of the room again
  domain.db.transact((tx) =>
    expect(() => guard.take(tx, 'team', 'tags', () => 1_001)).toThrow('0 of at most 1000'),
  )
  domain.db.transact((tx) => guard.take(tx, 'team', 'tags', () => 1_000))
})

test('requests to registries are counted by the hour, and by namespace', async () => {
  const { domain, requestHours } = openDomain()
  await using _ = domain
  domain.time = Date.UTC(2026, 0, 1, 23, 59)

  expect([requestHours.take('team'), requestHours.take('team')]).toEqual([undefined, undefined])
  expect(requestHours.take('team')).toContain(
    '2 requests to registries an hour, is used up: requests are sent again from 00:00 UTC',
  )
  expect(requestHours.take('other')).toBeUndefined()
  expect(requestHours.waitsUntil('team')).toBe(Date.UTC(2026, 0, 2))
  domain.time += 60_000
  expect(requestHours.waitsUntil('team')).toBeUndefined()
  expect(requestHours.take('team')).toBeUndefined()
})

test.each([
  [0, 'it has 9 of at most 8 bytes of blobs and manifests, unfinished uploads included; remove'],
  [1, 'blobs and manifests, and 1 more is needed, unfinished'],
  [2, 'blobs and manifests, and 2 more are needed, unfinished'],
])('the reason of a refusal with %s more bytes', (added, text) => {
  expect(exceededText('team', { resource: 'bytes', used: 9, limit: 8, added })).toContain(text)
})

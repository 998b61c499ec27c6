import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { createStreams, type Streams } from '../../src/imagestream/stream/stream.ts'
import type { StreamFilter } from '../../src/imagestream/stream/stream-criteria.ts'
import { countingIterations } from '../fixtures/event-loop.ts'
import { watchStatements } from '../fixtures/statements.ts'

const STREAMS = 5_000
const nameOf = (n: number): string => `service-${String(n).padStart(5, '0')}`
const namespaceOf = (n: number): string => `team-${Math.floor(n / 1_700)}`

let db: Database
let streams: Streams
beforeAll(() => {
  db = openDatabase(':memory:')
  streams = createStreams(db)
  const insert = db.prepare(
    `insert into image_streams (id, uid, namespace, name, generation, resource_version, created_at, labels, annotations,
       repository_generation, insecure, scheduled, import_mode, lookup_local, newest_at)
     values (?, ?, ?, ?, 1, 1, 0, '{}', '{}', 1, 0, 0, 'Legacy', 0, ?)`,
  )
  db.transact(() => {
    for (let n = 0; n < STREAMS; n++)
      insert.run(n + 1, `uid ${n}`, namespaceOf(n), nameOf(n), (n * 7_919) % STREAMS)
  })
})
afterAll(() => db[Symbol.dispose]())

const all = Array.from({ length: STREAMS }, (_, n) => n)
const FILTERS: readonly (readonly [StreamFilter, (n: number) => boolean])[] = [
  [{ matching: '*zzz*' }, () => false],
  [{ matching: '*49*' }, (n) => nameOf(n).includes('49')],
  [{ matching: '*49', namespace: 'team-1' }, (n) => nameOf(n).endsWith('49') && namespaceOf(n) === 'team-1'],
  [{ matching: 'service-*9', namespace: 'team-1' }, (n) => n % 10 === 9 && namespaceOf(n) === 'team-1'],
  [{ matching: '*', notCheckedSince: 1 }, () => true],
]

describe.each(FILTERS)('a search of thousands of streams by %j', (filter, isExpected) => {
  it('reads them in parts, between which other work runs', async () => {
    const { iterations } = await countingIterations(() => streams.count(SYSTEM, filter))

    const candidates = filter.namespace === undefined ? STREAMS : 1_700
    expect(iterations).toBeGreaterThanOrEqual(Math.floor(candidates / 1_000) - 1)
  })

  it('returns the same pages and count as one statement would', async () => {
    const byName = all.filter(isExpected).map(nameOf)
    const byNewest = all
      .filter(isExpected)
      .sort((a, b) => ((b * 7_919) % STREAMS) - ((a * 7_919) % STREAMS))
      .map(nameOf)

    for (const [order, expected] of [
      ['NAME', byName],
      ['NEWEST_FIRST', byNewest],
    ] as const) {
      for (const limit of [1, 60, STREAMS]) {
        const first = await streams.page(SYSTEM, { ...filter, order, page: { limit, peek: false } })
        const last = await streams.page(SYSTEM, {
          ...filter,
          order,
          page: { limit, peek: false, fromEnd: true },
        })
        expect(first.map(({ name }) => name)).toEqual(expected.slice(0, limit))
        expect(last.map(({ name }) => name)).toEqual(expected.slice(-limit))
      }
    }
    expect(await streams.count(SYSTEM, filter)).toBe(byName.length)
  })
})

it('a list without a filter on each stream is one statement', async () => {
  using statements = watchStatements()
  await streams.page(SYSTEM, { namespace: 'team-1', order: 'NAME', page: { limit: 20 } })
  await streams.count(SYSTEM, {})

  expect(statements.run).toHaveLength(2)
})

it('deleted streams are counted in parts, between which other work runs', async () => {
  using own = openDatabase(':memory:')
  const insert = own.prepare(
    `insert into image_streams (uid, namespace, name, generation, resource_version, created_at, labels, annotations,
       repository_generation, insecure, scheduled, import_mode, lookup_local, newest_at, deleted_at)
     values (?, ?, 'app', 1, 1, 0, '{}', '{}', 1, 0, 0, 'Legacy', 0, 0, ?)`,
  )
  own.transact(() => {
    for (let n = 0; n < STREAMS; n++) insert.run(`uid ${n}`, n < 10 ? 'other' : 'team', n % 7)
  })
  const { countDeleted } = createStreams(own)

  const { result, iterations } = await countingIterations(() => countDeleted(SYSTEM, 'team'))
  expect(result).toBe(STREAMS - 10)
  expect(iterations).toBeGreaterThanOrEqual(2)
  expect(await countDeleted(SYSTEM, 'other')).toBe(10)
  expect(await countDeleted(SYSTEM, 'nowhere')).toBe(0)
})

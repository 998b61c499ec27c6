import { expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createUsage } from '../../src/registry/content/usage.ts'
import { countingIterations } from '../fixtures/event-loop.ts'

const REPOSITORIES = 5_000

it('repositories that match a pattern are read and counted in parts, between which other work runs', async () => {
  using db = openDatabase(':memory:')
  const usage = createUsage(db)
  const insert = db.prepare('insert into repositories (namespace, name, created_at) values (?, ?, 0)')
  const names = Array.from({ length: REPOSITORIES }, (_, n) => `app-${String(n).padStart(5, '0')}`)
  db.transact(() => {
    for (const name of names) insert.run('team', name)
  })
  const expected = names.filter((name) => name.includes('99'))
  const matching = '*99*'

  const first = await usage.repositories(SYSTEM, { matching }, { limit: 60, peek: false })
  const last = await usage.repositories(
    SYSTEM,
    { namespace: 'team', matching },
    { limit: 60, peek: false, fromEnd: true },
  )
  const { result, iterations } = await countingIterations(() => usage.countRepositories(SYSTEM, { matching }))

  expect(first.map(({ name }) => name)).toEqual(expected.slice(0, 60))
  expect(last.map(({ name }) => name)).toEqual(expected.slice(-60))
  expect(result).toBe(expected.length)
  expect(iterations).toBeGreaterThanOrEqual(4)
})

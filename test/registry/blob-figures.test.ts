import { expect, test } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { createBlobFigures } from '../../src/registry/content/blob-figures.ts'
import { eventually } from '../fixtures/eventually.ts'

test('blobs are counted in the background, in parts, and not again for five minutes', async () => {
  using db = openDatabase(':memory:')
  const insert = (from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      db.prepare('insert into blobs (digest, size, stored_at) values (?, 2, 0)').run(
        `sha256:${at.toString(16).padStart(64, '0')}`,
      )
    }
  }
  let now = 0
  const figures = createBlobFigures(db, () => now)
  expect(figures()).toBeUndefined()
  await eventually(() => expect(figures()).toEqual({ count: 0, bytes: 0 }))
  db.transact(() => insert(0, 5_001))
  now = 299_999
  expect(figures()).toEqual({ count: 0, bytes: 0 })
  now = 300_000
  await eventually(() => expect(figures()).toEqual({ count: 5_001, bytes: 10_002 }))
})

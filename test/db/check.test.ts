import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkDatabase } from '../../src/db/check.ts'
import { checkDatabaseApart } from '../../src/db/check-apart.ts'
import { openDatabase } from '../../src/db/open.ts'
import { digestOf } from '../../src/oci/digest.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-check-'))
  file = join(folder, 'data.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const config = (text: string, bytes: string): void => {
  using db = openDatabase(file)
  db.prepare('insert into image_configs (digest, bytes) values (?, ?)').run(
    digestOf(text),
    Buffer.from(bytes),
  )
}

test('finds nothing in a whole database, while a server has it open', async () => {
  config('{}', '{}')
  using _db = openDatabase(file)

  expect(checkDatabase(file)).toEqual({ damage: [], dangling: [], content: [] })
  expect(await checkDatabaseApart(file, new AbortController().signal)).toEqual({
    damage: [],
    dangling: [],
    content: [],
  })
})

test('finds content whose bytes changed, and rows that refer to nothing', () => {
  config('{"a":1}', '{"a":2}')
  {
    using db = openDatabase(file)
    db.prepare('pragma foreign_keys = off').run()
    db.prepare('insert into repository_blobs (repository_id, digest, confirmed_at) values (1, ?, 1)').run('d')
  }

  expect(checkDatabase(file)).toEqual({
    damage: [],
    dangling: expect.arrayContaining([
      'row 1 of repository_blobs refers to a row of repositories that does not exist',
    ]),
    content: [{ content: 'CONFIG', digest: digestOf('{"a":1}'), size: 7 }],
  })
})

test('finds a damaged page in a process of its own, and ends with its caller', async () => {
  config('{}', '{}')
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0xa5, 5 * 4096, 6 * 4096))

  const { damage } = await checkDatabaseApart(file, new AbortController().signal)
  expect(damage[0]).toMatch(/page|malformed|Tree/)

  const stopping = new AbortController()
  const checking = checkDatabaseApart(file, stopping.signal)
  stopping.abort(new Error('the server stops'))
  await expect(checking).rejects.toThrow('the server stops')
})

import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { DatabaseLostError } from '../../src/db/files/file-guard.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'

let file: string
beforeEach(({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-guard-'))
  file = join(folder, 'imagestreams.db')
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

const write = (db: Database) =>
  db.transact(() => db.prepare('update push_log_state set dropped = dropped').run())

test.each(['', '-wal'])(
  'a database writes nothing while its file%s is away, and again once it is back',
  (suffix) => {
    using db = openDatabase(file)
    write(db)
    expect(db.isInPlace()).toBe(true)
    renameSync(`${file}${suffix}`, `${file}.away`)
    expect(db.isInPlace()).toBe(false)
    expect(() => write(db)).toThrow(DatabaseLostError)
    renameSync(`${file}.away`, `${file}${suffix}`)
    expect(db.isInPlace()).toBe(true)
    write(db)
  },
)

test('a copy in the place of the file is another file', () => {
  using db = openDatabase(file)
  write(db)
  copyFileSync(file, `${file}.copy`)
  renameSync(`${file}.copy`, file)
  expect(() => write(db)).toThrow('restore both files from one backup')
})

test('a database in memory is always in place', () => {
  using db = openDatabase(':memory:')
  expect(db.isInPlace()).toBe(true)
})

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import BetterSqlite3 from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { DatabaseRefusedError } from '../../src/db/refused-error.ts'
import { createTriggerRows } from '../../src/triggers/definition/trigger-rows.ts'
import { TestDomain } from '../fixtures/test-domain.ts'

// Databases that servers of earlier commits wrote. Each had three pushes, two of them to default/app:v1 and one to
// team/web:latest, then a stream default/follow whose tag "stable" follows app:v1, and from 35 migrations on a trigger.
const PAST = new URL('past/', import.meta.url)
const names = readdirSync(PAST)
const FIRST = 'sha256:621f3931'
const SECOND = 'sha256:d5e69be7'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-past-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function unpack(name: string): string {
  const file = join(folder, 'imagestreams.db')
  writeFileSync(file, gunzipSync(readFileSync(new URL(name, PAST))))
  return file
}
const short = (digests: readonly string[]): string[] => digests.map((digest) => digest.slice(0, FIRST.length))

/** Returns the number of rows of each table. */
function rowsOf(file: string): Map<string, number> {
  const sqlite = new BetterSqlite3(file, { readonly: true })
  const tables = sqlite.prepare("select name from sqlite_schema where type = 'table'").pluck().all()
  const rows = tables.map((name): [string, number] => [
    String(name),
    sqlite.prepare<[], number>(`select count(*) from "${name}"`).pluck().get() ?? 0,
  ])
  sqlite.close()
  return new Map(rows)
}

describe.each(names.filter((name) => name.endsWith('-migrations.db.gz')))('a database with %s', (name) => {
  it('opens, with all that it had', async () => {
    const file = unpack(name)
    const before = rowsOf(file)
    {
      await using domain = new TestDomain({ file })
      expect(short(domain.digests('v1', 'app'))).toEqual([SECOND, FIRST])
      expect(short(domain.digests('stable', 'follow'))).toEqual([SECOND])
      expect(domain.log().map(({ imageStreamName, tag }) => `${imageStreamName}:${tag}`)).toEqual([
        'app:v1',
        'app:v1',
        'web:latest',
        'follow:stable',
      ])
      const hasTrigger = Number.parseInt(name, 10) >= 35
      expect(createTriggerRows(domain.db).byName('default', 'deploy') !== undefined).toBe(hasTrigger)
    }
    const after = rowsOf(file)
    const lost = [...before].filter(([table, count]) => (after.get(table) ?? count) < count)
    expect(lost).toEqual([])
  })
})

it.each(names.filter((name) => name.startsWith('rewritten')))(
  'a database whose migrations were replaced is refused and not changed: %s',
  (name) => {
    const file = unpack(name)
    const before = readFileSync(file)
    expect(() => openDatabase(file)).toThrow(DatabaseRefusedError)
    expect(() => openDatabase(file)).toThrow('development version whose migrations were replaced')
    expect(readFileSync(file).equals(before)).toBe(true)
  },
)

it('a migration that fails leaves the database as it was', () => {
  const file = unpack('33-migrations.db.gz')
  const broken = new BetterSqlite3(file)
  // a later migration creates it
  broken.exec('create table triggers (id integer)')
  broken.close()
  const before = dump(file)
  expect(() => openDatabase(file)).toThrow(DatabaseRefusedError)
  expect(() => openDatabase(file)).toThrow(/cannot be migrated: .*triggers.* already exists/)
  expect(dump(file)).toEqual(before)
})

/** Returns the schema and all rows. */
function dump(file: string): unknown[] {
  const sqlite = new BetterSqlite3(file, { readonly: true })
  const schema = sqlite
    .prepare<[], { type: string; name: string }>('select type, name, sql from sqlite_schema')
    .all()
  const rows = schema
    .filter(({ type }) => type === 'table')
    .map(({ name }) => sqlite.prepare(`select * from "${name}"`).all())
  sqlite.close()
  return [schema, rows]
}

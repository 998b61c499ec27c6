import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import BetterSqlite3 from 'better-sqlite3'
import semver from 'semver'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { DatabaseRefusedError } from '../../src/db/refused-error.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-db-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const oneValue = (db: Database, text: string): unknown =>
  Object.values(db.prepare<Record<string, unknown>>(text).get() ?? {})[0]

function refusalOf(file: string): DatabaseRefusedError {
  try {
    openDatabase(file)[Symbol.dispose]()
  } catch (error) {
    if (error instanceof DatabaseRefusedError) return error
    throw error
  }
  throw new Error('expected a refusal, but the file was opened')
}

describe('an opened database', () => {
  it('syncs every commit to disk, when it is new and when it is opened again', () => {
    const file = join(folder, 'new', 'data.db')
    for (const _time of ['first', 'second', 'third']) {
      using db = openDatabase(file)

      expect(oneValue(db, 'pragma synchronous')).toBe(2)
      expect(oneValue(db, 'pragma journal_mode')).toBe('wal')
      expect(oneValue(db, 'pragma foreign_keys')).toBe(1)
    }
  })

  it('uses a SQLite version that does not damage its write-ahead log', () => {
    using db = openDatabase(':memory:')

    expect(semver.gte(String(oneValue(db, 'select sqlite_version()')), '3.51.3')).toBe(true)
  })

  it('keeps its rows after it is closed', () => {
    const file = join(folder, 'data.db')
    {
      using db = openDatabase(file)
      db.prepare(`insert into push_log_state (id, uid, dropped) values (1, 'u', 7)`).run()
    }
    using again = openDatabase(file)

    expect(oneValue(again, 'select dropped from push_log_state')).toBe(7)
  })

  it('prepares a statement once for each text', () => {
    using db = openDatabase(':memory:')

    expect(db.prepare('select 1')).toBe(db.prepare('select 1'))
  })
})

describe('a file that is not a database of this program', () => {
  it.each([
    ['a text file', (file: string) => writeFileSync(file, 'plain text '.repeat(100))],
    [
      'a database of another program',
      (file: string) => {
        const foreign = new BetterSqlite3(file)
        foreign.exec('create table bookmarks (url text)')
        foreign.close()
      },
    ],
    [
      'a database of another program, with a write-ahead log',
      (file: string) => {
        const foreign = new BetterSqlite3(file)
        foreign.pragma('journal_mode = WAL')
        foreign.exec('create table bookmarks (url text)')
        foreign.close()
      },
    ],
  ])('is refused and not changed: %s', (_what, write) => {
    const file = join(folder, 'data.db')
    write(file)
    const before = readFileSync(file)

    expect(refusalOf(file).message).toContain(file)
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('is refused when it is damaged', () => {
    const file = join(folder, 'data.db')
    openDatabase(file)[Symbol.dispose]()
    const bytes = readFileSync(file)
    // after the header, which stays valid
    writeFileSync(file, bytes.fill(0xa5, 100, 4096))

    expect(refusalOf(file).message).toContain('damaged')
  })

  it('is refused when a newer version wrote it', () => {
    const file = join(folder, 'data.db')
    openDatabase(file)[Symbol.dispose]()
    const newer = new BetterSqlite3(file)
    newer.exec("insert into __drizzle_migrations (hash, created_at) values ('of tomorrow', 9999999999999)")
    newer.close()
    rmSync(`${file}-sums`)

    expect(refusalOf(file).message).toContain('newer version')
  })

  it('is refused when it is a folder', () => {
    expect(refusalOf(folder).code).toBe('DATABASE_REFUSED')
  })
})

describe('a second process', () => {
  it('is refused while the first has the database open, and succeeds afterwards', async () => {
    const file = join(folder, 'data.db')
    const open = new URL('../../src/db/open.ts', import.meta.url).href
    const script = `const { openDatabase } = await import(${JSON.stringify(open)})
      try { openDatabase(${JSON.stringify(file)}); console.log('opened') } catch (error) { console.log(error.code) }`
    const second = async (): Promise<string> => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        '--input-type=module',
        '--eval',
        script,
      ])
      return stdout.trim()
    }

    {
      using _first = openDatabase(file)
      expect(await second()).toBe('DATABASE_REFUSED')
    }
    expect(await second()).toBe('opened')
  })
})

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
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
    const file = join(folder, 'data.db')
    mkdirSync(file)

    expect(refusalOf(file).code).toBe('DATABASE_REFUSED')
  })
})

/** Runs a script in a process of its own, with `openDatabase`, `BetterSqlite3` and `file`. */
function otherProcess(file: string, script: string) {
  const open = new URL('../../src/db/open.ts', import.meta.url).href
  const text = `import BetterSqlite3 from 'better-sqlite3'
    const { openDatabase } = await import(${JSON.stringify(open)})
    const file = ${JSON.stringify(file)}
    ${script}`
  return execFile(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', text], {
    cwd: new URL('../..', import.meta.url),
  })
}

/** Resolves to what the process prints until it ends. */
async function outputOf(child: ReturnType<typeof otherProcess>): Promise<string> {
  let output = ''
  child.stdout?.on('data', (text) => {
    output += text
  })
  child.stderr?.on('data', (text) => {
    output += text
  })
  await once(child, 'close')
  return output.trim()
}

describe('a second process', () => {
  const open = `try { openDatabase(file); console.log('opened') } catch (error) { console.log(error.code) }`

  it('is refused while the first has the database open, and succeeds afterwards', async () => {
    const file = join(folder, 'data.db')
    {
      using _first = openDatabase(file)
      expect(await outputOf(otherProcess(file, open))).toBe('DATABASE_REFUSED')
      expect(refusalOf(file).message).toContain('is in use by another process')
    }
    expect(await outputOf(otherProcess(file, open))).toBe('opened')
  })

  it('succeeds after the first was killed', async () => {
    const file = join(folder, 'data.db')
    const first = otherProcess(
      file,
      `globalThis.db = openDatabase(file); console.log("opened"); setInterval(() => {}, 1000)`,
    )
    await once(first.stdout as Readable, 'data')
    expect(refusalOf(file).message).toContain('is in use by another process')

    first.kill('SIGKILL')
    await once(first, 'close')

    using db = openDatabase(file)
    expect(db.isOpen()).toBe(true)
  })

  it('can read and copy the database while the first writes, and sees what was committed', async () => {
    const file = join(folder, 'data.db')
    using db = openDatabase(file)
    const set = (dropped: number) =>
      db.transact(() =>
        db
          .prepare('insert or replace into push_log_state (id, uid, dropped) values (1, ?, ?)')
          .run('u', dropped),
      )
    set(1)

    const reader = otherProcess(
      file,
      `const sqlite = new BetterSqlite3(file, { readonly: true })
       const read = () => console.log(sqlite.prepare('select dropped from push_log_state').pluck().get())
       sqlite.exec('begin'); read()
       process.stdin.once('data', async () => {
         read(); sqlite.exec('commit'); read()
         await sqlite.backup(file + '.copy')
         process.exit()
       })`,
    )
    const output = outputOf(reader)
    await once(reader.stdout as Readable, 'data')
    for (let at = 2; at <= 500; at++) set(at)
    reader.stdin?.write('continue')

    expect(await output).toBe('1\n1\n500')
    using copy = openDatabase(`${file}.copy`)
    expect(oneValue(copy, 'select dropped from push_log_state')).toBe(500)
  })
})

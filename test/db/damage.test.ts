import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { DatabaseRefusedError } from '../../src/db/refused-error.ts'
import { imageConfigs } from '../../src/db/tables/index.ts'
import { digestOf } from '../../src/oci/digest.ts'

const PAGE = 4096

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-damage-'))
  file = join(folder, 'data.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Creates a database with many configs, and returns the last page of their table. */
function createFull(): number {
  {
    using db = openDatabase(file)
    db.transact(() => {
      const insert = db.prepare('insert into image_configs (digest, bytes) values (?, ?)')
      for (let at = 0; at < 500; at++) insert.run(digestOf(String(at)), Buffer.alloc(1_000))
    })
  }
  const sqlite = new BetterSqlite3(file, { readonly: true })
  const pages = sqlite.prepare("select max(pageno) from dbstat where name = 'image_configs'").pluck()
  const page = pages.get() as number
  sqlite.close()
  return page
}

function damage(number: number, change: (page: Buffer) => void): void {
  const bytes = readFileSync(file)
  change(bytes.subarray((number - 1) * PAGE, number * PAGE))
  writeFileSync(file, bytes)
}

const refusal = (): string => {
  try {
    openDatabase(file)[Symbol.dispose]()
    return 'not refused'
  } catch (error) {
    if (error instanceof DatabaseRefusedError) return error.message
    throw error
  }
}

test('a page that changed while no server ran is found, also where SQLite sees nothing', () => {
  const page = createFull()
  damage(page, (bytes) => void bytes.write('SHA', bytes.lastIndexOf('sha256:')))

  expect(refusal()).toMatch(/is damaged, and was not changed.*pages \d+ are not as the server wrote them/)
  rmSync(`${file}-sums`)
  expect(refusal()).toMatch(/is damaged.*image_configs/)
})

test('a closed database is opened when its sums are those of an older file, or were not written completely', () => {
  createFull()
  const older = readFileSync(`${file}-sums`)
  {
    using db = openDatabase(file)
    expect(existsSync(`${file}-sums`)).toBe(false)
    db.prepare('create table more (a)').run()
  }
  const sums = readFileSync(`${file}-sums`)
  for (const outdated of [older, sums.subarray(0, -6), Buffer.alloc(0)]) {
    writeFileSync(`${file}-sums`, outdated)
    expect(refusal()).toBe('not refused')
  }
  expect(statSync(`${file}-sums`).mode & 0o777).toBe(0o600)
})

test('a page that is damaged while the server runs is fatal when it is read, by Drizzle too, and the next start refuses it', () => {
  for (const read of ['prepared', 'Drizzle']) {
    const page = createFull()
    const fatal: unknown[] = []
    {
      using db = openDatabase(file, { onFatal: (error) => fatal.push(error) })
      // the pages that the check at the start has read
      db.prepare('pragma shrink_memory').run()
      damage(page, (bytes) => void bytes.fill(0xa5))
      const all = () =>
        read === 'prepared'
          ? db.prepare('select max(length(digest)) as length from image_configs not indexed').get()
          : db.orm.select().from(imageConfigs).all()
      expect(all).toThrow(/malformed/)
      expect(all).toThrow(/malformed/)
    }
    expect(fatal).toMatchObject([{ code: expect.stringMatching(/^SQLITE_CORRUPT/) }])
    expect(existsSync(`${file}-damaged`)).toBe(true)
    rmSync(`${file}-sums`)
    expect(refusal()).toMatch(/is damaged, and was not changed/)
    for (const part of ['', '-damaged', '-sums']) rmSync(`${file}${part}`, { force: true })
  }
})

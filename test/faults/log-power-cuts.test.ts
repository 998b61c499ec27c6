import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAuditLog } from '../../src/access/audit/audit-log.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { openDatabase } from '../../src/db/open.ts'

const COMMITS = 30
const SECTOR = 512

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-power-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const onError = (error: unknown): never => {
  throw error
}
const auditOf = (db: Parameters<typeof createAuditLog>[0]['db']) =>
  createAuditLog({ db, now: () => 1_000_000, onError })

/** Writes audit entries, one a commit, and returns the files on the disk and the length of the log after each commit. */
function written() {
  const file = join(folder, 'data.db')
  using db = openDatabase(file)
  const audit = auditOf(db)
  const ends: number[] = []
  for (let at = 0; at < COMMITS; at++) {
    const action = { action: 'tagImage', namespace: 'team', target: `team/app:v${at}` }
    db.transact((tx) => audit.record(tx, { ...SYSTEM, id: 'user:1' }, action))
    ends.push(db.bytes().wal)
  }
  return { ends, database: readFileSync(file), log: readFileSync(`${file}-wal`) }
}

it('after a loss of power the synced commits are there, in order and with an intact chain, whatever became of the rest', async () => {
  const { ends, database, log } = written()
  const start = ends[0] ?? 0
  let runs = 0
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: start, max: log.length }),
      // the rest is missing, or its sectors were written in another order
      fc.array(fc.nat(), { maxLength: 4 }),
      async (synced, dropped) => {
        const file = join(folder, `after-${runs++}.db`)
        const rest = Buffer.from(log.subarray(0, dropped.length === 0 ? synced : log.length))
        const sectors = Math.max(1, Math.ceil((log.length - synced) / SECTOR))
        for (const one of dropped) {
          const at = synced + (one % sectors) * SECTOR
          rest.fill(0, at, Math.min(at + SECTOR, rest.length))
        }
        writeFileSync(file, database)
        writeFileSync(`${file}-wal`, rest)

        using db = openDatabase(file)
        const audit = auditOf(db)
        const { isIntact, count } = { isIntact: await audit.verify(SYSTEM), count: audit.count(SYSTEM, {}) }
        expect(isIntact).toMatchObject({ brokenAt: null, checkedCount: count })
        expect(count).toBeGreaterThanOrEqual(ends.filter((end) => end <= synced).length)
        expect(db.prepare<{ quick_check: string }>('pragma quick_check').get()).toEqual({ quick_check: 'ok' })
      },
    ),
    { numRuns: 60 },
  )
})

import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unlessAbsent } from '../../blobs/folders.ts'
import { blobsOnDisk, Layout } from '../../blobs/layout.ts'
import { quarantined } from '../../blobs/quarantine.ts'
import { checkDatabase, type DatabaseReport } from '../../db/check.ts'
import { changedPages } from '../../db/page-sums.ts'
import { openReadOnly, type ReadOnlyDatabase } from '../../db/read-only.ts'
import { DatabaseRefusedError } from '../../db/refused-error.ts'
import { createHolders } from '../../registry/repair/holders.ts'
import { findBlobs, totalsOf, unreferenced } from './blob-findings.ts'
import type { Finding } from './finding.ts'
import { findLogDifferences } from './log-findings.ts'

/** What a check of a data folder has read and found. */
export interface CheckReport {
  readonly findings: readonly Finding[]
  /** Blobs of the database, and their bytes. */
  readonly blobs: { readonly count: number; readonly size: number }
  /** Files of blobs that the database does not have; garbage collection removes them. */
  readonly unreferenced: { readonly count: number; readonly size: number }
  /** Files of damaged blobs that were moved out of the way. */
  readonly quarantined: { readonly count: number; readonly size: number }
}

export interface CheckOptions {
  /** Whether the bytes of blobs are compared with their digests. */
  readonly isDeep: boolean
  /** Called while blobs are checked, with bytes. */
  readonly onProgress: (checked: number, total: number) => void
}

const NONE = { count: 0, size: 0 }

/** Checks a data folder without changing it, also one of a running server. Rejects with SqliteError and system errors. */
export async function checkDataFolder(folder: string, options: CheckOptions): Promise<CheckReport> {
  const file = join(folder, 'imagestreams.db')
  const layout = new Layout(folder)
  const kept = await quarantined(layout.quarantine)
  if (!(await unlessAbsent(stat(file)))?.size) {
    const findings = await findLostDatabase(file, layout)
    return { findings, blobs: NONE, unreferenced: NONE, quarantined: kept }
  }
  const report = checkDatabase(file)
  const damage = [...findChangedPages(file), ...report.damage.map(damaged)]
  if (damage.length > 0) return { findings: damage, blobs: NONE, unreferenced: NONE, quarantined: kept }
  using db = openReadOnly(file)
  const holdersOf = createHolders(db)
  const findings = findInRows(report, db)
  const blobs = totalsOf(db)
  let checked = 0
  const onProgress = (size: number): void => {
    checked += size
    options.onProgress(checked, blobs.size)
  }
  for await (const found of findBlobs(db, { layout, isDeep: options.isDeep, holdersOf, onProgress })) {
    findings.push(found)
  }
  return { findings, blobs, unreferenced: await unreferenced(db, layout), quarantined: kept }
}

async function findLostDatabase(file: string, layout: Layout): Promise<Finding[]> {
  const lost: Finding = { kind: 'DATABASE_LOST', subject: file, neededBy: [] }
  if ((await unlessAbsent(stat(`${file}-wal`)))?.size) return [lost]
  for await (const _blob of blobsOnDisk(layout)) return [lost]
  throw new DatabaseRefusedError(
    `${dirname(file)} is not a data folder: it has no database and no blobs; choose another one with --data`,
  )
}

const damaged = (subject: string): Finding => ({ kind: 'DATABASE_DAMAGED', subject, neededBy: [] })

/** Returns pages that changed while no server ran. */
function findChangedPages(file: string): Finding[] {
  const pages = changedPages(file)
  const some = pages.slice(0, 10).join(', ')
  return pages.length === 0 ? [] : [damaged(`pages ${some} of ${file} are not as the server wrote them`)]
}

/** Returns what is wrong with rows, in a database whose pages are whole. */
function findInRows({ dangling, content }: DatabaseReport, db: ReadOnlyDatabase): Finding[] {
  const holdersOf = createHolders(db)
  return [
    ...dangling.map((subject): Finding => ({ kind: 'ROW_DANGLING', subject, neededBy: [] })),
    ...content.map(
      ({ digest }): Finding => ({ kind: 'CONTENT_DAMAGED', subject: digest, neededBy: holdersOf(digest) }),
    ),
    ...findLogDifferences(db),
  ]
}

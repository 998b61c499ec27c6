import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files.ts'

const fileOf = (dataFolder: string): string => join(dataFolder, 'last-backup')

/** Notes in a data folder when it was last backed up completely: an ISO 8601 time. */
export const noteBackup = (dataFolder: string, takenAt: string): Promise<void> =>
  writeDurably(fileOf(dataFolder), `${takenAt}\n`)

/** Returns when the data folder was last backed up, in milliseconds since 1970; undefined when it is not known. */
export function lastBackupOf(dataFolder: string): number | undefined {
  try {
    const at = Date.parse(readFileSync(fileOf(dataFolder), 'utf8').trim())
    return Number.isNaN(at) ? undefined : at
  } catch {
    return undefined
  }
}

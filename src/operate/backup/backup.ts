import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { makeDurableFolder, syncFolder } from '../../blobs/folders.ts'
import { holdRemovals } from '../../collect/blobs/removal-hold.ts'
import { takeLock } from '../../db/files/process-lock.ts'
import { checkSnapshot, copyDatabase, openSnapshot } from '../../db/snapshot.ts'
import { readKeyFile, writeKeyFile } from '../../secrets/key-file.ts'
import { type BackupDescription, BackupFolder } from '../backup-folder.ts'
import { type CopyTally, copyBlobs, removeOtherBlobs } from '../blob-copies.ts'
import { blobRows, knownBlobs } from '../blob-rows.ts'
import { DamagedSourceError, OperationRefusedError } from '../errors.ts'
import { hashFile, syncFile } from '../files.ts'
import { lockOrRefuse } from '../lock.ts'
import { noteBackup } from './last-backup.ts'

/** What to back up, and how. */
export interface BackupOptions {
  readonly dataFolder: string
  /** Folder of the backup: empty, or with an earlier one. */
  readonly folder: string
  /** Whether to hash blobs that earlier backups copied, too, and to copy those that are damaged again. */
  readonly verify: boolean
  /** Whether to copy the key file of the data folder. */
  readonly withKey: boolean
  readonly onBlob: (tally: CopyTally) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What a backup did. */
export interface BackupSummary extends BackupDescription {
  readonly copiedBlobCount: number
  readonly copiedBytes: number
  /** Blobs of the earlier backup that this one does not have. */
  readonly removedBlobCount: number
  readonly hasKey: boolean
}

/** Milliseconds to wait for a collector that looks whether a backup runs, which takes microseconds. */
const HOLD_MS = 5_000
const WAIT = 'repeat the command when it has finished'

/**
 * Copies the state of a server, which may run, to a folder. The snapshot of the database comes first, then the blobs that it has, then
 * the description that makes the backup complete: until then the earlier backup is, whose content stays as long. Rejects with
 * OperationRefusedError, DatabaseRefusedError, DamagedSourceError or the error of a disk; the next backup continues.
 */
export async function backUp(options: BackupOptions): Promise<BackupSummary> {
  const { dataFolder, folder: path } = options
  refuseNested(dataFolder, path)
  await makeDurableFolder(path)
  const folder = new BackupFolder(path)
  await folder.refuseOther()
  using _own = lockOrRefuse(() => takeLock(folder.lock, 0), path, `another backup to ${path} runs: ${WAIT}`)
  const hold = () => holdRemovals(dataFolder, HOLD_MS)
  using _hold = lockOrRefuse(hold, dataFolder, `another backup of ${dataFolder} runs: ${WAIT}`)
  const earlier = await folder.read()
  await folder.removeOtherDatabases(earlier?.database)

  const takenAt = options.now()
  const database = await takeSnapshot(folder, dataFolder, takenAt)
  using snapshot = openSnapshot(folder.database(database))
  const { count, bytes, lost, ...copied } = await copyBlobs(blobRows(snapshot), {
    ...{ from: dataFolder, to: path, drafts: folder.drafts },
    ...{ verify: options.verify, onBlob: options.onBlob },
  })
  const hasKey = await copyKey(options, folder)
  const description: BackupDescription = {
    version: 1,
    takenAt: new Date(takenAt).toISOString(),
    database,
    databaseDigest: await hashFile(folder.database(database)),
    blobCount: count,
    blobBytes: bytes,
    lostBlobs: lost,
  }
  await folder.complete(description)
  await noteBackup(dataFolder, description.takenAt)
  await folder.removeOtherDatabases(database)
  const removedBlobCount = await removeOtherBlobs(path, knownBlobs(snapshot))
  const { copiedCount: copiedBlobCount, copiedBytes } = copied
  return { ...description, copiedBlobCount, copiedBytes, removedBlobCount, hasKey }
}

/** Copies the database, and returns the name of the copy, which is whole and on disk. */
async function takeSnapshot(folder: BackupFolder, dataFolder: string, at: number): Promise<string> {
  const time = new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)
  const name = `imagestreams-${time}-${randomBytes(4).toString('hex')}.db`
  const copy = folder.database(name)
  const source = join(dataFolder, 'imagestreams.db')
  await copyDatabase(source, copy).catch((error: unknown) => {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'SQLITE_FULL') throw error
    // SQLite does not name the file
    throw Object.assign(new Error(`cannot write ${copy}`, { cause: error }), { code: 'ENOSPC' })
  })
  const damage = checkSnapshot(copy)
  if (damage.length > 0) {
    await rm(copy)
    throw new DamagedSourceError(
      `${source} is damaged (${damage.join('; ')}): the earlier backup in ${folder.path} was kept; restore it, or see imagestreams check`,
    )
  }
  await syncFile(copy)
  await syncFolder(folder.path)
  return name
}

/** Copies the key file if that was asked for, and removes an earlier copy otherwise. Reports whether the backup has one. */
async function copyKey({ dataFolder, withKey }: BackupOptions, folder: BackupFolder): Promise<boolean> {
  const key = withKey ? readKeyFile(join(dataFolder, 'credentials.key')) : undefined
  if (withKey && key === undefined) {
    throw new OperationRefusedError(`${dataFolder} has no credentials.key: back up without --with-key`)
  }
  if (key === undefined) await rm(folder.key, { force: true })
  else writeKeyFile(folder.key, key)
  return key !== undefined
}

function refuseNested(dataFolder: string, folder: string): void {
  for (const [inner, outer] of [[folder, dataFolder] as const, [dataFolder, folder] as const]) {
    const path = relative(outer, inner)
    if (path.startsWith('..') || path.startsWith('/')) continue
    throw new OperationRefusedError(`${inner} is inside of ${outer}: name another folder for the backup`)
  }
}

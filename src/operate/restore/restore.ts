import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDurableFolder, makeFolder, syncFolder } from '../../blobs/folders.ts'
import { takeLock } from '../../db/files/process-lock.ts'
import { openDatabase } from '../../db/open.ts'
import { checkSnapshot, openSnapshot } from '../../db/snapshot.ts'
import { renewIdentity } from '../../events/log-identity.ts'
import { readKeyFile, writeKeyFile } from '../../secrets/key-file.ts'
import { type BackupDescription, BackupFolder } from '../backup-folder.ts'
import { type CopyTally, copyBlobs } from '../blob-copies.ts'
import { blobRows } from '../blob-rows.ts'
import { DamagedSourceError, OperationRefusedError } from '../errors.ts'
import { copyVerified } from '../files.ts'
import { lockOrRefuse } from '../lock.ts'

/** What to restore, and where to. */
export interface RestoreOptions {
  readonly folder: string
  /** Empty, new, or with a restore that was interrupted. */
  readonly dataFolder: string
  readonly onBlob: (tally: CopyTally) => void
}

/** What was restored. */
export interface RestoreSummary
  extends Pick<BackupDescription, 'takenAt' | 'blobCount' | 'blobBytes' | 'lostBlobs'> {
  readonly hasKey: boolean
}

/** Exists while a restore is not finished. */
const WORK = 'restoring'

/**
 * Copies a backup to a data folder, and verifies all of it. The log of changes gets a new identity: cursors from before expire. The
 * database comes last: a server refuses a folder without it. Rejects with OperationRefusedError, DamagedSourceError or the error of a
 * disk; then a repeated restore continues.
 */
export async function restore({ folder: path, dataFolder, onBlob }: RestoreOptions): Promise<RestoreSummary> {
  const folder = new BackupFolder(path)
  const description = await folder.read()
  if (!description) {
    throw new OperationRefusedError(`${path} has no complete backup: there is no ${folder.description}`)
  }
  await makeDurableFolder(dataFolder)
  await refuseUsed(dataFolder)
  const file = join(dataFolder, 'imagestreams.db')
  const inUse = `a server or another restore uses ${dataFolder}: stop it`
  using _lock = lockOrRefuse(() => takeLock(`${file}.lock`, 0), dataFolder, inUse)

  const work = join(dataFolder, WORK)
  await makeFolder(work)
  const restored = await restoreDatabase(folder, description, work)
  using snapshot = openSnapshot(folder.database(description.database))
  const { lost } = await copyBlobs(blobRows(snapshot), {
    ...{ from: path, to: dataFolder, drafts: join(work, 'blobs') },
    ...{ verify: true, onBlob },
  })
  const key = readKeyFile(folder.key)
  if (key !== undefined) writeKeyFile(join(dataFolder, 'credentials.key'), key)
  await rename(restored, file)
  await syncFolder(dataFolder)
  await rm(work, { recursive: true })
  const { takenAt, blobCount, blobBytes } = description
  return { takenAt, blobCount, blobBytes, lostBlobs: lost, hasKey: key !== undefined }
}

/** Throws OperationRefusedError unless the folder is empty, or a restore into it was interrupted. */
async function refuseUsed(dataFolder: string): Promise<void> {
  const names = await readdir(dataFolder)
  if (names.includes('imagestreams.db') || !names.includes(WORK)) {
    const others = names.filter((name) => !IGNORED.has(name))
    if (others.length === 0) return
    throw new OperationRefusedError(
      `${dataFolder} is not empty (${others.slice(0, 3).join(', ')}): stop its server, move the folder away, and repeat the command`,
    )
  }
}

const IGNORED = new Set(['lost+found', 'imagestreams.db.lock'])

/** Copies the database into the folder of the restore, as this version and a new log. Returns its path. */
async function restoreDatabase(
  folder: BackupFolder,
  { database, databaseDigest }: BackupDescription,
  work: string,
): Promise<string> {
  const source = folder.database(database)
  const target = join(work, 'imagestreams.db')
  for (const name of await readdir(work)) if (name.startsWith('imagestreams.db')) await rm(join(work, name))
  const files = { source, draft: join(work, 'database'), target }
  if (!(await copyVerified(files, databaseDigest))) {
    throw new DamagedSourceError(`${source} is not as it was written: use another backup`)
  }
  const damage = checkSnapshot(target)
  if (damage.length > 0)
    throw new DamagedSourceError(`${source} is damaged (${damage.join('; ')}): use another backup`)
  {
    using db = openDatabase(target)
    renewIdentity(db)
  }
  return target
}

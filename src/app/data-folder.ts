import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDurableFolder, unlessAbsent } from '../blobs/folders.ts'

/** What the data folder has, which other users of the machine must not read or change. */
const PARTS = ['.', 'imagestreams.db', 'imagestreams.db-wal', 'blobs', 'uploads']
const OTHERS = 0o077

interface DataFolderLog {
  warn(fields: object, message: string): void
}

/**
 * Creates the data folder if it does not exist, for its owner only, and makes its name durable. Warns of files of an existing one
 * that other users may read or change; it can be on purpose.
 */
export async function prepareDataFolder(folder: string, log: DataFolderLog): Promise<void> {
  await makeDurableFolder(folder)
  for (const part of PARTS) {
    const path = join(folder, part)
    const status = await unlessAbsent(lstat(path))
    if (!status || (status.mode & OTHERS) === 0) continue
    const mode = (status.mode & 0o777).toString(8)
    log.warn(
      { path, mode },
      'other users of this machine may use a part of the data folder: chmod -R go= removes that',
    )
  }
}

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessAbsent } from '../../blobs/folders.ts'
import { blobsOnDisk, Layout } from '../../blobs/layout.ts'
import { DatabaseRefusedError } from '../../db/refused-error.ts'

/**
 * Refuses a data folder whose database is missing or empty beside what belongs to it: started as a new one, the server would know
 * none of the content, and collect it. Rejects with DatabaseRefusedError; changes nothing.
 */
export async function refuseLostDatabase(dataFolder: string, file: string): Promise<void> {
  if ((await sizeOf(file)) > 0) return
  if ((await sizeOf(`${file}-wal`)) > 0) {
    throw new DatabaseRefusedError(
      `${file} is missing or empty, and its log ${file}-wal is not: restore both from one backup, or move the log away to start without it`,
    )
  }
  for await (const _blob of blobsOnDisk(new Layout(dataFolder))) {
    throw new DatabaseRefusedError(
      `${file} is missing or empty, and ${join(dataFolder, 'blobs')} has its content: restore the database from a backup, or rebuild the repositories with imagestreams check --adopt`,
    )
  }
}

const sizeOf = async (file: string): Promise<number> => (await unlessAbsent(stat(file)))?.size ?? 0

import { resolve } from 'node:path'
import { Command } from 'commander'
import type { CreateCommand } from '../command.ts'
import { EX_DATAERR } from '../errors.ts'
import { progressOf, sizeText } from '../progress.ts'
import { type BackupSummary, backUp } from './backup.ts'

interface BackupFlags {
  readonly data?: string
  readonly verify?: boolean
  readonly withKey?: boolean
  readonly json?: boolean
}

const KEY =
  'secrets in the backup are encrypted: keep their key (credentials.key, or --credentials-key-file) elsewhere, or use --with-key'

/** Creates `imagestreams backup`. */
export const createBackupCommand: CreateCommand = ({ dataFolderOf, note, print, endWith }) =>
  new Command('backup')
    .description(
      'copies the database and all content, of a running server too, to a folder; repeated, it copies what is new',
    )
    .argument('<folder>', 'empty, or with an earlier backup')
    .option('--data <folder>', 'data folder of the server')
    .option('--verify', 'hash content that earlier backups copied, and copy what is damaged again')
    .option('--with-key', 'copy credentials.key, with which all secrets in the backup can be read')
    .option('--json', 'print the summary as JSON')
    .action(async (path: string, { data, verify = false, withKey = false, json }: BackupFlags) => {
      const [dataFolder, folder] = [dataFolderOf(data), resolve(path)]
      const options = { dataFolder, folder, verify, withKey, onBlob: progressOf(note), now: Date.now }
      const summary = await backUp(options)
      print(json ? JSON.stringify(summary) : textOf(folder, summary))
      if (!summary.hasKey) note(KEY)
      const { lostBlobs } = summary
      if (lostBlobs.length === 0) return
      note(
        `${lostBlobs.length} blobs are lost or damaged in ${dataFolder} and not in the backup: ${lostBlobs.slice(0, 5).join(', ')}; push their images again`,
      )
      endWith(EX_DATAERR)
    })

const textOf = (folder: string, summary: BackupSummary): string => {
  const { takenAt, blobCount, blobBytes, copiedBlobCount, copiedBytes, removedBlobCount } = summary
  return `${folder} has the state of ${takenAt}: the database and ${blobCount} blobs (${sizeText(blobBytes)})
${copiedBlobCount} blobs (${sizeText(copiedBytes)}) were copied, ${removedBlobCount} removed`
}

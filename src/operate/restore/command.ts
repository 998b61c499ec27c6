import { resolve } from 'node:path'
import { Command } from 'commander'
import type { CreateCommand } from '../command.ts'
import { EX_DATAERR } from '../errors.ts'
import { progressOf, sizeText } from '../progress.ts'
import { type RestoreSummary, restore } from './restore.ts'

interface RestoreFlags {
  readonly data?: string
  readonly json?: boolean
}

const KEY =
  'the backup has no key: put the key file to credentials.key in the data folder, or set --credentials-key-file, before the start'

/** Creates `imagestreams restore`. */
export const createRestoreCommand: CreateCommand = ({ dataFolderOf, note, print, endWith }) =>
  new Command('restore')
    .description('copies a backup to an empty data folder, and verifies it')
    .argument('<folder>', 'the backup')
    .option('--data <folder>', 'data folder of the server')
    .option('--json', 'print the summary as JSON')
    .action(async (path: string, { data, json }: RestoreFlags) => {
      const dataFolder = dataFolderOf(data)
      const summary = await restore({ folder: resolve(path), dataFolder, onBlob: progressOf(note) })
      print(json ? JSON.stringify(summary) : textOf(dataFolder, summary))
      if (!summary.hasKey) note(KEY)
      const { lostBlobs } = summary
      if (lostBlobs.length === 0) return
      note(`${lostBlobs.length} blobs are lost: ${lostBlobs.slice(0, 5).join(', ')}; push their images again`)
      endWith(EX_DATAERR)
    })

const textOf = (dataFolder: string, { takenAt, blobCount, blobBytes }: RestoreSummary): string =>
  `${dataFolder} has the state of ${takenAt}: the database and ${blobCount} blobs (${sizeText(blobBytes)})
the change log has a new identity: clients start again without a cursor, and triggers may deliver images again, with the same ids`

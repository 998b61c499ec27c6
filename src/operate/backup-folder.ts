import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, isDigest } from '../oci/digest.ts'
import { OperationRefusedError } from './errors.ts'
import { writeDurably } from './files.ts'

/** What `backup.json` says: it is written last, and makes a backup complete. */
export interface BackupDescription {
  readonly version: 1
  /** ISO 8601 time of the snapshot. */
  readonly takenAt: string
  /** Name of the file of the database, and its digest. */
  readonly database: string
  readonly databaseDigest: Digest
  /** Blobs that the database has, and their bytes. */
  readonly blobCount: number
  readonly blobBytes: number
  /** Blobs of which no whole file was found, neither in the data folder nor in an earlier backup. */
  readonly lostBlobs: readonly Digest[]
}

/** The paths of a backup. */
export class BackupFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get description(): string {
    return join(this.path, 'backup.json')
  }

  /** One process at a time writes a backup. */
  get lock(): string {
    return join(this.path, 'backup.lock')
  }

  /** The sealing keys, if they were asked for. */
  get key(): string {
    return join(this.path, 'credentials.key')
  }

  /** Files that are not complete. */
  get drafts(): string {
    return join(this.path, 'unfinished')
  }

  database(name: string): string {
    return join(this.path, name)
  }

  /** Removes all databases but one: those of earlier backups, and of those that were interrupted. */
  async removeOtherDatabases(kept: string | undefined): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (OF_DATABASE.test(name) && name !== kept) await rm(this.database(name), { force: true })
    }
  }

  /** Returns the complete backup; undefined when there is none. Throws OperationRefusedError for one that cannot be read. */
  async read(): Promise<BackupDescription | undefined> {
    let text: string
    try {
      text = await readFile(this.description, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const description = parse(text)
    if (!description) {
      throw new OperationRefusedError(
        `${this.description} is not of a backup that this version reads: use the version that wrote it`,
      )
    }
    return description
  }

  /** Makes the backup with this description the complete one. */
  async complete(description: BackupDescription): Promise<void> {
    await writeDurably(this.description, `${JSON.stringify(description, null, 2)}\n`)
  }

  /** Throws OperationRefusedError for a folder with files that are not of a backup. */
  async refuseOther(): Promise<void> {
    const others = (await readdir(this.path)).filter((name) => !OWN.test(name))
    if (others.length === 0) return
    throw new OperationRefusedError(
      `${this.path} has files of something else (${others.slice(0, 3).join(', ')}): name an empty or a new folder`,
    )
  }
}

/** Names in the folder of a backup; those of databases are of snapshots. */
const OWN =
  /^(?:backup\.(?:json|lock)|credentials\.key|imagestreams-[\w-]+\.db|unfinished|blobs|lost\+found)(?:\.unfinished|-journal|-wal|-shm)?$/
const DATABASE = /^imagestreams-[\w-]+\.db$/
const OF_DATABASE = /^imagestreams-[\w-]+\.db(?:-journal|-wal|-shm)?$/

function parse(text: string): BackupDescription | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<BackupDescription>
    const isKnown =
      parsed.version === 1 && DATABASE.test(String(parsed.database)) && isDigest(parsed.databaseDigest)
    return isKnown && Array.isArray(parsed.lostBlobs) ? (parsed as BackupDescription) : undefined
  } catch {
    return undefined
  }
}

import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BufferPool } from '../../blobs/buffer-pool.ts'
import { makeFolder, syncFolder, unlessAbsent } from '../../blobs/folders.ts'
import { inspectBlob } from '../../blobs/inspect.ts'
import { Layout } from '../../blobs/layout.ts'
import { takeLock } from '../../db/files/process-lock.ts'
import { type Database, openDatabase } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { AdoptedRepository, LeftManifest } from '../../registry/inventory/adopt.ts'
import { InventoryFiles, type RepositoryList } from '../../registry/inventory/files.ts'
import { OperationRefusedError } from '../errors.ts'
import { lockOrRefuse } from '../lock.ts'

/** What an adoption stored, and what it could not. */
export interface AdoptionReport {
  readonly repositoryCount: number
  readonly manifestCount: number
  readonly tagCount: number
  readonly left: readonly LeftManifest[]
  /** Repositories whose list in the inventory cannot be read. */
  readonly unreadable: readonly string[]
}

/** Where an adoption reads from and writes to. */
export interface AdoptionTarget {
  /** A new database. */
  readonly db: Database
  readonly dataFolder: string
  readonly files: InventoryFiles
  /** Reports whether the file of a blob, which has its size, is whole. */
  readonly isIntact: (digest: Digest, size: number) => Promise<boolean>
}

/** Joins what stores repositories in a new database. */
export type OpenAdoption = (target: AdoptionTarget) => Disposable & {
  adopt(list: RepositoryList): Promise<AdoptedRepository>
}

export interface AdoptionOptions {
  readonly open: OpenAdoption
  /** Whether the bytes of blobs are compared with their digests. */
  readonly isDeep: boolean
  /** Called before each repository. */
  readonly onRepository: (name: string) => void
}

/** Exists while an adoption is not finished. */
const WORK = 'adopting'

/**
 * Makes a new database from the inventory of a data folder whose database is lost. Files of blobs stay as they are. The database comes
 * last: until then a server refuses the folder, and a repeated adoption begins again. Rejects with OperationRefusedError or the error of a disk.
 */
export async function adoptContent(
  dataFolder: string,
  { open, isDeep, onRepository }: AdoptionOptions,
): Promise<AdoptionReport> {
  const file = join(dataFolder, 'imagestreams.db')
  await refuseUnless(dataFolder, file)
  const inUse = `a server or another command uses ${dataFolder}: stop it`
  using _lock = lockOrRefuse(() => takeLock(`${file}.lock`, 0), dataFolder, inUse)
  const work = join(dataFolder, WORK)
  await rm(work, { recursive: true, force: true })
  await makeFolder(work)
  const made = join(work, 'imagestreams.db')
  const report = await fill(made, { dataFolder, open, isDeep, onRepository })
  await rm(file, { force: true })
  await rename(made, file)
  await syncFolder(dataFolder)
  await rm(work, { recursive: true })
  return report
}

async function refuseUnless(dataFolder: string, file: string): Promise<void> {
  if ((await unlessAbsent(stat(file)))?.size) {
    throw new OperationRefusedError(
      `${file} exists: --adopt makes a new database where it is lost; run imagestreams check without it, and restore a damaged database from a backup`,
    )
  }
  if ((await unlessAbsent(stat(`${file}-wal`)))?.size) {
    throw new OperationRefusedError(
      `${file} is lost, and its log ${file}-wal is not: restore both from one backup, or move the log away to adopt without it`,
    )
  }
  for await (const _repository of new InventoryFiles(dataFolder).repositories()) return
  throw new OperationRefusedError(
    `${dataFolder} has no inventory of repositories: nothing can be rebuilt; restore a backup, or move the folder away to start empty`,
  )
}

async function fill(
  made: string,
  { dataFolder, open, isDeep, onRepository }: AdoptionOptions & { readonly dataFolder: string },
): Promise<AdoptionReport> {
  const files = new InventoryFiles(dataFolder)
  const layout = new Layout(dataFolder)
  const pool = new BufferPool()
  const isIntact = async (digest: Digest, size: number): Promise<boolean> => {
    if (!isDeep) return true
    const inspected = await inspectBlob(layout.blob(digest), { digest, size, pool, pace: async () => {} })
    return inspected.problem === null
  }
  using db = openDatabase(made)
  using adoption = open({ db, dataFolder, files, isIntact })
  const unreadable: string[] = []
  const left: LeftManifest[] = []
  let [repositoryCount, manifestCount, tagCount] = [0, 0, 0]
  for await (const repository of files.repositories()) {
    const name = formatRepositoryName(repository)
    onRepository(name)
    const list = await files.list(repository)
    if (!list) {
      unreadable.push(name)
      continue
    }
    const adopted = await adoption.adopt(list)
    repositoryCount++
    manifestCount += adopted.manifestCount
    tagCount += adopted.tagCount
    left.push(...adopted.left)
  }
  return { repositoryCount, manifestCount, tagCount, left, unreadable }
}

import type { Stats } from 'node:fs'
import { opendir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, type DigestAlgorithm, isDigest } from '../oci/digest.ts'
import type { UploadRecord } from './disk-upload.ts'
import { codeOf, unlessAbsent } from './folders.ts'
import { ALGORITHMS, isRepository, type Layout, parseUploadFile } from './layout.ts'

/** An upload, as named by its file. */
export interface UploadName {
  readonly repository: string
  readonly id: string
  readonly algorithm: DigestAlgorithm
}

/** Iterates over the uploads on the disk, one repository at a time. Ignores files with other names. */
export async function* uploadsOnDisk(layout: Layout): AsyncGenerator<UploadName[]> {
  for (const namespace of await namesIn(layout.uploads)) {
    for (const name of await namesIn(join(layout.uploads, namespace))) {
      const repository = `${namespace}/${name}`
      if (!isRepository(repository)) continue
      const names = await namesIn(layout.uploadFolder(repository))
      yield names.flatMap((file) => {
        const upload = parseUploadFile(file)
        return upload ? [{ repository, ...upload }] : []
      })
    }
  }
}

/** Reads the state of an upload from the disk; undefined when it does not exist. */
export async function readUpload(layout: Layout, upload: UploadName): Promise<UploadRecord | undefined> {
  const status = await unlessAbsent(stat(layout.upload(upload.repository, upload.id, upload.algorithm)))
  return status?.isFile() ? { ...upload, size: status.size, ...timesOf(status) } : undefined
}

/** Some file systems do not store when a file was created. */
const timesOf = ({ birthtimeMs, mtimeMs }: Stats): { startedAt: number; changedAt: number } => ({
  startedAt: Math.round(birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs),
  changedAt: Math.round(mtimeMs),
})

/** Iterates over the blobs on the disk. */
export async function* blobsOnDisk(layout: Layout): AsyncGenerator<{ digest: Digest; size: number }> {
  for (const algorithm of ALGORITHMS) {
    for (const prefix of await namesIn(layout.blobsBy(algorithm))) {
      for await (const name of namesOf(join(layout.blobsBy(algorithm), prefix))) {
        const digest = `${algorithm}:${name}`
        if (!isDigest(digest) || !name.startsWith(prefix) || prefix.length !== 2) continue
        const status = await unlessAbsent(stat(layout.blob(digest)))
        if (status?.isFile()) yield { digest, size: status.size }
      }
    }
  }
}

const NO_FOLDER = new Set(['ENOENT', 'ENOTDIR'])

/** Returns no names for a folder that does not exist: it can be removed during the iteration. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (NO_FOLDER.has(codeOf(error) ?? '')) return []
    throw error
  }
}

async function* namesOf(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name
  } catch (error) {
    if (!NO_FOLDER.has(codeOf(error) ?? '')) throw error
  }
}

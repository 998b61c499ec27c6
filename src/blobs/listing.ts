import type { Stats } from 'node:fs'
import { opendir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, type DigestAlgorithm, isDigest } from '../oci/digest.ts'
import type { UploadRecord } from './disk-upload.ts'
import { codeOf, unlessAbsent } from './folders.ts'
import { ALGORITHMS, isRepository, type Layout, parseUploadFile } from './layout.ts'

/** An upload's file, by its name alone. */
export interface UploadName {
  readonly repository: string
  readonly id: string
  readonly algorithm: DigestAlgorithm
}

/** The uploads on the disk, those of a repository together. What keeps to no grammar of ours is not ours. */
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

/** What the disk knows of an upload; undefined when it is not there. */
export async function readUpload(layout: Layout, upload: UploadName): Promise<UploadRecord | undefined> {
  const status = await unlessAbsent(stat(layout.upload(upload.repository, upload.id, upload.algorithm)))
  return status?.isFile() ? { ...upload, size: status.size, ...timesOf(status) } : undefined
}

/** Not every file system knows when a file was made. */
const timesOf = ({ birthtimeMs, mtimeMs }: Stats): { startedAt: number; changedAt: number } => ({
  startedAt: Math.round(birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs),
  changedAt: Math.round(mtimeMs),
})

/** The blobs on the disk, one after the other. */
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

/** None where there is no such folder: it may go while others are read. */
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

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from '../blobs/folders.ts'
import { algorithmOf, type Digest, type DigestAlgorithm } from '../oci/digest.ts'

/** End of the name of a file that is not complete. */
const UNFINISHED = '.unfinished'

/** Bytes of one read. */
const CHUNK = 1 << 20

/** Hashes a file. Rejects with the error of the disk. */
export async function hashFile(path: string, algorithm: DigestAlgorithm = 'sha256'): Promise<Digest> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) hash.update(chunk)
  return `${algorithm}:${hash.digest('hex')}` as Digest
}

/** Where a file comes from, and where it goes. */
interface FileCopy {
  readonly source: string
  /** Path on the same disk as the target, for a file that is not complete. */
  readonly draft: string
  /** Path that is free, or has an older version. */
  readonly target: string
}

/**
 * Copies a file and syncs it; the folder of the target is not synced. Reports whether the bytes have the digest: others are not
 * copied. Rejects with the error of the disk.
 */
export async function copyVerified({ source, draft, target }: FileCopy, digest: Digest): Promise<boolean> {
  const hash = createHash(algorithmOf(digest))
  const chunks = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(source, { highWaterMark: CHUNK })) {
      hash.update(chunk)
      yield chunk
    }
  }
  const file = await open(draft, 'w', 0o600)
  try {
    for await (const chunk of chunks()) await file.writeFile(chunk)
    await file.sync()
  } finally {
    await file.close()
  }
  const isWhole = digest.endsWith(`:${hash.digest('hex')}`)
  if (isWhole) await rename(draft, target)
  return isWhole
}

/** Writes a text file at once: readers see the old or the new one, also after a power cut. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path + UNFINISHED, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(path + UNFINISHED, path)
  await syncFolder(dirname(path))
}

/** Syncs a file that another function wrote. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

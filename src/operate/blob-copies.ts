import { rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, syncFolder, unlessAbsent } from '../blobs/folders.ts'
import { ALGORITHMS, blobsOnDisk, Layout } from '../blobs/layout.ts'
import { forEachBounded } from '../concurrency/bounded.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import type { BlobRow } from './blob-rows.ts'
import { copyVerified, hashFile } from './files.ts'

/** What was copied so far. */
export interface CopyTally {
  /** Blobs that the target should have, and their bytes. */
  count: number
  bytes: number
  /** Those of them that were copied now. */
  copiedCount: number
  copiedBytes: number
  /** Blobs whose file in the source is missing or damaged, and that the target does not have. */
  readonly lost: Digest[]
}

interface CopyOptions {
  /** Data folder or folder of a backup, which have the same layout. */
  readonly from: string
  readonly to: string
  /** Folder for files that are not complete, on the same disk as the target: it is removed before and after. */
  readonly drafts: string
  /** Whether to hash files that the target has, and to copy those that are damaged again. */
  readonly verify: boolean
  /** Called after each blob. */
  readonly onBlob: (tally: CopyTally) => void
}

/** Blobs that are copied at the same time: a disk syncs several files in the time of one. */
const AT_A_TIME = 8

/** Copies the blobs that the target lacks, verifies their digests, and makes them durable. Rejects with the error of the disk. */
export async function copyBlobs(rows: Iterable<BlobRow>, options: CopyOptions): Promise<CopyTally> {
  const [source, target] = [new Layout(options.from), new Layout(options.to)]
  const tally: CopyTally = { count: 0, bytes: 0, copiedCount: 0, copiedBytes: 0, lost: [] }
  const changed = new Set<string>()

  const isPresent = async ({ digest, size }: BlobRow): Promise<boolean> => {
    const path = target.blob(digest)
    const status = await unlessAbsent(stat(path))
    if (!status?.isFile() || status.size !== size) return false
    return !options.verify || (await hashFile(path, algorithmOf(digest))) === digest
  }
  const copy = async ({ digest, size }: BlobRow): Promise<void> => {
    const folder = target.blobFolder(digest)
    if (!changed.has(folder)) await makeFolder(folder)
    changed.add(folder)
    const draft = join(options.drafts, digest.replace(':', '-'))
    const files = { source: source.blob(digest), draft, target: target.blob(digest) }
    if ((await unlessAbsent(copyVerified(files, digest))) !== true) {
      tally.lost.push(digest)
      return
    }
    tally.copiedCount++
    tally.copiedBytes += size
  }
  await rm(options.drafts, { recursive: true, force: true })
  await makeFolder(options.drafts)
  await forEachBounded(rows, AT_A_TIME, async (row) => {
    tally.count++
    tally.bytes += row.size
    if (!(await isPresent(row))) await copy(row)
    options.onBlob(tally)
  })
  await rm(options.drafts, { recursive: true })
  for (const folder of changed) await syncFolder(folder)
  for (const folder of [
    ...ALGORITHMS.map((algorithm) => target.blobsBy(algorithm)),
    target.blobs,
    options.to,
  ]) {
    await unlessAbsent(syncFolder(folder))
  }
  return tally
}

/** Removes files of blobs that are not wanted, and returns their number. */
export async function removeOtherBlobs(
  folder: string,
  isWanted: (digest: Digest) => boolean,
): Promise<number> {
  const layout = new Layout(folder)
  let removed = 0
  for await (const { digest } of blobsOnDisk(layout)) {
    if (isWanted(digest)) continue
    await rm(layout.blob(digest), { force: true })
    // not empty, usually
    await rmdir(layout.blobFolder(digest)).catch(() => {})
    removed++
  }
  return removed
}

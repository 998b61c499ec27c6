import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import type { BufferPool } from './buffer-pool.ts'
import { codeOf, unlessAbsent } from './folders.ts'

/** What can be wrong with the file of a blob. */
export type BlobProblem = 'MISSING' | 'TRUNCATED' | 'DAMAGED' | 'UNREADABLE'

/** A blob as its file was found. */
export interface Inspection {
  /** Null for a blob whose bytes have its digest. */
  readonly problem: BlobProblem | null
  /** Identifies the file, and changes when another one takes its place; empty without a file. */
  readonly file: string
}

/** Waits before more bytes are read: `read` bytes were. Rejects to end the inspection. */
export type Pace = (read: number) => Promise<void>

/** Codes of errors that reading the same bytes again does not resolve at once: the disk cannot read them. */
const UNREADABLE = new Set(['EIO', 'EUCLEAN', 'EBADMSG'])

/** Returns the identity of a file: it is never written again, so that another file has another one. */
export const identityOf = ({ ino, mtimeNs }: { readonly ino: bigint; readonly mtimeNs: bigint }): string =>
  `${ino}:${mtimeNs}`

/** Reads the file of a blob, and compares its size and its digest. Rejects for errors that do not concern its content. */
export async function inspectBlob(
  path: string,
  { digest, size, pool, pace }: { digest: Digest; size: number; pool: BufferPool; pace: Pace },
): Promise<Inspection> {
  let file: FileHandle | undefined
  let identity = ''
  try {
    file = await unlessAbsent(open(path))
    if (!file) return { problem: 'MISSING', file: '' }
    const status = await file.stat({ bigint: true })
    identity = identityOf(status)
    if (Number(status.size) !== size) return { problem: 'TRUNCATED', file: identity }
    return { problem: (await hasDigest(file, digest, pool, pace)) ? null : 'DAMAGED', file: identity }
  } catch (error) {
    if (!UNREADABLE.has(codeOf(error) ?? '')) throw error
    return { problem: 'UNREADABLE', file: identity }
  } finally {
    await file?.close()
  }
}

/** Bytes that are hashed at a time: about a quarter of a millisecond. */
const PIECE = 256 << 10

async function hasDigest(file: FileHandle, digest: Digest, pool: BufferPool, pace: Pace): Promise<boolean> {
  const hash = createHash(algorithmOf(digest))
  for (let position = 0; ; ) {
    const lease = pool.take(PIECE)
    let read: number
    try {
      const length = Math.min(PIECE, lease.buffer.length)
      read = (await file.read(lease.buffer, 0, length, position)).bytesRead
      hash.update(lease.buffer.subarray(0, read))
    } finally {
      lease.giveBack()
    }
    if (read === 0) return `${algorithmOf(digest)}:${hash.digest('hex')}` === digest
    position += read
    await pace(read)
  }
}

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { crc32 } from 'node:zlib'
import { storageFailure } from '../input/storage-failure.ts'

// SQLite stores no checksums of pages, and does not notice a flipped bit inside of a text. So the sums of all pages are stored when
// the database is closed, and compared when it is opened. While it is open, and after the process was killed, there are none.

/** Bytes up to which a database has sums: about a second. */
const MAX_SIZE = 1024 ** 3
/** Bytes of a page, the default of SQLite. */
const PAGE = 4096
const PIECE = 256 * PAGE
/** Where the first page has the counter that SQLite changes when it writes this page. */
const COUNTER_AT = 24

const sumsOf = (file: string): string => `${file}-sums`

/** Stores the sums of a database that was closed completely; none where a log is left, and of a very large one. */
export function storeSums(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0 || size > MAX_SIZE || existsSync(`${file}-wal`)) return
  const sums = readSums(file)
  const written = `${sumsOf(file)}.new`
  const content = Buffer.concat([bytesOf(sums), bytesOf(Uint32Array.of(crc32(sums)))])
  try {
    writeFileSync(written, content, { mode: 0o600 })
    renameSync(written, sumsOf(file))
  } catch (error) {
    // without them the next start compares nothing
    if (!storageFailure(error)) throw error
    if (existsSync(written)) rmSync(written)
  }
}

/**
 * Returns the numbers of the pages that changed since the database was closed; none without sums, and for a database that another
 * program wrote meanwhile, or that was replaced, which have another counter.
 */
export function changedPages(file: string): number[] {
  const stored = readStored(file)
  if (!stored || !existsSync(file)) return []
  const sums = readSums(file)
  if (sums[0] !== stored[0]) return []
  const changed: number[] = []
  for (let page = 1; page < Math.max(sums.length, stored.length); page++) {
    if (sums[page] !== stored[page]) changed.push(page)
  }
  return changed
}

/** Removes the sums, which the next write makes outdated. A read-only disk keeps them: there is no write. */
export function removeSums(file: string): void {
  try {
    rmSync(sumsOf(file), { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error
  }
}

/** Returns the counter of the database, then the sum of each page: the first page is number 1. */
function readSums(file: string): Uint32Array {
  const handle = openSync(file, 'r')
  try {
    const piece = Buffer.alloc(PIECE)
    const sums: number[] = []
    for (let length = readSync(handle, piece); length > 0; length = readSync(handle, piece)) {
      if (sums.length === 0) sums.push(piece.readUInt32BE(COUNTER_AT))
      for (let at = 0; at < length; at += PAGE) {
        sums.push(crc32(piece.subarray(at, Math.min(at + PAGE, length))))
      }
    }
    return Uint32Array.from(sums)
  } finally {
    closeSync(handle)
  }
}

/** Returns the stored sums; undefined without them, and where they were not written completely. */
function readStored(file: string): Uint32Array | undefined {
  if (!existsSync(sumsOf(file))) return undefined
  const { buffer, byteOffset, byteLength } = readFileSync(sumsOf(file))
  if (byteLength < 8 || byteLength % 4 !== 0) return undefined
  const words = new Uint32Array(buffer.slice(byteOffset, byteOffset + byteLength))
  const sums = words.subarray(0, -1)
  return crc32(sums) === words.at(-1) ? sums : undefined
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

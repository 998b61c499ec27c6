import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** The newest entry of a log. */
export interface MarkedPosition {
  /** Identity of the log. */
  readonly log: string
  readonly sequence: number
  /** Random text of the process that wrote the entry; empty for an entry of an earlier version. */
  readonly nonce: string
}

/**
 * A file beside the database with the newest position that the log had. It is written after each commit and never before, so that
 * a database that ends before it has lost commits.
 */
export interface PositionMark extends Disposable {
  /** Returns the position; undefined without a file, or for one that was not written here. */
  read(): MarkedPosition | undefined
  /**
   * Writes the position, the first time to a new file that is synced, then in place and without a sync: a power cut may leave an
   * older one. Throws the error of the disk.
   */
  write(position: MarkedPosition): void
}

const DIGITS = 15
const NONCE_CHARACTERS = 22

/** Fits into one sector of a disk, which is written completely or not at all, and always has the same length. */
const textOf = ({ log, sequence, nonce }: MarkedPosition): string =>
  `change log ${log} has entry ${String(sequence).padStart(DIGITS, '0')} of ${nonce.padEnd(NONCE_CHARACTERS, '.')}\n`

const PATTERN = /^change log ([0-9a-f-]{36}) has entry (\d{15}) of ([\w-]*)\.*\n$/

/** Opens the mark at this path. */
export function openPositionMark(file: string): PositionMark {
  let handle: number | undefined
  const create = (text: string): void => {
    const draft = `${file}.new`
    const created = openSync(draft, 'w', 0o600)
    try {
      writeSync(created, text, 0)
      fsyncSync(created)
      renameSync(draft, file)
      syncFolder(dirname(file))
    } catch (error) {
      closeSync(created)
      throw error
    }
    handle = created
  }
  return {
    read() {
      const [, log, digits, nonce] = PATTERN.exec(readIfPresent(file)) ?? []
      if (log === undefined || digits === undefined || nonce === undefined) return undefined
      return { log, sequence: Number(digits), nonce }
    },
    write(position) {
      const text = textOf(position)
      if (handle === undefined) create(text)
      else writeSync(handle, text, 0)
    },
    [Symbol.dispose]() {
      if (handle !== undefined) closeSync(handle)
      handle = undefined
    },
  }
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MEBIBYTE } from './registry-protocol.ts'

/** Limits of the machine. */
export interface Limits {
  /** MiB per second of sha256 in node:crypto. */
  readonly hash: number
  /** MiB per second of writing a 64 MiB file in pieces of 1 MiB and syncing it once. */
  readonly write: number
  /** Syncs per second of a file that grows by 4 KiB each time. */
  readonly commits: number
}

const ROUNDS = 5
const PIECES = 64
const COMMITS = 100

const PIECE = randomBytes(MEBIBYTE)

export function measureLimits(): Limits {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    const rounds = Array.from({ length: ROUNDS }, (_, round) => ({
      hash: rateOf(PIECES, hash),
      write: rateOf(PIECES, () => write(join(folder, `${round}`))),
      commits: rateOf(COMMITS, () => commit(join(folder, `${round}-log`))),
    }))
    return {
      hash: median(rounds.map(({ hash }) => hash)),
      write: median(rounds.map(({ write }) => write)),
      commits: median(rounds.map(({ commits }) => commits)),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

function rateOf(count: number, work: () => void): number {
  const began = performance.now()
  work()
  return (count * 1000) / (performance.now() - began)
}

function hash(): void {
  const hash = createHash('sha256')
  for (let piece = 0; piece < PIECES; piece++) hash.update(PIECE)
  hash.digest()
}

function write(path: string): void {
  const file = openSync(path, 'w')
  for (let piece = 0; piece < PIECES; piece++) writeSync(file, PIECE)
  fdatasyncSync(file)
  closeSync(file)
}

function commit(path: string): void {
  const file = openSync(path, 'w')
  for (let one = 0; one < COMMITS; one++) {
    writeSync(file, PIECE, 0, 4096)
    fdatasyncSync(file)
  }
  closeSync(file)
}

import type { CopyTally } from './blob-copies.ts'

/** Milliseconds between two lines. */
const INTERVAL = 5_000
const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** Returns the bytes with a unit: `1.5 GiB`. */
export function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${UNITS[power]}`
}

/** Returns a function that writes a line about the blobs so far every few seconds. */
export function progressOf(
  note: (line: string) => void,
  now: () => number = Date.now,
): (tally: CopyTally) => void {
  let last = now()
  return ({ count, bytes, copiedCount, copiedBytes }) => {
    if (now() - last < INTERVAL) return
    last = now()
    note(
      `${count} blobs (${sizeText(bytes)}) so far, ${copiedCount} (${sizeText(copiedBytes)}) of them copied`,
    )
  }
}

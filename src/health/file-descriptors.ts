import { readFileSync } from 'node:fs'

/** Descriptors of the process itself: the database, logs, requests to other servers, folders that are read. */
const RESERVED = 128
/** Descriptors that a connection may need: its own, and that of the blob that it reads or writes. */
const PER_CONNECTION = 2
/** Connections with any limit: a server without them serves no client. */
const FEWEST = 16

/** Returns how many files this process may have open; undefined where the system sets no limit, or none that can be read. */
export function readFileLimit(): number | undefined {
  try {
    return parseLimit(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    // not on Linux: the report takes longer
    const { userLimits } = process.report.getReport() as unknown as {
      readonly userLimits?: { readonly open_files?: { readonly soft: number | string } }
    }
    return numberOf(userLimits?.open_files?.soft)
  }
}

/** Returns the soft limit in the text of `/proc/self/limits`. */
export const parseLimit = (text: string): number | undefined =>
  numberOf(/^Max open files +(\S+)/m.exec(text)?.[1])

const numberOf = (value: number | string | undefined): number | undefined =>
  Number.isFinite(Number(value)) ? Number(value) : undefined

/** Returns how many connections the limit leaves room for, of those that are wanted. */
export const connectionsWithin = (files: number | undefined, wanted: number): number =>
  files === undefined
    ? wanted
    : Math.min(wanted, Math.max(FEWEST, Math.floor((files - RESERVED) / PER_CONNECTION)))

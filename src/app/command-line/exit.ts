import { CommanderError } from 'commander'
import { DatabaseRefusedError } from '../../db/refused-error.ts'
import { DamagedSourceError, EX_DATAERR, OperationRefusedError } from '../../operate/errors.ts'
import { SealingKeyError } from '../../secrets/sealing-key.ts'
import { ConfigError } from '../config.ts'

/** sysexits.h: the command line is wrong. */
const EX_USAGE = 64
/** sysexits.h: an input or output error; the next start recovers. */
export const EX_IOERR = 74
/** sysexits.h: a setting is invalid, or the folder cannot be used as it is. */
const EX_CONFIG = 78

/** The command line is wrong. The message says what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
}

/** Errors that only a change of the settings or of the data folder removes. */
const REFUSALS = [ConfigError, DatabaseRefusedError, OperationRefusedError, SealingKeyError]

/** How the process ends. */
export interface Exit {
  readonly code: number
  /** One line for the operator; null when everything was printed. */
  readonly message: string | null
}

/** What the operator can change, by the code of the system's error. */
const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port; choose one with --port',
  EADDRNOTAVAIL: 'this machine does not have the address of --host',
  EACCES: 'a port below 1024 and the folder of --data need permissions; choose others with --port and --data',
  EPERM: 'the folder of --data needs permissions; choose another one with --data',
  EEXIST: 'the path of --data is a file; choose a folder',
  ENOTDIR: 'a part of the path of --data is a file; choose a folder',
  EISDIR:
    'a folder has the name of a file of the data folder; move it away, or choose another folder with --data',
  EROFS: 'the folder of --data is on a read-only disk; make it writable, or choose another one with --data',
  ENOSPC: 'the disk is full; free space on it',
  EDQUOT: 'the quota of the disk is used up; free space on it',
  EIO: 'the disk fails; look into the log of the system',
}

/** Errors that end by themselves, or with more space: a supervisor may try again. */
const OF_DISK = /^(?:ENOSPC|EDQUOT|EIO|SQLITE_FULL|SQLITE_IOERR\w*)$/

const codesOf = (error: unknown): string[] => {
  const codes: string[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') codes.push(cause.code)
  }
  return codes
}

/** Returns the message, and what the operator can change. */
function explained(error: Error): string {
  const remedy = codesOf(error).flatMap((code) => REMEDIES[code] ?? [])[0]
  return remedy === undefined ? error.message : `${error.message}: ${remedy}`
}

/** Returns how the process ends after the error; undefined for an error of the program, which needs its stack. */
export function exitOf(error: unknown): Exit | undefined {
  if (error instanceof CommanderError) {
    // help and version are no failures, and were printed
    return error.exitCode === 0
      ? { code: 0, message: null }
      : { code: EX_USAGE, message: error.message.replace(/^error: /, '') }
  }
  if (error instanceof UsageError) return { code: EX_USAGE, message: error.message }
  if (!(error instanceof Error)) return undefined
  const isOfDisk = codesOf(error).some((code) => OF_DISK.test(code))
  if (REFUSALS.some((refusal) => error instanceof refusal)) {
    return { code: isOfDisk ? EX_IOERR : EX_CONFIG, message: error.message }
  }
  if (error instanceof DamagedSourceError) return { code: EX_DATAERR, message: error.message }
  if (isOfDisk) return { code: EX_IOERR, message: explained(error) }
  if (!('syscall' in error)) return undefined
  // no other system error of a start is about an address
  const isOfAddress = error.syscall === 'listen' || error.syscall === 'getaddrinfo'
  return { code: isOfAddress ? 1 : EX_CONFIG, message: explained(error) }
}

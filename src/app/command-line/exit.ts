import { CommanderError } from 'commander'
import { DatabaseRefusedError } from '../../db/refused-error.ts'
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
const REFUSALS = [ConfigError, DatabaseRefusedError, SealingKeyError]

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
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error

/** Returns how the process ends after the error; undefined for an error of the program, which needs its stack. */
export function exitOf(error: unknown): Exit | undefined {
  if (error instanceof CommanderError) {
    // help and version are no failures, and were printed
    return error.exitCode === 0
      ? { code: 0, message: null }
      : { code: EX_USAGE, message: error.message.replace(/^error: /, '') }
  }
  if (error instanceof UsageError) return { code: EX_USAGE, message: error.message }
  if (REFUSALS.some((refusal) => error instanceof refusal)) {
    return { code: EX_CONFIG, message: (error as Error).message }
  }
  if (isSystemError(error)) {
    return { code: 1, message: [error.message, REMEDIES[error.code ?? '']].filter(Boolean).join(': ') }
  }
  return undefined
}

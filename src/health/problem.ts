/** Why the server cannot serve all requests, with what it means; the reasons are a stable part of `/readyz` and of the metrics. */
export const REASONS = {
  STORAGE_FULL: 'the disk is full: reads work, writes are refused',
  STORAGE_READ_ONLY: 'the disk is read-only: reads work, writes are refused',
  STORAGE_FAILS: 'the disk does not accept writes',
  DATABASE_LOST:
    'the files of the database were removed or replaced while the server ran: writes are refused',
  EVENT_LOOP_STALLED: 'the server did not respond for a while: it, or its machine, is overloaded',
  STOPPING: 'the server stops',
} as const

/** Why the server cannot serve all requests. */
export type ProblemReason = keyof typeof REASONS

/** A reason, and a sentence about it without names of files: any client may read it. */
export interface Problem {
  readonly reason: ProblemReason
  readonly message: string
}

/** Returns the problem of a reason. `details` end the sentence. */
export const problemOf = (reason: ProblemReason, details?: string): Problem => ({
  reason,
  message: details === undefined ? REASONS[reason] : `${REASONS[reason]}: ${details}`,
})

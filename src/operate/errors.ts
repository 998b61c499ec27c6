/** A folder cannot be used as it is; nothing was changed. The message says what to do. */
export class OperationRefusedError extends Error {
  override readonly name = 'OperationRefusedError'
  readonly code = 'OPERATION_REFUSED'
}

/** What was to be copied is damaged. The message says what, and what to do. */
export class DamagedSourceError extends Error {
  override readonly name = 'DamagedSourceError'
  readonly code = 'DAMAGED_SOURCE'
}

/** sysexits.h: what was copied or checked is damaged. */
export const EX_DATAERR = 65

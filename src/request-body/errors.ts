import { OciError } from '../oci/oci-error.ts'

/** Seconds after which a client may send its request again: slow bodies, which hold memory, are cut after a minute. */
const RETRY_AFTER = '5'

/** A body that is not read. Each endpoint sends the status, the message and the headers in its own form. */
export class UnreadBodyError extends Error {
  override readonly name = 'UnreadBodyError'
  readonly code = 'UNREAD_BODY'
  /** 413 when it is longer than allowed, 503 when the bodies of other requests leave no memory for it. */
  readonly status: 413 | 503
  readonly headers: Readonly<Record<string, string>>

  constructor(status: 413 | 503, message: string) {
    super(message)
    this.status = status
    this.headers = status === 503 ? { 'Retry-After': RETRY_AFTER } : {}
  }
}

/** Returns the error for a body that is longer than allowed. */
export const bodyTooLong = (maxBytes: number): UnreadBodyError =>
  new UnreadBodyError(413, `the body is too long: at most ${maxBytes} bytes are allowed`)

/** Returns the error for a body for which there is no memory. */
export const overBudget = (): UnreadBodyError =>
  new UnreadBodyError(
    503,
    `the server is receiving too many large requests: repeat this one after ${RETRY_AFTER} seconds`,
  )

/** Returns the error in the form of a registry. */
export const asOciError = (error: UnreadBodyError): OciError =>
  new OciError(error.status === 413 ? 'SIZE_INVALID' : 'TOOMANYREQUESTS', error.message, {
    status: error.status,
    headers: error.headers,
    cause: error,
  })

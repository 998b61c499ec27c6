import type { OutgoingHttpHeaders } from 'node:http'

/** The codes of an error body, each with the status that it has unless a case says otherwise. Source: OCI distribution-spec, error codes. */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
} as const

export type OciErrorCode = keyof typeof STATUS

export interface OciErrorOptions extends ErrorOptions {
  /** HTTP status, where it is not the code's own. */
  readonly status?: number
  /** What a program may want to know: the digest that is missing. */
  readonly detail?: unknown
  /** Where one request has several things wrong: an entry of the body for each, in place of the one of the error. */
  readonly entries?: readonly OciErrorEntry[]
  readonly headers?: OutgoingHttpHeaders
}

/** One of the errors of a body. */
export interface OciErrorEntry {
  readonly message: string
  readonly detail?: unknown
}

/** A request that is answered with an error body. The message is for a person: what was wrong, what is allowed. */
export class OciError extends Error {
  override readonly name = 'OciError'
  readonly code: OciErrorCode
  readonly status: number
  readonly detail: unknown
  readonly entries: readonly OciErrorEntry[]
  readonly headers: OutgoingHttpHeaders

  constructor(code: OciErrorCode, message: string, options: OciErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.status = options.status ?? STATUS[code]
    this.detail = options.detail
    this.entries = options.entries ?? [{ message, detail: options.detail }]
    this.headers = options.headers ?? {}
  }

  /** The body's JSON. Source: OCI distribution-spec, error codes. */
  toBody(): object {
    const { code, entries } = this
    return {
      errors: entries.map(({ message, detail }) => ({
        code,
        message,
        ...(detail !== undefined && { detail }),
      })),
    }
  }
}

import type { OutgoingHttpHeaders } from 'node:http'

/** Error codes and the default HTTP status of each. Source: OCI distribution-spec, error codes. */
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

/** An error code of the OCI distribution-spec. */
export type OciErrorCode = keyof typeof STATUS

/** Fields of an OciError beside its code and message. */
export interface OciErrorOptions extends ErrorOptions {
  /** HTTP status, where it differs from the code's default. */
  readonly status?: number
  /** Details for programs, for example the missing digest. */
  readonly detail?: unknown
  /** One entry of the body for each of several problems; they replace the entry of the error itself. */
  readonly entries?: readonly OciErrorEntry[]
  readonly headers?: OutgoingHttpHeaders
}

/** An entry of an error body. */
export interface OciErrorEntry {
  readonly message: string
  readonly detail?: unknown
}

/** An error that becomes an OCI error response. The message names what is wrong and what is allowed. */
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

  /** Returns the error body. Source: OCI distribution-spec, error codes. */
  toBody(): object {
    const { code, entries } = this
    return { errors: entries.map(({ message, detail }) => ({ code, message, detail })) }
  }
}

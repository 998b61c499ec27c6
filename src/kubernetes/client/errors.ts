import { isObject, type Json, textOf } from '../../oci/json.ts'

/** Characters of a server's message that are kept. */
const MAX_MESSAGE = 1_000
/** Milliseconds. */
const MIN_PAUSE = 1_000
const MAX_PAUSE = 3_600_000

/** An API server refused a request, its response cannot be used, or there was none. The message contains no credential. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError'
  /** Status of the response; null if there is no response, or an unreadable one. */
  readonly status: number | null
  /**
   * `reason` of the API server's Status: `NotFound`, `Conflict`, `Forbidden`, `Invalid`. `Unreachable` if there is no response,
   * and `Unreadable` for a response that no API server sends.
   */
  readonly reason: string
  /** Milliseconds, between one second and one hour, after which the server requests a retry; null for none. */
  readonly retryAfter: number | null

  constructor(message: string, { status, reason, retryAfter = null, cause }: KubernetesErrorFacts) {
    super(message, { cause })
    this.status = status
    this.reason = reason
    this.retryAfter = retryAfter
  }

  /** Whether a watch or the token of a page is too old: the caller lists again. */
  get isExpired(): boolean {
    return this.status === 410
  }
}

interface KubernetesErrorFacts {
  readonly status: number | null
  readonly reason: string
  readonly retryAfter?: number | null
  readonly cause?: unknown
}

/** Reasons of responses that contain no Status, as of proxies before the API server. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** Returns the error of a response that is no success. `body` is its JSON, if it has any. */
export function errorOfStatus(status: number, body: unknown, retryAfter: string): KubernetesError {
  const given: Json = isObject(body) && body.kind === 'Status' ? body : {}
  const reason = textOf(given.reason) || (REASONS[status] ?? 'Unreadable')
  const details: Json = isObject(given.details) ? given.details : {}
  return new KubernetesError(messageOf(textOf(given.message)) || `the API server responds with ${status}`, {
    status,
    reason,
    retryAfter: pauseOf(/^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : details.retryAfterSeconds),
  })
}

/** Returns the error of a response that no API server sends. */
export const unreadable = (problem: string): KubernetesError =>
  new KubernetesError(`the response is not one of a Kubernetes API server: ${problem}`, {
    status: null,
    reason: 'Unreadable',
  })

/** Returns a server's message as one line of bounded length. */
const messageOf = (text: string): string =>
  // control characters and line separators would forge lines of a log
  text
    .slice(0, MAX_MESSAGE)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()

function pauseOf(seconds: unknown): number | null {
  if (typeof seconds !== 'number' || !(seconds > 0)) return null
  return Math.min(Math.max(seconds * 1000, MIN_PAUSE), MAX_PAUSE)
}

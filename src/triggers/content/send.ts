import type { Egress } from '../../egress/egress.ts'
import type { OutgoingRequest, ReceiverResponse, ResponseLimits, Verdict } from './action-kind.ts'
import type { Answer, Failure } from './answer.ts'

const LIMITS: ResponseLimits = { timeout: 10_000, maxBytes: 64 * 1024 }
/** Characters of a response that are kept. */
const KEPT = 4_000

/** Statuses after which the same request may succeed: the receiver is busy, or its credential is being replaced. */
const LATER: readonly number[] = [401, 403, 404, 408, 409, 423, 425, 429]
const GONE = 410

/** What a kind of action knows about a response. */
type Judge = (response: ReceiverResponse, failure: Failure | null) => Verdict

interface SendOptions {
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly judge?: Judge | undefined
  /** Replaces secrets that the receiver has repeated, before anything reads or shortens the text. */
  readonly mask?: (text: string) => string
}

/** Sends a delivery. Resolves also for a receiver that does not respond, or responds with a redirect or an error. */
export async function send(
  egress: Pick<Egress, 'request'>,
  outgoing: OutgoingRequest,
  { signal, now, judge = () => ({}), mask = (text) => text }: SendOptions,
): Promise<Answer> {
  const received = await responseOf(egress, outgoing, signal)
  if (received instanceof Error) {
    return { status: null, text: '', link: null, failure: { kind: 'LATER', message: mask(received.message) } }
  }
  const response = { ...received, text: mask(received.text) }
  const { status, headers, text } = response
  const failure = failureOf(status, headers, now())
  return { status, text: text.slice(0, KEPT), link: null, failure, ...judge(response, failure) }
}

/** Returns what a status says; null for one from 200 to 299. */
function failureOf(status: number, headers: ReceiverResponse['headers'], now: number): Failure | null {
  if (status >= 200 && status <= 299) return null
  return { kind: kindOf(status), message: problemOf(status), ...retryAfterOf(headers, now) }
}

/** Returns the response of any status, or why there is none. Rejects only when the signal is aborted. */
export async function responseOf(
  { request }: Pick<Egress, 'request'>,
  { url, method, headers, body, limits }: OutgoingRequest,
  signal: AbortSignal,
): Promise<ReceiverResponse | Error> {
  try {
    const given = method === 'GET' ? { method, headers } : { method, headers, body }
    const { timeout, maxBytes } = { ...LIMITS, ...limits }
    const response = await request(url, { ...given, timeout, headersTimeout: timeout, maxBytes, signal })
    return { status: response.status, headers: response.headers, text: Buffer.from(response.body).toString() }
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof Error ? error : new Error(String(error))
  }
}

function kindOf(status: number): Failure['kind'] {
  if (status === GONE) return 'GONE'
  return status >= 500 || LATER.includes(status) ? 'LATER' : 'NEVER'
}

function problemOf(status: number): string {
  if (status >= 300 && status < 400)
    return `it responded with a redirect (${status}): give the URL that it redirects to`
  return `it responded with status ${status}`
}

/**
 * Returns the milliseconds of `Retry-After`, in seconds or as a date, or those until GitHub counts again. Source: RFC 9110,
 * 10.2.3, of which Discord sends fractions; GitHub REST API, rate limits.
 */
function retryAfterOf(headers: ReceiverResponse['headers'], now: number): Pick<Failure, 'retryAfter'> {
  const textOf = (name: string): string => String(headers[name] ?? '')
  const text = textOf('retry-after')
  const isUsedUp = textOf('x-ratelimit-remaining') === '0' && /^\d{1,11}$/.test(textOf('x-ratelimit-reset'))
  const given = /^\d{1,20}(?:\.\d{1,20})?$/.test(text)
    ? now + Math.ceil(Number(text) * 1000)
    : Date.parse(text)
  const until = Number.isNaN(given) && isUsedUp ? Number(textOf('x-ratelimit-reset')) * 1000 : given
  return until > now ? { retryAfter: until - now } : {}
}

import type { ResponseHeaders } from '../../egress/exchange.ts'

/** The part of a host's quota that one account has left, as the host reported it. */
export interface RequestBudget {
  /** Requests per window; null when the host does not report it. */
  readonly limit: number | null
  readonly remaining: number
  /** Seconds; null when the host does not report it. */
  readonly window: number | null
  /** When the quota is renewed, in milliseconds since 1970; null when the host does not report it. */
  readonly resetAt: number | null
  /** Only pulls of manifests count, as at Docker Hub; otherwise every request counts. */
  readonly pullsOnly: boolean
  /** The account in the host's terms: at Docker Hub an address or a user id. */
  readonly source: string | null
  /** Milliseconds since 1970. */
  readonly readAt: number
}

type Header = ResponseHeaders[string]

const COUNT = /^(\d{1,15})(?:\s*;\s*w\s*=\s*(\d{1,9}))?(?:$|[\s;,])/
/** Azure reports fractions. */
const FRACTION = /^\d{1,12}(?:\.\d{1,12})?$/
const SOURCE = /^[\x21-\x7e]{1,100}$/
/** A reset value from here on is in seconds since 1970, a smaller one in seconds from now. */
const FIRST_TIMESTAMP = 1_000_000_000

/** Milliseconds of a requested pause. */
const MIN_PAUSE = 1_000
const MAX_PAUSE = 3_600_000

/** Returns a header's first value, trimmed; empty for a missing header. */
const headerText = (value: Header): string => (Array.isArray(value) ? value[0] : value)?.trim() ?? ''

function countOf(value: Header): { count: number; window: number | null } | undefined {
  const [, count, window] = COUNT.exec(headerText(value)) ?? []
  if (count === undefined) return undefined
  return { count: Number(count), window: window === undefined ? null : Number(window) }
}

/**
 * Parses the remaining quota in a response's headers; undefined when there is no readable remainder.
 * - `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 20;w=21600` and `docker-ratelimit-source`: Docker Hub sends them
 *   with manifests, also for HEAD, and counts pulls only.
 * - The same without a window, with `ratelimit-reset` (GitLab), or each with the prefix `x-` (GitHub, the API of Docker
 *   Hub): every request counts.
 * - `x-ms-ratelimit-remaining-calls-per-second` (Azure).
 */
export function parseBudget(headers: ResponseHeaders, now: number): RequestBudget | undefined {
  return prefixedBudget('', headers, now) ?? prefixedBudget('x-', headers, now) ?? azureBudget(headers, now)
}

function prefixedBudget(prefix: '' | 'x-', headers: ResponseHeaders, now: number): RequestBudget | undefined {
  const remaining = countOf(headers[`${prefix}ratelimit-remaining`])
  if (!remaining) return undefined
  const limit = countOf(headers[`${prefix}ratelimit-limit`])
  const source = headerText(headers['docker-ratelimit-source'])
  const isSource = SOURCE.test(source)
  return {
    limit: limit?.count ?? null,
    remaining: remaining.count,
    window: remaining.window ?? limit?.window ?? null,
    resetAt: resetOf(headers[`${prefix}ratelimit-reset`], now),
    pullsOnly: remaining.window !== null || isSource,
    source: isSource ? source : null,
    readAt: now,
  }
}

function azureBudget(headers: ResponseHeaders, now: number): RequestBudget | undefined {
  const remaining = headerText(headers['x-ms-ratelimit-remaining-calls-per-second'])
  if (!FRACTION.test(remaining)) return undefined
  return {
    limit: null,
    remaining: Math.floor(Number(remaining)),
    window: 1,
    resetAt: null,
    pullsOnly: false,
    source: null,
    readAt: now,
  }
}

/** Returns the end of the window: GitHub and GitLab send a time since 1970, others the seconds until then. */
function resetOf(value: Header, now: number): number | null {
  const seconds = countOf(value)?.count
  if (seconds === undefined) return null
  return seconds >= FIRST_TIMESTAMP ? seconds * 1000 : now + seconds * 1000
}

/**
 * Parses the pause that a registry requests: milliseconds between one second and one hour, undefined for none. `Retry-After`
 * holds seconds or an HTTP date (RFC 9110 §10.2.3); Docker Hub's `X-Retry-After` holds seconds since 1970. Without either
 * the pause ends when an exhausted budget is renewed, where the registry reports that time.
 */
export function parseRetryAfter(headers: ResponseHeaders, now: number): number | undefined {
  const retryAfter = headerText(headers['retry-after'])
  if (/^[+-]?\d+(?:\.\d+)?$/.test(retryAfter)) return clamp(Number(retryAfter) * 1000)
  if (/^[A-Za-z]/.test(retryAfter)) {
    const date = Date.parse(retryAfter)
    if (!Number.isNaN(date)) return clamp(date - now)
  }
  const hub = headerText(headers['x-retry-after'])
  if (/^\d+$/.test(hub)) return clamp(Number(hub) * 1000 - now)
  const budget = parseBudget(headers, now)
  return budget?.remaining === 0 && budget.resetAt !== null ? clamp(budget.resetAt - now) : undefined
}

const clamp = (milliseconds: number): number => Math.min(Math.max(milliseconds, MIN_PAUSE), MAX_PAUSE)

import type { ResponseHeaders } from '../../egress/exchange.ts'

/** What a host said that it still gives. */
export interface Budget {
  /** Requests that it gives in a window; null where it does not say. */
  readonly limit: number | null
  readonly remaining: number
  /** Seconds; null where it does not say. */
  readonly window: number | null
  /** When it gives as many again, in milliseconds since 1970; null where it does not say. */
  readonly resetAt: number | null
  /** Only pulls of manifests cost something, as Docker Hub counts them; everything does elsewhere. */
  readonly pullsOnly: boolean
  /** Whom the host counts, as it calls them: Docker Hub gives an address or a user's id. */
  readonly source: string | null
  /** Milliseconds since 1970. */
  readonly readAt: number
}

type Header = ResponseHeaders[string]

const COUNT = /^(\d{1,15})(?:\s*;\s*w\s*=\s*(\d{1,9}))?(?:$|[\s;,])/
/** Of Azure, which counts in fractions. */
const FRACTION = /^\d{1,12}(?:\.\d{1,12})?$/
const SOURCE = /^[\x21-\x7e]{1,100}$/
/** Seconds since 1970 from here on; below it is seconds from now. */
const FIRST_TIMESTAMP = 1_000_000_000

/** A header's value, the first of several; empty where it is not there. */
export const headerText = (value: Header): string => (Array.isArray(value) ? value[0] : value)?.trim() ?? ''

function countOf(value: Header): { count: number; window: number | null } | undefined {
  const [, count, window] = COUNT.exec(headerText(value)) ?? []
  if (count === undefined) return undefined
  return { count: Number(count), window: window === undefined ? null : Number(window) }
}

/**
 * Reads what hosts say of how much they still give; undefined without a remainder that can be read.
 * - `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 20;w=21600` and `docker-ratelimit-source`, as Docker Hub writes
 *   them on manifests, for HEAD too: pulls alone are counted.
 * - The same without a window, with `ratelimit-reset`, as GitLab has them, or all with `x-` before, as GitHub and the API
 *   of Docker Hub do: every request is counted.
 * - `x-ms-ratelimit-remaining-calls-per-second`, which Azure has.
 */
export function parseBudget(headers: ResponseHeaders, now: number): Budget | undefined {
  return familyOf('', headers, now) ?? familyOf('x-', headers, now) ?? azureOf(headers, now)
}

function familyOf(prefix: '' | 'x-', headers: ResponseHeaders, now: number): Budget | undefined {
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

function azureOf(headers: ResponseHeaders, now: number): Budget | undefined {
  const remaining = headerText(headers['x-ms-ratelimit-remaining-calls-per-second'])
  if (!FRACTION.test(remaining)) return undefined
  return {
    ...{ limit: null, remaining: Math.floor(Number(remaining)), window: 1, resetAt: null },
    ...{ pullsOnly: false, source: null, readAt: now },
  }
}

/** When the window is over: GitHub and GitLab tell a time since 1970, others the seconds until then. */
function resetOf(value: Header, now: number): number | null {
  const seconds = countOf(value)?.count
  if (seconds === undefined) return null
  return seconds >= FIRST_TIMESTAMP ? seconds * 1000 : now + seconds * 1000
}

import type { ResponseHeaders } from '../../egress/exchange.ts'
import { headerText, parseBudget } from './quota-headers.ts'

const MIN_PAUSE = 1_000
const MAX_PAUSE = 3_600_000

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

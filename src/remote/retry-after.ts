import type { ResponseHeaders } from '../egress/exchange.ts'

const MIN_PAUSE = 1_000
const MAX_PAUSE = 3_600_000

const textOf = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value)?.trim() ?? ''

/**
 * Milliseconds that a registry wants to be left alone, between one second and one hour; undefined when it says nothing
 * that can be read. `Retry-After` holds seconds or an HTTP date (RFC 9110 §10.2.3); Docker Hub's `X-Retry-After` holds
 * seconds since 1970.
 */
export function parseRetryAfter(headers: ResponseHeaders, now: number): number | undefined {
  const retryAfter = textOf(headers['retry-after'])
  const hub = textOf(headers['x-retry-after'])
  if (/^[+-]?\d+(?:\.\d+)?$/.test(retryAfter)) return clamp(Number(retryAfter) * 1000)
  if (/^[A-Za-z]/.test(retryAfter)) {
    const date = Date.parse(retryAfter)
    if (!Number.isNaN(date)) return clamp(date - now)
  }
  return /^\d+$/.test(hub) ? clamp(Number(hub) * 1000 - now) : undefined
}

const clamp = (milliseconds: number): number => Math.min(Math.max(milliseconds, MIN_PAUSE), MAX_PAUSE)

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Milliseconds before each further attempt: about three days in all. Source: Standard Webhooks 1.0, retry schedule. */
const SCHEDULE = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]

/** Part of the time that is random: receivers that fail together are not tried again together. */
const JITTER = 0.2
const MAX_RETRY_AFTER = 24 * HOUR

/** Milliseconds of the longest wait. */
export const MAX_DELAY = MAX_RETRY_AFTER * (1 + JITTER)

/**
 * Returns the milliseconds until the next attempt; undefined after the last one. `attempts` is the number of those that
 * failed, `random` from 0 to 1, and `retryAfter` the milliseconds that the receiver asks for.
 */
export function delayAfter(attempts: number, random: number, retryAfter = 0): number | undefined {
  const usual = SCHEDULE[attempts - 1]
  if (usual === undefined) return undefined
  const spread = usual * (1 + JITTER * (2 * random - 1))
  return Math.round(Math.max(spread, Math.min(retryAfter, MAX_RETRY_AFTER)))
}

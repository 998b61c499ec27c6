import { LRUCache } from 'lru-cache'
import type { Database } from '../../db/open.ts'
import { quotaGuardOf } from './quota-guard.ts'

/** Counts the requests to other registries by namespace and hour. */
export type RequestHours = ReturnType<typeof createRequestHours>

const HOUR = 60 * 60 * 1000
/** Namespaces whose requests of this hour are counted. */
const MAX_NAMESPACES = 10_000

/** Creates the counts of the current hour, which begin again when the server is started. `now` returns milliseconds since 1970. */
export function createRequestHours(db: Database, now: () => number) {
  const { limitsOf } = quotaGuardOf(db)
  const counts = new LRUCache<string, { readonly hour: number; sent: number }>({ max: MAX_NAMESPACES })
  const hour = (): number => Math.floor(now() / HOUR)
  const used = (namespace: string): number => {
    const counted = counts.get(namespace)
    return counted?.hour === hour() ? counted.sent : 0
  }
  const limitReached = (namespace: string): number | undefined => {
    const limit = limitsOf(namespace).requestsPerHour
    return limit !== null && used(namespace) >= limit ? limit : undefined
  }

  return {
    used,

    /** Counts a request that is sent. Returns why it must not be sent instead, if the quota of this hour is used up. */
    take(namespace: string): string | undefined {
      const limit = limitReached(namespace)
      if (limit === undefined) {
        counts.set(namespace, { hour: hour(), sent: used(namespace) + 1 })
        return undefined
      }
      const next = new Date((hour() + 1) * HOUR).toISOString().slice(11, 16)
      return `the quota of the namespace ${namespace}, ${limit} requests to registries an hour, is used up: requests are sent again from ${next} UTC`
    },

    /** Returns the time from which requests are sent again, in milliseconds since 1970; undefined while they are. */
    waitsUntil: (namespace: string): number | undefined =>
      limitReached(namespace) === undefined ? undefined : (hour() + 1) * HOUR,
  }
}

import { TokenBuckets } from '../../concurrency/token-bucket.ts'
import type { Viewer } from '../right/viewer.ts'

/** Refusals of one action that are stored for a principal at one address: ten at once, then one in six seconds. */
const EACH = { capacity: 10, perSecond: 1 / 6 }
/** Refusals that are stored in all: about 8 MB a day in a flood without end. */
const ALL = { capacity: 500, perSecond: 1 / 4 }

/** Creates the bound on the refusals that are stored, and counts the others. `now` returns milliseconds since 1970. */
export function createRefusalBudget(now: () => number) {
  const each = new TokenBuckets(EACH, now)
  const all = new TokenBuckets(ALL, now)
  const omitted = new Map<string, number>()
  const omit = (action: string): void => void omitted.set(action, (omitted.get(action) ?? 0) + 1)
  return {
    /** Reports whether a refusal may be stored; counts it otherwise. */
    take({ id, address }: Pick<Viewer, 'id' | 'address'>, action: string): boolean {
      const isStored = each.take(JSON.stringify([id, address, action])) === 0 && all.take('') === 0
      if (!isStored) omit(action)
      return isStored
    },

    /** Counts a refusal that is not stored. */
    omit,

    /** Returns the number of refusals by action that are only counted; undefined for none. */
    omitted: (): Readonly<Record<string, number>> | undefined =>
      omitted.size === 0 ? undefined : Object.fromEntries(omitted),

    /** Begins the counts again. */
    clearOmitted: (): void => omitted.clear(),
  }
}

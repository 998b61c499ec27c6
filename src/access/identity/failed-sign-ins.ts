import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { TokenBuckets } from '../../concurrency/token-bucket.ts'
import { RateLimitedError } from '../right/errors.ts'
import type { Client } from '../right/viewer.ts'
import { networkOf } from './network.ts'

/** Credentials whose last outcome is remembered. */
const MAX_CREDENTIALS = 10_000

/** Limits the failed sign-ins of each address. */
export type FailedSignIns = ReturnType<typeof createFailedSignIns>

/**
 * Creates the limit; 0 for none. An address that has presented too many different wrong credentials waits, except with one that
 * was valid before: others behind the same address still get in. A program that repeats its expired credential is one failure.
 */
export function createFailedSignIns(perMinute: number, now: () => number) {
  const size = { capacity: perMinute, perSecond: perMinute / 60 }
  const left = perMinute > 0 ? new TokenBuckets(size, now) : undefined
  const outcomes = new LRUCache<string, 'valid' | 'wrong'>({ max: MAX_CREDENTIALS })
  const networkOfClient = ({ address }: Pick<Client, 'address'>): string => networkOf(address)

  return {
    /** Throws RateLimitedError for an address that must wait. */
    check(client: Pick<Client, 'address'>, secret: string): void {
      const wait = left?.wait(networkOfClient(client)) ?? 0
      if (wait === 0 || outcomes.get(digestOf(secret)) === 'valid') return
      throw new RateLimitedError('too many sign-ins from this address have failed', wait)
    },

    /** Notes a valid credential. */
    succeeded(secret: string): void {
      if (left) outcomes.set(digestOf(secret), 'valid')
    },

    /** Counts a wrong credential, unless it is known to be wrong. */
    failed(client: Pick<Client, 'address'>, secret: string): void {
      if (!left) return
      const digest = digestOf(secret)
      if (outcomes.get(digest) !== 'wrong') left.spend(networkOfClient(client), 1)
      outcomes.set(digest, 'wrong')
    },
  }
}

const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64')

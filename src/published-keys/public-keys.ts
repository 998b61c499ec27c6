import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'

/** The public keys of an issuer are unavailable; the cause says why. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
  readonly code = 'UNAVAILABLE'
}

/** Where the public keys of one issuer come from. */
export interface KeySource {
  /** The issuer, or the address of its keys, for messages. */
  readonly name: string
  /** Fetches the issuer's JSON Web Key Set; rejects when that fails. Its results are cached here, and it is called once at a time. */
  readonly fetchKeys: () => Promise<unknown>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const HOUR = 3_600_000
/** Milliseconds after which keys are fetched again. */
export const KEYS_ARE_FRESH_FOR = HOUR
/** Milliseconds for which keys are used while new ones cannot be fetched. */
export const KEYS_ARE_USED_FOR = 24 * HOUR
/** Milliseconds between two requests, also when tokens name unknown keys. */
export const KEYS_ARE_FETCHED_EVERY = 30_000

/**
 * Returns a function that finds the public key of a token. It fetches the issuer's keys when they are needed, and uses only
 * them: keys and addresses in the header of the token are ignored. It throws KeysUnavailableError, or an error of jose when the
 * token names no key of the issuer.
 */
export function createPublicKeys({ name, fetchKeys, now }: KeySource): JWTVerifyGetKey {
  let known: { readonly find: ReturnType<typeof createLocalJWKSet>; readonly since: number } | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined
  let failure: unknown

  const fetchOnce = async (): Promise<void> => {
    fetchedAt = now()
    try {
      known = { find: createLocalJWKSet((await fetchKeys()) as JSONWebKeySet), since: now() }
    } catch (error) {
      // the known keys may still be used
      failure = error
    }
  }
  /** Moves times that the clock has not reached back to the present: it was set back. */
  const followClock = (): void => {
    fetchedAt = Math.min(fetchedAt, now())
    if (known && known.since > now()) known = { ...known, since: now() }
  }
  const refresh = (): Promise<void> => {
    if (!fetching && now() - fetchedAt < KEYS_ARE_FETCHED_EVERY) return Promise.resolve()
    fetching ??= fetchOnce().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  return async (header, token) => {
    followClock()
    if (!known || now() - known.since >= KEYS_ARE_FRESH_FOR) await refresh()
    const find = () => {
      if (!known || now() - known.since >= KEYS_ARE_USED_FOR) {
        throw new KeysUnavailableError(`cannot fetch public keys from ${name}`, { cause: failure })
      }
      return known.find(header, token)
    }
    try {
      return await find()
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // the issuer may have rotated its keys
      await refresh()
      return find()
    }
  }
}

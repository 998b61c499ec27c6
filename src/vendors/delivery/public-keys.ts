import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'

/** The keys cannot be had at the moment. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
  readonly code = 'UNAVAILABLE'
}

/** How platforms' public keys are had. */
export interface KeySource {
  /**
   * The JSON document at the address. Through `egress`, as every connection is; rejects when it cannot be had. Its answers
   * are kept here, and asked for once at a time.
   */
  readonly fetchKeys: (url: string) => Promise<unknown>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface PublicKeysOptions extends KeySource {
  readonly url: string
}

const HOUR = 3_600_000
/** Milliseconds after which keys are asked for again. */
export const KEYS_ARE_FRESH_FOR = HOUR
/** Milliseconds that keys are believed while new ones cannot be had. */
export const KEYS_ARE_BELIEVED_FOR = 24 * HOUR
/** Milliseconds between two requests, whoever makes up tokens of keys that nobody has. */
export const KEYS_ARE_ASKED_EVERY = 30_000

/**
 * The key of a token among those that a platform publishes, fetched when one is needed, once at a time. The function
 * throws KeysUnavailableError, or an error of jose where no key of the platform is meant.
 */
export function createPublicKeys({ url, fetchKeys, now }: PublicKeysOptions): JWTVerifyGetKey {
  let known: { readonly find: ReturnType<typeof createLocalJWKSet>; readonly since: number } | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined
  let trouble: unknown

  const ask = async (): Promise<void> => {
    askedAt = now()
    try {
      known = { find: createLocalJWKSet((await fetchKeys(url)) as JSONWebKeySet), since: now() }
    } catch (error) {
      // those that are known may still do
      trouble = error
    }
  }
  const refresh = (): Promise<void> => {
    if (!asking && now() - askedAt < KEYS_ARE_ASKED_EVERY) return Promise.resolve()
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }

  return async (header, token) => {
    if (!known || now() - known.since >= KEYS_ARE_FRESH_FOR) await refresh()
    const find = () => {
      if (!known || now() - known.since >= KEYS_ARE_BELIEVED_FOR) {
        throw new KeysUnavailableError(`the keys at ${url} cannot be had`, { cause: trouble })
      }
      return known.find(header, token)
    }
    try {
      return await find()
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // a platform changes its keys at any time
      await refresh()
      return find()
    }
  }
}

import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { Deadline } from '../../concurrency/abort.ts'

/** The public keys of a platform are unavailable. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
  readonly code = 'UNAVAILABLE'
}

/** Access to the public keys of platforms. */
export interface KeySource {
  /**
   * Fetches the JSON document of a URL; rejects when that fails. Its results are cached here, and it is called once at a
   * time.
   */
  readonly fetchKeys: (url: string) => Promise<unknown>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Sends an HTTP GET request; rejects when there is no response. */
export type KeyRequest = (
  url: string,
  options: { readonly signal: AbortSignal; readonly maxBytes: number },
) => Promise<{ readonly status: number; readonly body: Uint8Array }>

/** Bytes of a platform's keys. */
const MAX_BYTES = 256 * 1024
/** Milliseconds for one request. */
const TIMEOUT = 10_000

/** Returns a function that fetches the public keys of a platform as JSON; it rejects unless the status is 200. */
export const createKeyFetcher =
  (request: KeyRequest): KeySource['fetchKeys'] =>
  async (url) => {
    using deadline = new Deadline(TIMEOUT)
    const { status, body } = await request(url, { signal: deadline.signal, maxBytes: MAX_BYTES })
    if (status !== 200)
      throw new Error(`cannot fetch public keys: ${new URL(url).host} responds with status ${status}`)
    return JSON.parse(Buffer.from(body).toString())
  }

/** What schemes know beyond a delivery and its endpoint. */
export interface Platforms {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Returns the function that finds keys of the platform that publishes them at the URL. */
  readonly keysAt: (url: string) => JWTVerifyGetKey
}

/** Creates the platforms of a process, which caches the keys of each. */
export function createPlatforms(source: KeySource): Platforms {
  const platforms = new Map<string, JWTVerifyGetKey>()
  const keysAt = (url: string): JWTVerifyGetKey => {
    const found = platforms.get(url) ?? createPublicKeys(url, source)
    platforms.set(url, found)
    return found
  }
  return { now: source.now, keysAt }
}

const HOUR = 3_600_000
/** Milliseconds after which keys are fetched again. */
export const KEYS_ARE_FRESH_FOR = HOUR
/** Milliseconds for which keys are used while new ones cannot be fetched. */
export const KEYS_ARE_USED_FOR = 24 * HOUR
/** Milliseconds between two requests, also when tokens name unknown keys. */
export const KEYS_ARE_FETCHED_EVERY = 30_000

/**
 * Returns a function that finds the public key of a token. It fetches the platform's keys when they are needed. It throws
 * KeysUnavailableError, or an error of jose when the token names no key of the platform.
 */
function createPublicKeys(url: string, { fetchKeys, now }: KeySource): JWTVerifyGetKey {
  let known: { readonly find: ReturnType<typeof createLocalJWKSet>; readonly since: number } | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined
  let failure: unknown

  const fetchOnce = async (): Promise<void> => {
    fetchedAt = now()
    try {
      known = { find: createLocalJWKSet((await fetchKeys(url)) as JSONWebKeySet), since: now() }
    } catch (error) {
      // the known keys may still be used
      failure = error
    }
  }
  const refresh = (): Promise<void> => {
    if (!fetching && now() - fetchedAt < KEYS_ARE_FETCHED_EVERY) return Promise.resolve()
    fetching ??= fetchOnce().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  return async (header, token) => {
    if (!known || now() - known.since >= KEYS_ARE_FRESH_FOR) await refresh()
    const find = () => {
      if (!known || now() - known.since >= KEYS_ARE_USED_FOR) {
        throw new KeysUnavailableError(`cannot fetch public keys from ${url}`, { cause: failure })
      }
      return known.find(header, token)
    }
    try {
      return await find()
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // the platform may have rotated its keys
      await refresh()
      return find()
    }
  }
}

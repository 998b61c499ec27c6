import type { JWTVerifyGetKey } from 'jose'
import type { FetchJson } from '../../published-keys/fetch-json.ts'
import { createPublicKeys } from '../../published-keys/public-keys.ts'

/** Access to the public keys of platforms. */
export interface PlatformSource {
  /** Fetches the JSON document of a URL; rejects when that fails. */
  readonly fetchKeys: FetchJson
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What schemes know beyond a delivery and its endpoint. */
export interface Platforms {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Returns the function that finds keys of the platform that publishes them at the URL. */
  readonly keysAt: (url: string) => JWTVerifyGetKey
}

/** Creates the platforms of a process, which caches the keys of each. */
export function createPlatforms({ fetchKeys, now }: PlatformSource): Platforms {
  const platforms = new Map<string, JWTVerifyGetKey>()
  const keysAt = (url: string): JWTVerifyGetKey => {
    const found = platforms.get(url) ?? createPublicKeys({ name: url, fetchKeys: () => fetchKeys(url), now })
    platforms.set(url, found)
    return found
  }
  return { now, keysAt }
}

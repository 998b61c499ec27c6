import { LRUCache } from 'lru-cache'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryLocation } from './registry-rules.ts'

const MAX_ENTRIES = 1000

/** Mirrors whose blob had another digest or ended early: the blob is not requested from them again. */
export class FailedMirrors {
  readonly #entries = new LRUCache<string, true>({ max: MAX_ENTRIES })

  has(location: RepositoryLocation, digest: Digest): boolean {
    return location.isMirror && this.#entries.has(keyOf(location, digest))
  }

  add(location: RepositoryLocation, digest: Digest): void {
    this.#entries.set(keyOf(location, digest), true)
  }

  /** Forgets all failures: the mirrors may have changed. */
  clear(): void {
    this.#entries.clear()
  }
}

const keyOf = ({ registry, repository }: RepositoryLocation, digest: Digest): string =>
  `${registry}/${repository}@${digest}`

import type { Digest } from '../../oci/digest.ts'
import type { RepositoryLocation } from './registry-rules.ts'

const MAX_REMEMBERED = 1000

/** Which mirrors gave other bytes than a digest says, or broke off in the middle of them: they are asked for others. */
export class Distrust {
  readonly #remembered = new Set<string>()

  has(place: RepositoryLocation, digest: Digest): boolean {
    return place.isMirror && this.#remembered.has(keyOf(place, digest))
  }

  /** Asks them again: they may be others now. */
  forget(): void {
    this.#remembered.clear()
  }

  add(place: RepositoryLocation, digest: Digest): void {
    const [oldest] = this.#remembered
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest)
    this.#remembered.add(keyOf(place, digest))
  }
}

const keyOf = ({ registry, repository }: RepositoryLocation, digest: Digest): string =>
  `${registry}/${repository}@${digest}`

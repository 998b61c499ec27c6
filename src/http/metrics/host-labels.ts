/** What hosts beyond the cap are called together. */
export const OTHER_HOSTS = 'other'

/**
 * Names hosts in metrics, so many of them: hosts are what users write, and each name is a series that is kept for good.
 * The first ones keep their names; all others are one.
 */
export class HostLabels {
  readonly #named = new Set<string>()
  readonly #cap: number

  constructor(cap: number) {
    this.#cap = cap
  }

  /** The host's name, or what all others are called. */
  of(host: string): string {
    if (this.#named.has(host)) return host
    if (this.#named.size >= this.#cap) return OTHER_HOSTS
    this.#named.add(host)
    return host
  }
}

/** Label of all hosts beyond the cap. */
export const OTHER_HOSTS = 'other'

/**
 * Labels of hosts in metrics, limited in number: users choose the hosts, and each label is a series that is kept forever.
 * The first hosts keep their names; all others share one label.
 */
export class HostLabels {
  readonly #named = new Set<string>()
  readonly #cap: number

  constructor(cap: number) {
    this.#cap = cap
  }

  /** Returns the host's name, or the shared label. */
  of(host: string): string {
    if (this.#named.has(host)) return host
    if (this.#named.size >= this.#cap) return OTHER_HOSTS
    this.#named.add(host)
    return host
  }
}

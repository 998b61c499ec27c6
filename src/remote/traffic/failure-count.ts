/** Counts the consecutive failures of a host. */
export class FailureCount {
  #count = 0
  #probes = 0
  /** Parts of the host that the failures concern: one or two are enough to know whether they differ. */
  readonly #parts = new Set<string | undefined>()

  /** Number of failed probes. */
  get probes(): number {
    return this.#probes
  }

  add(part: string | undefined, isProbe: boolean): void {
    this.#count += 1
    if (isProbe) this.#probes += 1
    if (this.#parts.size < 2) this.#parts.add(part)
  }

  /** Reports whether there are so many failures; after one of a `part`, whether they also concern different parts. */
  isReached(limit: number, part: string | undefined): boolean {
    return this.#count >= limit && (part === undefined || this.#parts.size > 1)
  }

  clearProbes(): void {
    this.#probes = 0
  }

  /** Forgets the failures, but not the failed probes. */
  clear(): void {
    this.#count = 0
    this.#parts.clear()
  }
}

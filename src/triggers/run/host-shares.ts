/** Attempts at a time, in all and to one host: a host that does not respond leaves room for the others. */
const MOST = { all: 64, host: 4, slow: 1 }

/** Statuses that say that the receiver has too much to do. */
const BUSY: readonly (number | null)[] = [null, 429, 502, 503, 504]

/** The places in which attempts run. */
export class HostShares {
  readonly #running = new Map<string, number>()
  /** Hosts that have not responded, or had too much to do, when they were last asked. */
  readonly #slow = new Set<string>()
  #all = 0

  /** Returns the number of attempts to the host that may begin, beside others that are about to. */
  free(host: string, others: number): number {
    const most = this.#slow.has(host) ? MOST.slow : MOST.host
    return Math.max(0, Math.min(MOST.all - this.#all - others, most - (this.#running.get(host) ?? 0)))
  }

  /** Takes a place for an attempt to the host. */
  take(host: string): void {
    this.#running.set(host, (this.#running.get(host) ?? 0) + 1)
    this.#all++
  }

  /** Gives the place back. `status` is that of the response, null without one. */
  release(host: string, status: number | null): void {
    const running = (this.#running.get(host) ?? 1) - 1
    if (running > 0) this.#running.set(host, running)
    else this.#running.delete(host)
    this.#all--
    if (BUSY.includes(status)) this.#slow.add(host)
    else this.#slow.delete(host)
  }
}

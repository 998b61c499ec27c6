import { LRUCache } from 'lru-cache'
import { type DeliveryLane, partsOf } from '../state/lane.ts'

/** Attempts at a time. */
interface Limits {
  readonly name: string
  readonly all: number
  readonly namespace: number
  readonly host: number
  /** To one host that has not responded, and to all of those. */
  readonly slowHost: number
  readonly slow: number
}

const REQUESTS: Limits = { name: 'requests', all: 64, namespace: 16, host: 4, slowHost: 1, slow: 32 }
/** Work of other rooms may take hours, and has limits of its own there. */
const WORK: Limits = { name: 'work', all: 256, namespace: 32, host: 8, slowHost: 2, slow: 128 }

/** Hosts that are remembered as slow. */
const MAX_SLOW = 10_000

/**
 * The places in which attempts run. A host that does not respond leaves room for other hosts, and a namespace for other namespaces,
 * however many hosts it names.
 */
export class Places {
  /** Attempts by what limits them. */
  readonly #running = new Map<string, number>()
  /** Hosts that did not respond to the last request, or had too much to do. */
  readonly #slow = new LRUCache<string, true>({ max: MAX_SLOW })

  /** Returns the number of attempts of the lane that may begin. */
  free(lane: DeliveryLane): number {
    const free = this.#limits(lane).map(([name, limit]) => limit - (this.#running.get(name) ?? 0))
    return Math.max(0, Math.min(...free))
  }

  /**
   * Takes a place. Returns a function that gives it back, with whether the host has not responded or had too much to do; undefined
   * for no request.
   */
  take(lane: DeliveryLane): (isSlow?: boolean) => void {
    const { host } = partsOf(lane)
    const names = this.#limits(lane).map(([name]) => name)
    for (const name of names) this.#running.set(name, (this.#running.get(name) ?? 0) + 1)
    return (isSlow) => {
      for (const name of names) {
        const running = (this.#running.get(name) ?? 1) - 1
        if (running > 0) this.#running.set(name, running)
        else this.#running.delete(name)
      }
      if (isSlow === true) this.#slow.set(host, true)
      if (isSlow === false) this.#slow.delete(host)
    }
  }

  /** Returns what limits a lane: the name of each limit, and the attempts that it allows. */
  #limits(lane: DeliveryLane): (readonly [name: string, limit: number])[] {
    const { namespace, host } = partsOf(lane)
    // `registry ghcr.io`: the host of work for another room
    const { name, ...most } = host.includes(' ') ? WORK : REQUESTS
    const isSlow = this.#slow.has(host)
    return [
      [name, most.all],
      [`${name} of ${namespace}`, most.namespace],
      [`${name} to ${host}`, isSlow ? most.slowHost : most.host],
      ...(isSlow ? [[`${name} to slow hosts`, most.slow] as const] : []),
    ]
  }
}

/** Statuses that say that the receiver has too much to do; null for no response. */
const BUSY: readonly (number | null)[] = [null, 429, 502, 503, 504]

/** Reports whether an answer without success says that the host did not respond, or has too much to do. */
export const isBusy = (status: number | null, isSuccess: boolean): boolean =>
  !isSuccess && BUSY.includes(status)

import { Gauge, type Registry } from 'prom-client'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'

/** Label of all hosts beyond the cap. */
export const OTHER_HOSTS = 'other'

/**
 * Returns a function from hosts to their labels in metrics, limited in number: users choose the hosts, and each label is a
 * series that is kept forever. The first `cap` hosts keep their names; all others share one label.
 */
export function hostLabels(cap: number): (host: string) => string {
  const named = new Set<string>()
  return (host) => {
    if (!named.has(host) && named.size >= cap) return OTHER_HOSTS
    named.add(host)
    return host
  }
}

interface RemoteGauge {
  /** Without `imagestreams_remote_`. */
  readonly name: string
  readonly help: string
  /** Returns undefined when the host has no such figure. */
  readonly of: (host: HostStatus) => number | undefined
  /** Combines the figures of hosts that share a label; adds them unless given. */
  readonly merge?: (one: number, other: number) => number
}

const STATES = { CLOSED: 0, HALF_OPEN: 1, OPEN: 2 } as const

/** Returns the least of the figures; undefined for none. */
const least = (figures: readonly (number | null | undefined)[]): number | undefined => {
  const known = figures.filter((figure) => typeof figure === 'number')
  return known.length > 0 ? Math.min(...known) : undefined
}

const GAUGES: readonly RemoteGauge[] = [
  {
    name: 'requests_in_flight',
    help: 'Requests to a host that have no complete response yet.',
    of: ({ inFlight }) => inFlight,
  },
  {
    name: 'requests_waiting',
    help: 'Requests to a host that wait in its queue.',
    of: ({ waiting }) => waiting,
  },
  {
    name: 'concurrency',
    help: 'Requests to a host that may run at a time; reduced for a while after the host was overloaded.',
    of: ({ concurrency }) => concurrency,
  },
  {
    name: 'circuit_breaker_state',
    help: 'State of the circuit breaker of a host: 0 closed, 1 half open (one trial request), 2 open (no requests).',
    of: ({ breaker }) => STATES[breaker.state],
    merge: Math.max,
  },
  {
    name: 'accounts_circuit_open',
    help: 'Accounts at a host, anonymous included, whose circuit is open.',
    of: ({ accounts }) => accounts.filter(({ breaker }) => breaker.state === 'OPEN').length,
  },
  {
    name: 'next_attempt_timestamp_seconds',
    help: 'Time of the next trial request to a host or account whose circuit is open; absent when all are closed.',
    of: ({ breaker, accounts }) => {
      const next = least([breaker.nextAttemptAt, ...accounts.map((account) => account.breaker.nextAttemptAt)])
      return next === undefined ? undefined : next / 1000
    },
    merge: Math.min,
  },
  {
    name: 'budget_remaining',
    help: 'Requests left in the quota of a host, of the account with the fewest; absent when the host reports no quota.',
    of: ({ accounts }) => least(accounts.map(({ budget }) => budget?.remaining)),
    merge: Math.min,
  },
  {
    name: 'budget_limit',
    help: 'Requests in a quota window of a host, of the account with the fewest; absent when the host reports no quota.',
    of: ({ accounts }) => least(accounts.map(({ budget }) => budget?.limit)),
    merge: Math.min,
  },
]

const sum = (one: number, other: number): number => one + other

/** Registers gauges that report the hosts at each scrape; hosts beyond the cap share one label. */
export function remoteGauges(
  registry: Registry,
  labelOf: (host: string) => string,
  hosts: () => readonly HostStatus[],
): void {
  for (const { name, help, of, merge = sum } of GAUGES) {
    new Gauge({
      name: `imagestreams_remote_${name}`,
      help,
      labelNames: ['host'],
      registers: [registry],
      collect() {
        const figures = new Map<string, number>()
        for (const host of hosts()) {
          const figure = of(host)
          const label = labelOf(host.host)
          const before = figures.get(label)
          if (figure !== undefined) figures.set(label, before === undefined ? figure : merge(before, figure))
        }
        this.reset()
        for (const [host, figure] of figures) this.set({ host }, figure)
      },
    })
  }
}

import { Gauge, type Registry } from 'prom-client'
import type { HostLabels } from './host-labels.ts'

/** How a host of other registries stands. */
export interface RemoteHostFigures {
  readonly host: string
  readonly inFlight: number
  readonly waiting: number
  readonly concurrency: number
  readonly breaker: BreakerFigures
  readonly accounts: readonly {
    readonly breaker: BreakerFigures
    readonly budget: { readonly remaining: number; readonly limit: number | null } | null
  }[]
}

interface BreakerFigures {
  readonly state: 'CLOSED' | 'OPEN' | 'HALF_OPEN'
  /** Milliseconds since 1970. */
  readonly nextAttempt: number | null
}

/** Of several hosts that share a name, one figure is made of theirs. */
type Merge = (one: number, other: number) => number
const sum: Merge = (one, other) => one + other

interface RemoteGauge {
  readonly name: string
  readonly help: string
  /** Undefined where there is nothing to tell. */
  readonly of: (host: RemoteHostFigures) => number | undefined
  readonly merge: Merge
}

const STATES = { CLOSED: 0, HALF_OPEN: 1, OPEN: 2 } as const

/** The least of them; undefined of none. */
const least = (figures: readonly (number | null | undefined)[]): number | undefined => {
  const told = figures.filter((figure) => typeof figure === 'number')
  return told.length > 0 ? Math.min(...told) : undefined
}

const GAUGES: readonly RemoteGauge[] = [
  {
    name: 'imagestreams_remote_requests_in_flight',
    help: 'Requests that a host is answering.',
    of: ({ inFlight }) => inFlight,
    merge: sum,
  },
  {
    name: 'imagestreams_remote_requests_waiting',
    help: 'Requests that wait for their turn at a host.',
    of: ({ waiting }) => waiting,
    merge: sum,
  },
  {
    name: 'imagestreams_remote_concurrency',
    help: 'Requests that a host is sent at a time: fewer than allowed for a while after it had too many.',
    of: ({ concurrency }) => concurrency,
    merge: sum,
  },
  {
    name: 'imagestreams_remote_breaker_state',
    help: 'Whether a host is asked: 0 closed, it is; 1 half open, one request finds out; 2 open, it is left alone.',
    of: ({ breaker }) => STATES[breaker.state],
    merge: Math.max,
  },
  {
    name: 'imagestreams_remote_accounts_left_alone',
    help: 'Accounts, anybody among them, as which a host is not asked for now.',
    of: ({ accounts }) => accounts.filter(({ breaker }) => breaker.state === 'OPEN').length,
    merge: sum,
  },
  {
    name: 'imagestreams_remote_next_attempt_timestamp_seconds',
    help: 'When a host that is left alone, by all or as an account, is tried again; not there when none is.',
    of: ({ breaker, accounts }) => {
      const next = least([breaker.nextAttempt, ...accounts.map((account) => account.breaker.nextAttempt)])
      return next === undefined ? undefined : next / 1000
    },
    merge: Math.min,
  },
  {
    name: 'imagestreams_remote_budget_remaining',
    help: 'Requests that a host still gives, as it said last, of the account with the fewest; not there when it does not say.',
    of: ({ accounts }) => least(accounts.map(({ budget }) => budget?.remaining)),
    merge: Math.min,
  },
  {
    name: 'imagestreams_remote_budget_limit',
    help: 'Requests that a host gives in a window, of the account with the fewest; not there when it does not say.',
    of: ({ accounts }) => least(accounts.map(({ budget }) => budget?.limit)),
    merge: Math.min,
  },
]

/** Tells with each scrape how the hosts stand; those beyond the cap as one. */
export function remoteGauges(
  registry: Registry,
  labels: HostLabels,
  hosts: () => readonly RemoteHostFigures[],
): void {
  for (const { name, help, of, merge } of GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ['host'],
      registers: [registry],
      collect() {
        const figures = new Map<string, number>()
        for (const host of hosts()) {
          const figure = of(host)
          const label = labels.of(host.host)
          const before = figures.get(label)
          if (figure !== undefined) figures.set(label, before === undefined ? figure : merge(before, figure))
        }
        this.reset()
        for (const [host, figure] of figures) this.set({ host }, figure)
      },
    })
  }
}

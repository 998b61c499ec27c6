import type { Budgets } from './budgets.ts'
import { type BreakerStatus, type CircuitBreaker, CLOSED_STATUS } from './circuit-breaker.ts'
import { IdleMap } from './idle-map.ts'
import type { RequestBudget } from './quota-headers.ts'

/** Account of requests that are sent without a credential: hosts count them by this server's address. */
export const ANONYMOUS_ACCOUNT = ''

/** State of one account at a host. It does not identify the account, because that would reveal its namespace. */
export interface AccountStatus {
  /** Whether requests of this account are sent with a credential. */
  readonly signedIn: boolean
  readonly breaker: BreakerStatus
  /** The last budget that the host reported for the account; null when it reported none. */
  readonly budget: RequestBudget | null
}

/** Accounts of one host that are remembered. */
const MAX_ACCOUNTS = 100

/** The circuit breakers of the accounts that one host is requested with: a 429 concerns one account only. */
export class Accounts {
  readonly #breakers = new IdleMap<CircuitBreaker>(MAX_ACCOUNTS, { dropsBusy: true })
  readonly #newBreaker: () => CircuitBreaker

  constructor(newBreaker: () => CircuitBreaker) {
    this.#newBreaker = newBreaker
  }

  /** Whether no account has an open circuit. */
  get idle(): boolean {
    for (const [, { state }] of this.#breakers) if (state === 'OPEN') return false
    return true
  }

  breakerOf(account: string): CircuitBreaker {
    return this.#breakers.getOrCreate(account, this.#newBreaker)
  }

  /** States of the accounts whose circuit is not closed or whose budget is known. */
  statuses(budgets: Budgets): AccountStatus[] {
    const names = new Set([...this.#breakers].map(([name]) => name).concat(budgets.accounts))
    const statuses: AccountStatus[] = []
    for (const name of names) {
      const breaker = this.#breakers.get(name)?.status ?? CLOSED_STATUS
      const budget = budgets.last(name) ?? null
      if (breaker.state === 'CLOSED' && !budget) continue
      statuses.push({ signedIn: name !== ANONYMOUS_ACCOUNT, breaker, budget })
    }
    return statuses
  }
}

import { BreakerMap } from './breaker-map.ts'
import type { Budgets } from './budgets.ts'
import type { BreakerStatus, CircuitBreaker } from './circuit-breaker.ts'
import type { RequestBudget } from './quota-headers.ts'

/** Account of requests that are sent without a credential: hosts count them by this server's address. */
export const ANONYMOUS_ACCOUNT = ''

/** State of one account at a host. It does not identify the account, because that would reveal its namespace. */
export interface AccountStatus {
  /** Whether requests of this account are sent with a credential. */
  readonly isSignedIn: boolean
  readonly breaker: BreakerStatus
  /** The last budget that the host reported for the account; null when it reported none. */
  readonly budget: RequestBudget | null
}

/** Accounts of one host that are remembered. */
const MAX_ACCOUNTS = 100

/** The circuit breakers of the accounts that one host is requested with: a 429 concerns one account only. */
export class Accounts extends BreakerMap {
  constructor(newBreaker: () => CircuitBreaker) {
    super(MAX_ACCOUNTS, newBreaker)
  }

  /** States of the accounts whose circuit is not closed or whose budget is known. */
  statuses(budgets: Budgets): AccountStatus[] {
    const names = new Set([...this.keys, ...budgets.accounts])
    const statuses: AccountStatus[] = []
    for (const name of names) {
      const breaker = this.statusOf(name)
      const budget = budgets.last(name) ?? null
      if (breaker.state === 'CLOSED' && !budget) continue
      statuses.push({ isSignedIn: name !== ANONYMOUS_ACCOUNT, breaker, budget })
    }
    return statuses
  }
}

import type { Breaker, BreakerStatus } from './breaker.ts'
import type { Budgets } from './budget.ts'
import type { Budget } from './quota-headers.ts'

/** Whom a host takes requests for that show no credential: whoever asks from this server's address. */
export const ANYBODY = ''

/** How one account that a host is asked as stands with it; not which one, for that would tell whose it is. */
export interface AccountStatus {
  /** Whether a credential is shown. */
  readonly signedIn: boolean
  readonly breaker: BreakerStatus
  /** What the host still gives to it; null where it does not say. */
  readonly budget: Budget | null
}

/** Accounts of one host that are remembered; of those that it puts up with the one used longest ago is forgotten first. */
const MAX_ACCOUNTS = 100

/** The accounts that one host is asked as: a host that has had enough of one is still asked as the others. */
export class Accounts {
  readonly #breakers = new Map<string, Breaker>()
  readonly #newBreaker: () => Breaker

  constructor(newBreaker: () => Breaker) {
    this.#newBreaker = newBreaker
  }

  /** Whether one of them is left alone now. */
  get someLeftAlone(): boolean {
    for (const { state } of this.#breakers.values()) if (state === 'OPEN') return true
    return false
  }

  /** Whether the host is worth asking as this one. */
  breakerOf(account: string): Breaker {
    const breaker = this.#breakers.get(account) ?? this.#newBreaker()
    // to the end: the map is in the order of use
    this.#breakers.delete(account)
    if (this.#breakers.size >= MAX_ACCOUNTS) this.#forgetOne()
    this.#breakers.set(account, breaker)
    return breaker
  }

  /** Of each that the host does not put up with, or told what it still gives. */
  statuses(budgets: Budgets): AccountStatus[] {
    const names = new Set([...this.#breakers.keys(), ...budgets.accounts])
    const statuses: AccountStatus[] = []
    for (const name of names) {
      const breaker = this.#breakers.get(name)?.standing ?? CLOSED
      const budget = budgets.last(name) ?? null
      if (breaker.state === 'CLOSED' && !budget) continue
      statuses.push({ signedIn: name !== ANYBODY, breaker, budget })
    }
    return statuses
  }

  #forgetOne(): void {
    const [oldest] = this.#breakers.keys()
    for (const [name, { state }] of this.#breakers) {
      if (state !== 'CLOSED') continue
      this.#breakers.delete(name)
      return
    }
    if (oldest !== undefined) this.#breakers.delete(oldest)
  }
}

const CLOSED: BreakerStatus = { state: 'CLOSED', since: null, reason: null, nextAttempt: null }

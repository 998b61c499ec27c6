import { LRUCache } from 'lru-cache'
import type { ResponseHeaders } from '../../egress/exchange.ts'
import { parseBudget, type RequestBudget } from './quota-headers.ts'
import type { Prioritized } from './request-context.ts'

/** A request was not sent: the rest of the host's quota is reserved for others, or the quota is exhausted. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError'
  /** `QuotaExceeded` for the quota of the namespace that the request is for, otherwise that of the host. */
  readonly reason: 'TooManyRequests' | 'QuotaExceeded'

  constructor(message: string, reason: BudgetError['reason'] = 'TooManyRequests') {
    super(message)
    this.reason = reason
  }
}

/** Seconds for which a remainder is valid when the host reports no window, and the maximum. */
const DEFAULT_WINDOW = 3600
const LONGEST_WINDOW = 24 * 3600

/** Milliseconds without a counted request after one was refused because the quota is exhausted. */
const EXHAUSTED_PAUSE = 60_000

/** Accounts of one host whose budgets are remembered. */
const MAX_ACCOUNTS = 100

/** A request as the host's quota counts it. */
export interface CountedRequest extends Prioritized {
  readonly account: string
  /** Pulls of manifests count also where nothing else does. */
  readonly isPull: boolean
}

interface AccountBudget {
  readonly budget: RequestBudget
  /** No counted request is sent before this time, in milliseconds since 1970. */
  readonly pausedUntil: number
}

/** The budgets that one host reported, by account. */
export class Budgets {
  readonly #byAccount = new LRUCache<string, AccountBudget>({ max: MAX_ACCOUNTS })
  /** Counted requests in flight, by account. */
  readonly #inFlight = new Map<string, number>()
  readonly #reserve: number

  /** `reserve` is the fraction of each quota that scheduled requests leave to webhooks and API clients. */
  constructor(reserve: number) {
    this.#reserve = reserve
  }

  /** Accounts with a budget, the most recently reported last. */
  get accounts(): string[] {
    return [...this.#byAccount.rkeys()]
  }

  /** Returns the last reported budget, also an expired one; undefined when none was reported. */
  last(account: string): RequestBudget | undefined {
    return this.#byAccount.peek(account)?.budget
  }

  /** Stores the budget in a response's headers, where there is one. */
  read(account: string, headers: ResponseHeaders, now: number): void {
    const budget = parseBudget(headers, now)
    if (!budget) return
    const pausedUntil = budget.remaining > 0 ? 0 : (this.#byAccount.peek(account)?.pausedUntil ?? 0)
    this.#byAccount.set(account, { budget, pausedUntil })
  }

  /**
   * Records a 429. Returns whether the account's quota is exhausted; counted requests then pause for a minute, because a
   * sliding window may return some of the quota before it ends.
   */
  recordRefusal({ account, isPull }: Pick<CountedRequest, 'account' | 'isPull'>, now: number): boolean {
    const budget = this.valid(account, now)
    if (budget?.remaining !== 0 || (budget.pullsOnly && !isPull)) return false
    const pausedUntil = Math.min(now + EXHAUSTED_PAUSE, expiryOf(budget))
    this.#byAccount.set(account, { budget, pausedUntil })
    return true
  }

  /**
   * Takes a request from the budget. Returns a function to call when it has ended. Throws BudgetError while the quota is
   * exhausted, and for a scheduled request that would use the reserve.
   */
  take({ account, isPull, urgency }: CountedRequest, now: number): () => void {
    const budget = this.valid(account, now)
    if (budget ? budget.pullsOnly && !isPull : !isPull) return () => {}
    const { limit = null, remaining = 0 } = budget ?? {}
    const { pausedUntil = 0 } = this.#byAccount.peek(account) ?? {}
    if (budget && pausedUntil > now) throw new BudgetError(exhaustedText(budget))
    const inFlight = this.#inFlight.get(account) ?? 0
    if (urgency === 'schedule' && limit !== null) {
      const reserve = Math.floor(limit * this.#reserve)
      // the last report may not include the requests in flight
      if (remaining - inFlight <= reserve) throw new BudgetError(reservedText(limit, reserve))
    }
    this.#inFlight.set(account, inFlight + 1)
    return () => {
      const left = (this.#inFlight.get(account) ?? 1) - 1
      if (left > 0) this.#inFlight.set(account, left)
      else this.#inFlight.delete(account)
    }
  }

  /** Returns the last reported budget; undefined when none was reported or its window has ended. */
  valid(account: string, now: number): RequestBudget | undefined {
    const budget = this.last(account)
    return budget && expiryOf(budget) > now ? budget : undefined
  }
}

/** Returns the time at which a report becomes invalid, in milliseconds since 1970. */
function expiryOf({ readAt, resetAt, window }: RequestBudget): number {
  const longest = readAt + LONGEST_WINDOW * 1000
  return Math.min(resetAt ?? readAt + (window ?? DEFAULT_WINDOW) * 1000, longest)
}

const reservedText = (limit: number, reserve: number): string =>
  `at most ${reserve} of the ${limit} requests of its quota are left, which are reserved for API clients and webhooks: scheduled imports continue when the quota is renewed`

// contains no time: each failure would look different from the last one
const exhaustedText = ({ limit }: RequestBudget): string =>
  `${limit === null ? 'its quota is' : `the ${limit} requests of its quota are`} used up: requests are retried once a minute`

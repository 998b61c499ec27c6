import type { ResponseHeaders } from '../../egress/exchange.ts'
import type { Urgency } from './host-queue.ts'
import { type Budget, parseBudget } from './quota-headers.ts'

/** A request was not sent: what the host still gives is kept for others, or it gives nothing more. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError'
}

/** Seconds that a remainder is believed where no window is named, and at most. */
const DEFAULT_WINDOW = 3600
const LONGEST_WINDOW = 24 * 3600

/** Milliseconds after a refusal for want of budget in which nothing more is asked that costs some. */
const SPENT_REST = 60_000

/** Accounts of one host whose budgets are remembered; the one read longest ago is forgotten first. */
const MAX_ACCOUNTS = 100

/** What is to be spent, and for whom. */
export interface Spending extends Urgency {
  readonly account: string
  /** It is a pull, which costs something also where only pulls do. */
  readonly isPull: boolean
}

/** What one host still gives, to each account that it was asked as. */
export class Budgets {
  readonly #ofAccounts = new Map<string, Budget>()
  /** Requests under way that will be counted, by account. */
  readonly #spending = new Map<string, number>()
  /** Until when nothing that costs is asked, by account; milliseconds since 1970. */
  readonly #spentUntil = new Map<string, number>()
  readonly #reserve: number

  /**
   * `reserve` is the part of each limit that schedules leave to webhooks and people. Those two spend it to the last, as
   * their turns come: webhooks first, which pull nothing but what did change.
   */
  constructor(reserve: number) {
    this.#reserve = reserve
  }

  /** The newest last. */
  get all(): readonly Budget[] {
    return [...this.#ofAccounts.values()]
  }

  /** The newest last. */
  get accounts(): Iterable<string> {
    return this.#ofAccounts.keys()
  }

  /** What the account was told last, however long ago. */
  last(account: string): Budget | undefined {
    return this.#ofAccounts.get(account)
  }

  /** What the account was told last; undefined where it was told nothing, or the window of that is over. */
  of(account: string, now: number): Budget | undefined {
    const budget = this.#ofAccounts.get(account)
    return budget && endOf(budget) > now ? budget : undefined
  }

  /** Remembers what an answer to this account says, where it says something. */
  read(account: string, headers: ResponseHeaders, now: number): void {
    const budget = parseBudget(headers, now)
    if (!budget) return
    if (budget.remaining > 0) this.#spentUntil.delete(account)
    this.#ofAccounts.delete(account)
    this.#ofAccounts.set(account, budget)
    for (const oldest of this.#ofAccounts.keys()) {
      if (this.#ofAccounts.size <= MAX_ACCOUNTS) break
      this.#ofAccounts.delete(oldest)
      this.#spentUntil.delete(oldest)
    }
  }

  /**
   * Notes that the host refused for now; true when that is because this account has spent what it was given. Then
   * nothing that costs is asked for a minute: the window may slide, and give some back before it is over.
   */
  refuse({ account, isPull }: Pick<Spending, 'account' | 'isPull'>, now: number): boolean {
    const budget = this.of(account, now)
    if (budget?.remaining !== 0 || (budget.pullsOnly && !isPull)) return false
    this.#spentUntil.set(account, Math.min(now + SPENT_REST, endOf(budget)))
    return true
  }

  /**
   * Begins a request; call the result when it is answered. Throws BudgetError for one that the host would refuse for
   * want of budget, and for a scheduled one that would touch what is kept for others.
   */
  spend({ account, isPull, urgency }: Spending, now: number): () => void {
    const budget = this.of(account, now)
    if (budget ? budget.pullsOnly && !isPull : !isPull) return () => {}
    const { limit = null, remaining = 0 } = budget ?? {}
    const spentUntil = this.#spentUntil.get(account) ?? 0
    if (budget && spentUntil > now) throw new BudgetError(spentText(budget))
    const spending = this.#spending.get(account) ?? 0
    if (urgency === 'schedule' && limit !== null) {
      const reserve = Math.floor(limit * this.#reserve)
      // those under way may not be in what the host said last
      if (remaining - spending <= reserve) throw new BudgetError(reservedText(limit, reserve))
    }
    this.#spending.set(account, spending + 1)
    return () => {
      const left = (this.#spending.get(account) ?? 1) - 1
      if (left > 0) this.#spending.set(account, left)
      else this.#spending.delete(account)
    }
  }
}

/** When what was said means nothing any more, in milliseconds since 1970. */
function endOf({ readAt, resetAt, window }: Budget): number {
  const longest = readAt + LONGEST_WINDOW * 1000
  return Math.min(resetAt ?? readAt + (window ?? DEFAULT_WINDOW) * 1000, longest)
}

const reservedText = (limit: number, reserve: number): string =>
  `of the ${limit} requests that it gives at most ${reserve} are left, which are kept for people and webhooks: a scheduled import waits until it gives more`

// without a time: each failure would look like a new one
const spentText = ({ limit }: Budget): string =>
  `${limit === null ? 'what it gives is' : `the ${limit} requests that it gives are`} spent: it is asked again once a minute`

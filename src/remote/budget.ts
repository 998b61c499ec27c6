import type { ResponseHeaders } from '../egress/exchange.ts'
import type { Urgency } from './host-queue.ts'

/** What a host said that it still gives. */
export interface Budget {
  /** Requests that it gives in a window; null where it does not say. */
  readonly limit: number | null
  readonly remaining: number
  /** Seconds; null where it does not say. */
  readonly window: number | null
  /** Whom the host counts, as it calls them: Docker Hub gives an address or a user's id. */
  readonly source: string | null
  /** Milliseconds since 1970. */
  readonly readAt: number
}

const COUNT = /^(\d{1,15})(?:\s*;\s*w\s*=\s*(\d{1,9}))?(?:$|[\s;,])/
const SOURCE = /^[\x21-\x7e]{1,100}$/

const textOf = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value)?.trim() ?? ''

function countOf(value: string | string[] | undefined): { count: number; window: number | null } | undefined {
  const [, count, window] = COUNT.exec(textOf(value)) ?? []
  if (count === undefined) return undefined
  return { count: Number(count), window: window === undefined ? null : Number(window) }
}

/**
 * Reads `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 20;w=21600` and `docker-ratelimit-source` as Docker Hub
 * writes them on manifests, for HEAD too; the window is missing elsewhere. Undefined without a remainder that can be
 * read.
 */
export function parseBudget(headers: ResponseHeaders, now: number): Budget | undefined {
  const remaining = countOf(headers['ratelimit-remaining'])
  if (!remaining) return undefined
  const limit = countOf(headers['ratelimit-limit'])
  const source = textOf(headers['docker-ratelimit-source'])
  return {
    limit: limit?.count ?? null,
    remaining: remaining.count,
    window: remaining.window ?? limit?.window ?? null,
    source: SOURCE.test(source) ? source : null,
    readAt: now,
  }
}

/** A scheduled request was not sent: what the host still gives is kept for webhooks and people. */
export class ReservedBudgetError extends Error {
  override readonly name = 'ReservedBudgetError'

  /** `reserve` of `limit` requests are kept. */
  constructor(reserve: number, limit: number) {
    super(
      `of the ${limit} requests that it gives at most ${reserve} are left, which are kept for people and webhooks: a scheduled import waits until it gives more`,
    )
  }
}

/** Seconds that a remainder is believed where no window is named, and at most. */
const DEFAULT_WINDOW = 3600
const LONGEST_WINDOW = 24 * 3600

/** Accounts of one host whose budgets are remembered; the one read longest ago is forgotten first. */
const MAX_ACCOUNTS = 100

/** What one host still gives, to each account that it was asked as. */
export class Budgets {
  readonly #ofAccounts = new Map<string, Budget>()
  /** Requests under way that will be counted, by account. */
  readonly #spending = new Map<string, number>()
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

  /** What the account was told last; undefined where it was told nothing, or the window of that is over. */
  of(account: string, now: number): Budget | undefined {
    const budget = this.#ofAccounts.get(account)
    if (!budget) return undefined
    const window = Math.min(budget.window ?? DEFAULT_WINDOW, LONGEST_WINDOW)
    return budget.readAt + window * 1000 <= now ? undefined : budget
  }

  /** Remembers what an answer to this account says, where it says something. */
  read(account: string, headers: ResponseHeaders, now: number): void {
    const budget = parseBudget(headers, now)
    if (!budget) return
    this.#ofAccounts.delete(account)
    this.#ofAccounts.set(account, budget)
    for (const oldest of this.#ofAccounts.keys()) {
      if (this.#ofAccounts.size <= MAX_ACCOUNTS) break
      this.#ofAccounts.delete(oldest)
    }
  }

  /**
   * Begins a request that the host counts; call the result when it is answered. Throws ReservedBudgetError for a
   * scheduled one that would touch what is kept for others.
   */
  spend(account: string, now: number, { urgency }: Urgency): () => void {
    const spending = this.#spending.get(account) ?? 0
    const { limit = null, remaining = 0 } = this.of(account, now) ?? {}
    if (urgency === 'schedule' && limit !== null) {
      const reserve = Math.floor(limit * this.#reserve)
      // those under way may not be in what the host said last
      if (remaining - spending <= reserve) throw new ReservedBudgetError(reserve, limit)
    }
    this.#spending.set(account, spending + 1)
    return () => {
      const left = (this.#spending.get(account) ?? 1) - 1
      if (left > 0) this.#spending.set(account, left)
      else this.#spending.delete(account)
    }
  }
}

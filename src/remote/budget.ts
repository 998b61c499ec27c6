import type { ResponseHeaders } from '../egress/exchange.ts'

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

/** Accounts of one host whose budgets are remembered; the one read longest ago is forgotten first. */
const MAX_ACCOUNTS = 100

/** What one host still gives, to each account that it was asked as. */
export class Budgets {
  readonly #ofAccounts = new Map<string, Budget>()

  /** The newest last. */
  get all(): readonly Budget[] {
    return [...this.#ofAccounts.values()]
  }

  /** What the account was told last; undefined where it was told nothing, or the window of that is over. */
  of(account: string, now: number): Budget | undefined {
    const budget = this.#ofAccounts.get(account)
    const isOver = budget?.window != null && budget.readAt + budget.window * 1000 <= now
    return isOver ? undefined : budget
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
}

import { compareKeys, type KeysetPage, type PageKey } from '../../input/page.ts'

interface PlanListOptions<Item> {
  /** Returns the key by which the list is sorted, which is unique in it. */
  readonly keyOf: (item: Item) => PageKey
  /** Whether items arrive in the order of their keys. */
  readonly isOrdered: boolean
}

/** A list of a plan while the plan is made: the pages that are read of it, and its length. */
export class PlanList<Item> {
  #total = 0
  #isCounted = false
  readonly #pages: PlanPage<Item>[] = []
  readonly #options: PlanListOptions<Item>

  constructor(options: PlanListOptions<Item>) {
    this.#options = options
  }

  /** Requests a page, before the list is read. */
  page(page: KeysetPage): PlanPage<Item> {
    const requested = new PlanPage(page, this.#options)
    this.#pages.push(requested)
    return requested
  }

  /** Requests the length, before the list is read. */
  count(): void {
    this.#isCounted = true
  }

  add(item: Item): void {
    this.#total++
    for (const page of this.#pages) page.add(item)
  }

  /** Number of items; of the whole list if it was requested. */
  get total(): number {
    return this.#total
  }

  /** Whether anything was requested. */
  get isRequested(): boolean {
    return this.#isCounted || this.#pages.length > 0
  }

  /** Whether further items change nothing that was requested. */
  get isComplete(): boolean {
    return !this.#isCounted && this.#pages.every((page) => page.isComplete)
  }

  /** The key after which the first requested item comes; undefined if it may be the first of the list. */
  get start(): PageKey | undefined {
    if (this.#isCounted) return undefined
    let lowest = this.#pages[0]?.after
    for (const { after } of this.#pages) {
      if (!after) return undefined
      if (lowest && compareKeys(after, lowest) < 0) lowest = after
    }
    return lowest
  }
}

/** A page of a plan's list. */
export class PlanPage<Item> {
  #items: Item[] = []
  #isPast = false
  readonly #page: KeysetPage
  readonly #options: PlanListOptions<Item>

  constructor(page: KeysetPage, options: PlanListOptions<Item>) {
    this.#page = page
    this.#options = options
  }

  get after(): PageKey | undefined {
    return this.#page.after
  }

  get isComplete(): boolean {
    const { isOrdered } = this.#options
    return isOrdered && (this.#isPast || (!this.#page.fromEnd && this.#items.length >= this.#limit))
  }

  add(item: Item): void {
    const { after, before } = this.#page
    if (this.isComplete) return
    const key = this.#options.keyOf(item)
    if (after && compareKeys(key, after) <= 0) return
    if (before && compareKeys(key, before) >= 0) {
      this.#isPast = true
      return
    }
    this.#items.push(item)
    // trimmed now and then, so that it never holds more than twice the page
    if (this.#items.length > 2 * this.#limit) this.#items = this.rows()
  }

  /** Returns the items of the page in order, and one more where the list continues unless `peek` is false. */
  rows(): Item[] {
    const { isOrdered, keyOf } = this.#options
    const sorted = isOrdered
      ? this.#items
      : this.#items.toSorted((one, other) => compareKeys(keyOf(one), keyOf(other)))
    if (!this.#page.fromEnd) return sorted.slice(0, this.#limit)
    return sorted.slice(Math.max(0, sorted.length - this.#limit))
  }

  get #limit(): number {
    return this.#page.limit + (this.#page.peek === false ? 0 : 1)
  }
}

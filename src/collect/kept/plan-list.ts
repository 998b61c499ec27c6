/** A page of a list, and the number of items of the whole list. */
export interface PlanList<Item> {
  readonly total: number
  readonly items: readonly Item[]
}

interface PlanListOptions<Item> {
  /** Maximum number of items on the page. */
  readonly limit: number
  /** Reports whether the item comes after the end of the previous page. Every item does unless given. */
  readonly isAfter?: (item: Item) => boolean
  /** Sorts the items; items arrive in order unless given. */
  readonly compare?: (one: Item, other: Item) => number
}

/** Counts all items, and holds the first ones of the page. */
export class GrowingPlanList<Item> {
  #total = 0
  #items: Item[] = []
  readonly #options: PlanListOptions<Item>

  constructor(options: PlanListOptions<Item>) {
    this.#options = options
  }

  add(item: Item): void {
    const { limit, isAfter, compare } = this.#options
    this.#total++
    if (isAfter && !isAfter(item)) return
    if (!compare && this.#items.length >= limit) return
    this.#items.push(item)
    // sorted now and then, so that it never holds more than twice the page
    if (this.#items.length >= 2 * limit) this.#items = this.#firstItems()
  }

  finished(): PlanList<Item> {
    return { total: this.#total, items: this.#firstItems() }
  }

  #firstItems(): Item[] {
    const { limit, compare } = this.#options
    return (compare ? this.#items.toSorted(compare) : this.#items).slice(0, limit)
  }
}

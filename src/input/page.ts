/** Values of the sort columns of one row: the position of a page's first or last row. */
export type PageKey = readonly (string | number)[]

/** Part of an ordered list, delimited by keys and not by row numbers. */
export interface KeysetPage {
  readonly limit: number
  /** Reads one more row than the limit, so that the caller sees whether the list continues. True unless given. */
  readonly peek?: boolean
  /** Only rows after this key. */
  readonly after?: PageKey | undefined
  /** Only rows before this key. */
  readonly before?: PageKey | undefined
  /** The last rows instead of the first. The rows are in the order of the list either way. */
  readonly fromEnd?: boolean | undefined
}

/** Returns the order of two keys of one list: negative where the first comes before the other. */
export function compareKeys(one: PageKey, other: PageKey): number {
  for (const [at, part] of one.entries()) {
    const otherPart = other[at]
    if (otherPart !== undefined && part !== otherPart) return part < otherPart ? -1 : 1
  }
  return 0
}

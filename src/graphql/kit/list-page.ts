import type { GraphQLResolveInfo } from 'graphql'
import { compareKeys, type KeysetPage, type PageKey } from '../../input/page.ts'
import { type Connection, type ConnectionArguments, type Cursors, connection } from './connection.ts'

interface MemoryList<Item> {
  readonly cursors: Cursors<Item>
  /** The whole list, sorted by the key. */
  readonly items: readonly Item[]
  /** Number of items of the list of which `items` are the first; by default the number of `items`. */
  readonly total?: number
  /** Returns the key that the cursors hold, which is unique in the list. */
  readonly keyOf: (item: Item) => PageKey
}

/** Returns the page of a list in memory that the arguments select. Throws InvalidInputError. */
export const listConnection = <Item>(
  args: ConnectionArguments,
  info: GraphQLResolveInfo,
  { cursors, items, keyOf, total = items.length }: MemoryList<Item>,
): Connection<Item> =>
  connection(args, info, {
    cursors,
    rows: ({ limit, after, before, fromEnd }: KeysetPage) => {
      const between = items.filter(
        (item) =>
          (!after || compareKeys(keyOf(item), after) > 0) &&
          (!before || compareKeys(keyOf(item), before) < 0),
      )
      return fromEnd ? between.slice(-limit - 1) : between.slice(0, limit + 1)
    },
    totalCount: () => total,
  })

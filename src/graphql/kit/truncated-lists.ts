import type { ExecutionResult, GraphQLResolveInfo, ResponsePath } from 'graphql'
import { keysOf } from '../execute/path.ts'
import { type Connection, MAXIMUM_PAGE_SIZE } from './connection.ts'

/** A list of a response that has more items, and whose page has the default size. */
interface TruncatedList {
  /** As in errors. */
  readonly path: readonly (string | number)[]
  /** Number of items in the page. */
  readonly returned: number
  /** Number of lists of this field in the response that have more items, this one included. */
  readonly count: number
  readonly message: string
}

interface Truncation {
  readonly path: ResponsePath
  readonly returned: number
  count: number
}

/** Fields of an operation that are reported, each with the first of its lists. */
const MAX_FIELDS = 10

/** The executor has one array of nodes for each field of the document. */
type Fields = Map<GraphQLResolveInfo['fieldNodes'], Truncation>

/** By the context of an operation. */
const truncations = new WeakMap<object, Fields>()

/** Returns the items of a page, which `info` is about. Remembers for the response that the page leaves items out. */
export function reported<Items extends readonly unknown[]>(
  items: Items,
  connection: Pick<Connection<unknown>, 'takeTruncation'>,
  context: object,
  { path: { prev: path }, fieldNodes }: GraphQLResolveInfo,
): Items {
  if (!connection.takeTruncation() || !path) return items
  const fields = truncations.get(context) ?? (new Map() as Fields)
  truncations.set(context, fields)
  const known = fields.get(fieldNodes)
  if (known) known.count++
  else if (fields.size < MAX_FIELDS) fields.set(fieldNodes, { path, returned: items.length, count: 1 })
  return items
}

/** Returns the result with `extensions.truncatedLists`, if lists were truncated since the last result of this context. */
export function withTruncatedLists<Result extends ExecutionResult>(result: Result, context: object): Result {
  const fields = truncations.get(context)
  if (!fields) return result
  truncations.delete(context)
  return { ...result, extensions: { ...result.extensions, truncatedLists: [...fields.values()].map(shown) } }
}

const shown = ({ path, returned, count }: Truncation): TruncatedList => ({
  path: keysOf(path),
  returned,
  count,
  message: `the list has more than these ${returned} items: give "first" (at most ${MAXIMUM_PAGE_SIZE}), and read the next page with "after" and pageInfo.endCursor`,
})

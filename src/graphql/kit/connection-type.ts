import { builder } from './builder.ts'
import {
  after,
  type Connection,
  type ConnectionArguments,
  DEFAULT_PAGE_SIZE,
  type Edge,
  MAXIMUM_PAGE_SIZE,
  type PageInfo,
} from './connection.ts'
import { reported } from './truncated-lists.ts'
import { objectType } from './types.ts'

type Ref<Node> = ReturnType<typeof builder.objectRef<Node>>

const PageInfoType = objectType<PageInfo>('PageInfo', {
  description: 'Position of a page in its list, as in the Relay specification of connections.',
  properties: (t) => ({
    hasNextPage: t.boolean('Whether the list has items after this page.'),
    hasPreviousPage: t.boolean('Whether the list has items before this page.'),
    startCursor: t.stringOrNull(
      'Cursor of the first item, for the `before` argument of the previous page; null on an empty page.',
    ),
    endCursor: t.stringOrNull(
      'Cursor of the last item, for the `after` argument of the next page. Null on an empty page, except in the change log.',
    ),
  }),
})

/** The arguments of every connection. */
export const connectionArgs = builder.args((t) => ({
  first: t.int({
    description: `Number of items to return from the start of the list, or after the cursor \`after\`: 1 to ${MAXIMUM_PAGE_SIZE}. The default is ${DEFAULT_PAGE_SIZE} if \`last\` is not given either.`,
  }),
  after: t.string({ description: 'Returns only items after this cursor.' }),
  last: t.int({
    description: `Number of items to return from the end of the list, or before the cursor \`before\`: 1 to ${MAXIMUM_PAGE_SIZE}. \`INVALID\` together with \`first\`.`,
  }),
  before: t.string({ description: 'Returns only items before this cursor.' }),
}))

/** Returns the complexity of a connection: its selection counts once for each item that a page may have. */
export const pageComplexity = ({ first, last }: ConnectionArguments) => ({
  field: 1,
  multiplier: Math.min(Math.max(first ?? last ?? DEFAULT_PAGE_SIZE, 1), MAXIMUM_PAGE_SIZE),
})
// counting a whole list costs more than reading a field
const COUNT_COMPLEXITY = 10
// the connection has already multiplied by its items
const COUNTED = { field: 1, multiplier: 1 }

interface ConnectionTypeOptions {
  readonly items: string
  /** Whether the connection has `totalCount`; true by default. */
  readonly counted?: boolean
}

/** Defines `<name>Connection` and `<name>Edge` for a type; `items` is the plural noun for the descriptions. */
export function connectionType<Node extends object>(
  name: string,
  type: ReturnType<Ref<Node>['implement']>,
  options: ConnectionTypeOptions,
): ReturnType<Ref<Connection<Node>>['implement']>
// the builder cannot relate a type parameter to the nodes of a reference: inside, nodes are objects
export function connectionType(
  name: string,
  nodeType: ReturnType<Ref<object>['implement']>,
  { items, counted = true }: ConnectionTypeOptions,
): ReturnType<Ref<Connection<object>>['implement']> {
  const edgeType = objectType<Edge<object>>(`${name}Edge`, {
    description: `One item of a page of ${items}, with its cursor.`,
    properties: (t) => ({
      cursor: t.string('Opaque position of the item in the list, for `after` and `before`.'),
      node: t.one(nodeType, 'The item at the cursor.'),
    }),
  })
  return objectType<Connection<object>>(`${name}Connection`, {
    description: `A page of a list of ${items}.`,
    fields: (t) => ({
      pageInfo: t.field({
        type: PageInfoType,
        description: 'Position of this page in the list.',
        resolve: (connection) => connection.pageInfo,
      }),
      edges: t.field({
        type: [edgeType],
        description: 'Items of this page, each with its cursor.',
        complexity: COUNTED,
        resolve: (connection, _args, context, info) =>
          after(connection.edges, (edges) => reported(edges, connection, context, info)),
      }),
      nodes: t.field({
        type: [nodeType],
        description: 'Items of this page.',
        complexity: COUNTED,
        resolve: (connection, _args, context, info) =>
          after(connection.nodes, (nodes) => reported(nodes, connection, context, info)),
      }),
      ...(counted && {
        totalCount: t.int({
          description: `Number of ${items} in the whole list, after filters. The server counts only when the field is selected.`,
          complexity: COUNT_COMPLEXITY,
          resolve: (connection) => connection.totalCount,
        }),
      }),
    }),
  })
}

import { builder } from './builder.ts'
import {
  type Connection,
  type ConnectionArguments,
  DEFAULT_PAGE_SIZE,
  type Edge,
  MAXIMUM_PAGE_SIZE,
  type PageInfo,
} from './connection.ts'

type Ref<Node> = ReturnType<typeof builder.objectRef<Node>>

const PageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'Where a page stands in its list, by the Relay specification of connections.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', {
      description: 'Whether the list goes on behind this page.',
    }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', {
      description: 'Whether the list has something before this page.',
    }),
    startCursor: t.exposeString('startCursor', {
      nullable: true,
      description: 'Cursor of the first item, to be given as `before`; null on an empty page.',
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Cursor of the last item, to be given as `after`; null on an empty page.',
    }),
  }),
})

/** The arguments of every connection. */
export const connectionArgs = builder.args((t) => ({
  first: t.int({
    description: `How many items to read from the start, or behind \`after\`: 1 to ${MAXIMUM_PAGE_SIZE}, and ${DEFAULT_PAGE_SIZE} when neither \`first\` nor \`last\` is given.`,
  }),
  after: t.string({ description: 'Only items behind this cursor.' }),
  last: t.int({
    description: `How many items to read from the end, or before \`before\`: 1 to ${MAXIMUM_PAGE_SIZE}; not together with \`first\`.`,
  }),
  before: t.string({ description: 'Only items before this cursor.' }),
}))

/** What a connection costs: everything on it as often as there may be items. */
export const pageComplexity = ({ first, last }: ConnectionArguments) => ({
  field: 1,
  multiplier: Math.min(Math.max(first ?? last ?? DEFAULT_PAGE_SIZE, 1), MAXIMUM_PAGE_SIZE),
})
/** Counting a whole list costs more than a field of it. */
const COUNT_COMPLEXITY = 10
// the connection itself has counted its items
const COUNTED = { field: 1, multiplier: 1 }

/** Defines `<name>Connection` and `<name>Edge` over a type; `items` is what people call them. */
export function connectionType<Node extends object>(
  name: string,
  type: Ref<Node>,
  { items, counted = true }: { items: string; counted?: boolean },
): ReturnType<Ref<Connection<Node>>['implement']> {
  // the builder cannot see through a type parameter that this reference stands for its nodes
  const nodeType = type as unknown as Ref<object>
  const edgeType = builder.objectRef<Edge<object>>(`${name}Edge`).implement({
    description: `One of the ${items} of a page, with its cursor.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'Where this item stands in the list; opaque.' }),
      node: t.field({ type: nodeType, description: 'The item itself.', resolve: ({ node }) => node }),
    }),
  })
  return builder.objectRef<Connection<Node>>(`${name}Connection`).implement({
    description: `A page of a list of ${items}.`,
    fields: (t) => ({
      edges: t.field({
        type: [edgeType],
        description: `The ${items} of this page, each with its cursor.`,
        complexity: COUNTED,
        resolve: (connection) => connection.edges as Edge<object>[],
      }),
      nodes: t.field({
        type: [nodeType],
        description: `The ${items} of this page.`,
        complexity: COUNTED,
        resolve: (connection) => connection.nodes as readonly object[],
      }),
      pageInfo: t.field({
        type: PageInfoType,
        description: 'Where this page stands in the list.',
        resolve: (connection) => connection.pageInfo,
      }),
      ...(counted && {
        totalCount: t.exposeInt('totalCount', {
          description: `How many ${items} the whole list has; counted when it is asked.`,
          complexity: COUNT_COMPLEXITY,
        }),
      }),
    }),
  })
}

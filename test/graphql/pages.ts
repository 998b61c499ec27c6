import type { GraphQLClient, GraphQLResponse } from '../fixtures/graphql-client.ts'
import type { PageInfo } from '../flows/operations.ts'

/** A page of any connection; nodes are compared as JSON. */
export interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: object }[]
  readonly nodes: readonly object[]
  readonly pageInfo: PageInfo
  readonly totalCount?: number
}

export interface PageArguments {
  readonly first?: number
  readonly after?: string | null
  readonly last?: number
  readonly before?: string | null
}

/** The query of a connection, with `PAGE` in place of the connection's arguments and selection. */
export interface ConnectionPath {
  readonly query: string
  /** The selection of each node. */
  readonly node: string
  /** False where the connection has no totalCount. */
  readonly counted?: boolean
}

const pageIn = (value: unknown): Page => {
  if (typeof value !== 'object' || value === null) throw new Error('there is no connection in the response')
  return 'edges' in value ? (value as Page) : pageIn(Object.values(value)[0])
}

/** Returns the response to a query of one page, errors included. */
export function answerPage(
  client: GraphQLClient,
  { query, node, counted = true }: ConnectionPath,
  args: PageArguments,
): Promise<GraphQLResponse<unknown>> {
  const page = `first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { ${node} } } nodes { ${node} }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } ${counted ? 'totalCount' : ''} }`
  return client.execute(
    `query ($first: Int, $after: String, $last: Int, $before: String) { ${query.replace('PAGE)', page)} }`,
    { ...args },
  )
}

/** Returns one page. Throws if the response has errors. */
export async function readPage(
  client: GraphQLClient,
  path: ConnectionPath,
  args: PageArguments = {},
): Promise<Page> {
  const { data, errors } = await answerPage(client, path, args)
  if (errors) throw new Error(JSON.stringify(errors))
  return pageIn(data)
}

/** Returns every node, read forwards in pages of this size; `between` runs after each page. */
export async function readForwards(
  client: GraphQLClient,
  path: ConnectionPath,
  { size, between }: { size: number; between?: () => Promise<unknown> },
): Promise<{ nodes: object[]; pages: Page[] }> {
  const pages: Page[] = []
  for (let after: string | null = null; ; ) {
    const page: Page = await readPage(client, path, { first: size, after })
    pages.push(page)
    after = page.pageInfo.endCursor
    if (!page.pageInfo.hasNextPage) return { pages, nodes: pages.flatMap(({ nodes }) => nodes) }
    await between?.()
  }
}

/** Returns every node in the list's order, read backwards in pages of this size. */
export async function readBackwards(
  client: GraphQLClient,
  path: ConnectionPath,
  { size }: { size: number },
): Promise<{ nodes: object[]; pages: Page[] }> {
  const pages: Page[] = []
  for (let before: string | null = null; ; ) {
    const page: Page = await readPage(client, path, { last: size, before })
    pages.unshift(page)
    before = page.pageInfo.startCursor
    if (!page.pageInfo.hasPreviousPage) return { pages, nodes: pages.flatMap(({ nodes }) => nodes) }
  }
}

import type { GraphQLClient, GraphQLResponse } from '../fixtures/graphql-client.ts'

// Operations on the server, through the API.

/** An import as the API returns it. */
export interface Imported {
  readonly id: string
  readonly state: 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'PARTIALLY_SUCCEEDED' | 'FAILED'
  readonly finishedAt: string | null
  readonly total: number | null
  readonly imported: number
  readonly unchanged: number
  readonly failed: number
  readonly additionalTags: {
    readonly totalCount: number
    readonly nodes: readonly { readonly tag: string }[]
  }
  readonly reason: string | null
  readonly message: string | null
}

export interface ImportResult {
  readonly tag: string
  readonly state: 'IMPORTED' | 'UNCHANGED' | 'FAILED'
  readonly reason: string | null
  readonly message: string | null
  readonly image: { readonly digest: string } | null
}

export interface Stream {
  readonly id: string
  readonly name: string
  readonly generation: number
  readonly resourceVersion: string
}

export interface Push {
  readonly id: string
  readonly cursor: string
  readonly imageStreamName: string
  readonly tag: string
  readonly image: { readonly digest: string }
  readonly previousImage: { readonly digest: string } | null
}

export interface PageInfo {
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  readonly startCursor: string | null
  readonly endCursor: string | null
}

type Variables = Record<string, unknown>

export const IMPORT =
  'id state finishedAt total imported unchanged failed additionalTags { totalCount nodes { tag } } reason message' as const
export const PUSH = 'id cursor imageStreamName tag image { digest } previousImage { digest }' as const
const STREAM = 'id name generation resourceVersion'

/** Follows an import to its end. */
export const PROGRESS = `subscription ($id: ID!) { importProgressed(id: $id) { ${IMPORT} } }`

/** Maximum page size. */
const PAGE = 500

/**
 * Returns the import after its end, unless the input sets `waitSeconds`: then as the response has it. The server responds
 * after its default wait, finished or not: a busy machine may need longer.
 */
async function toItsEnd(
  client: GraphQLClient,
  imported: Imported,
  { waitSeconds }: Variables,
): Promise<Imported> {
  return waitSeconds === undefined && imported.finishedAt === null
    ? ((await reportsOf(client, imported.id)).at(-1) ?? imported)
    : imported
}

/** Runs `createImageStream` and waits for the end of the first import, or for `waitSeconds`. Default name: `app`. */
export async function createStream(
  client: GraphQLClient,
  input: Variables = {},
): Promise<{ imageStream: Stream; import: Imported | null }> {
  const { createImageStream } = await client.request<{
    createImageStream: { imageStream: Stream; import: Imported | null }
  }>(
    `mutation ($input: CreateImageStreamInput!) {
      createImageStream(input: $input) { imageStream { ${STREAM} } import { ${IMPORT} } }
    }`,
    { input: { name: 'app', ...input } },
  )
  const { imageStream, import: first } = createImageStream
  return { imageStream, import: first && (await toItsEnd(client, first, input)) }
}

/** Creates a stream of all tags of a repository and waits for its import. */
export async function follow(client: GraphQLClient, repository: string, name = 'app'): Promise<Imported> {
  const created = await createStream(client, { name, spec: { dockerImageRepository: repository } })
  if (!created.import) throw new Error('the stream has no import')
  return created.import
}

/** Runs `importImage`, into `app` unless the input names another stream, and waits for its end, or for `waitSeconds`. */
export async function importImage(client: GraphQLClient, input: Variables = {}): Promise<Imported> {
  const { importImage } = await client.request<{ importImage: { import: Imported } }>(
    `mutation ($input: ImportImageInput!) { importImage(input: $input) { import { ${IMPORT} } } }`,
    { input: { imageStream: 'app', ...input } },
  )
  return toItsEnd(client, importImage.import, input)
}

export async function deleteStream(client: GraphQLClient, name = 'app'): Promise<void> {
  await client.request(
    'mutation ($name: String!) { deleteImageStream(input: { imageStream: $name }) { deletedId } }',
    {
      name,
    },
  )
}

/** Returns the result of each tag, in order of importance. */
export async function resultsOf(client: GraphQLClient, { id }: Imported): Promise<readonly ImportResult[]> {
  const { node } = await client.request<{ node: { results: { nodes: ImportResult[] } } }>(
    `query ($id: ID!) { node(id: $id) { ... on Import {
      results(first: ${PAGE}) { nodes { tag state reason message image { digest } } } } } }`,
    { id },
  )
  return node.results.nodes
}

/** Returns the digest of each tag, in order of importance. */
export async function tagDigests(
  client: GraphQLClient,
  name = 'app',
): Promise<ReadonlyMap<string, string | undefined>> {
  type Tags = { nodes: { tag: string; image: { digest: string } | null }[]; pageInfo: PageInfo }
  const digests = new Map<string, string | undefined>()
  let after: string | null = null
  do {
    const response: { imageStream: { tags: Tags } } = await client.request(
      `query ($name: String!, $after: String) { imageStream(name: $name) { tags(first: ${PAGE}, after: $after) { nodes { tag image { digest } } pageInfo { hasNextPage endCursor } } } }`,
      { name, after },
    )
    const { nodes, pageInfo } = response.imageStream.tags
    for (const { tag, image } of nodes) digests.set(tag, image?.digest)
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null
  } while (after !== null)
  return digests
}

/** Returns the digests of a tag's history, newest first. */
export async function history(client: GraphQLClient, name: string): Promise<readonly string[]> {
  const { imageStreamTag } = await client.request<{
    imageStreamTag: { items: { nodes: { image: { digest: string } }[] } } | null
  }>(
    `query ($name: String!) { imageStreamTag(name: $name) { items(first: ${PAGE}) { nodes { image { digest } } } } }`,
    { name },
  )
  return imageStreamTag?.items.nodes.map(({ image }) => image.digest) ?? []
}

/** Returns the whole change log. */
export async function pushLog(client: GraphQLClient, filter: Variables = {}): Promise<readonly Push[]> {
  const pushes: Push[] = []
  let after: string | null = null
  do {
    const response: { imagePushes: { nodes: Push[]; pageInfo: PageInfo } } = await client.request(
      `query ($imageStream: String, $tag: String, $since: String, $after: String) {
        imagePushes(imageStream: $imageStream, tag: $tag, since: $since, first: ${PAGE}, after: $after) {
          nodes { ${PUSH} } pageInfo { hasNextPage endCursor } } }`,
      { ...filter, after },
    )
    pushes.push(...response.imagePushes.nodes)
    after = response.imagePushes.pageInfo.hasNextPage ? response.imagePushes.pageInfo.endCursor : null
  } while (after !== null)
  return pushes
}

/** Returns the end cursor of the log: a subscription from there misses nothing. */
export async function endOfLog(client: GraphQLClient): Promise<string> {
  const { imagePushes } = await client.request<{ imagePushes: { pageInfo: { endCursor: string } } }>(
    '{ imagePushes(last: 1) { pageInfo { endCursor } } }',
  )
  return imagePushes.pageInfo.endCursor
}

/** Returns all progress reports of an import; the last one is its result. */
export async function reportsOf(client: GraphQLClient, id: string): Promise<readonly Imported[]> {
  const reports: Imported[] = []
  for await (const { importProgressed } of client.follow<{ importProgressed: Imported }>(PROGRESS, { id })) {
    reports.push(importProgressed)
  }
  return reports
}

/** Code and field of each error of a response. */
export const errorsOf = ({ errors = [] }: GraphQLResponse<unknown>) =>
  errors.map(({ extensions }) => ({
    code: extensions?.code,
    ...(extensions?.field !== undefined && { field: extensions.field }),
  }))

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { createStream, errorsOf, importImage } from '../../flows/operations.ts'
import { type Catalogue, REVISIONS, startCatalogue, TAGS } from '../catalogue.ts'
import {
  answerPage,
  type ConnectionPath,
  type PageArguments,
  readBackwards,
  readForwards,
  readPage,
} from '../pages.ts'
import { addRegistries } from '../registry-catalogue.ts'

let catalogue: Catalogue
let newestImport: string
beforeAll(async () => {
  catalogue = await startCatalogue()
  await addRegistries(catalogue.app)
  newestImport = (await importImage(catalogue.app.client)).id
})
afterAll(() => catalogue[Symbol.asyncDispose]())

const client = () => catalogue.app.client

const PATHS: Readonly<Record<string, () => ConnectionPath>> = {
  imageStreams: () => ({ query: 'imageStreams(PAGE)', node: 'namespace name' }),
  'imageStreams NEWEST_FIRST': () => ({ query: 'imageStreams(orderBy: NEWEST_FIRST, PAGE)', node: 'name' }),
  tags: () => ({ query: 'imageStream(name: "app") { tags(PAGE) }', node: 'tag' }),
  'tags by NAME': () => ({
    query: 'imageStream(name: "app") { tags(orderBy: NAME, PAGE) }',
    node: 'tag',
  }),
  'tags NEWEST_FIRST': () => ({
    query: 'imageStream(name: "app") { tags(orderBy: NEWEST_FIRST, PAGE) }',
    node: 'tag',
  }),
  'tags SEMVER_DESC': () => ({
    query: 'imageStream(name: "app") { tags(orderBy: SEMVER_DESC, PAGE) }',
    node: 'tag',
  }),
  items: () => ({
    query: 'imageStreamTag(name: "app:latest") { items(PAGE) }',
    node: 'created image { digest }',
  }),
  imports: () => ({ query: 'imageStream(name: "app") { imports(PAGE) }', node: 'id' }),
  results: () => ({
    query: `node(id: "${newestImport}") { ... on Import { results(PAGE) } }`,
    node: 'tag state',
  }),
  'tags of an image': () => ({
    query: `image(digest: "${image({ seed: 0 }).digest}") { tags(PAGE) }`,
    node: 'id',
  }),
  tagsAt: () => ({
    query: 'imageStream(name: "app") { tagsAt(time: "2100-01-01T00:00:00Z", PAGE) }',
    node: 'imageStreamTag { tag } created',
  }),
  'history of an image': () => ({
    query: `image(digest: "${image({ seed: 0 }).digest}") { history(PAGE) }`,
    node: 'created imageStreamTag { id }',
  }),
  imagePushes: () => ({ query: 'imagePushes(PAGE)', node: 'id', counted: false }),
  registryCredentials: () => ({ query: 'registryCredentials(PAGE)', node: 'id namespace prefix' }),
  registryConfigurations: () => ({ query: 'registryConfigurations(PAGE)', node: 'id prefix' }),
  repositories: () => ({ query: 'repositories(PAGE)', node: 'id namespace name' }),
  uploads: () => ({ query: 'integratedRegistry { uploads(PAGE) }', node: 'id repository' }),
}
const paths = Object.entries(PATHS)

describe.each(paths)('%s', (_name, path) => {
  test('has equal nodes and edges, a total, and cursors at both ends', async () => {
    const page = await readPage(client(), path())

    expect(page.nodes.length).toBeGreaterThan(5)
    expect(page.edges.map(({ node }) => node)).toEqual(page.nodes)
    expect(page.totalCount ?? page.nodes.length).toBe(page.nodes.length)
    expect(page.pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: page.edges[0]?.cursor,
      endCursor: page.edges.at(-1)?.cursor,
    })
  })

  test.each([1, 2, 3])('is the same list in pages of %i, from either end', async (size) => {
    const { nodes } = await readPage(client(), path())

    const forwards = await readForwards(client(), path(), { size })
    const backwards = await readBackwards(client(), path(), { size })

    expect(forwards.nodes).toEqual(nodes)
    expect(backwards.nodes).toEqual(nodes)
    const count = Math.ceil(nodes.length / size)
    const goesOn = ({ pages }: typeof forwards) =>
      pages.map(({ pageInfo }) => [pageInfo.hasPreviousPage, pageInfo.hasNextPage])
    const expected = Array.from({ length: count }, (_, at) => [at > 0, at < count - 1])
    expect(goesOn(forwards)).toEqual(expected)
    expect(goesOn(backwards)).toEqual(expected)
  })

  test('returns the items between two cursors, and nothing past its ends', async () => {
    const { edges, nodes } = await readPage(client(), path())
    const [after, before] = [edges[0]?.cursor ?? '', edges[4]?.cursor ?? '']
    const names = async (args: PageArguments) => (await readPage(client(), path(), args)).nodes

    expect(await names({ after, before })).toEqual(nodes.slice(1, 4))
    expect(await names({ after, before, first: 2 })).toEqual(nodes.slice(1, 3))
    expect(await names({ after, before, last: 2 })).toEqual(nodes.slice(2, 4))
    expect(await names({ after: edges.at(-1)?.cursor ?? '', first: 1 })).toEqual([])
    expect(await names({ before: edges[0]?.cursor ?? '', last: 1 })).toEqual([])
    expect(await names({ after: before, before: after })).toEqual([])
  })

  test.each([
    [{ first: 0 }, 'first'],
    [{ first: -1 }, 'first'],
    [{ first: 501 }, 'first'],
    [{ last: 0 }, 'last'],
    [{ last: -1 }, 'last'],
    [{ last: 501 }, 'last'],
    [{ first: 1, last: 1 }, 'last'],
    [{ after: 'garbage' }, 'after'],
    [{ after: '' }, 'after'],
    [{ before: 'W10' }, 'before'],
    [{ before: 'bnVsbA' }, 'before'],
  ])('refuses %j, naming the argument', async (args, field) => {
    const response = await answerPage(client(), path(), args)

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
  })

  test('takes the largest page', async () => {
    const { nodes } = await readPage(client(), path())

    expect((await readPage(client(), path(), { first: 500 })).nodes).toEqual(nodes)
    expect((await readPage(client(), path(), { last: 500 })).nodes).toEqual(nodes)
  })

  test('refuses the cursor of every other connection, and of another order', async () => {
    for (const [other, otherPath] of paths) {
      if (otherPath === path) continue
      const { pageInfo } = await readPage(client(), otherPath())
      const response = await answerPage(client(), path(), { after: pageInfo.startCursor })
      expect(errorsOf(response), other).toEqual([{ code: 'INVALID', field: 'after' }])
    }
  })

  test('refuses its own cursor with a changed content', async () => {
    const { pageInfo } = await readPage(client(), path())
    const text = Buffer.from(pageInfo.startCursor ?? '', 'base64url').toString()
    if (!text.startsWith('[')) return
    const [kind, ...key]: (string | number)[] = JSON.parse(text)
    const other = key.map((part) => (typeof part === 'number' ? 'x' : 1))

    for (const forged of [[kind], [kind, ...key, 1], [kind, ...other], [kind, ...key.map(() => null)]]) {
      const before = Buffer.from(JSON.stringify(forged)).toString('base64url')
      const response = await answerPage(client(), path(), { before })
      expect(errorsOf(response), JSON.stringify(forged)).toEqual([{ code: 'INVALID', field: 'before' }])
    }
  })
})

describe('pages stay correct while the list grows', () => {
  test('of streams: each existing stream is read once, whatever is added before and after it', async () => {
    const path = { query: 'imageStreams(matching: "s*", PAGE)', node: 'name' }
    const there = Array.from({ length: 9 }, (_, at) => `s-${at}5`)
    for (const name of there) await createStream(client(), { name })
    let added = 0

    const { nodes } = await readForwards(client(), path, {
      size: 2,
      between: async () => {
        await createStream(client(), { name: `s-${added}0` })
        await createStream(client(), { name: `s-${added + 1}7` })
        added++
      },
    })

    const names = nodes.map((node) => (node as { name: string }).name)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(expect.arrayContaining(there))
  })

  test('of the change log: it ends with the pushes that were added during the read', async () => {
    const path = PATHS.imagePushes?.() ?? { query: '', node: '' }
    const { nodes: before } = await readPage(client(), path)
    let seed = 1000

    const { nodes } = await readForwards(client(), path, {
      size: 7,
      between: async () => {
        catalogue.upstream.push('team/app', 'other', image({ seed: seed++ }))
        await importImage(client())
      },
    })

    expect(nodes.slice(0, before.length)).toEqual(before)
    expect(nodes).toEqual((await readPage(client(), path)).nodes)
    expect(nodes.length).toBe(before.length + seed - 1000)
  })

  test('the catalogue matches the tests above', async () => {
    const { totalCount } = await readPage(client(), PATHS.items?.() ?? { query: '', node: '' })
    expect(totalCount).toBe(REVISIONS)
    expect((await readPage(client(), PATHS.tags?.() ?? { query: '', node: '' })).totalCount).toBe(TAGS.length)
  })
})

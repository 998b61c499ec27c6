import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image, index } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, errorsOf, importImage } from '../flows/operations.ts'
import { mutate } from './writes.ts'

const [one, two] = [image({ seed: 1 }), image({ seed: 2 })]
const both = index([one, two])

let upstream: Upstream
let app: TestApp
beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp()
  for (const tag of ['latest', '1.0', '2.0']) upstream.push('team/app', tag, one)
  const dockerImageRepository = `${upstream.host}/team/app`
  for (const [namespace, name] of [
    ['a', 'web'],
    ['b', 'web'],
    ['b', 'sub/web'],
  ] as const) {
    await createStream(app.client, { namespace, name, spec: { dockerImageRepository } })
  }
  upstream.push('team/app', 'latest', two)
  upstream.push('team/app', 'multi', both)
  await importImage(app.client, { namespace: 'b', imageStream: 'web' })
  const credential = { namespace: 'c', prefix: 'registry.test', username: 'u', password: 'p' }
  await mutate(app, 'setRegistryCredential', credential, '__typename')
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const run = <Data = unknown>(text: string): Promise<Data> => app.client.request<Data>(text)

interface Page<Node> {
  readonly totalCount: number
  readonly nodes: readonly Node[]
  readonly pageInfo: { readonly startCursor: string; readonly endCursor: string }
}

/** A page of a list with its nodes as text. */
async function page<Node>(field: string, args: string, selection: string): Promise<Page<Node>> {
  const data = await run<Record<string, Page<Node>>>(
    `{ ${field}${args && `(${args})`} { totalCount nodes { ${selection} } pageInfo { startCursor endCursor } } }`,
  )
  const found = data[field]
  if (!found) throw new Error(`there is no ${field}`)
  return found
}

describe('namespaces', () => {
  const names = async (args = '') => {
    const { totalCount, nodes } = await page<{ name: string }>('namespaces', args, 'name')
    return [totalCount, ...nodes.map(({ name }) => name)]
  }

  test('are those that hold a stream, a repository, a credential or a receiver, by name', async () => {
    expect(await names()).toEqual([3, 'a', 'b', 'c'])
    expect(await names('matching: "b*"')).toEqual([1, 'b'])
    expect(await names('matching: "*c"')).toEqual([1, 'c'])
    expect(await names('matching: "none"')).toEqual([0])
  })

  test('have pages forward and back', async () => {
    const first = await page('namespaces', 'first: 1', 'name')
    const rest = await page('namespaces', `first: 9, after: "${first.pageInfo.endCursor}"`, 'name')
    expect([...first.nodes, ...rest.nodes]).toEqual([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    expect((await page('namespaces', 'last: 2', 'name')).nodes).toEqual(rest.nodes)
    const back = await page('namespaces', `last: 1, before: "${rest.pageInfo.endCursor}"`, 'name')
    expect(back.nodes).toEqual([{ name: 'b' }])
  })

  test('have their image streams with the filters of imageStreams, and an id that returns them', async () => {
    const { nodes } = await page<{ id: string }>(
      'namespaces',
      'matching: "b"',
      'id imageStreamCount imageStreams(matching: "sub/*") { totalCount nodes { name } }',
    )
    expect(nodes).toEqual([
      {
        id: expect.any(String),
        imageStreamCount: 2,
        imageStreams: { totalCount: 1, nodes: [{ name: 'sub/web' }] },
      },
    ])
    expect(await run(`{ node(id: "${nodes[0]?.id}") { ... on Namespace { name } } }`)).toEqual({
      node: { name: 'b' },
    })
    const unknown = Buffer.from('Namespace:none').toString('base64url')
    expect(await run(`{ node(id: "${unknown}") { id } }`)).toEqual({ node: null })
  })
})

describe('imageStreamTags', () => {
  const SELECTION = 'tag imageStream { namespace name }'
  interface TagNode {
    readonly tag: string
    readonly imageStream: { readonly namespace: string; readonly name: string }
  }
  const tags = async (args: string) => {
    const { totalCount, nodes } = await page<TagNode>('imageStreamTags', args, SELECTION)
    expect(totalCount).toBe(nodes.length)
    return nodes.map(({ tag, imageStream: { namespace, name } }) => `${namespace}/${name}:${tag}`)
  }

  test.each([
    ['namespace: "a"', ['a/web:latest', 'a/web:2.0', 'a/web:1.0']],
    ['imageStream: "b/web:*.0"', ['b/web:2.0', 'b/web:1.0']],
    ['imageStream: "*/web", matching: "1*"', ['a/web:1.0', 'b/web:1.0']],
    [
      'imageStream: "sub/web", namespace: "b", orderBy: NAME',
      ['b/sub/web:1.0', 'b/sub/web:2.0', 'b/sub/web:latest'],
    ],
    [`digest: "${two.digest}"`, ['b/web:latest']],
    ['failing: {}', []],
    ['registry: "none.test"', []],
  ])('with %s are %j', async (args, expected) => {
    expect(await tags(args)).toEqual(expected)
  })

  test('newest first are one list over all streams', async () => {
    expect((await tags('orderBy: NEWEST_FIRST')).slice(0, 2).sort()).toEqual(['b/web:latest', 'b/web:multi'])
  })

  test('have pages whose cursors are of their order', async () => {
    const all = await tags('first: 50')
    const first = await page<TagNode>('imageStreamTags', 'first: 4', SELECTION)
    const rest = await page<TagNode>(
      'imageStreamTags',
      `first: 50, after: "${first.pageInfo.endCursor}"`,
      SELECTION,
    )
    expect([...first.nodes, ...rest.nodes]).toHaveLength(all.length)
    const other = `{ imageStreamTags(orderBy: NAME, after: "${first.pageInfo.endCursor}") { nodes { tag } } }`
    expect(errorsOf(await app.client.execute(other))).toEqual([{ code: 'INVALID', field: 'after' }])
  })

  test('are refused with two patterns for tags', async () => {
    const text = '{ imageStreamTags(imageStream: "web:1*", matching: "2*") { totalCount } }'
    expect(errorsOf(await app.client.execute(text))).toEqual([{ code: 'INVALID', field: 'matching' }])
  })
})

describe('images', () => {
  const digests = async (args: string) => {
    const { totalCount, nodes } = await page<{ digest: string }>('images', args, 'digest')
    expect(totalCount).toBe(nodes.length)
    return nodes.map(({ digest }) => digest).sort()
  }
  const digestsOf = (...images: readonly { readonly digest: string }[]) =>
    images.map(({ digest }) => digest).sort()

  test('are found by namespace, stream, digest, kind, media type, platform and registry', async () => {
    expect(await digests('')).toEqual(digestsOf(one, two, both))
    expect(await digests('namespace: "a"')).toEqual(digestsOf(one))
    expect(await digests('imageStream: "b/web", kind: IMAGE')).toEqual(expect.arrayContaining([two.digest]))
    expect(await digests(`digest: "${two.digest}"`)).toEqual(digestsOf(two))
    expect(await digests('kind: INDEX')).toEqual(digestsOf(both))
    expect(await digests(`mediaType: "${both.mediaType}"`)).toEqual(digestsOf(both))
    expect(await digests('platform: "plan9/mips"')).toEqual([])
    expect(await digests(`registry: "${upstream.host}"`)).toEqual(digestsOf(one, two, both))
  })

  test('have pages forward and back, and a stream’s name without a tag', async () => {
    const first = await page<{ digest: string }>('images', 'first: 1', 'digest')
    const rest = await page('images', `first: 9, after: "${first.pageInfo.endCursor}"`, 'digest')
    expect((await page('images', 'last: 2', 'digest')).nodes).toEqual(rest.nodes)
    const oldest = await page<{ digest: string }>('images', 'orderBy: OLDEST_FIRST, last: 1', 'digest')
    expect(oldest.nodes).toEqual(first.nodes)
    expect(errorsOf(await app.client.execute('{ images(imageStream: "web:1.0") { totalCount } }'))).toEqual([
      { code: 'INVALID', field: 'imageStream' },
    ])
  })
})

describe('the document of a page of image streams', () => {
  const document = async (from: TestApp, args = ''): Promise<string> => {
    const { imageStreams } = await from.client.request<{ imageStreams: { document: string } }>(
      `{ imageStreams { document${args} } }`,
    )
    return imageStreams.document
  }
  interface Item {
    readonly metadata: { readonly namespace: string; readonly name: string }
    readonly spec: object
  }
  const APPLIED = 'results { action diff importedEntryCount imageStream { namespace name } }'

  test('is one List of the page’s streams, each as its own document', async () => {
    const { imageStreams } = await run<{
      imageStreams: { document: string; nodes: { document: string }[] }
    }>('{ imageStreams(first: 2) { document nodes { document } } }')

    const list = JSON.parse(imageStreams.document)
    expect(Object.keys(list)).toEqual(['apiVersion', 'items', 'kind', 'metadata'])
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' } })
    expect(list.items).toEqual(imageStreams.nodes.map((node) => JSON.parse(node.document)))
    const yaml = await document(app, '(format: YAML)')
    expect(parse(yaml)).toEqual(JSON.parse(await document(app)))
    // a nested name is refused by clusters
    expect(yaml).toMatch(/^# items\[1\]\.metadata\.name: /)
  })

  test('changes nothing where it came from, and makes the same streams with their histories elsewhere', async () => {
    await using other = await startApp()
    for (const format of ['JSON', 'YAML']) {
      const documents = await document(app, `(format: ${format})`)
      const same = await mutate(app, 'applyImageStream', { documents, dryRun: true }, APPLIED)
      expect(same).toEqual({
        applyImageStream: {
          results: Array.from({ length: 3 }, () =>
            expect.objectContaining({ action: 'UNCHANGED', diff: '' }),
          ),
        },
      })
    }

    const documents = await document(app)
    const input = { documents, importHistory: true }
    const applied = (await mutate(other, 'applyImageStream', input, APPLIED)) as {
      applyImageStream: { results: { importedEntryCount: number }[] }
    }

    const { results } = applied.applyImageStream
    expect(results).toMatchObject(Array.from({ length: 3 }, () => ({ action: 'CREATED' })))
    expect(results.reduce((sum, { importedEntryCount }) => sum + importedEntryCount, 0)).toBe(11)
    // the other server imports the repository as it is now: it may have further tags
    const contentOf = (text: string): unknown =>
      JSON.parse(text).items.map(({ metadata: { namespace, name }, spec }: Item) => ({
        namespace,
        name,
        spec,
      }))
    expect(contentOf(await document(other))).toEqual(contentOf(documents))
  })
})

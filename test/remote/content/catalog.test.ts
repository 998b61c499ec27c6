import { describe, expect, test } from 'vitest'
import { type Scripted, startScripted } from '../../fixtures/hostile-registry.ts'
import { always, refusalOf, TestClient } from '../../fixtures/registry-client.ts'

interface Page {
  readonly repositories?: unknown
  readonly link?: string
  readonly status?: number
}

/** A registry whose catalog depends on the query alone. */
const startCatalog = (pageFor: (query: URLSearchParams) => Page): Promise<Scripted> =>
  startScripted((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x')
    const { repositories, link, status = 200 } = pageFor(searchParams)
    if (link) response.setHeader('link', link)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ repositories }))
  })

async function list(host: string, client: TestClient): Promise<string[]> {
  const names: string[] = []
  const context = { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal }
  for await (const page of client.remote.repositories(host, context)) names.push(...page)
  return names
}

const warningsOf = ({ warnings }: TestClient) => warnings.map(({ message }) => message)

describe('a catalog', () => {
  test('is followed by Link until there is none, on its own path and origin', async () => {
    await using registry = await startCatalog((query) =>
      query.get('last')
        ? { repositories: ['shop/web'] }
        : { repositories: ['a', 'b/c'], link: '<http://10.0.0.1/elsewhere?last=b%2Fc&n=2>; rel="next"' },
    )
    await using client = new TestClient()

    expect(await list(registry.host, client)).toEqual(['a', 'b/c', 'shop/web'])
    expect(registry.requests.map(({ url }) => url)).toEqual([
      '/v2/_catalog?n=1000',
      '/v2/_catalog?last=b%2Fc&n=2',
    ])
  })

  test('omits and counts entries that are not repository names', async () => {
    const strange = ['a', 7, null, 'A', '../x', 'a', 'a//b', '', 'x'.repeat(256), 'deep/er/name']
    await using registry = await startCatalog(() => ({ repositories: strange }))
    await using client = new TestClient()

    expect(await list(registry.host, client)).toEqual(['a', 'deep/er/name'])
    expect(warningsOf(client)).toEqual([
      'its list of repositories has 7 entries that are not repository names',
    ])
  })

  test('is empty for null', async () => {
    await using registry = await startCatalog(() => ({ repositories: null }))
    await using client = new TestClient()

    expect(await list(registry.host, client)).toEqual([])
  })

  test('that repeats pages ends', async () => {
    await using registry = await startCatalog(() => ({
      repositories: ['a'],
      link: '</v2/_catalog?n=1000>; rel="next"',
    }))
    await using client = new TestClient()

    expect(await list(registry.host, client)).toEqual(['a'])
    expect(warningsOf(client)).toEqual(['its list of repositories repeats pages that were already read'])
  })

  test('without an end fails after too many pages', async () => {
    let page = 0
    await using registry = await startCatalog(() => ({
      repositories: [`r${page}`],
      link: `</v2/_catalog?page=${++page}>; rel="next"`,
    }))
    await using client = new TestClient({ limits: { pages: 5 } })

    expect((await refusalOf(list(registry.host, client))).message).toContain('it takes more than 5 pages')
  })

  test('is NotFound when the registry has none', async () => {
    await using registry = await startCatalog(() => ({ status: 404 }))
    await using client = new TestClient()
    const refused = await refusalOf(list(registry.host, client))

    expect(refused.reason).toBe('NotFound')
    expect(refused.message).toContain(`${registry.host} does not have a list of repositories`)
  })

  test('is requested with a token for the catalog, not for a repository', async () => {
    const scopes: string[][] = []
    await using registry = await startScripted((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
      if (pathname === '/token') {
        scopes.push(searchParams.getAll('scope'))
        response.end(JSON.stringify({ token: 'catalog-token' }))
      } else if (request.headers.authorization === 'Bearer catalog-token') {
        response.end(JSON.stringify({ repositories: ['a'] }))
      } else {
        const challenge = `Bearer realm="http://${request.headers.host}/token",service="s",scope="registry:catalog:*"`
        response.writeHead(401, { 'www-authenticate': challenge }).end()
      }
    })
    await using client = new TestClient({
      credentials: always({ kind: 'password', username: 'u', password: 'p' }),
    })

    expect(await list(registry.host, client)).toEqual(['a'])
    expect(scopes).toEqual([['registry:catalog:*']])
  })
})

import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { type Image, image, layer } from '../../fixtures/random-image.ts'
import { errorsOf } from '../../flows/operations.ts'
import { type Client, clientOf } from '../../registry/client.ts'

const START = Date.UTC(2026, 0, 1)

const shared = layer('shared')
const one = image({ seed: 1, layers: [shared, layer('one')] })
const two = image({ seed: 2, layers: [shared, layer('two')] })

const sizeOf = (...contents: readonly { readonly bytes: Uint8Array }[]): number =>
  contents.reduce((sum, { bytes }) => sum + bytes.length, 0)
const partsOf = (content: Image) => [content, content.config, ...content.layers]

const now = START
let app: TestApp
let pool: Pool
let registry: Client

beforeAll(async () => {
  app = await startApp({ untaggedDays: 2, keepTagRevisions: 1, collectHours: null }, { now: () => now })
  pool = new Pool(app.app.url, { connections: 4 })
  registry = clientOf(pool)
  await registry.push('shop/web', one, 'v1')
  await registry.push('shop/web', two, 'v2')
  await registry.push('shop/api', one, 'v1')
  await registry.push('web', one, 'v1')
})
afterAll(async () => {
  await pool.close()
  await app[Symbol.asyncDispose]()
})

const query = <Data>(query: string, variables?: Record<string, unknown>) =>
  app.client.request<Data>(query, variables)

describe('integratedRegistry', () => {
  it('reports its kind and its usage: content that repositories share is stored once', async () => {
    const all = [...new Set([...partsOf(one), ...partsOf(two)])]
    const logical = 3 * sizeOf(...partsOf(one)) + sizeOf(...partsOf(two)) - shared.bytes.length

    expect(
      await query(
        '{ integratedRegistry { kind host usage { manifestCount blobCount logicalSize uniqueSize } lastGarbageCollection { freedSize } } }',
      ),
    ).toEqual({
      integratedRegistry: {
        kind: 'INTEGRATED',
        host: `localhost:${new URL(app.app.url).port}`,
        usage: {
          manifestCount: 2,
          blobCount: 5,
          logicalSize: logical,
          uniqueSize: sizeOf(...all),
        },
        lastGarbageCollection: null,
      },
    })
  })

  it('lists running uploads', async () => {
    const location = await registry.startUpload('shop/web')
    await registry.send('PATCH', location, { body: 'half a layer' })

    const { integratedRegistry } = await query<{ integratedRegistry: object }>(
      '{ integratedRegistry { uploads { totalCount nodes { repository size startedAt changedAt } } } }',
    )
    const [startedAt, changedAt] = [expect.any(String), expect.any(String)]
    expect(integratedRegistry).toEqual({
      uploads: { totalCount: 1, nodes: [{ repository: 'shop/web', size: 12, startedAt, changedAt }] },
    })
    await registry.delete(location)
    expect(await query('{ integratedRegistry { uploads { nodes { size } } } }')).toEqual({
      integratedRegistry: { uploads: { nodes: [] } },
    })
  })
})

describe('repositories', () => {
  it('are ordered by namespace and name, in pages, with their total and unique sizes', async () => {
    const page = `query ($after: String) { repositories(first: 2, after: $after) { totalCount
      pageInfo { hasNextPage endCursor }
      nodes { namespace name imageStream { name } usage { manifestCount blobCount logicalSize uniqueSize } } } }`
    interface Page {
      repositories: {
        totalCount: number
        pageInfo: { hasNextPage: boolean; endCursor: string }
        nodes: object[]
      }
    }
    const first = await query<Page>(page)
    expect(first.repositories).toMatchObject({
      totalCount: 3,
      pageInfo: { hasNextPage: true },
      nodes: [
        { namespace: 'default', name: 'web', imageStream: { name: 'web' } },
        {
          namespace: 'shop',
          name: 'api',
          usage: { manifestCount: 1, blobCount: 3, logicalSize: sizeOf(...partsOf(one)), uniqueSize: 0 },
        },
      ],
    })
    const { endCursor: after } = first.repositories.pageInfo
    expect((await query<Page>(page, { after })).repositories).toMatchObject({
      pageInfo: { hasNextPage: false },
      nodes: [{ namespace: 'shop', name: 'web', usage: { manifestCount: 2, blobCount: 5 } }],
    })
  })

  it('are filtered by namespace, pattern and name', async () => {
    expect(await query('{ repositories(namespace: "shop", matching: "a*") { nodes { name } } }')).toEqual({
      repositories: { nodes: [{ name: 'api' }] },
    })
    expect(
      await query(
        '{ repository(namespace: "shop", name: "web") { name createdAt } other: repository(name: "none") { name } }',
      ),
    ).toEqual({ repository: { name: 'web', createdAt: new Date(START).toISOString() }, other: null })
    expect(errorsOf(await app.client.execute('{ repository(name: "No") { name } }'))).toEqual([
      { code: 'INVALID', field: 'name' },
    ])
  })
})

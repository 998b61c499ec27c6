import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { type Image, image, layer } from '../../fixtures/random-image.ts'
import { errorsOf } from '../../flows/operations.ts'
import { type Client, clientOf } from '../../registry/client.ts'

const HOUR = 60 * 60 * 1000
const START = Date.UTC(2026, 0, 1)

const shared = layer('shared')
const one = image({ seed: 1, layers: [shared, layer('one')] })
const two = image({ seed: 2, layers: [shared, layer('two')] })

const sizeOf = (...contents: readonly { readonly bytes: Uint8Array }[]): number =>
  contents.reduce((sum, { bytes }) => sum + bytes.length, 0)
const partsOf = (content: Image) => [content, content.config, ...content.layers]

let now = START
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
        '{ integratedRegistry { kind host usage { manifestCount blobCount logicalSize uniqueSize } lastCollection { bytes } } }',
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
        lastCollection: null,
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
        '{ repository(namespace: "shop", name: "web") { name creationTimestamp } other: repository(name: "none") { name } }',
      ),
    ).toEqual({ repository: { name: 'web', creationTimestamp: new Date(START).toISOString() }, other: null })
    expect(errorsOf(await app.client.execute('{ repository(name: "No") { name } }'))).toEqual([
      { code: 'INVALID', field: 'name' },
    ])
  })
})

describe('collectGarbage', () => {
  const collect = `mutation ($input: CollectGarbageInput!) { collectGarbage(input: $input) {
    collection { startedAt finishedAt manifests blobs uploads bytes message }
    plan { bytes uploads strayFiles blobs { totalCount nodes { digest size } }
      manifests { totalCount nodes { repository digest keptBecause } }
      kept { totalCount endCursor nodes { repository digest keptBecause keptBy image { digest } } } } } }`
  interface Collected {
    collectGarbage: {
      collection: object | null
      plan: { bytes: number; kept: { totalCount: number; endCursor: string; nodes: object[] } } | null
    }
  }

  it('reports in a dry run what it would remove and why the rest is kept, and then does exactly that', async () => {
    await registry.push('shop/web', one, 'v2')
    now += 49 * HOUR

    const { collectGarbage: planned } = await query<Collected>(collect, { input: {} })
    const unique = two.layers[1]
    const bytes = sizeOf(two.config) + (unique?.bytes.length ?? 0)
    expect(planned).toMatchObject({
      collection: null,
      plan: {
        bytes,
        uploads: 0,
        strayFiles: 0,
        blobs: { totalCount: 2 },
        manifests: {
          totalCount: 1,
          nodes: [{ repository: 'shop/web', digest: two.digest, keptBecause: null }],
        },
        kept: {
          totalCount: 3,
          nodes: expect.arrayContaining([
            {
              repository: 'shop/api',
              digest: one.digest,
              keptBecause: 'TAGGED',
              keptBy: 'v1',
              image: { digest: one.digest },
            },
          ]),
        },
      },
    })
    expect((await registry.head(`/v2/shop/web/blobs/${two.config.digest}`)).status).toBe(200)
    // a HEAD that reported the manifest keeps it for a day
    now += 49 * HOUR

    const { collectGarbage: done } = await query<Collected>(collect, { input: { dryRun: false } })
    expect(done).toMatchObject({
      plan: null,
      collection: { manifests: 1, blobs: 2, uploads: 0, bytes, message: null },
    })
    expect((await registry.get(`/v2/shop/web/manifests/${two.digest}`)).status).toBe(404)
    expect((await registry.get(`/v2/shop/web/blobs/${two.config.digest}`)).status).toBe(404)
    expect((await registry.get('/v2/shop/web/manifests/v2')).bytes).toEqual(one.bytes)
    expect(await query('{ integratedRegistry { lastCollection { manifests blobs } } }')).toEqual({
      integratedRegistry: { lastCollection: { manifests: 1, blobs: 2 } },
    })
  })

  it('keeps the history of removed images', async () => {
    const items =
      '{ imageStreamTag(namespace: "shop", name: "web:v2") { items { nodes { image { digest } } } } }'
    expect(await query(items)).toEqual({
      imageStreamTag: {
        items: { nodes: [{ image: { digest: one.digest } }, { image: { digest: two.digest } }] },
      },
    })
  })

  it('continues after a cursor, and refuses an invalid one', async () => {
    const { collectGarbage: first } = await query<Collected>(collect, { input: { first: 2 } })
    const after = first.plan?.kept
    expect(after?.nodes).toHaveLength(2)

    const rest = await query<Collected>(collect, { input: { first: 2, keptAfter: after?.endCursor } })
    expect(rest.collectGarbage.plan?.kept).toMatchObject({ totalCount: 3, nodes: [expect.anything()] })
    expect(rest.collectGarbage.plan?.kept.nodes).not.toEqual(expect.arrayContaining(after?.nodes ?? []))

    for (const [field, value] of [
      ['keptAfter', 'nonsense'],
      ['manifestsAfter', 'nonsense'],
      ['first', 0],
    ] as const) {
      expect(errorsOf(await app.client.execute(collect, { input: { [field]: value } }))).toEqual([
        { code: 'INVALID', field },
      ])
    }
  })
})

import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image, layer } from '../../fixtures/random-image.ts'
import { errorsOf } from '../../flows/operations.ts'
import { type Client, clientOf } from '../../registry/client.ts'

const HOUR = 60 * 60 * 1000
const shared = layer('shared')
const one = image({ seed: 1, layers: [shared, layer('one')] })
const two = image({ seed: 2, layers: [shared, layer('two')] })

let now = Date.UTC(2026, 0, 1)
let app: TestApp
let pool: Pool
let registry: Client
const query = <Data>(text: string, variables?: Record<string, unknown>): Promise<Data> =>
  app.client.request<Data>(text, variables)

beforeAll(async () => {
  app = await startApp({ untaggedDays: 2, keepTagRevisions: 1, collectHours: null }, { now: () => now })
  pool = new Pool(app.app.url, { connections: 4 })
  registry = clientOf(pool)
  await registry.push('shop/web', two, 'v2')
  await registry.push('shop/web', one, 'v1')
  await registry.push('shop/api', one, 'v1')
})
afterAll(async () => {
  await pool.close()
  await app[Symbol.asyncDispose]()
})

const PLAN = `{ freedSize uploadCount strayFileCount keptManifestCounts { reason manifestCount }
  blobs { totalCount nodes { digest size } }
  manifests { totalCount nodes { repository digest image { digest } } }
  keptManifests { totalCount pageInfo { endCursor hasNextPage }
    nodes { repository digest reason keptByTag keptByDigest image { digest } } } }`
const COLLECT = `mutation ($dryRun: Boolean!) { collectGarbage(input: { dryRun: $dryRun }) {
  plan ${PLAN} garbageCollection { id startedAt finishedAt manifestCount blobCount uploadCount freedSize message } } }`
interface Collected {
  readonly collectGarbage: { readonly plan: object | null; readonly garbageCollection: { id: string } | null }
}

describe('garbageCollectionPlan', () => {
  it('returns what a dry run returns, what would be removed and why the rest is kept, and changes nothing', async () => {
    await registry.push('shop/web', one, 'v2')
    now += 49 * HOUR
    const bytes = two.config.bytes.length + (two.layers[1]?.bytes.length ?? 0)

    const { garbageCollectionPlan: plan } = await query<{ garbageCollectionPlan: object }>(
      `{ garbageCollectionPlan ${PLAN} }`,
    )
    const { collectGarbage } = await query<Collected>(COLLECT, { dryRun: true })

    expect(collectGarbage).toEqual({ plan, garbageCollection: null })
    expect(plan).toMatchObject({
      freedSize: bytes,
      uploadCount: 0,
      strayFileCount: 0,
      keptManifestCounts: expect.arrayContaining([
        { reason: 'TAGGED', manifestCount: 2 },
        { reason: 'CHILD', manifestCount: 0 },
      ]),
      blobs: { totalCount: 2 },
      manifests: {
        totalCount: 1,
        nodes: [{ repository: 'shop/web', digest: two.digest, image: { digest: two.digest } }],
      },
      keptManifests: {
        totalCount: 2,
        nodes: expect.arrayContaining([
          {
            repository: 'shop/api',
            digest: one.digest,
            reason: 'TAGGED',
            keptByTag: 'shop/api:v1',
            keptByDigest: null,
            image: { digest: one.digest },
          },
        ]),
      },
    })
    expect((await registry.head(`/v2/shop/web/blobs/${two.config.digest}`)).status).toBe(200)
  })

  it('has pages forward and back', async () => {
    const page = async (list: string, args: string) => {
      const { garbageCollectionPlan } = await query<{
        garbageCollectionPlan: Record<
          string,
          { pageInfo: { startCursor: string; endCursor: string; hasNextPage: boolean }; nodes: object[] }
        >
      }>(`{ garbageCollectionPlan { ${list}(${args}) {
        pageInfo { startCursor endCursor hasNextPage hasPreviousPage } nodes { digest } } } }`)
      const found = garbageCollectionPlan[list]
      if (!found) throw new Error(`the plan has no ${list}`)
      return found
    }
    // the HEAD of the blob keeps it for a day
    now += 49 * HOUR
    for (const list of ['keptManifests', 'blobs']) {
      const first = await page(list, 'first: 1')
      expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false })
      const second = await page(list, `first: 1, after: "${first.pageInfo.endCursor}"`)
      expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
      expect((await page(list, 'last: 1')).nodes).toEqual(second.nodes)
      expect((await page(list, `last: 1, before: "${second.pageInfo.startCursor}"`)).nodes).toEqual(
        first.nodes,
      )
    }
  })

  it.each(['manifests', 'keptManifests', 'blobs'])(
    'refuses a cursor of another list for %s',
    async (list) => {
      const text = `{ garbageCollectionPlan { ${list}(after: "nonsense") { nodes { digest } } } }`
      expect(errorsOf(await app.client.execute(text))).toEqual([{ code: 'INVALID', field: 'after' }])
    },
  )
})

describe('collectGarbage', () => {
  it('does exactly what its plan contains, and its result has an id', async () => {
    const bytes = two.config.bytes.length + (two.layers[1]?.bytes.length ?? 0)

    const { collectGarbage: done } = await query<Collected>(COLLECT, { dryRun: false })

    expect(done).toMatchObject({
      plan: null,
      garbageCollection: { manifestCount: 1, blobCount: 2, uploadCount: 0, freedSize: bytes, message: null },
    })
    expect((await registry.get(`/v2/shop/web/manifests/${two.digest}`)).status).toBe(404)
    expect((await registry.get(`/v2/shop/web/blobs/${two.config.digest}`)).status).toBe(404)
    expect((await registry.get('/v2/shop/web/manifests/v2')).bytes).toEqual(one.bytes)
    const node =
      'query ($id: ID!) { node(id: $id) { id ... on GarbageCollection { manifestCount blobCount } } }'
    const id = done.garbageCollection?.id
    expect(await query(node, { id })).toEqual({ node: { id, manifestCount: 1, blobCount: 2 } })
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
})

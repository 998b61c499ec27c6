import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { type Image, image, layer } from '../../fixtures/random-image.ts'
import { errorsOf } from '../../flows/operations.ts'
import { clientOf } from '../../registry/client.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 0, 1)
const releases = [1, 2, 3, 4, 5].map((seed) => image({ seed, layers: [layer(seed)] }))
const [oldest, older] = releases as [Image, Image]
const digestsOf = (images: readonly Image[]) => images.map(({ digest }) => digest)

let now = START
let app: TestApp

beforeAll(async () => {
  const policy = { untaggedDays: 1, keepTagRevisions: 3, collectHours: null, pushLogDays: 1 }
  app = await startApp(policy, { now: () => now })
  const pool = new Pool(app.app.url)
  for (const release of releases) {
    now += HOUR
    await clientOf(pool).push('shop/web', release, 'v1')
  }
  await pool.close()
})
afterAll(() => app[Symbol.asyncDispose]())

const PRUNE = `mutation ($input: PruneImagesInput!) { pruneImages(input: $input) { dryRun report {
  bytes configs repositoryManifests keptCounts { reason count }
  events { totalCount endCursor nodes { namespace imageStreamName tag dockerImageReference created } }
  images { totalCount endCursor nodes { digest size keptBecause image { id } } }
  kept { totalCount endCursor nodes { digest keptBecause } } } } }`

interface List {
  readonly totalCount: number
  readonly endCursor: string | null
  readonly nodes: readonly { readonly digest?: string; readonly image?: { readonly id: string } | null }[]
}
interface Report {
  readonly bytes: number
  readonly configs: number
  readonly repositoryManifests: number
  readonly keptCounts: readonly { readonly reason: string; readonly count: number }[]
  readonly events: List
  readonly images: List
  readonly kept: List
}

const prune = async (input: object): Promise<Report> => {
  const { pruneImages } = await app.client.request<{ pruneImages: { dryRun: boolean; report: Report } }>(
    PRUNE,
    {
      input,
    },
  )
  return pruneImages.report
}
const keptFor = ({ keptCounts }: Report): object =>
  Object.fromEntries(keptCounts.filter(({ count }) => count > 0).map(({ reason, count }) => [reason, count]))
const history = async (): Promise<unknown> => {
  const { imageStreamTag } = await app.client.request<{
    imageStreamTag: { items: { nodes: { image: { digest: string } }[] } }
  }>('{ imageStreamTag(namespace: "shop", name: "web:v1") { items { nodes { image { digest } } } } }')
  return imageStreamTag.items.nodes.map((item) => item.image.digest)
}

describe('pruneImages', () => {
  it('reports by default what it would remove, and changes nothing', async () => {
    const report = await prune({})

    expect(report).toMatchObject({
      events: {
        totalCount: 2,
        nodes: [oldest, older].map(({ digest }, at) => ({
          namespace: 'shop',
          imageStreamName: 'web',
          tag: 'v1',
          dockerImageReference: expect.stringContaining(`/shop/web@${digest}`),
          created: new Date(START + (at + 1) * HOUR).toISOString(),
        })),
      },
      images: { totalCount: 0 },
      repositoryManifests: 2,
      bytes: 0,
    })
    expect(keptFor(report)).toEqual({ TAGGED: 1, IN_HISTORY: 2, IN_REPOSITORY: 2 })
    expect(await history()).toEqual(digestsOf(releases).reverse())
  })

  it('of one namespace does not change other namespaces, or images', async () => {
    const report = await prune({ dryRun: false, namespace: 'bank' })

    expect(report).toMatchObject({
      events: { totalCount: 0 },
      images: { totalCount: 0 },
      kept: { totalCount: 0 },
    })
    expect(await history()).toHaveLength(5)
  })

  it('removes old entries of histories, and keeps the images in repositories or the push log', async () => {
    expect(await prune({ dryRun: false })).toMatchObject({
      events: { totalCount: 2 },
      repositoryManifests: 2,
    })
    expect(await history()).toEqual(digestsOf(releases.slice(2)).reverse())

    now += 2 * DAY
    const { collectGarbage } = await app.client.request<{ collectGarbage: { collection: object } }>(
      'mutation { collectGarbage(input: { dryRun: false }) { collection { manifests } } }',
    )
    expect(collectGarbage.collection).toEqual({ manifests: 2 })
    expect(keptFor(await prune({}))).toEqual({ TAGGED: 1, IN_HISTORY: 2, IN_PUSH_LOG: 2 })
  })

  it('removes images that nothing refers to, and their ids are then unknown', async () => {
    // a restart drops the old entries of the push log, and the times at which images were stored are unknown
    await app.restart()
    expect(keptFor(await prune({}))).toEqual({ TAGGED: 1, IN_HISTORY: 2, YOUNG: 2 })
    now += HOUR
    const planned = await prune({})
    const [id, otherId] = planned.images.nodes.map((node) => node.image?.id)
    expect(id).toBeDefined()

    // they were pushed
    const done = await prune({ dryRun: false, all: false })

    expect(done.images.nodes.map(({ digest }) => digest)).toEqual(digestsOf([oldest, older]))
    expect(done).toMatchObject({
      bytes: planned.bytes,
      configs: 2,
      images: { totalCount: 2, nodes: [{ size: oldest.bytes.length, keptBecause: null, image: null }, {}] },
    })
    const nodes = 'query ($id: ID!, $otherId: ID!) { node(id: $id) { id } other: node(id: $otherId) { id } }'
    expect(await app.client.request(nodes, { id, otherId })).toEqual({ node: null, other: null })
    expect(await prune({ dryRun: false })).toMatchObject({ images: { totalCount: 0 }, bytes: 0 })
    expect(await history()).toEqual(digestsOf(releases.slice(2)).reverse())
  })

  it('continues after a cursor', async () => {
    const first = await prune({ first: 2 })
    const rest = await prune({ first: 2, keptAfter: first.kept.endCursor })

    expect([first.kept.totalCount, rest.kept.totalCount]).toEqual([3, 3])
    expect([...first.kept.nodes, ...rest.kept.nodes].map(({ digest }) => digest)).toEqual(
      digestsOf(releases.slice(2)),
    )
  })

  it.each([
    ['first', 0],
    ['first', 501],
    ['keepTagRevisions', 0],
    ['keepTagRevisions', 1001],
    ['keepYoungerThanMinutes', -1],
    ['namespace', 'No'],
    ['eventsAfter', 'nonsense'],
    ['imagesAfter', 'nonsense'],
    ['keptAfter', 'nonsense'],
  ])('refuses %s: %j', async (field, value) => {
    expect(errorsOf(await app.client.execute(PRUNE, { input: { dryRun: false, [field]: value } }))).toEqual([
      { code: 'INVALID', field },
    ])
  })
})

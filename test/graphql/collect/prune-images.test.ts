import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { type Image, image, layer } from '../../fixtures/random-image.ts'
import { watchStatements } from '../../fixtures/statements.ts'
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
  const policy = { untaggedDays: 1, keepTagRevisions: 3, collectHours: null, changeLogDays: 1 }
  app = await startApp(policy, { now: () => now })
  const pool = new Pool(app.app.url)
  for (const release of releases) {
    now += HOUR
    await clientOf(pool).push('shop/web', release, 'v1')
  }
  await pool.close()
})
afterAll(() => app[Symbol.asyncDispose]())

const PLAN = `{ freedSize configCount repositoryManifestCount keptImageCounts { reason imageCount }
  tagEvents { totalCount nodes { namespace imageStreamName tag dockerImageReference created } }
  images { totalCount nodes { digest size image { id } } }
  keptImages { totalCount nodes { digest reason } } }`
const PRUNE = `mutation ($input: PruneImagesInput!) { pruneImages(input: $input) { plan ${PLAN}
  imagePruning { tagEventCount imageCount freedSize configCount repositoryManifestCount keptImageCounts { reason imageCount } } } }`

interface List {
  readonly totalCount: number
  readonly nodes: readonly { readonly digest?: string; readonly image?: { readonly id: string } | null }[]
}
interface Counts {
  readonly freedSize: number
  readonly keptImageCounts: readonly { readonly reason: string; readonly imageCount: number }[]
}
interface Plan extends Counts {
  readonly tagEvents: List
  readonly images: List
  readonly keptImages: List
}

const mutate = async (input: object) => {
  const { pruneImages } = await app.client.request<{
    pruneImages: { plan: Plan | null; imagePruning: Counts | null }
  }>(PRUNE, { input })
  return pruneImages
}
const prune = async (input: object = {}): Promise<Counts> => {
  const { plan, imagePruning } = await mutate({ dryRun: false, ...input })
  expect(plan).toBeNull()
  if (!imagePruning) throw new Error('there is no result')
  return imagePruning
}
const planned = async (args = ''): Promise<Plan> => {
  const { imagePrunePlan } = await app.client.request<{ imagePrunePlan: Plan }>(
    `{ imagePrunePlan${args} ${PLAN} }`,
  )
  return imagePrunePlan
}
const keptFor = ({ keptImageCounts }: Counts): object =>
  Object.fromEntries(
    keptImageCounts
      .filter(({ imageCount }) => imageCount > 0)
      .map(({ reason, imageCount }) => [reason, imageCount]),
  )
const history = async (): Promise<unknown> => {
  const { imageStreamTag } = await app.client.request<{
    imageStreamTag: { items: { nodes: { image: { digest: string } }[] } }
  }>('{ imageStreamTag(namespace: "shop", name: "web:v1") { items { nodes { image { digest } } } } }')
  return imageStreamTag.items.nodes.map((item) => item.image.digest)
}

describe('imagePrunePlan', () => {
  it('returns what a dry run returns by default, and changes nothing', async () => {
    const plan = await planned()

    expect(await mutate({})).toEqual({ plan, imagePruning: null })
    expect(plan).toMatchObject({
      tagEvents: {
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
      repositoryManifestCount: 2,
      freedSize: 0,
    })
    expect(keptFor(plan)).toEqual({ TAGGED: 1, IN_HISTORY: 2, IN_REPOSITORY: 2 })
    expect(await history()).toEqual(digestsOf(releases).reverse())
  })

  it('is made once for an operation, whichever lists and totals the operation selects', async () => {
    const plansOf = async (): Promise<number> => {
      using statements = watchStatements()
      await app.client.request(`{ a: imagePrunePlan { freedSize ${PLAN.slice(1)} b: imagePrunePlan {
        more: tagEvents(first: 1) { nodes { tag } } keptImages(last: 2) { pageInfo { startCursor } } } }`)
      return statements.run.filter((text) => text.includes('as newestOld')).length
    }

    // an operation that a busy machine interrupts selects the rest when its first plan has begun
    expect(Math.min(await plansOf(), await plansOf(), await plansOf())).toBe(1)
  })

  it('has pages forward and back, which a cursor of another list does not continue', async () => {
    const fields = { tagEvents: 'dockerImageReference', keptImages: 'digest' }
    const page = async (list: keyof typeof fields, args: string) => {
      const { imagePrunePlan } = await app.client.request<{
        imagePrunePlan: Record<
          string,
          { pageInfo: { startCursor: string; endCursor: string; hasNextPage: boolean }; nodes: object[] }
        >
      }>(`{ imagePrunePlan(keepTagRevisions: 1) { ${list}(${args}) {
        pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
        nodes { ${fields[list]} } } } }`)
      const found = imagePrunePlan[list]
      if (!found) throw new Error(`the plan has no ${list}`)
      return found
    }
    for (const [list, total] of [
      ['tagEvents', 4],
      ['keptImages', 5],
    ] as const) {
      const all = await page(list, 'first: 50')
      expect(all.nodes).toHaveLength(total)
      const first = await page(list, 'first: 2')
      expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false })
      const rest = await page(list, `first: 3, after: "${first.pageInfo.endCursor}"`)
      expect(rest.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
      expect([...first.nodes, ...rest.nodes]).toEqual(all.nodes)
      expect((await page(list, 'last: 2')).nodes).toEqual(all.nodes.slice(-2))
      const back = await page(list, `last: 1, before: "${rest.pageInfo.startCursor}"`)
      expect(back.nodes).toEqual(all.nodes.slice(1, 2))
      const other = list === 'tagEvents' ? 'keptImages' : 'tagEvents'
      const foreign = `{ imagePrunePlan { ${other}(after: "${first.pageInfo.endCursor}") { totalCount } } }`
      expect(errorsOf(await app.client.execute(foreign))).toEqual([{ code: 'INVALID', field: 'after' }])
    }
  })
})

describe('pruneImages', () => {
  it('of one namespace does not change other namespaces, or images', async () => {
    const done = await prune({ namespace: 'bank' })

    expect(done).toMatchObject({ tagEventCount: 0, imageCount: 0 })
    expect(keptFor(done)).toEqual({})
    expect(await history()).toHaveLength(5)
  })

  it('removes old entries of histories, and keeps the images in repositories or the change log', async () => {
    expect(await prune()).toMatchObject({ tagEventCount: 2, repositoryManifestCount: 2 })
    expect(await history()).toEqual(digestsOf(releases.slice(2)).reverse())

    now += 2 * DAY
    const { collectGarbage } = await app.client.request<{ collectGarbage: { garbageCollection: object } }>(
      'mutation { collectGarbage(input: { dryRun: false }) { garbageCollection { manifestCount } } }',
    )
    expect(collectGarbage.garbageCollection).toEqual({ manifestCount: 2 })
    expect(keptFor(await planned())).toEqual({ TAGGED: 1, IN_HISTORY: 2, IN_CHANGE_LOG: 2 })
  })

  it('removes images that nothing refers to, and their ids are then unknown', async () => {
    // a restart drops the old entries of the change log, and the times at which images were stored are unknown
    await app.restart()
    expect(keptFor(await planned())).toEqual({ TAGGED: 1, IN_HISTORY: 2, YOUNG: 2 })
    now += HOUR
    // they were pushed
    const plan = await planned('(all: false)')
    expect(plan.images.nodes.map(({ digest }) => digest)).toEqual(digestsOf([oldest, older]))
    expect(plan.images.nodes[0]).toMatchObject({ size: oldest.bytes.length })
    const [id, otherId] = plan.images.nodes.map((node) => node.image?.id)
    expect(id).toBeDefined()

    expect(await prune({ all: false })).toMatchObject({
      freedSize: plan.freedSize,
      configCount: 2,
      imageCount: 2,
    })
    const nodes = 'query ($id: ID!, $otherId: ID!) { node(id: $id) { id } other: node(id: $otherId) { id } }'
    expect(await app.client.request(nodes, { id, otherId })).toEqual({ node: null, other: null })
    expect(await prune()).toMatchObject({ imageCount: 0, freedSize: 0 })
    expect(await history()).toEqual(digestsOf(releases.slice(2)).reverse())
  })

  it.each([
    ['keepTagRevisions', 0],
    ['keepTagRevisions', 1001],
    ['keepYoungerThanMinutes', -1],
    ['namespace', 'No'],
  ])('refuses %s: %j, as its plan does', async (field, value) => {
    const invalid = [{ code: 'INVALID', field }]
    expect(errorsOf(await app.client.execute(PRUNE, { input: { dryRun: false, [field]: value } }))).toEqual(
      invalid,
    )
    const plan = `{ imagePrunePlan(${field}: ${JSON.stringify(value)}) { freedSize } }`
    expect(errorsOf(await app.client.execute(plan))).toEqual(invalid)
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { harborSide } from '../../fixtures/vendors/harbor.ts'
import { quaySide } from '../../fixtures/vendors/quay.ts'
import { VendorRegistry, type VendorSide } from '../../fixtures/vendors/vendor-registry.ts'
import { createStream, importImage } from '../../flows/operations.ts'

let now: number
let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  now = Date.UTC(2026, 0, 1)
  upstream = await startUpstream()
  for (const tag of ['latest', '3.3']) upstream.push('team/app', tag, image({ seed: tag }))
  app = await startApp({}, { now: () => now })
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const WATCH = `{ vendor checkedAt checkMethod fullScanAt nextFullScanAt listingUnusedUntil }`
const STATUS = `query { imageStream(name: "app") {
  repositoryWatch ${WATCH} conditions { type status reason message lastTransitionTime generation }
  tag(name: "latest") { reportedMoves(first: 3) { nodes { digest validFrom validUntil reportedBy } totalCount } }
} }`

test('a repository without a vendor’s listing gets a full scan each time, without a condition', async () => {
  await createStream(app.client, {
    name: 'app',
    spec: { dockerImageRepository: `${upstream.host}/team/app` },
  })
  const at = new Date(now).toISOString()

  expect(await app.client.request(STATUS)).toEqual({
    imageStream: {
      repositoryWatch: {
        vendor: null,
        checkedAt: at,
        checkMethod: 'FULL_SCAN',
        fullScanAt: at,
        nextFullScanAt: null,
        listingUnusedUntil: null,
      },
      conditions: [],
      tag: { reportedMoves: { nodes: [], totalCount: 0 } },
    },
  })
})

describe('a repository whose vendor has a listing', () => {
  const HOUR = 60 * 60_000
  const start = async (side: VendorSide): Promise<VendorRegistry> => {
    const registry = await VendorRegistry.start(side, { time: now - HOUR })
    for (const tag of ['latest', '3.3']) registry.push('team/app', tag, image({ seed: tag }))
    const { vendor, apiUrl } = registry.configuration
    await app.client.request(
      'mutation ($input: ConfigureRegistryInput!) { configureRegistry(input: $input) { registryConfiguration { vendor } } }',
      { input: { prefix: registry.host, vendor, apiUrl } },
    )
    await createStream(app.client, {
      name: 'app',
      spec: { dockerImageRepository: `${registry.host}/team/app` },
    })
    return registry
  }
  const at = (time: number): string => new Date(time).toISOString()

  test('is watched by the listing, with a full scan a day later', async () => {
    await using _registry = await start(harborSide())
    const fullScanAt = now
    now += HOUR
    await importImage(app.client)

    expect(await app.client.request(STATUS)).toMatchObject({
      imageStream: {
        repositoryWatch: {
          vendor: 'Harbor',
          checkedAt: at(now),
          checkMethod: 'LISTING',
          fullScanAt: at(fullScanAt),
          nextFullScanAt: at(fullScanAt + 24 * HOUR),
          listingUnusedUntil: null,
        },
        conditions: [],
      },
    })
  })

  test('is scanned while the listing is refused, and a condition reports it until the listing works again', async () => {
    await using registry = await start(harborSide())
    registry.hook = ({ path }) =>
      path.startsWith('/api/') ? { status: 403, headers: {}, body: 'not for you' } : undefined
    now += HOUR
    const since = now
    expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', unchanged: 2 })

    expect(await app.client.request(STATUS)).toMatchObject({
      imageStream: {
        repositoryWatch: {
          checkMethod: 'FULL_SCAN',
          nextFullScanAt: null,
          listingUnusedUntil: at(since + 24 * HOUR),
        },
        conditions: [
          {
            type: 'VENDOR_LISTING',
            status: 'NOT_MET',
            reason: 'FORBIDDEN',
            lastTransitionTime: at(since),
            generation: 1,
          },
        ],
      },
    })

    registry.hook = undefined
    now = since + 24 * HOUR
    await importImage(app.client)
    expect(await app.client.request(STATUS)).toMatchObject({
      imageStream: { conditions: [], repositoryWatch: { listingUnusedUntil: null } },
    })
  })

  test('has reported moves that this server did not observe, beside the history and not in it', async () => {
    await using registry = await start(quaySide())
    registry.world.time = now + 60_000
    const short = registry.push('team/app', 'latest', image({ seed: 'short' }))
    const last = registry.push('team/app', 'latest', image({ seed: 'last' }))
    now += HOUR
    await importImage(app.client)

    expect(await app.client.request(STATUS)).toMatchObject({
      imageStream: {
        tag: {
          reportedMoves: {
            nodes: [
              {
                digest: short,
                validFrom: at(registry.world.time - 1000),
                validUntil: at(registry.world.time),
                reportedBy: 'Quay',
              },
            ],
            totalCount: 1,
          },
        },
      },
    })
    const { imageStream } = await app.client.request<{
      imageStream: { tag: { items: { nodes: { image: { digest: string } }[] } } }
    }>('{ imageStream(name: "app") { tag(name: "latest") { items { nodes { image { digest } } } } } }')
    const digests = imageStream.tag.items.nodes.map(({ image }) => image.digest)
    expect(digests).toEqual([last, image({ seed: 'latest' }).digest])
  })
})

test('a stream without a repository is not watched', async () => {
  await createStream(app.client, { name: 'app', spec: { tags: [] } })
  expect(await app.client.request(STATUS)).toMatchObject({
    imageStream: { repositoryWatch: null, conditions: [], tag: null },
  })
})

test('a full scan is possible for a repository, and refused for one tag', async () => {
  await createStream(app.client, {
    name: 'app',
    spec: { dockerImageRepository: `${upstream.host}/team/app` },
  })
  const importApp = (more: string) =>
    app.client.execute(
      `mutation { importImage(input: { imageStream: "app", fullScan: true ${more} }) { import { state unchanged } } }`,
    )
  expect(await importApp('')).toMatchObject({
    data: { importImage: { import: { state: 'SUCCEEDED', unchanged: 2 } } },
  })
  expect(await importApp(', tag: "latest"')).toMatchObject({
    errors: [{ extensions: { code: 'INVALID', field: 'fullScan' } }],
  })
})

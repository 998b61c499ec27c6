import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { harborSide } from '../fixtures/vendors/harbor.ts'
import { jfrogSide } from '../fixtures/vendors/jfrog.ts'
import { VendorRegistry, type VendorSide } from '../fixtures/vendors/vendor-registry.ts'
import { follow, importImage, pushLog } from './operations.ts'

// A registry is configured with its vendor, and imports read the vendor's tag listing instead of sending requests per tag.

const TAGS = 120
const moved = image({ seed: 'moved' })

const configure = (client: GraphQLClient, input: Record<string, unknown>): Promise<unknown> =>
  client.request(
    'mutation ($input: ConfigureRegistryInput!) { configureRegistry(input: $input) { registryConfiguration { vendor } } }',
    { input },
  )

async function start(side: VendorSide): Promise<VendorRegistry> {
  const registry = await VendorRegistry.start(side)
  for (const [tag, content] of releases(TAGS, { images: 4 })) registry.push('team/app', tag, content)
  return registry
}

test.each([
  ['Harbor', () => harborSide(), { vendor: 1 }],
  ['JFrog', () => jfrogSide(), { vendor: 1 }],
])(
  "a moved tag at %s is found by the vendor's listing and confirmed by one HEAD",
  async (_title, side, requests) => {
    await using registry = await start(side())
    await using app = await startApp()
    const { vendor, apiUrl } = registry.configuration
    await configure(app.client, { prefix: registry.host, vendor, apiUrl })
    const first = await follow(app.client, `${registry.host}/team/app`)
    expect(first).toMatchObject({ state: 'SUCCEEDED', imported: TAGS })

    registry.push('team/app', '1.0.7', moved)
    registry.reset()
    const second = await importImage(app.client)

    expect(second).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(registry.requests).toMatchObject({ ...requests, head: 1, manifest: 1 })
    const [pushed] = (await pushLog(app.client)).slice(-1)
    expect(pushed).toMatchObject({ tag: '1.0.7', image: { digest: moved.digest } })
  },
)

test('a wrong digest in a listing does not change the history', async () => {
  await using registry = await start(harborSide())
  await using app = await startApp()
  await configure(app.client, { prefix: registry.host, ...registry.configuration })
  await follow(app.client, `${registry.host}/team/app`)
  const before = await pushLog(app.client)

  // the listing returns to an older state, as Docker Hub's once did; the registry itself does not change
  registry.world.push('team/app', '1.0.7', moved)
  const again = await importImage(app.client)

  expect(again).toMatchObject({ state: 'SUCCEEDED', imported: 0 })
  expect(await pushLog(app.client)).toEqual(before)
})

test('a listing is not read if mirrors resolve tags', async () => {
  await using registry = await start(harborSide())
  await using mirror = await start(harborSide())
  await using app = await startApp()
  const mirrors = [{ location: mirror.host, serves: 'ALL' }]
  await configure(app.client, { prefix: registry.host, ...registry.configuration, mirrors })
  await follow(app.client, `${registry.host}/team/app`)
  registry.push('team/app', '1.0.7', moved)
  mirror.push('team/app', '1.0.8', moved)
  registry.reset()

  await importImage(app.client)

  expect(registry.requests).toMatchObject({ vendor: 0, tags: 1, head: 0 })
  expect((await pushLog(app.client)).slice(-1)).toMatchObject([{ tag: '1.0.8' }])
})

test('a listing is not requested while the registry is blocked, and is used again afterwards', async () => {
  await using registry = await start(harborSide())
  await using app = await startApp()
  const configuration = { prefix: registry.host, ...registry.configuration }
  await configure(app.client, configuration)
  await follow(app.client, `${registry.host}/team/app`)
  registry.push('team/app', '1.0.7', moved)
  registry.reset()

  await configure(app.client, { ...configuration, access: 'BLOCKED' })
  expect(await importImage(app.client)).toMatchObject({ state: 'FAILED', reason: 'BLOCKED' })
  expect(registry.log).toEqual([])

  await configure(app.client, { ...configuration, access: 'ALLOWED' })
  expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
  expect(registry.requests).toMatchObject({ vendor: 1, tags: 0 })
})

test('a failing listing does not fail the import: the registry itself is read instead', async () => {
  await using registry = await start(harborSide())
  await using app = await startApp()
  await configure(app.client, { prefix: registry.host, ...registry.configuration })
  await follow(app.client, `${registry.host}/team/app`)
  registry.hook = ({ path }) =>
    path.startsWith('/api/') ? { status: 200, headers: {}, body: '<html>' } : undefined

  registry.push('team/app', '1.0.7', moved)
  registry.reset()

  expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
  expect(registry.requests).toMatchObject({ vendor: 1, head: TAGS })
})

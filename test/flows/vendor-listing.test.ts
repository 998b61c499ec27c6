import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { gitlabSide } from '../fixtures/vendors/gitlab.ts'
import { harborSide } from '../fixtures/vendors/harbor.ts'
import { jfrogSide } from '../fixtures/vendors/jfrog.ts'
import { quaySide } from '../fixtures/vendors/quay.ts'
import { VendorRegistry, type VendorSide } from '../fixtures/vendors/vendor-registry.ts'
import { zotSide } from '../fixtures/vendors/zot.ts'
import { follow, importImage, pushLog } from './operations.ts'

// The whole way: a registry is configured as what it is, and from then on its vendor's listing saves the questions.

const TAGS = 120
const moved = image({ seed: 'moved' })

const configure = (client: GraphQLClient, input: Record<string, unknown>): Promise<unknown> =>
  client.ask(
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
  ['Quay', () => quaySide(), { vendor: 1 }],
  ['GitLab', () => gitlabSide(), { vendor: 1 }],
  ['JFrog', () => jfrogSide(), { vendor: 1 }],
  ['zot', () => zotSide(), { vendor: 1 }],
])('what moved at %s is found by its listing, and confirmed by one HEAD', async (_title, side, requests) => {
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
  const [news] = (await pushLog(app.client)).slice(-1)
  expect(news).toMatchObject({ tag: '1.0.7', image: { digest: moved.digest } })
})

test('a listing that says what is not so makes no history', async () => {
  await using registry = await start(harborSide())
  await using app = await startApp()
  await configure(app.client, { prefix: registry.host, ...registry.configuration })
  await follow(app.client, `${registry.host}/team/app`)
  const before = await pushLog(app.client)

  // the listing goes backwards, as Docker Hub's once did; the registry itself stays where it is
  registry.world.push('team/app', '1.0.7', moved)
  const again = await importImage(app.client)

  expect(again).toMatchObject({ state: 'SUCCEEDED', imported: 0 })
  expect(await pushLog(app.client)).toEqual(before)
})

test('a listing is not read where mirrors say what tags mean', async () => {
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

test('a listing is not asked for where the registry is blocked, and serves again when it is not', async () => {
  await using registry = await start(harborSide())
  await using app = await startApp()
  const what = { prefix: registry.host, ...registry.configuration }
  await configure(app.client, what)
  await follow(app.client, `${registry.host}/team/app`)
  registry.push('team/app', '1.0.7', moved)
  registry.reset()

  await configure(app.client, { ...what, access: 'BLOCKED' })
  expect(await importImage(app.client)).toMatchObject({ state: 'FAILED', reason: 'Blocked' })
  expect(registry.log).toEqual([])

  await configure(app.client, { ...what, access: 'ALLOWED' })
  expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
  expect(registry.requests).toMatchObject({ vendor: 1, tags: 0 })
})

test('a listing that fails costs no import: the registry itself is asked in its place', async () => {
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

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { attestation, image, index } from '../../fixtures/random-image.ts'
import { watchStatements } from '../../fixtures/statements.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { createStream, endOfLog } from '../../flows/operations.ts'

const on = (architecture: string, seed: string | number, variant?: string) =>
  image({ seed, platform: { os: 'linux', architecture, ...(variant && { variant }) } })

const amd64 = on('amd64', 1)
const arm64 = on('arm64', 1, 'v8')
const both = index([amd64, arm64])
/** Another index of the same images: built again, with attestations, or in another order. */
const rebuilt = index([attestation(amd64), arm64, amd64], { annotations: { built: 'again' } })
const newArm64 = index([amd64, on('arm64', 2, 'v8')])
const more = index([amd64, arm64, on('s390x', 1)])

let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  upstream = await startUpstream()
  app = await startApp()
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const PLATFORMS = 'changedPlatforms { os architecture variant }'
type Named = { os: string; architecture: string; variant: string | null }
const namesOf = (platforms: readonly Named[] | null) =>
  platforms?.map(({ os, architecture, variant }) => [os, architecture, variant].filter(Boolean).join('/')) ??
  null

/** An image stream whose tag `latest` is imported from each content in turn. */
async function importEach(importMode: string, contents: readonly ReturnType<typeof index | typeof image>[]) {
  const results = []
  const [first, ...rest] = contents
  if (!first) throw new Error('nothing to import')
  upstream.push('team/app', 'latest', first)
  await createStream(app.client, {
    spec: { dockerImageRepository: `${upstream.host}/team/app`, importPolicy: { importMode } },
  })
  for (const content of rest) {
    upstream.push('team/app', 'latest', content)
    results.push(await importOnce())
  }
  return results
}

async function importOnce(input: object = {}) {
  const { importImage } = await app.client.request<{
    importImage: {
      import: {
        results: { nodes: { state: string; hasIndexChanged: boolean; changedPlatforms: Named[] | null }[] }
      }
    }
  }>(
    `mutation ($input: ImportImageInput!) { importImage(input: $input) {
      import { results { nodes { state hasIndexChanged ${PLATFORMS} } } } } }`,
    { input: { imageStream: 'app', ...input } },
  )
  const [result] = importImage.import.results.nodes
  return result && { ...result, changedPlatforms: namesOf(result.changedPlatforms) }
}

const pushes = async () => {
  const { imagePushes } = await app.client.request<{
    imagePushes: { nodes: { changedPlatforms: Named[] | null }[] }
  }>(`{ imagePushes { nodes { ${PLATFORMS} } } }`)
  return imagePushes.nodes.map(({ changedPlatforms }) => namesOf(changedPlatforms))
}

const entries = async () => {
  const { imageStreamTag } = await app.client.request<{
    imageStreamTag: { items: { nodes: { changedPlatforms: Named[] | null }[] } }
  }>(`{ imageStreamTag(name: "app:latest") { items { nodes { ${PLATFORMS} } } } }`)
  return imageStreamTag.items.nodes.map(({ changedPlatforms }) => namesOf(changedPlatforms))
}

describe('a tag that points to an index', () => {
  test('lists for each push and entry the platforms with another image, and none when only attestations changed', async () => {
    await importEach('PRESERVE_ORIGINAL', [both, rebuilt, newArm64, more])

    const changes = [null, [], ['linux/arm64/v8'], ['linux/arm64/v8', 'linux/s390x']]
    expect(await pushes()).toEqual(changes)
    expect(await entries()).toEqual(changes.toReversed())
  })

  test('lists them in the import’s result and in a dry run too', async () => {
    const [, moved] = await importEach('PRESERVE_ORIGINAL', [both, rebuilt, newArm64])
    upstream.push('team/app', 'latest', more)
    const dryRun = await importOnce({ dryRun: true })

    expect(moved).toEqual({ state: 'IMPORTED', hasIndexChanged: false, changedPlatforms: ['linux/arm64/v8'] })
    expect(dryRun).toEqual({
      state: 'IMPORTED',
      hasIndexChanged: false,
      changedPlatforms: ['linux/arm64/v8', 'linux/s390x'],
    })
  })

  test('compares a single image as an index of one, however the index spells its platform', async () => {
    const plain = on('arm64', 1)
    await importEach('PRESERVE_ORIGINAL', [
      arm64,
      index([arm64]),
      index([arm64, amd64]),
      amd64,
      on('amd64', 2),
      plain,
    ])

    expect(await pushes()).toEqual([
      null,
      [],
      ['linux/amd64'],
      ['linux/arm64/v8'],
      ['linux/amd64'],
      ['linux/arm64', 'linux/amd64'],
    ])
  })
})

describe('a tag that points to one image of an index', () => {
  test('is UNCHANGED when another index has the same image, and lists the other changes of the index', async () => {
    const [same, arm, again] = await importEach('LEGACY', [both, rebuilt, newArm64, newArm64])

    expect(same).toEqual({ state: 'UNCHANGED', hasIndexChanged: true, changedPlatforms: [] })
    expect(arm).toEqual({ state: 'UNCHANGED', hasIndexChanged: true, changedPlatforms: ['linux/arm64/v8'] })
    expect(again).toEqual({ state: 'UNCHANGED', hasIndexChanged: false, changedPlatforms: [] })
    expect(await pushes()).toEqual([null])
  })

  test('lists them in a dry run, and the next import finds them again', async () => {
    await importEach('LEGACY', [both])
    upstream.push('team/app', 'latest', newArm64)

    for (const dryRun of [true, true, false]) {
      expect(await importOnce({ dryRun })).toEqual({
        state: 'UNCHANGED',
        hasIndexChanged: true,
        changedPlatforms: ['linux/arm64/v8'],
      })
    }
  })

  test('still lists them after a restart', async () => {
    await importEach('LEGACY', [both, more])
    await app.restart()

    const { imageStream } = await app.client.request<{
      imageStream: { imports: { nodes: { results: { nodes: object[] } }[] } }
    }>(
      `{ imageStream(name: "app") { imports { nodes { results { nodes { state hasIndexChanged ${PLATFORMS} } } } } } }`,
    )

    expect(imageStream.imports.nodes[0]?.results.nodes).toEqual([
      {
        state: 'UNCHANGED',
        hasIndexChanged: true,
        changedPlatforms: [{ os: 'linux', architecture: 's390x', variant: null }],
      },
    ])
  })

  test('returns null if the registry had no index before', async () => {
    const [result] = await importEach('LEGACY', [amd64, both])

    expect(result).toEqual({ state: 'UNCHANGED', hasIndexChanged: true, changedPlatforms: null })
  })
})

test('subscribers receive them with each push, several at once too', async () => {
  await importEach('PRESERVE_ORIGINAL', [both])
  const since = await endOfLog(app.client)
  const received: (string[] | null)[] = []
  const followed = (async () => {
    for await (const { imagePushed } of app.client.follow<{
      imagePushed: { changedPlatforms: Named[] | null }
    }>(
      `subscription ($since: String) { imagePushed(since: $since) { tag ${PLATFORMS} previousImage { digest } } }`,
      {
        since,
      },
    )) {
      if (received.push(namesOf(imagePushed.changedPlatforms)) === 3) return
    }
  })()
  for (const content of [rebuilt, newArm64, more]) {
    upstream.push('team/app', 'latest', content)
    await importOnce()
  }
  await followed

  expect(received).toEqual([[], ['linux/arm64/v8'], ['linux/arm64/v8', 'linux/s390x']])
})

test('a page of pushes and entries reads all of its images together', async () => {
  await importEach('PRESERVE_ORIGINAL', [both, rebuilt, newArm64, more])
  using statements = watchStatements()
  const query = (first: number) =>
    `{ imagePushes(first: ${first}) { nodes { ${PLATFORMS} } }
       imageStreamTag(name: "app:latest") { items(first: ${first}) { nodes { ${PLATFORMS} } } } }`
  // the first read is not counted: work after the import may still run
  await app.client.request(query(2))
  const counted = []
  for (const first of [2, 4]) {
    counted.push((await statements.of(() => app.client.request(query(first)))).length)
  }

  expect(counted[0]).toBeGreaterThan(0)
  expect(counted[1]).toBe(counted[0])
})

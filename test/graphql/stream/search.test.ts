import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { createStream, errorsOf, follow, importImage } from '../../flows/operations.ts'

const amd64 = image({ seed: 1, labels: { team: 'a', 'org.example/tier': 'front' } })
const arm = image({
  seed: 2,
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  labels: { team: 'a' },
})
const both = index([amd64, arm])

const START = Date.UTC(2026, 0, 1)
const HOUR = 60 * 60 * 1000
/** Returns the time at this number of hours after the start. */
const at = (hours: number): string => new Date(START + hours * HOUR).toISOString()

let first: Upstream
let second: Upstream
let app: TestApp
// 0 h: api, all of it; web, whose second tag is refused. 1 h: worker, of the other registry. 2 h: api:1.0 moves. 3 h: idle
beforeAll(async () => {
  let now = START
  first = await startUpstream()
  second = await startUpstream()
  app = await startApp({ importMode: 'PreserveOriginal' }, { now: () => now })
  first.push('team/api', '1.0', image({ seed: 'old' }))
  first.push('team/api', '1.1', both)
  first.push('team/web', 'latest', amd64)
  second.push('team/worker', 'latest', arm)
  await follow(app.client, `${first.host}/team/api`, 'api')
  await createStream(app.client, {
    name: 'web',
    labels: [{ key: 'tier', value: 'front' }],
    spec: {
      tags: ['latest', 'gone'].map((name) => ({
        name,
        from: { kind: 'DOCKER_IMAGE', name: `${first.host}/team/web:${name}` },
      })),
    },
  })
  now = START + HOUR
  await follow(app.client, `${second.host}/team/worker`, 'worker')
  now = START + 2 * HOUR
  first.push('team/api', '1.0', amd64)
  await importImage(app.client, { imageStream: 'api' })
  now = START + 3 * HOUR
  await createStream(app.client, { namespace: 'other', name: 'idle' })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
})

async function streams(args: string): Promise<readonly string[]> {
  const { imageStreams } = await app.client.request<{
    imageStreams: { totalCount: number; nodes: { name: string }[] }
  }>(`{ imageStreams(${args}) { totalCount nodes { name } } }`)
  expect(imageStreams.totalCount).toBe(imageStreams.nodes.length)
  return imageStreams.nodes.map(({ name }) => name)
}

async function tags(args: string): Promise<readonly string[]> {
  const { imageStreams } = await app.client.request<{
    imageStreams: { nodes: { tags: { totalCount: number; nodes: { name: string }[] } }[] }
  }>(`{ imageStreams { nodes { tags(${args}) { totalCount nodes { name } } } } }`)
  return imageStreams.nodes.flatMap(({ tags }) => {
    expect(tags.totalCount).toBe(tags.nodes.length)
    return tags.nodes.map(({ name }) => name)
  })
}

describe('imageStreams', () => {
  test.each<[() => string, readonly string[]]>([
    [() => `digest: "${amd64.digest}"`, ['api', 'web']],
    [() => `digest: "${both.digest}"`, ['api']],
    [() => `digest: "${image({ seed: 'old' }).digest}"`, []],
    [() => `registry: "${first.host}"`, ['api', 'web']],
    [() => `registry: "${second.host}"`, ['worker']],
    [() => 'registry: "docker.io"', []],
    [() => 'failing: {}', ['web']],
    [() => 'failing: { reason: NOT_FOUND }', ['web']],
    [() => 'failing: { reason: UNAUTHORIZED }', []],
    [() => 'platform: "linux/amd64"', ['api', 'web']],
    [() => 'platform: "linux/arm64"', ['api', 'worker']],
    [() => 'platform: "linux/arm64/v8"', ['api', 'worker']],
    [() => 'platform: "linux/arm64/v7"', []],
    [() => 'platform: "linux/aarch64"', ['api', 'worker']],
    [() => 'platform: "linux/amd64/v1"', ['api', 'web']],
    [() => 'platform: "linux/amd64/v3"', []],
    [() => 'platform: "linux/arm"', []],
    [() => `notCheckedSince: "${at(0)}"`, ['web', 'idle']],
    [() => `notCheckedSince: "${at(2)}"`, ['web', 'worker', 'idle']],
    [() => `unchangedSince: "${at(1)}"`, ['web', 'idle']],
    [() => `unchangedSince: "${at(9)}"`, ['api', 'web', 'worker', 'idle']],
    [() => 'orderBy: NEWEST_FIRST', ['api', 'worker', 'web', 'idle']],
    [() => 'orderBy: NAME', ['api', 'web', 'worker', 'idle']],
    [() => 'orderBy: NEWEST_FIRST, matching: "w*"', ['worker', 'web']],
    [() => `platform: "linux/amd64", failing: {}, labels: [{ key: "tier", value: "front" }]`, ['web']],
    [() => `platform: "linux/arm64", registry: "${first.host}", unchangedSince: "${at(9)}"`, ['api']],
    [() => `platform: "linux/arm64", failing: {}`, []],
  ])('with (%s) are found', async (args, names) => {
    expect(await streams(args())).toEqual(names)
  })

  test('are no longer failing after a successful import', async () => {
    await createStream(app.client, {
      name: 'late',
      spec: { tags: [{ name: '1', from: { kind: 'DOCKER_IMAGE', name: `${first.host}/team/late:1` } }] },
    })
    expect(await streams('failing: { reason: NOT_FOUND }, matching: "late"')).toEqual(['late'])
    expect(await streams('notCheckedSince: "2100-01-01T00:00:00Z", matching: "late"')).toEqual(['late'])

    first.push('team/late', '1', amd64)
    await importImage(app.client, { imageStream: 'late' })

    expect(await streams('failing: {}, matching: "late"')).toEqual([])
    expect(await streams(`notCheckedSince: "${at(3)}", matching: "late"`)).toEqual([])
    await app.client.request('mutation { deleteImageStream(input: { imageStream: "late" }) { deletedId } }')
  })
})

test('a stream has the times that its filters use', async () => {
  const { imageStreams } = await app.client.request<{ imageStreams: { nodes: unknown[] } }>(
    '{ imageStreams { nodes { name checkedAt changedAt } } }',
  )

  expect(imageStreams.nodes).toEqual([
    { name: 'api', checkedAt: at(2), changedAt: at(2) },
    { name: 'web', checkedAt: null, changedAt: at(0) },
    { name: 'worker', checkedAt: at(1), changedAt: at(1) },
    { name: 'idle', checkedAt: null, changedAt: null },
  ])
})

describe('tags', () => {
  test.each<[() => string, readonly string[]]>([
    [() => `digest: "${amd64.digest}"`, ['api:1.0', 'web:latest']],
    [() => `registry: "${second.host}"`, ['worker:latest']],
    [() => 'failing: {}', ['web:gone']],
    [() => 'failing: { reason: FORBIDDEN }', []],
    [() => 'platform: "linux/arm64"', ['api:1.1', 'worker:latest']],
    [() => `unchangedSince: "${at(1)}"`, ['api:1.1', 'web:latest', 'web:gone']],
    [() => 'labels: [{ key: "team", value: "a" }]', ['api:1.0', 'web:latest', 'worker:latest']],
    [
      () => 'labels: [{ key: "team", value: "a" }, { key: "org.example/tier", value: "front" }]',
      ['api:1.0', 'web:latest'],
    ],
    [() => 'labels: [{ key: "team", value: "b" }]', []],
    [() => 'orderBy: NAME, platform: "linux/amd64"', ['api:1.0', 'api:1.1', 'web:latest']],
    [() => 'matching: "1.*", platform: "linux/amd64"', ['api:1.1', 'api:1.0']],
    [() => `matching: "1.*", digest: "${both.digest}"`, ['api:1.1']],
  ])('with (%s) are found', async (args, names) => {
    expect(await tags(args())).toEqual(names)
  })
})

describe('a filter', () => {
  const inTags = (args: string) => `imageStream(name: "api") { tags(${args}) { totalCount } }`

  test.each([
    ['imageStreams(registry: "") { totalCount }', 'registry'],
    ['imageStreams(registry: "docker.io/library") { totalCount }', 'registry'],
    ['imageStreams(registry: "https://quay.io") { totalCount }', 'registry'],
    ['imageStreams(registry: "team") { totalCount }', 'registry'],
    ['imageStreams(platform: "amd64") { totalCount }', 'platform'],
    ['imageStreams(platform: "linux/amd64 linux/arm64") { totalCount }', 'platform'],
    [inTags('registry: "a b"'), 'registry'],
    [inTags('platform: ""'), 'platform'],
    [inTags(`labels: [${'{ key: "a", value: "" }'.repeat(21)}]`), 'labels'],
  ])('is refused, naming the argument, for an invalid value: %s', async (query, field) => {
    expect(errorsOf(await app.client.execute(`{ ${query} }`))).toEqual([{ code: 'INVALID', field }])
  })

  test.each([
    '"docker.io"',
    '"index.docker.io"',
    '"registry.example.org:5000"',
    '"localhost"',
    '"[::1]:5000"',
  ])('accepts the registry %s', async (registry) => {
    expect(await streams(`registry: ${registry}`)).toEqual([])
  })

  test.each([
    'failing: { reason: WHATEVER }',
    'digest: "sha256:1"',
    'unchangedSince: "yesterday"',
    'orderBy: SIZE',
  ])('is checked by its type: %s', async (args) => {
    const { errors, data } = await app.client.execute(`{ imageStreams(${args}) { totalCount } }`)
    expect(errors).toHaveLength(1)
    expect(data ?? null).toBeNull()
  })

  test('finds Docker Hub under each of its names', async () => {
    await createStream(app.client, {
      name: 'hub',
      spec: { tags: [{ name: '1', from: { kind: 'DOCKER_IMAGE', name: 'ruby:3.3' }, reference: true }] },
    })

    for (const registry of ['docker.io', 'index.docker.io', 'registry-1.docker.io']) {
      expect(await streams(`registry: "${registry}"`)).toEqual(['hub'])
    }
    await app.client.request('mutation { deleteImageStream(input: { imageStream: "hub" }) { deletedId } }')
  })

  test('adds complexity, and too many together are refused', async () => {
    const search = (count: number) =>
      `{ ${Array.from(
        { length: count },
        (
          _,
          n,
        ) => `a${n}: imageStreams(failing: {}, platform: "linux/amd64", registry: "quay.io", first: 500) {
          nodes { tags(platform: "linux/arm64", first: 5) { nodes { tag } } } }`,
      ).join(' ')} }`

    expect(errorsOf(await app.client.execute(search(5)))).toEqual([])
    expect(errorsOf(await app.client.execute(search(20)))).toEqual([{ code: 'TOO_COMPLEX' }])
  })
})

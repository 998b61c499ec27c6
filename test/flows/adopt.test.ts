import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { eventually } from '../fixtures/eventually.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Content, image, index, layer } from '../fixtures/random-image.ts'
import { buildServer, type ServerBuild } from '../fixtures/server-process.ts'

const FIRST = image({ seed: 1, layers: [layer('base'), layer('one')] })
const SECOND = image({ seed: 2, layers: [layer('base'), layer('two')] })
const PLATFORMS = index([
  image({ seed: 3 }),
  image({ seed: 4, platform: { os: 'linux', architecture: 'arm64' } }),
])

let build: ServerBuild
let data: string
beforeEach(async () => {
  build = await buildServer()
  data = mkdtempSync(join(tmpdir(), 'imagestreams-adopt-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

interface List {
  readonly manifests: readonly { digest: Digest }[]
  readonly tags: readonly { name: string; digest: Digest }[]
}
const listOf = (repository: string): List | undefined => {
  const [namespace = '', ...name] = repository.split('/')
  const file = join(data, 'inventory', 'repositories', namespace, name.join('+'), 'list.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
const tagsOf = (repository: string): Record<string, Digest> =>
  Object.fromEntries((listOf(repository)?.tags ?? []).map(({ name, digest }) => [name, digest]))

const loseDatabase = (): void => {
  for (const name of readdirSync(data)) if (name.startsWith('imagestreams.db')) rmSync(join(data, name))
}
const adopt = async (...flags: string[]) => {
  const { end, stdout, stderr } = await build.run({}, [
    'check',
    '--data',
    data,
    '--adopt',
    '--json',
    ...flags,
  ])
  return { end, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) }
}

/** Pushes images to three repositories, moves and deletes tags, and kills the server once its inventory has all. */
async function fill(): Promise<void> {
  await using server = await build.start({ DATA: data })
  const registry = new PushClient(server.url)
  await registry.push({ repository: 'shop/web', tag: 'v1' }, FIRST, 'one POST')
  await registry.push({ repository: 'shop/web', tag: 'latest' }, FIRST, 'one POST')
  await registry.push({ repository: 'shop/web', tag: 'latest' }, SECOND, 'one POST')
  await registry.push({ repository: 'shop/web', tag: 'gone' }, FIRST, 'one POST')
  await registry.push({ repository: 'team/sub/app', tag: 'v1' }, FIRST, 'one POST')
  for (const child of PLATFORMS.manifests) {
    await registry.push({ repository: 'shop/multi', tag: child.digest }, child as typeof FIRST, 'one POST')
  }
  await put(server.url, 'shop/multi', 'v1', PLATFORMS)
  const signature = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.example.signature',
      config: {
        mediaType: FIRST.config.mediaType,
        digest: FIRST.config.digest,
        size: FIRST.config.bytes.length,
      },
      layers: [],
      subject: { mediaType: FIRST.mediaType, digest: FIRST.digest, size: FIRST.bytes.length },
    }),
  )
  await put(server.url, 'shop/web', 'signature', { mediaType: FIRST.mediaType, bytes: signature })
  await fetch(`${server.url}/v2/shop/web/manifests/gone`, { method: 'DELETE' })
  await using client = connect(server.url)
  await client.request('mutation { deleteImageStream(input: { imageStream: "team/sub/app" }) { deletedId } }')
  await eventually(() => {
    expect(Object.keys(tagsOf('shop/web'))).toEqual(['latest', 'signature', 'v1'])
    expect(tagsOf('shop/web')).toMatchObject({ v1: FIRST.digest, latest: SECOND.digest })
    expect(tagsOf('shop/multi')).toEqual({ v1: PLATFORMS.digest })
    expect(listOf('shop/multi')?.manifests).toHaveLength(3)
    expect(listOf('team/sub/app')).toBeUndefined()
  })
  server.kill('SIGKILL')
  await server.ended
}

async function put(
  url: string,
  repository: string,
  tag: string,
  content: Pick<Content, 'mediaType' | 'bytes'>,
) {
  const response = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': content.mediaType },
    body: new Uint8Array(content.bytes),
  })
  expect(response.status).toBe(201)
}

test('a lost database is rebuilt from the content: every tag is pulled as it was pushed, and nothing is collected', async () => {
  await fill()
  loseDatabase()
  const refused = await build.run({}, ['--data', data, '--port', '0'])
  expect(refused).toMatchObject({ end: 78, stderr: expect.stringContaining('imagestreams check --adopt') })
  const check = await build.run({}, ['check', '--data', data])
  expect(check).toMatchObject({ end: 1, stdout: expect.stringContaining('imagestreams check --adopt') })

  expect(await adopt()).toMatchObject({
    end: 0,
    report: { repositoryCount: 2, manifestCount: 6, tagCount: 4, left: [], unreadable: [] },
  })

  expect((await build.run({}, ['check', '--data', data])).stdout).toContain('nothing found')
  await using server = await build.start({ DATA: data })
  const registry = new PushClient(server.url)
  await using client = connect(server.url)
  await client.request('mutation { collectGarbage(input: {}) { garbageCollection { id } } }')
  expect(await registry.has({ repository: 'shop/web', tag: 'v1' }, FIRST)).toBe(true)
  expect(await registry.has({ repository: 'shop/web', tag: 'latest' }, SECOND)).toBe(true)
  const whole = await fetch(`${server.url}/v2/shop/multi/manifests/v1`, { headers: { accept: '*/*' } })
  expect(Buffer.from(await whole.arrayBuffer()).equals(PLATFORMS.bytes)).toBe(true)
  const referrers = await fetch(`${server.url}/v2/shop/web/referrers/${FIRST.digest}`)
  expect(await referrers.json()).toMatchObject({
    manifests: [{ artifactType: 'application/vnd.example.signature' }],
  })
  const { imageStreams } = await client.request<{ imageStreams: { nodes: object[] } }>(
    '{ imageStreams(first: 9) { nodes { namespace name tags(first: 9) { nodes { tag image { digest } items { totalCount } } } } } }',
  )
  expect(imageStreams.nodes).toMatchObject([
    { namespace: 'shop', name: 'multi' },
    {
      namespace: 'shop',
      name: 'web',
      tags: {
        nodes: expect.arrayContaining([
          { tag: 'latest', image: { digest: SECOND.digest }, items: { totalCount: 1 } },
        ]),
      },
    },
  ])
})

test('what is damaged is not adopted, and named; the rest is', async () => {
  await fill()
  loseDatabase()
  const [, two] = SECOND.layers.map(({ digest }) => digest) as [Digest, Digest]
  truncateSync(join(data, 'blobs', 'sha256', two.slice(7, 9), two.slice(7)), 1)
  rmSync(join(data, 'inventory', 'manifests', 'sha256', FIRST.digest.slice(7, 9), FIRST.digest.slice(7)))

  const { end, report } = await adopt()

  expect(end).toBe(1)
  expect(report).toMatchObject({ repositoryCount: 2, manifestCount: 4, tagCount: 2 })
  expect(report.left).toEqual([
    { repository: 'shop/web', digest: FIRST.digest, why: 'its file is missing in the inventory' },
    { repository: 'shop/web', digest: SECOND.digest, why: expect.stringContaining(two) },
  ])
})

test('is refused beside a database, and without an inventory', async () => {
  await fill()
  expect(await adopt()).toMatchObject({
    end: 78,
    stderr: expect.stringContaining('exists: --adopt makes a new'),
  })
  loseDatabase()
  rmSync(join(data, 'inventory'), { recursive: true })
  expect(await adopt()).toMatchObject({ end: 78, stderr: expect.stringContaining('has no inventory') })
  expect(readdirSync(join(data, 'blobs', 'sha256')).length).toBeGreaterThan(3)
})

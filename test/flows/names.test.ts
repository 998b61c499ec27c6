import fc from 'fast-check'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { repositoryName } from '../fixtures/repository-names.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { type Client, clientOf } from '../registry/client.ts'

// Every repository name can be pushed, and its stream is found everywhere under its namespace and name.

let app: TestApp
let registry: Client
beforeAll(async () => {
  app = await startApp()
  const pool = new Pool(app.app.url, { connections: 4 })
  registry = clientOf(pool)
  return () => pool.close()
})
afterAll(() => app[Symbol.asyncDispose]())

const one = image({ seed: 1 })
const two = image({ seed: 2 })

const FOUND = `query ($namespace: String!, $name: String!, $tag: String!, $image: String!) {
  imageStream(namespace: $namespace, name: $name) { id namespace name
    dockerImageRepository tags { nodes { name tag dockerImageReference image { digest } } } }
  imageStreamTag(namespace: $namespace, name: $tag) { id name imageStream { namespace name } }
  imageStreamImage(namespace: $namespace, name: $image) { name image { digest } }
  repository(namespace: $namespace, name: $name) { namespace name imageStream { name } }
  imagePushes(namespace: $namespace, imageStream: $name) { nodes { namespace imageStreamName tag } }
  imageStreams(namespace: $namespace, matching: $name) { nodes { namespace name } }
  repositories(namespace: $namespace, matching: $name) { nodes { namespace name } }
}`

interface Found {
  readonly imageStream: {
    readonly id: string
    dockerImageRepository: string
    tags: { nodes: { dockerImageReference: string }[] }
  }
  readonly imageStreamTag: { readonly id: string }
}

const NODES = `query ($stream: ID!, $tag: ID!) {
  stream: node(id: $stream) { ... on ImageStream { namespace name } }
  tag: node(id: $tag) { ... on ImageStreamTag { name imageStream { namespace } } } }`

describe('a repository of any name', () => {
  test('is pushed, and found by namespace and name in every query, by its ids, and under its pull spec', async () => {
    await fc.assert(
      fc.asyncProperty(repositoryName, async (path) => {
        const stream = parseRepositoryName(path)
        const { namespace, name } = stream
        await registry.push(path, one, 'v1')

        const variables = { ...stream, tag: `${name}:v1`, image: `${name}@${one.digest.slice(0, 20)}` }
        const found = await app.client.request<Found>(FOUND, variables)
        const { dockerImageRepository, tags } = found.imageStream
        const pullSpec = `${dockerImageRepository}@${one.digest}`
        expect(found).toMatchObject({
          imageStream: {
            ...stream,
            tags: { nodes: [{ name: `${name}:v1`, dockerImageReference: pullSpec }] },
          },
          imageStreamTag: { name: `${name}:v1`, imageStream: stream },
          imageStreamImage: { name: `${name}@${one.digest}`, image: { digest: one.digest } },
          repository: { ...stream, imageStream: { name } },
          imagePushes: { nodes: [{ namespace, imageStreamName: name, tag: 'v1' }] },
          imageStreams: { nodes: [stream] },
          repositories: { nodes: [stream] },
        })
        expect(tags.nodes).toHaveLength(1)
        const pulled = dockerImageRepository.slice(dockerImageRepository.indexOf('/') + 1)
        expect(parseRepositoryName(pulled)).toEqual(stream)
        expect((await registry.get(`/v2/${pulled}/manifests/${one.digest}`)).status).toBe(200)
        const ids = { stream: found.imageStream.id, tag: found.imageStreamTag.id }
        expect(await app.client.request(NODES, ids)).toEqual({
          stream,
          tag: { name: `${name}:v1`, imageStream: { namespace } },
        })
      }),
      { numRuns: 40 },
    )
  })
})

describe('patterns', () => {
  test('match slashes: "*" is every stream, and "sub/*" those below sub at any depth', async () => {
    for (const name of ['sub', 'sub/app', 'sub/app/cache', 'subway/app', 'my_app']) {
      await registry.push(`glob_team/${name}`, one, 'v1')
    }
    const matching = async (pattern: string): Promise<string[]> => {
      const found = await app.client.request<{
        imageStreams: { nodes: { name: string }[] }
        repositories: { nodes: { name: string }[] }
        imagePushes: { nodes: { imageStreamName: string }[] }
      }>(
        `query ($pattern: String!) {
          imageStreams(namespace: "glob_team", matching: $pattern) { nodes { name } }
          repositories(namespace: "glob_team", matching: $pattern) { nodes { name } }
          imagePushes(namespace: "glob_team", imageStream: $pattern) { nodes { imageStreamName } } }`,
        { pattern },
      )
      const names = found.imageStreams.nodes.map(({ name }) => name)
      expect(found.repositories.nodes.map(({ name }) => name)).toEqual(names)
      expect(found.imagePushes.nodes.map(({ imageStreamName }) => imageStreamName).sort()).toEqual(names)
      return names
    }

    expect(await matching('*')).toEqual(['my_app', 'sub', 'sub/app', 'sub/app/cache', 'subway/app'])
    expect(await matching('sub/*')).toEqual(['sub/app', 'sub/app/cache'])
    expect(await matching('*/app')).toEqual(['sub/app', 'subway/app'])
    expect(await matching('sub')).toEqual(['sub'])
    expect(await matching('my_*')).toEqual(['my_app'])
  })

  test('select the pushes of a subscription', async () => {
    const pushes = app.client
      .follow<{ imagePushed: object }>(
        'subscription { imagePushed(namespace: "live", imageStream: "sub/*") { imageStreamName tag } }',
      )
      [Symbol.asyncIterator]()
    const first = pushes.next()
    await app.client.request('{ integratedRegistry { kind } }')
    await registry.push('live/app', one, 'v1')
    await registry.push('live/sub/app/cache', one, 'v1')

    expect((await first).value).toEqual({ imagePushed: { imageStreamName: 'sub/app/cache', tag: 'v1' } })
    await pushes.return?.()
  })
})

const TAG = `mutation ($input: TagImageInput!) { tagImage(input: $input) { imageStreamTag {
  image { digest } spec { from { namespace name } } } } }`

describe('a nested stream', () => {
  const team = { namespace: 'team' }

  test('is followed and copied by its namespace and name, rolled back, and deleted', async () => {
    await registry.push('team/sub/app', one, 'v1')
    const from = { kind: 'IMAGE_STREAM_TAG', ...team, name: 'sub/app:v1' }
    const follow = { namespace: 'other', imageStream: 'promoted/app', tag: 'prod', alias: true, from }
    expect(await app.client.request(TAG, { input: follow })).toMatchObject({
      tagImage: { imageStreamTag: { image: { digest: one.digest } } },
    })
    const copy = {
      ...team,
      imageStream: 'sub/app',
      tag: 'kept',
      from: { kind: 'IMAGE_STREAM_TAG', name: 'v1' },
    }
    expect(await app.client.request(TAG, { input: copy })).toMatchObject({
      tagImage: { imageStreamTag: { spec: { from: { ...team, name: `sub/app@${one.digest}` } } } },
    })
    expect(
      (await registry.get('/v2/other/promoted/app/manifests/prod')).bytes.equals(Buffer.from(one.bytes)),
    ).toBe(true)
    await registry.push('team/sub/app', two, 'v1')

    const rolledBack = await app.client.request(
      `mutation ($digest: Digest!) { rollbackTag(input: { namespace: "team", imageStream: "sub/app", tag: "v1",
        digest: $digest }) { imageStreamTag { image { digest } spec { from { namespace name } } } } }`,
      { digest: one.digest },
    )
    expect(rolledBack).toMatchObject({
      rollbackTag: {
        imageStreamTag: {
          image: { digest: one.digest },
          spec: { from: { ...team, name: `sub/app@${one.digest}` } },
        },
      },
    })
    const { imagePushes } = await app.client.request<{ imagePushes: { nodes: object[] } }>(
      '{ imagePushes(namespace: "other", imageStream: "promoted/app") { nodes { image { digest } } } }',
    )
    expect(imagePushes.nodes).toHaveLength(3)
    await app.client.request(
      'mutation { deleteImageStream(input: { namespace: "team", imageStream: "sub/app" }) { deletedId } }',
    )
    expect((await registry.get('/v2/team/sub/app/tags/list')).status).toBe(404)
  })

  test('as a source names its namespace before the slash', async () => {
    await registry.push('other/app', one, 'v1')
    const from = { kind: 'IMAGE_STREAM_TAG', name: 'other/app:v1' }
    const result = await app.client.execute(TAG, {
      input: { imageStream: 'app', tag: 'v1', alias: true, from },
    })
    expect(result.errors).toBeUndefined()
    expect(
      await app.client.request(
        '{ imageStreamTag(name: "app:v1") { image { digest } spec { from { namespace name } } } }',
      ),
    ).toEqual({
      imageStreamTag: {
        image: { digest: one.digest },
        spec: { from: { namespace: 'other', name: 'app:v1' } },
      },
    })
  })

  test('imports from a nested repository of another registry, and serves it with referencePolicy Local', async () => {
    await using upstream = await startUpstream()
    upstream.push('group/sub_group/app', 'v1', one)
    const input = {
      ...{ namespace: 'through', name: 'group/my_app', waitSeconds: 60 },
      spec: {
        tags: [
          {
            name: 'v1',
            from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/group/sub_group/app:v1` },
            referencePolicy: { type: 'LOCAL' },
          },
        ],
      },
    }
    const created = await app.client.request(
      `mutation ($input: CreateImageStreamInput!) { createImageStream(input: $input) { import { state }
        imageStream { tag(name: "v1") { dockerImageReference } } } }`,
      { input },
    )

    expect(created).toMatchObject({
      createImageStream: {
        import: { state: 'SUCCEEDED' },
        imageStream: {
          tag: { dockerImageReference: expect.stringContaining(`/through/group/my_app@${one.digest}`) },
        },
      },
    })
    const path = '/v2/through/group/my_app'
    expect((await registry.get(`${path}/manifests/v1`)).status).toBe(200)
    for (const { digest, bytes } of [one.config, ...one.layers]) {
      expect((await registry.get(`${path}/blobs/${digest}`)).bytes.equals(Buffer.from(bytes))).toBe(true)
    }
    expect((await registry.get('/v2/through/group/manifests/v1')).status).toBe(404)
  })

  test('is exported with a warning that a cluster refuses its names, and applied again without a change', async () => {
    await app.client.request(`mutation { createImageStream(input: { namespace: "my_export", name: "sub/app",
      labels: [{ key: "a", value: "b" }] }) { imageStream { id } } }`)
    const { imageStream } = await app.client.request<{
      imageStream: { document: string; documentWarnings: string[] }
    }>('{ imageStream(namespace: "my_export", name: "sub/app") { document(format: YAML) documentWarnings } }')
    const { document, documentWarnings } = imageStream
    expect(documentWarnings).toEqual([
      expect.stringContaining('metadata.namespace: an OpenShift cluster refuses "my_export"'),
      expect.stringContaining('metadata.name: an OpenShift cluster refuses "sub/app"'),
    ])
    expect(document.startsWith(documentWarnings.map((warning) => `# ${warning}\n`).join(''))).toBe(true)

    const applied = await app.client.request(
      `mutation ($documents: String!) { applyImageStream(input: { documents: $documents }) {
        results { namespace name action warnings } } }`,
      { documents: document },
    )
    expect(applied).toEqual({
      applyImageStream: {
        results: [
          { namespace: 'my_export', name: 'sub/app', action: 'UNCHANGED', warnings: documentWarnings },
        ],
      },
    })
  })

  test('has no bare name: a name with a slash resolves to a registry, also with a local lookup policy', async () => {
    await registry.push('bare/sub/app', one, 'v1')
    await registry.push('bare/my_app', one, 'v1')
    for (const name of ['sub/app', 'my_app']) {
      await app.client.request(
        `mutation ($name: String!) { updateImageStream(input: { namespace: "bare", imageStream: $name,
          spec: { lookupPolicy: { local: true } } }) { imageStream { id } } }`,
        { name },
      )
    }
    const resolved = await app.client.request(`{
      nested: resolveImage(namespace: "bare", name: "sub/app:v1") { source dockerImageReference }
      plain: resolveImage(namespace: "bare", name: "my_app:v1") { source image { digest } } }`)
    expect(resolved).toEqual({
      nested: { source: 'REFERENCE', dockerImageReference: 'docker.io/sub/app:v1' },
      plain: { source: 'IMAGE_STREAM', image: { digest: one.digest } },
    })
  })

  test('in the namespace default is another stream than that of its first component', async () => {
    await registry.push('default/team/app', one, 'v1')
    await registry.push('team/app', two, 'v1')
    expect(
      await app.client.request(`{ a: imageStreamTag(namespace: "default", name: "team/app:v1") { image { digest } }
        b: imageStreamTag(namespace: "team", name: "app:v1") { image { digest } } }`),
    ).toEqual({ a: { image: { digest: one.digest } }, b: { image: { digest: two.digest } } })
  })
})

describe('a namespace that is the first component of a name', () => {
  test('can have credentials, receivers and streams', async () => {
    await app.client.request(`mutation {
      setRegistryCredential(input: { namespace: "my_team", prefix: "quay.io", username: "u", password: "p" }) { registryCredential { prefix } }
      createImageStream(input: { namespace: "my_team", name: "app" }) { imageStream { id } } }`)
    expect(
      await app.client.request(`{ registryCredentials(namespace: "my_team") { nodes { prefix } }
        imageStreams(namespace: "my_team") { nodes { name } } receivers(namespace: "my_team") { nodes { id } } }`),
    ).toEqual({
      registryCredentials: { nodes: [{ prefix: 'quay.io' }] },
      imageStreams: { nodes: [{ name: 'app' }] },
      receivers: { nodes: [] },
    })
  })
})

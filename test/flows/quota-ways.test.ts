import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

const content = image({ seed: 'content' })
const MEBIBYTE = 1024 * 1024

interface Use {
  readonly imageStreamCount: number
  readonly tagCount: number
  readonly size: number
}

let server: SignedInApp
let upstream: Upstream
let admin: GraphQLClient
let namespace = ''
let count = 0

beforeAll(async () => {
  upstream = await startUpstream()
  upstream.push('lab/app', 'v1', content)
  server = await startSignedInApp()
  admin = server.as('admin')
  await push('source/app', 'v1')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  namespace = `room-${count++}`
})

const push = (repository: string, tag: string, pushed = content): Promise<unknown> =>
  new PushClient(server.url, { headers: server.headersOf('admin') }).push(
    { repository, tag },
    pushed,
    'one POST',
  )
const send = async (method: string, path: string, body?: Uint8Array | ReadableStream, type = '') => {
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: { ...server.headersOf('admin'), ...(type !== '' && { 'content-type': type }) },
    ...(body && { body: body as BodyInit, duplex: 'half' }),
  })
  return {
    status: response.status,
    text: await response.text(),
    location: response.headers.get('location') ?? '',
  }
}
const mutate = async (name: string, input: string, payload: string): Promise<string> =>
  JSON.stringify(await admin.execute(`mutation { ${name}(input: { ${input} }) { ${payload} } }`))
const setQuota = (limits: string): Promise<string> =>
  mutate('setQuota', `namespace: "${namespace}", limits: { ${limits} }`, 'quota { id }')
const useOf = async (): Promise<Use | undefined> => {
  const { quotas } = await admin.request<{ quotas: { nodes: Use[] } }>(
    `{ quotas(namespace: "${namespace}") { nodes { imageStreamCount tagCount size } } }`,
  )
  return quotas.nodes[0]
}

const inNamespace = (rest: string): string => `namespace: "${namespace}", ${rest}`
const SOURCE = 'from: { kind: IMAGE_STREAM_TAG, namespace: "source", name: "app:v1" }'
const document = (kind: string, spec: object): string => {
  const text = { apiVersion: 'image.openshift.io/v1', kind, metadata: { name: 'app', namespace }, spec }
  return `documents: ${JSON.stringify(JSON.stringify(text))}`
}

/** Deletes a stream of another namespace. Returns what restores it in this one. */
const deletedElsewhere = async (): Promise<string> => {
  const place = `from-${namespace}`
  await push(`${place}/app`, 'v1')
  const { imageStream } = await admin.request<{ imageStream: { uid: string } }>(
    `{ imageStream(namespace: "${place}", name: "app") { uid } }`,
  )
  await mutate('deleteImageStream', `namespace: "${place}", imageStream: "app"`, 'deletedId')
  return imageStream.uid
}

/** Ways to add a stream with a tag, and what they need. */
const WAYS: Readonly<Record<string, { way: () => Promise<unknown>; needs: readonly (keyof Use)[] }>> = {
  'a push': {
    way: () => push(`${namespace}/app`, 'v1').catch(({ message }: Error) => message),
    needs: ['imageStreamCount', 'tagCount', 'size'],
  },
  createImageStream: {
    way: () => mutate('createImageStream', inNamespace('name: "app"'), 'imageStream { id }'),
    needs: ['imageStreamCount'],
  },
  'tagImage of a tag elsewhere': {
    way: () =>
      mutate('tagImage', inNamespace(`imageStream: "app", tag: "v1", ${SOURCE}`), 'imageStreamTag { name }'),
    needs: ['imageStreamCount', 'tagCount', 'size'],
  },
  importImage: {
    way: () =>
      mutate(
        'importImage',
        inNamespace(
          `imageStream: "app", tag: "v1", from: "${upstream.host}/lab/app:v1", insecure: true, confirm: true`,
        ),
        'import { state results(first: 1) { nodes { message } } }',
      ),
    needs: ['imageStreamCount', 'tagCount'],
  },
  mirrorImage: {
    way: () =>
      mutate(
        'mirrorImage',
        inNamespace(
          `imageStream: "app", tag: "v1", insecure: true, from: { kind: DOCKER_IMAGE, name: "${upstream.host}/lab/app:v1" }`,
        ),
        'imageMirroring { state message }',
      ),
    needs: ['imageStreamCount', 'tagCount', 'size'],
  },
  'a document': {
    way: () =>
      mutate(
        'applyImageStream',
        document('ImageStream', {
          tags: [{ name: 'v1', from: { kind: 'ImageStreamTag', namespace: 'source', name: 'app:v1' } }],
        }),
        'results { message }',
      ),
    needs: ['imageStreamCount', 'tagCount', 'size'],
  },
  'restoreImageStream from another namespace': {
    way: async () =>
      mutate(
        'restoreImageStream',
        `uid: "${await deletedElsewhere()}", namespace: "${namespace}"`,
        'imageStream { id }',
      ),
    needs: ['imageStreamCount', 'tagCount', 'size'],
  },
}

const LIMITS = {
  imageStreamCount: 'maximumImageStreams',
  tagCount: 'maximumTags',
  size: 'maximumSize',
} as const

describe.each(Object.entries(WAYS))('%s', (_, { way, needs }) => {
  test('is counted, and adds nothing beyond a quota', async () => {
    await way()
    const { imageStreamCount, tagCount, size } = (await useOf()) as Use
    const used = { imageStreamCount, tagCount, size }
    expect(Object.entries(used).flatMap(([name, amount]) => (Number(amount) > 0 ? [name] : []))).toEqual(
      needs,
    )

    for (const need of needs) {
      namespace = `room-${count++}`
      await setQuota(`${LIMITS[need]}: ${Number(used[need]) - 1}`)
      const answered = await way()
      expect(answered, need).toContain(`the quota of the namespace ${namespace} does not allow it`)
      const after = await useOf()
      expect(Number(after?.[need]), need).toBeLessThan(Number(used[need]))
      expect(after?.tagCount, need).toBe(0)
    }
  })
})

describe('bytes', () => {
  const uploads = (): string => `/v2/${namespace}/app/blobs/uploads/`
  const stream = (mebibytes: number): ReadableStream => {
    let left = mebibytes
    return new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(new Uint8Array(MEBIBYTE))
        else controller.close()
      },
    })
  }

  test('an upload of unknown length ends at the byte that exceeds the quota, and keeps nothing', async () => {
    await setQuota(`maximumSize: ${2 * MEBIBYTE}`)
    const { location } = await send('POST', uploads())
    expect(await send('PATCH', location, stream(20))).toMatchObject({
      status: 403,
      text: expect.stringContaining('DENIED'),
    })
    const { location: next } = await send('POST', uploads())
    expect((await send('PATCH', next, stream(2))).status).toBe(202)
  })

  test('unfinished uploads need room, together and at once, until they end', async () => {
    await setQuota(`maximumSize: ${4 * MEBIBYTE}`)
    const started = await Promise.all(Array.from({ length: 8 }, () => send('POST', uploads())))
    const sent = await Promise.all(started.map(({ location }) => send('PATCH', location, stream(1))))
    const accepted = sent.filter(({ status }) => status === 202)
    expect(accepted.length).toBeLessThanOrEqual(4)
    for (const { location } of started) await send('DELETE', location)
    const { location } = await send('POST', uploads())
    expect((await send('PATCH', location, stream(4))).status).toBe(202)
  })

  test('manifests count as blobs do', async () => {
    const { config, mediaType } = content
    await setQuota(`maximumSize: ${2 * MEBIBYTE}`)
    await send('POST', `${uploads()}?digest=${config.digest}`, config.bytes)
    const manifest = (padding: number): Buffer =>
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          config: { mediaType: config.mediaType, digest: config.digest, size: config.bytes.length },
          layers: [],
          annotations: { padding: 'x'.repeat(padding) },
        }),
      )
    const put = (bytes: Buffer) =>
      send('PUT', `/v2/${namespace}/app/manifests/${digestOf(bytes)}`, bytes, mediaType)
    expect((await put(manifest(1.5 * MEBIBYTE))).status).toBe(201)
    expect((await put(manifest(1.6 * MEBIBYTE))).status).toBe(403)
    expect(Number((await useOf())?.size)).toBeGreaterThan(1.5 * MEBIBYTE)
  })
})

test('repositories whose stream comes later are at most as many as streams', async () => {
  await setQuota('maximumImageStreams: 2')
  const { config } = content
  const statuses: number[] = []
  for (const name of ['one', 'two', 'three']) {
    const path = `/v2/${namespace}/${name}/blobs/uploads/?digest=${config.digest}`
    statuses.push((await send('POST', path, config.bytes)).status)
  }
  expect(statuses).toEqual([201, 201, 403])
})

test('concurrent pushes never exceed a quota, and what there is room for is stored', async () => {
  await setQuota('maximumTags: 3')
  await push(`${namespace}/app`, 'v0')
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, at) => push(`${namespace}/app`, `v${at + 1}`)),
  )
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(await useOf()).toMatchObject({ tagCount: 3 })
})

test('a quota below the present use keeps what is there; a dry run takes nothing', async () => {
  await push(`${namespace}/app`, 'v1')
  await setQuota('maximumTags: 0, maximumImageStreams: 0, maximumSize: 0')
  await push(`${namespace}/app`, 'v1', content)
  await expect(push(`${namespace}/app`, 'v2')).rejects.toThrow('1 of at most 0 tags')
  await setQuota('maximumTags: 2')
  const spec = { tags: [{ name: 'v2', from: { kind: 'ImageStreamTag', name: 'v1' } }] }
  for (const _ of [1, 2]) {
    expect(
      await mutate(
        'applyImageStream',
        `${document('ImageStream', spec)}, dryRun: true`,
        'results { action }',
      ),
    ).toContain('CONFIGURED')
  }
  await push(`${namespace}/app`, 'v2')
  expect(await useOf()).toMatchObject({ tagCount: 2 })
})

test('tags that the quota held back get their image when it is raised', async () => {
  await setQuota('maximumTags: 0')
  const alias = `imageStream: "app", tag: "v1", alias: true, ${SOURCE.replace('app:v1', `app:${namespace}`)}`
  await mutate('createImageStream', inNamespace('name: "app"'), 'imageStream { id }')
  await mutate('tagImage', inNamespace(alias), 'imageStreamTag { name }')
  await push('source/app', namespace)
  expect(await useOf()).toMatchObject({ tagCount: 0 })
  await setQuota('maximumTags: 1')
  expect(await useOf()).toMatchObject({ tagCount: 1 })
})

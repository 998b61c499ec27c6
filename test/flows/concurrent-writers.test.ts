import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, errorsOf, follow, history, importImage, pushLog, tagDigests } from './operations.ts'

let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  upstream = await startUpstream()
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  app = await startApp()
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface Read {
  readonly resourceVersion: string
  readonly labels: readonly { readonly key: string; readonly value: string }[]
  readonly document: string
  readonly spec: {
    readonly tags: { readonly nodes: readonly { readonly name: string; readonly from: object | null }[] }
  }
}

const read = async (): Promise<Read> => {
  const { imageStream } = await app.client.request<{ imageStream: Read }>(
    `{ imageStream(name: "app") { resourceVersion labels { key value } document
       spec { tags { nodes { name from { kind name namespace } } } } } }`,
  )
  return imageStream
}

/** Name of the input field that names the stream, and type of the input, of each write. */
const WRITES = {
  updateImageStream: { by: 'imageStream', type: 'UpdateImageStreamInput' },
  importImage: { by: 'imageStream', type: 'ImportImageInput' },
  tagImage: { by: 'imageStream', type: 'TagImageInput' },
  untagImage: { by: 'imageStream', type: 'UntagImageInput' },
  rollbackTag: { by: 'imageStream', type: 'RollbackTagInput' },
  setImageStreamTrust: { by: 'imageStream', type: 'SetImageStreamTrustInput' },
  deleteImageStream: { by: 'imageStream', type: 'DeleteImageStreamInput' },
  applyImageStream: { by: null, type: 'ApplyImageStreamInput' },
} as const
type Write = keyof typeof WRITES

/** Runs the write; returns the codes of its errors, and of documents that were not applied. */
async function write(mutation: Write, input: object): Promise<unknown[]> {
  const { by, type } = WRITES[mutation]
  const response = await app.client.execute(
    `mutation ($input: ${type}!) { it: ${mutation}(input: $input) { ${by ? '__typename' : 'results { action }'} } }`,
    { input: { ...(by && { [by]: 'app' }), ...input } },
  )
  const { it } = (response.data ?? {}) as { it?: { results?: readonly { action: string }[] } }
  const outdated = (it?.results ?? []).filter(({ action }) => action === 'CONFLICT')
  return [...errorsOf(response).map(({ code }) => code), ...outdated.map(({ action }) => action)]
}

/** Reads the stream, writes a change of what it read, and starts again after a conflict. */
async function readAndWrite(mutation: Write, inputOf: (stream: Read) => object): Promise<void> {
  for (;;) {
    const stream = await read()
    const versioned = mutation === 'applyImageStream' ? {} : { resourceVersion: stream.resourceVersion }
    const codes = await write(mutation, { ...inputOf(stream), ...versioned })
    if (codes.length === 0) return
    expect(codes).toEqual(['CONFLICT'])
  }
}

const newKey = (): string =>
  generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).publicKey
const KEYS = [newKey(), newKey()]
const signedBy = (publicKeys: readonly string[]) => [{ cosign: { publicKeys } }]

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

describe('with two writers that have read the same version', () => {
  const latest = { kind: 'IMAGE_STREAM_TAG', name: 'app:latest' }
  const others = (repository: string): Record<Exclude<Write, 'applyImageStream'>, [object, object]> => ({
    updateImageStream: [{ labels: [{ key: 'by', value: 'one' }] }, { labels: [{ key: 'by', value: 'two' }] }],
    importImage: [
      { tag: 'one', from: repository },
      { tag: 'two', from: repository },
    ],
    tagImage: [
      { tag: 'one', from: latest },
      { tag: 'two', from: latest },
    ],
    untagImage: [{ tag: 'latest' }, { tag: 'a' }],
    rollbackTag: [
      { tag: 'latest', digest: image({ seed: 1 }).digest },
      { tag: 'a', digest: image({ seed: 1 }).digest },
    ],
    setImageStreamTrust: [{ requirements: signedBy(KEYS) }, { requirements: signedBy(KEYS.slice(1)) }],
    deleteImageStream: [{}, {}],
  })

  /** The stream with `latest` and the tag `a`, both of which have had two images. */
  const prepare = async (): Promise<string> => {
    const repository = `${upstream.host}/team/app`
    upstream.push('team/app', 'a', image({ seed: 1 }))
    await follow(app.client, repository)
    for (const tag of ['latest', 'a']) upstream.push('team/app', tag, image({ seed: 2 }))
    await importImage(app.client)
    return repository
  }

  test.each(Object.keys(others('')) as (keyof ReturnType<typeof others>)[])(
    '%s succeeds for one and fails with CONFLICT or NOT_FOUND for the other',
    async (mutation) => {
      const repository = await prepare()
      const { resourceVersion } = await read()

      const codes = await Promise.all(
        others(repository)[mutation].map((input) => write(mutation, { ...input, resourceVersion })),
      )

      const gone = mutation === 'deleteImageStream' ? 'NOT_FOUND' : 'CONFLICT'
      expect(codes.flat()).toEqual([gone])
    },
  )

  test.each(Object.keys(others('')) as (keyof ReturnType<typeof others>)[])(
    '%s with an old version changes nothing',
    async (mutation) => {
      const repository = await prepare()
      const { resourceVersion } = await read()
      await write('updateImageStream', { annotations: [{ key: 'note', value: 'newer' }] })
      const before = [await read(), await pushLog(app.client)]

      const [input] = others(repository)[mutation]
      expect(await write(mutation, { ...input, resourceVersion })).toEqual(['CONFLICT'])

      expect([await read(), await pushLog(app.client)]).toEqual(before)
    },
  )

  test.each(['importImage', 'tagImage'] as const)(
    '%s fails with CONFLICT if the stream was deleted meanwhile, and does not create it again',
    async (mutation) => {
      const repository = await prepare()
      const { resourceVersion } = await read()
      await write('deleteImageStream', {})

      const input = { tag: 'one', from: { kind: 'DOCKER_IMAGE', name: repository } }
      const confirmed = { tag: 'one', from: repository, confirm: true }
      const codes = await write(mutation, {
        ...(mutation === 'tagImage' ? input : confirmed),
        resourceVersion,
      })

      expect(codes).toEqual(['CONFLICT'])
      expect(await app.client.request('{ imageStream(name: "app") { id } }')).toEqual({ imageStream: null })
    },
  )

  test('applyImageStream succeeds for one document and fails with CONFLICT for the other', async () => {
    await prepare()
    const exported = await read()
    const documents = ['one', 'two'].map((by) => {
      const document = JSON.parse(exported.document)
      document.metadata.labels = { by }
      return JSON.stringify(document)
    })

    const codes = await Promise.all(documents.map((each) => write('applyImageStream', { documents: each })))

    expect(codes.flat()).toEqual(['CONFLICT'])
  })

  test('createImageStream creates one stream', async () => {
    const responses = await Promise.all(
      numbers(8).map((at) =>
        app.client.execute(
          `mutation { createImageStream(input: { name: "app", labels: [{ key: "by", value: "${at}" }] }) { __typename } }`,
        ),
      ),
    )

    expect(responses.flatMap(errorsOf)).toEqual(Array(7).fill({ code: 'ALREADY_EXISTS' }))
  })
})

describe('with many concurrent writers', () => {
  test('no increment of a counter is lost', async () => {
    await createStream(app.client, { labels: [{ key: 'count', value: '0' }] })

    await Promise.all(
      numbers(6).map(async () => {
        for (const _ of numbers(5)) {
          await readAndWrite('updateImageStream', ({ labels }) => ({
            labels: [{ key: 'count', value: String(Number(labels[0]?.value) + 1) }],
          }))
        }
      }),
    )

    expect((await read()).labels).toEqual([{ key: 'count', value: '30' }])
  })

  test('no added tag is lost, with every kind of write and while tags move', async () => {
    const repository = `${upstream.host}/team/app`
    await follow(app.client, repository)
    const pinned = { kind: 'IMAGE_STREAM_TAG', name: 'app:latest' }
    const add: Record<string, (tag: string) => Promise<unknown>> = {
      tagImage: (tag) => readAndWrite('tagImage', () => ({ tag, from: pinned })),
      importImage: (tag) =>
        readAndWrite('importImage', () => ({
          tag,
          from: repository,
          waitSeconds: 0,
        })),
      // the next two replace all spec tags by those that were read, plus one
      updateImageStream: (tag) =>
        readAndWrite('updateImageStream', ({ spec }) => ({
          spec: {
            tags: [...spec.tags.nodes.map(({ name, from }) => ({ name, from })), { name: tag, from: pinned }],
          },
        })),
      applyImageStream: (tag) =>
        readAndWrite('applyImageStream', (exported) => {
          const document = JSON.parse(exported.document)
          const from = { ...pinned, kind: 'ImageStreamTag' }
          document.spec.tags = [...(document.spec.tags ?? []), { name: tag, from }]
          return { documents: JSON.stringify(document), waitSeconds: 0 }
        }),
      'tagImage without a version': (tag) => write('tagImage', { tag, from: pinned }),
    }
    const ways = Object.values(add)
    const names = numbers(ways.length * 4).map((at) => `t${at}`)
    const mover = async (): Promise<void> => {
      for (const seed of numbers(5)) {
        upstream.push('team/app', 'latest', image({ seed: `move ${seed}` }))
        await importImage(app.client)
      }
    }

    await Promise.all([mover(), ...names.map((name, at) => ways[at % ways.length]?.(name))])

    expect((await read()).spec.tags.nodes.map(({ name }) => name).sort()).toEqual([...names].sort())
    expect(await history(app.client, 'app:latest')).toHaveLength(6)
  })

  test('tagging and untagging of different tags without a version leave the result of the last write of each tag', async () => {
    await follow(app.client, `${upstream.host}/team/app`)
    const from = { kind: 'IMAGE_STREAM_TAG', name: 'app:latest' }

    await Promise.all(
      numbers(20).map(async (at) => {
        await write('tagImage', { tag: `t${at}`, from })
        if (at % 2 === 0) expect(await write('untagImage', { tag: `t${at}` })).toEqual([])
      }),
    )

    const kept = numbers(20).flatMap((at) => (at % 2 === 0 ? [] : [`t${at}`]))
    expect([...(await tagDigests(app.client)).keys()].sort()).toEqual(['latest', ...kept].sort())
  })
})

import { describe, expect, test } from 'vitest'
import type { KeyValue } from '../../../src/input/key-values.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import {
  createStream,
  errorsOf,
  type Imported,
  reportsOf,
  type Stream,
  tagDigests,
} from '../../flows/operations.ts'
import { picture } from '../writes.ts'

const UPDATE = `mutation ($input: UpdateImageStreamInput!) { updateImageStream(input: $input) {
  imageStream { id name generation resourceVersion labels { key value } annotations { key value }
    spec { dockerImageRepository importPolicy { insecure scheduled importMode } lookupPolicy { local }
      tags { nodes { name generation from { name } importPolicy { scheduled } } } } }
  import { id state } } }`

interface Updated {
  readonly imageStream: Stream & {
    readonly labels: readonly KeyValue[]
    readonly annotations: readonly KeyValue[]
    readonly spec: {
      readonly dockerImageRepository: string | null
      readonly importPolicy: object
      readonly lookupPolicy: object
      readonly tags: { readonly nodes: readonly { readonly name: string; readonly generation: number }[] }
    }
  }
  readonly import: Pick<Imported, 'id' | 'state'> | null
}

const LABELS = [{ key: 'team', value: 'web' }]
const NOTES = [{ key: 'note', value: 'kept' }]

/** The stream `app` with labels, annotations, a repository and two spec tags. */
async function startWithStream() {
  const upstream = await startUpstream()
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  upstream.push('mirror/app', 'v1', image({ seed: 2 }))
  const app = await startApp()
  const from = (name: string) => ({ kind: 'DOCKER_IMAGE', name: `${upstream.host}/${name}` })
  const tags = [
    { name: 'a', from: from('mirror/app:v1') },
    { name: 'b', from: from('mirror/app:v1') },
  ]
  const { imageStream } = await createStream(app.client, {
    labels: LABELS,
    annotations: NOTES,
    spec: { dockerImageRepository: `${upstream.host}/team/app`, lookupPolicy: { local: true }, tags },
  })
  return {
    app,
    upstream,
    imageStream,
    from,
    tags,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

async function update({ client }: TestApp, input: object): Promise<Updated> {
  const { updateImageStream } = await client.request<{ updateImageStream: Updated }>(UPDATE, {
    input: { imageStream: 'app', ...input },
  })
  return updateImageStream
}

const refused = async ({ client }: TestApp, input: object) =>
  errorsOf(await client.execute(UPDATE, { input: { imageStream: 'app', ...input } }))

describe('updateImageStream', () => {
  test('keeps omitted fields, and changes nothing when nothing differs', async () => {
    await using it = await startWithStream()

    const same = await update(it.app, {})
    const again = await update(it.app, {
      labels: LABELS,
      spec: { tags: it.tags, lookupPolicy: { local: true } },
    })

    expect(again.imageStream).toEqual(same.imageStream)
    expect([same.import, again.import]).toEqual([null, null])
    expect(same.imageStream).toMatchObject({
      labels: LABELS,
      generation: 1,
      spec: { lookupPolicy: { local: true } },
    })
  })

  test('replaces all labels and annotations, which is a new version and not a new generation', async () => {
    await using it = await startWithStream()
    const before = await update(it.app, {})

    const labelled = await update(it.app, { labels: [{ key: 'tier', value: 'front' }] })
    const noted = await update(it.app, { annotations: [] })

    expect(labelled.imageStream).toMatchObject({ labels: [{ key: 'tier', value: 'front' }], generation: 1 })
    // the server's own annotation stays
    expect(noted.imageStream.annotations).toMatchObject([{ key: 'openshift.io/image.dockerRepositoryCheck' }])
    expect(noted.imageStream.labels).toEqual([{ key: 'tier', value: 'front' }])
    const versions = [before, labelled, noted].map(({ imageStream }) => imageStream.resourceVersion)
    expect(new Set(versions).size).toBe(3)
  })

  test('sets and removes single labels and annotations, so that two writers of different ones need no version', async () => {
    await using it = await startWithStream()
    await update(it.app, { labels: [{ key: 'a', value: '1' }] })

    await Promise.all(
      ['b', 'c', 'd'].map((key) =>
        update(it.app, { setLabels: [{ key, value: '2' }], setAnnotations: [{ key, value: 'x' }] }),
      ),
    )
    await update(it.app, {
      setLabels: [{ key: 'a', value: '3' }],
      removeLabels: ['c', 'none'],
      removeAnnotations: ['d'],
    })
    const same = await update(it.app, { setLabels: [{ key: 'a', value: '3' }], removeLabels: ['none'] })
    const again = await update(it.app, {})

    const byKey = (entries: readonly KeyValue[]) =>
      Object.fromEntries(entries.map(({ key, value }) => [key, value]))
    expect(byKey(same.imageStream.labels)).toEqual({ a: '3', b: '2', d: '2' })
    expect(byKey(same.imageStream.annotations)).toMatchObject({ b: 'x', c: 'x' })
    expect(byKey(same.imageStream.annotations)).not.toHaveProperty('d')
    expect(same.imageStream.resourceVersion).toBe(again.imageStream.resourceVersion)
  })

  test.each([
    [{ labels: [], setLabels: [{ key: 'a', value: '' }] }, 'labels'],
    [{ annotations: [], removeAnnotations: ['a'] }, 'annotations'],
    [{ setLabels: [{ key: 'a', value: '' }], removeLabels: ['a'] }, 'removeLabels.0'],
    [{ setLabels: [{ key: '-', value: '' }] }, 'setLabels.0.key'],
    [
      {
        setAnnotations: [
          { key: 'a', value: '' },
          { key: 'a', value: '' },
        ],
      },
      'setAnnotations.1.key',
    ],
  ])('refuses the change of single labels %j, naming the field', async (input, field) => {
    await using it = await startWithStream()
    expect(await refused(it.app, input)).toEqual([{ code: 'INVALID', field }])
  })

  test('replaces all spec tags: a new one is imported, the source of a removed one is no longer followed', async () => {
    await using it = await startWithStream()
    const [a] = it.tags
    it.upstream.reset()

    const changed = await update(it.app, {
      spec: { tags: [a, { name: 'c', from: it.from('mirror/app:v1') }] },
    })
    const ended = (await reportsOf(it.app.client, changed.import?.id ?? '')).at(-1)

    expect(changed.imageStream).toMatchObject({ generation: 2 })
    expect(changed.imageStream.spec.tags.nodes.map(({ name, generation }) => [name, generation])).toEqual([
      ['a', 1],
      ['c', 2],
    ])
    expect(ended).toMatchObject({ state: 'SUCCEEDED', total: 1, imported: 1 })
    expect(it.upstream.requests).toMatchObject({ listing: 0, head: 1, manifest: 0 })
    expect([...(await tagDigests(it.app.client)).keys()].sort()).toEqual(['a', 'b', 'c', 'latest'])
  })

  test('sets and removes single spec tags, and a dry run says what stops and changes nothing', async () => {
    await using it = await startWithStream()
    const before = await picture(it.app)
    const run = async (input: object) => {
      const { updateImageStream } = await it.app.client.request<{
        updateImageStream: {
          imageStream: { generation: number; spec: { tags: { nodes: { name: string }[] } } }
          import: object | null
          stoppedSources: object
        }
      }>(
        `mutation ($input: UpdateImageStreamInput!) { updateImageStream(input: $input) { import { id }
           imageStream { generation spec { tags { nodes { name } } } } stoppedSources { nodes { tag source historyEntryCount } } } }`,
        { input: { imageStream: 'app', ...input } },
      )
      return updateImageStream
    }
    const change = { removeTags: ['b'], setTags: [{ name: 'c', from: it.from('mirror/app:v1') }] }
    const stoppedSources = {
      nodes: [{ tag: 'b', source: `DockerImage ${it.from('mirror/app:v1').name}`, historyEntryCount: 1 }],
    }

    expect(await run({ ...change, dryRun: true })).toMatchObject({ import: null, stoppedSources })
    expect(await picture(it.app)).toEqual(before)

    const written = await run(change)
    expect(written).toMatchObject({ imageStream: { generation: 2 }, stoppedSources })
    expect(written.imageStream.spec.tags.nodes.map(({ name }) => name)).toEqual(['a', 'c'])
    expect((await tagDigests(it.app.client)).has('b')).toBe(true)
  })

  test.each([
    [{ removeTags: ['none'] }, 'removeTags.0'],
    [{ removeTags: ['a'], setTags: [{ name: 'a' }] }, 'removeTags.0'],
    [{ removeTags: [':'] }, 'removeTags.0'],
    [{ setTags: [{ name: 'c' }, { name: 'c' }] }, 'setTags.1.name'],
  ])('refuses the change of single spec tags %j, naming the field', async (input, field) => {
    await using it = await startWithStream()
    const before = await picture(it.app)

    expect(await refused(it.app, input)).toEqual([{ code: 'INVALID', field }])
    expect(await picture(it.app)).toEqual(before)
  })

  test('sets another repository, or none by null', async () => {
    await using it = await startWithStream()

    const moved = await update(it.app, { spec: { dockerImageRepository: `${it.upstream.host}/mirror/app` } })
    const ended = (await reportsOf(it.app.client, moved.import?.id ?? '')).at(-1)
    const none = await update(it.app, { spec: { dockerImageRepository: null } })

    expect(ended).toMatchObject({ state: 'SUCCEEDED', total: 1, imported: 1 })
    expect(none).toMatchObject({
      import: null,
      imageStream: { generation: 3, spec: { dockerImageRepository: null } },
    })
    expect([...(await tagDigests(it.app.client)).keys()].sort()).toEqual(['a', 'b', 'latest', 'v1'])
  })

  test('does not import for settings that do not affect the image: schedule and lookup', async () => {
    await using it = await startWithStream()

    const scheduled = await update(it.app, {
      spec: { importPolicy: { scheduled: true }, lookupPolicy: { local: false } },
    })

    expect(scheduled).toMatchObject({
      import: null,
      imageStream: {
        generation: 2,
        spec: {
          importPolicy: { insecure: false, scheduled: true, importMode: 'LEGACY' },
          lookupPolicy: { local: false },
        },
      },
    })
  })

  test('succeeds with the newest resourceVersion, and is CONFLICT with an outdated one, without a change', async () => {
    await using it = await startWithStream()
    const { imageStream: before } = await update(it.app, {})

    const first = await update(it.app, { resourceVersion: before.resourceVersion, labels: [] })
    const stale = { resourceVersion: before.resourceVersion, labels: LABELS, spec: { tags: [] } }

    expect(await refused(it.app, stale)).toEqual([{ code: 'CONFLICT' }])
    for (const resourceVersion of ['', 'x', '0', `${first.imageStream.resourceVersion}0`]) {
      expect(await refused(it.app, { resourceVersion, labels: LABELS })).toEqual([{ code: 'CONFLICT' }])
    }
    expect((await update(it.app, {})).imageStream).toEqual(first.imageStream)
  })

  test('is CONFLICT after an import that changed a tag, and not after one without changes', async () => {
    await using it = await startWithStream()
    const { imageStream: read } = await update(it.app, {})
    const importAll = () =>
      it.app.client.request('mutation { importImage(input: { imageStream: "app" }) { import { state } } }')

    await importAll()
    expect(await refused(it.app, { resourceVersion: read.resourceVersion })).toEqual([])
    it.upstream.push('team/app', 'latest', image({ seed: 3 }))
    await importAll()
    expect(await refused(it.app, { resourceVersion: read.resourceVersion })).toEqual([{ code: 'CONFLICT' }])
  })

  test('is NOT_FOUND for an unknown stream, and all or nothing when a part is INVALID', async () => {
    await using it = await startWithStream()
    const { imageStream: before } = await update(it.app, {})

    expect(await refused(it.app, { imageStream: 'none' })).toEqual([{ code: 'NOT_FOUND' }])
    expect(await refused(it.app, { labels: [], spec: { tags: [{ name: '-' }] } })).toEqual([
      { code: 'INVALID', field: 'spec.tags.0.name' },
    ])
    expect(await refused(it.app, { labels: [], spec: { dockerImageRepository: 'NO' } })).toEqual([
      { code: 'INVALID', field: 'spec.dockerImageRepository' },
    ])

    expect((await update(it.app, {})).imageStream).toEqual(before)
  })
})

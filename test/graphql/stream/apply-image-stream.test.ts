import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { createStream, errorsOf, pushLog, tagDigests } from '../../flows/operations.ts'
import { one, picture, startWithUpstream } from '../writes.ts'

const APPLY = `mutation ($input: ApplyImageStreamInput!) { applyImageStream(input: $input) { results {
  kind namespace name action warnings diff
  imageStream { name generation spec { tags { nodes { name from { name } } } } }
  import { state imported imageStream { name } } } } }`

interface Result {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly action: string
  readonly warnings: readonly string[]
  readonly diff: string
  readonly imageStream: { readonly name: string; readonly generation: number } | null
  readonly import: { readonly state: string; readonly imported: number } | null
}

async function apply({ client }: TestApp, documents: string, more: object = {}): Promise<readonly Result[]> {
  const { applyImageStream } = await client.request<{ applyImageStream: { results: readonly Result[] } }>(
    APPLY,
    {
      input: { documents, ...more },
    },
  )
  return applyImageStream.results
}

const documentOf = (repository: string, name = 'app') => ({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStream',
  metadata: { name, labels: { team: 'web' } },
  spec: { tags: [{ name: 'stable', from: { kind: 'DockerImage', name: `${repository}:1.0` } }] },
})

test('a document creates a stream, whose tags are imported when the mutation returns', async () => {
  await using it = await startWithUpstream()

  expect(await apply(it.app, stringify(documentOf(it.repository)))).toEqual([
    {
      kind: 'IMAGE_STREAM',
      namespace: 'default',
      name: 'app',
      action: 'CREATED',
      warnings: [],
      diff: expect.stringContaining(`+ spec.tags.stable.from.name: "${it.repository}:1.0"\n`),
      imageStream: {
        name: 'app',
        generation: 1,
        spec: { tags: { nodes: [{ name: 'stable', from: { name: `${it.repository}:1.0` } }] } },
      },
      import: { state: 'SUCCEEDED', imported: 1, imageStream: { name: 'app' } },
    },
  ])

  expect(await tagDigests(it.app.client)).toEqual(new Map([['stable', one.digest]]))
  expect(await pushLog(it.app.client)).toHaveLength(1)
})

test('the value of `document` is UNCHANGED when it is applied, as JSON and as YAML', async () => {
  await using it = await startWithUpstream()
  await apply(it.app, JSON.stringify(documentOf(it.repository)))
  const { imageStream } = await it.app.client.request<{ imageStream: { json: string; yaml: string } }>(
    '{ imageStream(name: "app") { json: document yaml: document(format: YAML) } }',
  )
  const before = await picture(it.app)

  for (const documents of [imageStream.json, imageStream.yaml]) {
    expect(await apply(it.app, documents)).toMatchObject([
      { action: 'UNCHANGED', diff: '', warnings: [], import: null, imageStream: { generation: 1 } },
    ])
  }

  expect(await picture(it.app)).toEqual(before)
})

test('a dry run requests no registry for an ImageStream and writes nothing; an ImageStreamImport is fetched', async () => {
  await using it = await startWithUpstream()
  const document = documentOf(it.repository)
  const imported = {
    ...documentOf(it.repository, 'other'),
    kind: 'ImageStreamImport',
    spec: { import: true, repository: { from: { kind: 'DockerImage', name: it.repository } } },
  }

  expect(await apply(it.app, JSON.stringify(document), { dryRun: true })).toMatchObject([
    { action: 'CREATED', imageStream: null, import: null },
  ])
  expect(it.upstream.log).toEqual([])
  expect(await apply(it.app, JSON.stringify(imported), { dryRun: true, namespace: 'team' })).toMatchObject([
    {
      kind: 'IMAGE_STREAM_IMPORT',
      namespace: 'team',
      action: 'CREATED',
      imageStream: null,
      import: { state: 'SUCCEEDED', imported: 2, imageStream: null },
      warnings: ['metadata.labels: unknown field, not stored'],
    },
  ])

  expect(await it.app.client.request('{ imageStreams { totalCount } }')).toEqual({
    imageStreams: { totalCount: 0 },
  })
})

test('an error in one document contains its place, and no document is applied', async () => {
  await using it = await startWithUpstream()
  const bad = stringify(documentOf(it.repository, 'bad')).replace('DockerImage', 'Image')
  const documents = `${stringify(documentOf(it.repository))}---\n${bad}`

  const response = await it.app.client.execute(APPLY, { input: { documents } })

  expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'documents.1.spec.tags.0.from.kind' }])
  expect(response.errors?.[0]?.message).toBe(
    'document 2 of 2, line 24: spec.tags[0].from.kind: "Image" is not allowed: it must be DockerImage or ImageStreamTag or ImageStreamImage',
  )
  expect(await it.app.client.request('{ imageStreams { totalCount } }')).toEqual({
    imageStreams: { totalCount: 0 },
  })
  expect(it.upstream.log).toEqual([])
})

test('an outdated resourceVersion is the result CONFLICT of its document, with the newest state of the stream', async () => {
  await using it = await startWithUpstream()
  await createStream(it.app.client)
  const document = documentOf(it.repository)
  const stale = { ...document, metadata: { ...document.metadata, resourceVersion: '99' } }
  const before = await picture(it.app)

  expect(await apply(it.app, JSON.stringify(stale))).toMatchObject([
    { action: 'CONFLICT', diff: '', import: null, imageStream: { name: 'app', generation: 1 } },
  ])

  expect(await picture(it.app)).toEqual(before)
})

test('a file of several kinds applies its image streams, and names what it skipped', async () => {
  await using it = await startWithUpstream()
  const file = [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
    documentOf(it.repository),
    { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTag', metadata: { name: 'app:stable' } },
  ]
  const documents = file.map((document) => stringify(document)).join('---\n')

  const { applyImageStream } = await it.app.client.request<{ applyImageStream: object }>(
    `mutation ($input: ApplyImageStreamInput!) { applyImageStream(input: $input) {
      results { name action message } skipped { kind name position message } } }`,
    { input: { documents } },
  )

  expect(applyImageStream).toEqual({
    results: [{ name: 'app', action: 'CREATED', message: null }],
    skipped: [
      {
        kind: 'Deployment',
        name: 'web',
        position: 1,
        message: expect.stringContaining('apply it to the cluster'),
      },
      {
        kind: 'ImageStreamTag',
        name: 'app:stable',
        position: 3,
        message: expect.stringContaining('tagImage'),
      },
    ],
  })
})

test('an invalid wait or namespace, and a text without documents, are INVALID', async () => {
  await using it = await startWithUpstream()
  await createStream(it.app.client)
  const document = documentOf(it.repository)
  const before = await picture(it.app)

  const refused = async (input: object) => errorsOf(await it.app.client.execute(APPLY, { input }))
  const documents = JSON.stringify(document)
  expect(await refused({ documents, waitSeconds: 301 })).toEqual([{ code: 'INVALID', field: 'waitSeconds' }])
  expect(await refused({ documents, namespace: 'A' })).toEqual([{ code: 'INVALID', field: 'namespace' }])
  expect(await refused({ documents: '' })).toEqual([{ code: 'INVALID', field: 'documents' }])

  expect(await picture(it.app)).toEqual(before)
})

test('a list of many documents returns a result for each, with its own fields', async () => {
  await using it = await startWithUpstream()
  const items = Array.from({ length: 200 }, (_, at) => documentOf(it.repository, `app-${at}`))

  const results = await apply(it.app, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))

  expect(results.map(({ imageStream }) => imageStream?.name)).toEqual(
    items.map(({ metadata }) => metadata.name),
  )
  expect(results.every((result) => result.import?.state === 'SUCCEEDED')).toBe(true)
})

test('the history of a document is ignored with a warning, and imported as reported with `importHistory`', async () => {
  await using it = await startWithUpstream()
  const digest = (seed: number) => image({ seed }).digest
  const entry = (seed: number, day: number) => ({ created: `2025-01-0${day}T00:00:00Z`, image: digest(seed) })
  const document = {
    ...documentOf(it.repository),
    status: {
      dockerImageRepository: 'cluster:5000/default/app',
      tags: [
        { tag: 'stable', items: [entry(1, 3), entry(8, 2), entry(7, 1)] },
        { tag: 'pushed', items: [entry(7, 1), { created: 'yesterday' }] },
      ],
    },
  }
  const documents = JSON.stringify(document)
  const history = async (input: object) => {
    const { applyImageStream } = await it.app.client.request<{
      applyImageStream: { results: readonly object[] }
    }>(
      `mutation ($input: ApplyImageStreamInput!) {
        applyImageStream(input: $input) { results { action importedEntryCount warnings } } }`,
      { input: { documents, ...input } },
    )
    return applyImageStream.results
  }
  const invalid = expect.stringContaining('status.tags[1].items[1].created: the entry is ignored')

  expect(await history({})).toEqual([
    {
      action: 'CREATED',
      importedEntryCount: 0,
      warnings: [
        invalid,
        'status.tags[0].items: 3 entries of history are ignored: importHistory: true imports them',
        'status.tags[1].items: 1 entry of history is ignored: importHistory: true imports it',
      ],
    },
  ])
  const imported = { action: 'CONFIGURED', importedEntryCount: 4, warnings: [invalid] }
  const before = await picture(it.app)
  expect(await history({ importHistory: true, dryRun: true })).toEqual([imported])
  expect(await picture(it.app)).toEqual(before)
  expect(await history({ importHistory: true })).toEqual([imported])
  expect(await history({ importHistory: true })).toEqual([
    { ...imported, action: 'UNCHANGED', importedEntryCount: 0 },
  ])

  const tag = `{ image { digest } items { nodes { created } } reportedMoves { totalCount nodes { digest validFrom validUntil reportedBy } } }`
  const { imageStream } = await it.app.client.request<{
    imageStream: { stable: { items: { nodes: readonly { created: string }[] } }; document: string }
  }>(
    `{ imageStream(name: "app") { stable: tag(name: "stable") ${tag} pushed: tag(name: "pushed") ${tag} document } }`,
  )
  const at = (day: number) => `2025-01-0${day}T00:00:00.000Z`
  const reportedBy = 'ImageStream document'
  expect(imageStream).toMatchObject({
    stable: {
      image: { digest: one.digest },
      reportedMoves: {
        totalCount: 3,
        nodes: [
          {
            digest: digest(1),
            validFrom: at(3),
            validUntil: imageStream.stable.items.nodes[0]?.created,
            reportedBy,
          },
          { digest: digest(8), validFrom: at(2), validUntil: at(3), reportedBy },
          { digest: digest(7), validFrom: at(1), validUntil: at(2), reportedBy },
        ],
      },
    },
    pushed: {
      image: null,
      items: { nodes: [] },
      reportedMoves: {
        totalCount: 1,
        nodes: [{ digest: digest(7), validFrom: at(1), validUntil: null, reportedBy }],
      },
    },
  })
  expect(await pushLog(it.app.client)).toHaveLength(1)
  expect(await apply(it.app, imageStream.document, { importHistory: true })).toMatchObject([
    { action: 'UNCHANGED', warnings: [], diff: '' },
  ])
})

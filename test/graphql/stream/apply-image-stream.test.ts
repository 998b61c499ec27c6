import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { TestApp } from '../../fixtures/app.ts'
import { createStream, errorsOf, pushLog, tagDigests } from '../../flows/operations.ts'
import { one, picture, startWithUpstream } from '../writes.ts'

const APPLY = `mutation ($input: ApplyImageStreamInput!) { applyImageStream(input: $input) { results {
  kind namespace name action warnings diff
  imageStream { name generation spec { tags { name from { name } } } }
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

async function apply({ client }: TestApp, manifest: string, more: object = {}): Promise<readonly Result[]> {
  const { applyImageStream } = await client.request<{ applyImageStream: { results: readonly Result[] } }>(
    APPLY,
    {
      input: { manifest, ...more },
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
      kind: 'ImageStream',
      namespace: 'default',
      name: 'app',
      action: 'CREATED',
      warnings: [],
      diff: expect.stringContaining(`+ spec.tags.stable.from.name: "${it.repository}:1.0"\n`),
      imageStream: {
        name: 'app',
        generation: 1,
        spec: { tags: [{ name: 'stable', from: { name: `${it.repository}:1.0` } }] },
      },
      import: { state: 'SUCCEEDED', imported: 1, imageStream: { name: 'app' } },
    },
  ])

  expect(await tagDigests(it.app.client)).toEqual(new Map([['stable', one.digest]]))
  expect(await pushLog(it.app.client)).toHaveLength(1)
})

test('the value of `manifest` is UNCHANGED when it is applied, as JSON and as YAML', async () => {
  await using it = await startWithUpstream()
  await apply(it.app, JSON.stringify(documentOf(it.repository)))
  const { imageStream } = await it.app.client.request<{ imageStream: { json: string; yaml: string } }>(
    '{ imageStream(name: "app") { json: manifest yaml: manifest(format: YAML) } }',
  )
  const before = await picture(it.app)

  for (const manifest of [imageStream.json, imageStream.yaml]) {
    expect(await apply(it.app, manifest)).toMatchObject([
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
      kind: 'ImageStreamImport',
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
  const manifest = `${stringify(documentOf(it.repository))}---\n${bad}`

  const response = await it.app.client.execute(APPLY, { input: { manifest } })

  expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'manifest.1.spec.tags.0.from.kind' }])
  expect(response.errors?.[0]?.message).toBe(
    'document 2 of 2, line 24: spec.tags[0].from.kind: "Image" is not allowed: it must be DockerImage or ImageStreamTag or ImageStreamImage',
  )
  expect(await it.app.client.request('{ imageStreams { totalCount } }')).toEqual({
    imageStreams: { totalCount: 0 },
  })
  expect(it.upstream.log).toEqual([])
})

test('an outdated resourceVersion is CONFLICT, an invalid wait or namespace INVALID', async () => {
  await using it = await startWithUpstream()
  await createStream(it.app.client)
  const document = documentOf(it.repository)
  const stale = { ...document, metadata: { ...document.metadata, resourceVersion: '99' } }
  const before = await picture(it.app)

  const refused = async (input: object) => errorsOf(await it.app.client.execute(APPLY, { input }))
  const manifest = JSON.stringify(document)
  expect(await refused({ manifest: JSON.stringify(stale) })).toEqual([{ code: 'CONFLICT' }])
  expect(await refused({ manifest, waitSeconds: 301 })).toEqual([{ code: 'INVALID', field: 'waitSeconds' }])
  expect(await refused({ manifest, namespace: 'A' })).toEqual([{ code: 'INVALID', field: 'namespace' }])
  expect(await refused({ manifest: '' })).toEqual([{ code: 'INVALID', field: 'manifest' }])

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

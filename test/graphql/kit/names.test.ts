import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { errorsOf } from '../../flows/operations.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const CREATE = `mutation ($input: CreateImageStreamInput!) { createImageStream(input: $input) { imageStream { id } } }`
const IMPORT = `mutation ($input: ImportImageInput!) { importImage(input: $input) { import { id } } }`

const create = (input: object) =>
  app.client.execute(CREATE, { input: { name: 'app', waitSeconds: 0, ...input } })
const importImage = (input: object) =>
  app.client.execute(IMPORT, {
    input: { imageStream: 'app', from: 'quay.io/a/b', confirm: true, waitSeconds: 0, ...input },
  })

async function expectNothingWritten(): Promise<void> {
  expect(await app.client.request('{ imageStreams { totalCount } imagePushes { nodes { id } } }')).toEqual({
    imageStreams: { totalCount: 0 },
    imagePushes: { nodes: [] },
  })
}

// the table in imagestreams.md, and other invalid names
const BAD_REFERENCES = [
  'Foo/bar',
  'foo//bar',
  'foo/',
  '/foo',
  ':tag',
  'foo:',
  'foo@sha256:12',
  `foo@sha256:${'A'.repeat(64)}`,
  'http://x/y',
  '',
  ' foo',
  'foo bar',
  'foo\nbar',
  `${'a'.repeat(256)}`,
  `foo:${'a'.repeat(129)}`,
  'foo:-a',
  'foo..bar',
  'foo._bar',
  '../etc/passwd',
  'localhost:99999/foo',
  'x.io:port/foo',
  '[::1]:5000',
  'user:secret@x.io/foo',
  'foo?n=1',
  'foo#a',
  'foo%2fbar',
]

describe.each(BAD_REFERENCES)('the reference "%s"', (reference) => {
  test('is INVALID in every argument, and nothing is written', async () => {
    const tags = [{ name: 'ok' }, { name: 'x', from: { kind: 'DOCKER_IMAGE', name: reference } }]

    expect(errorsOf(await create({ spec: { dockerImageRepository: reference } }))).toEqual([
      { code: 'INVALID', field: 'spec.dockerImageRepository' },
    ])
    expect(errorsOf(await create({ spec: { tags } }))).toEqual([
      { code: 'INVALID', field: 'spec.tags.1.from.name' },
    ])
    expect(errorsOf(await importImage({ from: reference }))).toEqual([{ code: 'INVALID', field: 'from' }])
    expect(errorsOf(await importImage({ from: reference, all: true, dryRun: true }))).toEqual([
      { code: 'INVALID', field: 'from' },
    ])
    await expectNothingWritten()
  })
})

describe('a repository', () => {
  test.each(['quay.io/a/b:v1', `quay.io/a/b@sha256:${'0'.repeat(64)}`, 'localhost:5000/a:latest'])(
    'is not one image of it: %s is INVALID',
    async (reference) => {
      expect(errorsOf(await create({ spec: { dockerImageRepository: reference } }))).toEqual([
        { code: 'INVALID', field: 'spec.dockerImageRepository' },
      ])
      expect(errorsOf(await importImage({ from: reference, all: true }))).toEqual([
        { code: 'INVALID', field: 'from' },
      ])
      await expectNothingWritten()
    },
  )
})

describe('names', () => {
  const bad = ['', 'Ruby', '-ruby', 'ruby-', 'ru___by', 'ruby_', 'rüby', 'ruby ', '.', 'a..b', '.ruby']

  test.each([...bad, '/a', 'a/', 'a//b', 'a/../b', 'a'.repeat(256)])(
    '"%s" is not a name of a stream',
    async (name) => {
      const namespace = 'default'
      expect(errorsOf(await create({ namespace, name }))).toEqual([{ code: 'INVALID', field: 'name' }])
      expect(errorsOf(await importImage({ namespace, imageStream: name }))).toEqual([
        { code: 'INVALID', field: 'imageStream' },
      ])
      await expectNothingWritten()
    },
  )

  test.each([...bad, 'a/b', 'a'.repeat(254)])('"%s" is not a namespace', async (namespace) => {
    const expected = [{ code: 'INVALID', field: 'namespace' }]
    expect(errorsOf(await create({ namespace }))).toEqual(expected)
    expect(errorsOf(await importImage({ namespace }))).toEqual(expected)
    await expectNothingWritten()
  })

  test('that together are too long for a repository are INVALID', async () => {
    const names = { namespace: 'a'.repeat(63), name: 'b'.repeat(200) }
    expect(errorsOf(await create(names))).toEqual([{ code: 'INVALID', field: 'name' }])
  })

  test.each(['', '-a', '.a', 'a b', 'a/b', 'ä', 'a'.repeat(129)])('"%s" is not a tag', async (tag) => {
    expect(errorsOf(await create({ spec: { tags: [{ name: tag }] } }))).toEqual([
      { code: 'INVALID', field: 'spec.tags.0.name' },
    ])
    expect(errorsOf(await importImage({ tag }))).toEqual([{ code: 'INVALID', field: 'tag' }])
    await expectNothingWritten()
  })

  test('of a tag must not be there twice', async () => {
    expect(errorsOf(await create({ spec: { tags: [{ name: 'a' }, { name: 'a' }] } }))).toEqual([
      { code: 'INVALID', field: 'spec.tags.1.name' },
    ])
  })

  test.each(['', '/a', 'a b', 'a/', '-a', 'a/b/c', 'x'.repeat(318)])(
    '"%s" is not a key of a label or annotation',
    async (key) => {
      for (const field of ['labels', 'annotations']) {
        expect(errorsOf(await create({ [field]: [{ key, value: '' }] }))).toEqual([
          { code: 'INVALID', field: `${field}.0.key` },
        ])
      }
      const tags = [{ name: 'a', annotations: [{ key, value: '' }] }]
      expect(errorsOf(await create({ spec: { tags } }))).toEqual([
        { code: 'INVALID', field: 'spec.tags.0.annotations.0.key' },
      ])
      await expectNothingWritten()
    },
  )
})

describe('a query by name', () => {
  test.each([
    ['imageStream(name: "none") { id }', 'imageStream'],
    ['imageStream(namespace: "none", name: "none") { id }', 'imageStream'],
    ['imageStreamTag(name: "none:latest") { id }', 'imageStreamTag'],
    ['imageStreamTag(name: "none") { id }', 'imageStreamTag'],
    ['imageStreamImage(name: "none@sha256:ab") { name }', 'imageStreamImage'],
  ])('for an unknown stream is null: %s', async (query, field) => {
    expect(await app.client.request(`{ ${query} }`)).toEqual({ [field]: null })
  })

  test.each([
    'imageStreamTag(name: "none:-") { id }',
    'imageStreamTag(name: "a:b:c") { id }',
    'imageStreamTag(name: "No:latest") { id }',
    'imageStreamTag(name: "app@sha256:ab") { id }',
    'imageStreamImage(name: "app:latest") { name }',
    'imageStreamImage(name: "app@sha256:") { name }',
    'imageStreamImage(name: "app@sha256:XY") { name }',
    'imageStreamImage(name: "app@md5:ab") { name }',
    'imageStreamImage(name: "No@sha256:ab") { name }',
  ])('that breaks the grammar is INVALID: %s', async (query) => {
    expect(errorsOf(await app.client.execute(`{ ${query} }`))).toEqual([{ code: 'INVALID', field: 'name' }])
  })

  test('by an invalid digest is refused before anything is read', async () => {
    const { errors } = await app.client.execute('{ image(digest: "sha256:12") { id } }')
    expect(errors?.[0]?.message).toContain('sha256: and 64')
  })
})

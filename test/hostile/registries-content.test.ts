import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { type Content, type Image, type Index, image, index } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, pushLog, resultsOf, tagDigests } from '../flows/operations.ts'

const app = image({ seed: 'app' })
const other = image({ seed: 'other' })

let server: TestApp
let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
  upstream.push('team/app', 'good', app)
  server = await startApp()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const isKnown = async (digest: string): Promise<boolean> => {
  const response = await server.client.request<{ image: object | null }>(
    'query ($digest: Digest!) { image(digest: $digest) { id } }',
    { digest },
  )
  return response.image !== null
}

/** Imports the repository, in which the tag "bad" cannot be read and "good" can. */
async function expectBadTag(reason: string, message: string | RegExp, importMode = 'LEGACY'): Promise<void> {
  const { import: imported } = await createStream(server.client, {
    name: `app-${importMode.toLowerCase()}`,
    spec: { dockerImageRepository: `${upstream.host}/team/app`, importPolicy: { importMode } },
  })
  if (!imported) throw new Error('the stream has no import')
  expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', total: 2, imported: 1, failed: 1 })
  const [bad] = (await resultsOf(server.client, imported)).filter(({ tag }) => tag === 'bad')
  expect(bad).toMatchObject({ state: 'FAILED', reason, image: null })
  expect(bad?.message).toMatch(message)
  expect(bad?.message).toContain(upstream.host)
  expect((await pushLog(server.client)).map(({ tag }) => tag)).toEqual(['good'])
  expect(statusOf(await tagDigests(server.client, `app-${importMode.toLowerCase()}`))).toEqual(['good'])
}

/** Tags that point to an image. */
const statusOf = (digests: ReadonlyMap<string, string | undefined>): readonly string[] =>
  [...digests].flatMap(([tag, digest]) => (digest === undefined ? [] : [tag]))

const nested = (levels: number, inner: Image | Index = other): Image | Index =>
  levels === 0 ? inner : nested(levels - 1, index([inner]))

const bytesUnder = (content: Content, bytes: Buffer): Content => ({ ...content, bytes })

describe('a tag with unusable content fails alone, as a result of the import', () => {
  test('bytes with another digest', async () => {
    const tampered = Buffer.from(other.bytes.toString().replace('"schemaVersion":2', '"schemaVersion": 2'))
    upstream.push('team/app', 'bad', bytesUnder(other, tampered))

    await expectBadTag('INVALID_MANIFEST', /different digest/)
    expect(await isKnown(other.digest)).toBe(false)
  })

  test('a config with another digest', async () => {
    upstream.push('team/app', 'bad', other)
    upstream.pushBlob('team/app', bytesUnder(other.config, Buffer.alloc(other.config.bytes.length, 'x')))

    await expectBadTag('INVALID_MANIFEST', /config/)
    expect(await isKnown(other.digest)).toBe(false)
  })

  test('truncated JSON', async () => {
    upstream.push('team/app', 'bad', bytesUnder(other, other.bytes.subarray(0, 100)))

    await expectBadTag('INVALID_MANIFEST', /not JSON, or was cut off/)
  })

  test('a response that ends before its announced length', async () => {
    upstream.push('team/app', 'bad', other)
    upstream.hook = ({ kind, reference }, response) =>
      kind === 'manifest' && reference === other.digest
        ? { ...response, body: other.bytes.subarray(0, 50), cut: true }
        : undefined

    await expectBadTag('REGISTRY_UNAVAILABLE', /was lost|cut off/)
  })

  test('a web page', async () => {
    upstream.push('team/app', 'bad', { ...other, bytes: Buffer.from('<html>Sign in</html>') } as Content)

    await expectBadTag('INVALID_MANIFEST', /web page/)
  })

  test.each(['LEGACY', 'PRESERVE_ORIGINAL'])(
    'an index with too many levels (nesting depth 3), in mode %s',
    async (importMode) => {
      upstream.push('team/app', 'bad', nested(4))

      await expectBadTag(
        'INVALID_MANIFEST',
        importMode === 'LEGACY' ? /no image for linux\/amd64|nested/ : /nested/,
        importMode,
      )
      expect(await isKnown(other.digest)).toBe(false)
    },
  )

  test('an index without the requested platform', async () => {
    const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })
    upstream.push('team/app', 'bad', index([arm]))

    await expectBadTag('INVALID_MANIFEST', /no image for linux\/amd64, only for linux\/arm64/)
  })

  test('a manifest over the limit of 4 MiB', async () => {
    const huge = JSON.parse(other.bytes.toString())
    huge.annotations = { padding: 'x'.repeat(4 * 1024 * 1024) }
    upstream.push('team/app', 'bad', bytesUnder(other, Buffer.from(JSON.stringify(huge))))

    await expectBadTag('INVALID_MANIFEST', /larger than 4194304 bytes/)
  })

  test('a schema 1 manifest', async () => {
    const old = Buffer.from('{"schemaVersion":1,"name":"team/app","tag":"bad","fsLayers":[],"history":[]}')
    upstream.hook = ({ reference }) =>
      reference === 'bad'
        ? {
            status: 200,
            headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
            body: old,
          }
        : undefined
    upstream.push('team/app', 'bad', other)

    await expectBadTag('INVALID_MANIFEST', /schema 1/)
  })

  test('a manifest that the registry has lost', async () => {
    upstream.push('team/app', 'bad', other)
    upstream.hook = ({ kind, reference }) =>
      kind === 'manifest' && reference === other.digest ? { status: 404, headers: {}, body: '' } : undefined

    await expectBadTag('INVALID_MANIFEST', /does not have the manifest/)
  })

  test('a tag that is deleted between list and HEAD: 404, and the tag is not created', async () => {
    upstream.push('team/app', 'bad', other)
    using gate = upstream.hold(({ kind, reference }) => kind === 'head' && reference === 'bad')
    const importing = expectBadTag('NOT_FOUND', /does not have the tag "bad"/)
    await gate.arrived(1)
    upstream.untag('team/app', 'bad')
    gate.open()

    await importing
    expect([...(await tagDigests(server.client, 'app-legacy')).keys()]).toEqual(['good'])
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import type { Answer } from '../registry/client.ts'
import { openWorld, type World } from '../registry/world.ts'
import {
  ALGORITHMS,
  accepted,
  expectCreated,
  expectError,
  freshRepository,
  randomBlob,
  withDigest,
} from './oci.ts'

// Each test cites the section of the OCI distribution-spec that it checks.

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const patch = (location: string, body: Uint8Array | string, range?: string): Promise<Answer> =>
  world.send('PATCH', location, {
    body,
    headers: { 'content-type': 'application/octet-stream', ...(range && { 'content-range': range }) },
  })

const close = (location: string, digest: Digest, body?: Uint8Array, range?: string): Promise<Answer> =>
  world.put(withDigest(location, digest), body, range ? { 'content-range': range } : undefined)

describe.each(ALGORITHMS)('with %s', (algorithm) => {
  const some = (size?: number) => randomBlob(algorithm, size)
  const start = (repository: string): Promise<string> =>
    world.startUpload(repository, algorithm === 'sha512' ? '?digest-algorithm=sha512' : '')

  it('spec.md#single-post: POST with the digest and the bytes creates the blob', async () => {
    const { bytes, digest } = some()
    const path = withDigest(`/v2/${freshRepository()}/blobs/uploads/`, digest)
    await expectCreated(await world.send('POST', path, { body: bytes }), { bytes, digest }, world)
  })

  it('spec.md#post-then-put: PUT with the bytes creates the blob', async () => {
    const { bytes, digest } = some()
    await expectCreated(await close(await start(freshRepository()), digest, bytes), { bytes, digest }, world)
  })

  it('spec.md#post-then-put: an upload that was started without an algorithm accepts either', async () => {
    const { bytes, digest } = some()
    await expectCreated(
      await close(await world.startUpload(freshRepository()), digest, bytes),
      { bytes, digest },
      world,
    )
  })

  it('spec.md#pushing-a-blob-in-chunks: one chunk is accepted', async () => {
    const { bytes, digest } = some()
    const location = accepted(await patch(await start(freshRepository()), bytes, '0-2047'))
    await expectCreated(await close(location, digest), { bytes, digest }, world)
  })

  it('spec.md#pushing-a-blob-in-chunks: three chunks are accepted, each with the received Range in the response', async () => {
    const { bytes, digest } = some(3000)
    let location = await start(freshRepository())
    for (const at of [0, 1000, 2000]) {
      const response = await patch(location, bytes.subarray(at, at + 1000), `${at}-${at + 999}`)
      expect(response.headers.range).toBe(`0-${at + 999}`)
      location = accepted(response)
    }
    await expectCreated(await close(location, digest), { bytes, digest }, world)
  })

  it('spec.md#pushing-a-blob-in-chunks: the closing PUT may contain the last chunk', async () => {
    const { bytes, digest } = some()
    const location = accepted(await patch(await start(freshRepository()), bytes.subarray(0, 1000), '0-999'))
    await expectCreated(
      await close(location, digest, bytes.subarray(1000), '1000-2047'),
      { bytes, digest },
      world,
    )
  })

  it('spec.md#pushing-a-blob-in-chunks: a stream needs neither Content-Range nor Content-Length', async () => {
    const { bytes, digest } = some()
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 700)
      yield bytes.subarray(700)
    }
    const location = accepted(await world.send('PATCH', await start(freshRepository()), { body: pieces() }))
    await expectCreated(await close(location, digest), { bytes, digest }, world)
  })

  it('spec.md#pushing-a-blob-in-chunks: a chunk out of order is a 416, and the right one continues', async () => {
    const { bytes, digest } = some()
    const location = await start(freshRepository())

    const early = await patch(location, bytes.subarray(1000), '1000-2047')
    expectError(early, 416, 'BLOB_UPLOAD_INVALID')
    expect(early.headers).toMatchObject({ location, range: '0-0' })
    const empty = await world.get(location)
    expect([empty.status, empty.headers.range, empty.headers.location]).toEqual([204, '0-0', location])

    accepted(await patch(location, bytes.subarray(0, 1000), '0-999'))
    const again = await patch(location, bytes.subarray(0, 1000), '0-999')
    expectError(again, 416, 'BLOB_UPLOAD_INVALID')
    expect(again.headers.range).toBe('0-999')

    const closing = await close(location, digest, bytes.subarray(1500), '1500-2047')
    expectError(closing, 416, 'BLOB_UPLOAD_INVALID')
    const after = await world.get(location)
    expect([after.status, after.headers.range]).toEqual([204, '0-999'])

    await expectCreated(
      await close(location, digest, bytes.subarray(1000), '1000-2047'),
      { bytes, digest },
      world,
    )
  })

  it.each<[string, (bytes: Buffer, digest: Digest, repository: string) => Promise<Answer>]>([
    [
      'spec.md#single-post',
      (bytes, digest, repository) =>
        world.send('POST', withDigest(`/v2/${repository}/blobs/uploads/`, digest), { body: bytes }),
    ],
    [
      'spec.md#post-then-put',
      async (bytes, digest, repository) => close(await start(repository), digest, bytes),
    ],
    [
      'spec.md#pushing-a-blob-in-chunks: chunked',
      async (bytes, digest, repository) =>
        close(accepted(await patch(await start(repository), bytes, '0-2047')), digest),
    ],
    [
      'spec.md#pushing-a-blob-in-chunks: streamed',
      async (bytes, digest, repository) =>
        close(accepted(await patch(await start(repository), bytes)), digest),
    ],
  ])('%s: bytes of another digest are 400, and nothing is stored', async (_, push) => {
    const { digest } = some()
    const repository = freshRepository()
    const { bytes: others, digest: othersDigest } = some()

    expectError(await push(others, digest, repository), 400, 'DIGEST_INVALID')

    for (const unknown of [digest, othersDigest]) {
      expect((await world.head(`/v2/${repository}/blobs/${unknown}`)).status).toBe(404)
    }
    expect(await world.blobs.open(othersDigest)).toBeUndefined()
    expect(await world.blobs.uploads()).toEqual([])
  })

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['the empty JSON object', Buffer.from('{}')],
  ])('spec.md#pushing-blobs: a blob may be %s', async (_, bytes) => {
    const digest = digestOf(bytes, algorithm)
    const single = withDigest(`/v2/${freshRepository()}/blobs/uploads/`, digest)
    await expectCreated(await world.send('POST', single, { body: bytes }), { bytes, digest }, world)
    await expectCreated(await close(await start(freshRepository()), digest, bytes), { bytes, digest }, world)
    const location = accepted(await patch(await start(freshRepository()), bytes))
    await expectCreated(await close(location, digest), { bytes, digest }, world)
  })
})

describe('an upload', () => {
  it('spec.md#pushing-blobs: is started by POST with 202 and a Location, without a minimum chunk size', async () => {
    const { status, headers } = await world.send('POST', `/v2/${freshRepository()}/blobs/uploads/`)
    expect(status).toBe(202)
    expect(headers.location).toMatch(/^\/v2\/conformance\/r\d+\/blobs\/uploads\/[0-9a-f]{32}$/)
    expect(headers['docker-upload-uuid']).toBe(headers.location?.split('/').at(-1))
    expect(headers.range).toBe('0-0')
    expect(headers).not.toHaveProperty('oci-chunk-min-length')
  })

  it('spec.md#pushing-blobs: with an unsupported algorithm is a 400', async () => {
    const response = await world.send('POST', `/v2/${freshRepository()}/blobs/uploads/?digest-algorithm=md5`)
    expectError(response, 400, 'DIGEST_INVALID')
  })

  it.each(['', '?digest=', '?digest=sha256:baddigeststring', '?digest=md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'spec.md#post-then-put: with the closing digest "%s" is a 400',
    async (query) => {
      const location = await world.startUpload(freshRepository())
      expectError(await world.put(`${location}${query}`, 'bytes'), 400, 'DIGEST_INVALID')
    },
  )

  it('spec.md#cancel-a-blob-upload: is unknown after DELETE, which responds with 204', async () => {
    const location = await world.startUpload(freshRepository())
    accepted(await patch(location, 'ten bytes.'))

    expect((await world.delete(location)).status).toBe(204)

    expectError(await world.get(location), 404, 'BLOB_UPLOAD_UNKNOWN')
    expectError(await patch(location, 'ten bytes.'), 404, 'BLOB_UPLOAD_UNKNOWN')
    expectError(await close(location, digestOf('')), 404, 'BLOB_UPLOAD_UNKNOWN')
    expectError(await world.delete(location), 404, 'BLOB_UPLOAD_UNKNOWN')
  })

  it('spec.md#pushing-a-blob-in-chunks: has its received range in the 204 response to GET', async () => {
    const location = await world.startUpload(freshRepository())
    accepted(await patch(location, 'ten bytes.'))
    const { status, headers } = await world.get(location)
    expect([status, headers.range, headers.location]).toEqual([204, '0-9', location])
  })

  it('spec.md#pushing-blobs: is unknown once it is closed', async () => {
    const bytes = Buffer.from('ten bytes.')
    const location = await world.startUpload(freshRepository())
    expect((await close(location, digestOf(bytes), bytes)).status).toBe(201)
    expectError(await world.get(location), 404, 'BLOB_UPLOAD_UNKNOWN')
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
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

describe('spec.md#determining-support', () => {
  it('GET /v2/ responds with 200', async () => {
    const { status, headers, json } = await world.get('/v2/')
    expect([status, json]).toEqual([200, {}])
    expect(headers['docker-distribution-api-version']).toBe('registry/2.0')
  })
})

describe.each(ALGORITHMS)('with %s', (algorithm) => {
  const some = () => randomBlob(algorithm)

  it('spec.md#pulling-blobs: GET returns the bytes with their length and digest', async () => {
    const { bytes, digest } = some()
    const repository = freshRepository()
    await world.pushBlob(repository, bytes, algorithm)

    const { status, headers, bytes: pulled } = await world.get(`/v2/${repository}/blobs/${digest}`)

    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-length': '2048', 'docker-content-digest': digest })
    expect(headers).not.toHaveProperty('transfer-encoding')
    expect(pulled.equals(bytes)).toBe(true)
  })

  it('spec.md#pulling-blobs: GET and HEAD respond with 404 before the push', async () => {
    const { digest } = some()
    const repository = freshRepository()
    expectError(await world.get(`/v2/${repository}/blobs/${digest}`), 404, 'BLOB_UNKNOWN')
    expect((await world.head(`/v2/${repository}/blobs/${digest}`)).status).toBe(404)
  })

  it('spec.md#checking-if-content-exists-in-the-registry: HEAD responds like GET, without the body', async () => {
    const { bytes, digest } = some()
    const repository = freshRepository()
    await world.pushBlob(repository, bytes, algorithm)

    const { status, headers, bytes: body } = await world.head(`/v2/${repository}/blobs/${digest}`)

    expect([status, body.length]).toEqual([200, 0])
    expect(headers).toMatchObject({ 'content-length': '2048', 'docker-content-digest': digest })
  })

  it.each([
    ['bytes=500-1499', 500, 1500],
    ['bytes=500-', 500, 2048],
    ['bytes=-500', 1548, 2048],
    ['bytes=2000-5000', 2000, 2048],
  ])('spec.md#pulling-blobs: %s selects that range', async (range, from, to) => {
    const { bytes, digest } = some()
    const repository = freshRepository()
    await world.pushBlob(repository, bytes, algorithm)

    const { status, headers, bytes: part } = await world.get(`/v2/${repository}/blobs/${digest}`, { range })

    expect(status).toBe(206)
    expect(headers['content-range']).toBe(`bytes ${from}-${to - 1}/2048`)
    expect(headers['content-length']).toBe(String(to - from))
    expect(part.equals(bytes.subarray(from, to))).toBe(true)
  })

  it.each(['bytes=500-0', 'bytes=5000-10000'])(
    'spec.md#pulling-blobs: %s is refused with 416',
    async (range) => {
      const { bytes, digest } = some()
      const repository = freshRepository()
      await world.pushBlob(repository, bytes, algorithm)

      const response = await world.get(`/v2/${repository}/blobs/${digest}`, { range })

      expectError(response, 416, 'SIZE_INVALID')
      expect(response.headers['content-range']).toBe('bytes */2048')
    },
  )

  it('spec.md#mounting-a-blob-from-another-repository: responds with 201, and each repository has the blob', async () => {
    const { bytes, digest } = some()
    const [from, to] = [freshRepository(), freshRepository()]
    await world.pushBlob(from, bytes, algorithm)

    const mounted = await world.send('POST', `/v2/${to}/blobs/uploads/?mount=${digest}&from=${from}`)
    await expectCreated(mounted, { bytes, digest }, world)

    expect((await world.delete(`/v2/${to}/blobs/${digest}`)).status).toBe(202)
    expect((await world.head(`/v2/${to}/blobs/${digest}`)).status).toBe(404)
    expect((await world.head(`/v2/${from}/blobs/${digest}`)).status).toBe(200)
  })

  it('spec.md#mounting-a-blob-from-another-repository: also responds with 201 without "from"', async () => {
    const { bytes, digest } = some()
    const to = freshRepository()
    await world.pushBlob(freshRepository(), bytes, algorithm)
    await expectCreated(
      await world.send('POST', `/v2/${to}/blobs/uploads/?mount=${digest}`),
      { bytes, digest },
      world,
    )
  })

  it.each([
    ['with', '&from=conformance/nowhere'],
    ['without', ''],
  ])(
    'spec.md#mounting-a-blob-from-another-repository: responds with 202 for an unknown blob %s "from"',
    async (_, from) => {
      const { bytes, digest } = some()
      const response = await world.send(
        'POST',
        `/v2/${freshRepository()}/blobs/uploads/?mount=${digest}${from}`,
      )
      const closed = await world.put(withDigest(accepted(response), digest), bytes)
      await expectCreated(closed, { bytes, digest }, world)
    },
  )

  it('spec.md#deleting-blobs: responds with 202 and the blob is deleted; 404 for an unknown blob', async () => {
    const { bytes, digest } = some()
    const repository = freshRepository()
    await world.pushBlob(repository, bytes, algorithm)
    const path = `/v2/${repository}/blobs/${digest}`

    expect((await world.delete(path)).status).toBe(202)

    expect((await world.head(path)).status).toBe(404)
    expectError(await world.delete(path), 404, 'BLOB_UNKNOWN')
  })
})

describe('spec.md#error-codes', () => {
  it('an invalid digest is a 400', async () => {
    expectError(
      await world.get(`/v2/${freshRepository()}/blobs/sha256:baddigeststring`),
      400,
      'DIGEST_INVALID',
    )
    expectError(
      await world.delete(`/v2/${freshRepository()}/blobs/sha256:baddigeststring`),
      400,
      'DIGEST_INVALID',
    )
  })

  it('an unknown route is a 404, an unsupported method a 405 with the supported ones', async () => {
    expectError(await world.get('/v2/shop/web/unknown'), 404, 'UNSUPPORTED')
    const response = await world.put('/v2/shop/web/blobs/uploads/', '')
    expectError(response, 405, 'UNSUPPORTED')
    expect(response.headers.allow).toBe('POST')
  })

  it('an invalid name is a 404 that explains it, and a nested name is valid', async () => {
    expectError(await world.get(`/v2/Shop/web/blobs/${digestOf('')}`), 404, 'NAME_INVALID')
    expectError(await world.get(`/v2/a/b/c/blobs/${digestOf('')}`), 404, 'BLOB_UNKNOWN')
  })

  it('a HEAD of an invalid name is a 404, so that the push continues to the explanation', async () => {
    expect(await world.head(`/v2/shop/a___b/blobs/${digestOf('')}`)).toMatchObject({ status: 404, text: '' })
    expectError(await world.send('POST', '/v2/shop/a___b/blobs/uploads/'), 404, 'NAME_INVALID')
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import type { RawConnection } from './raw-connection.ts'
import { openWorld, type World } from './world.ts'

const MEBIBYTE = 1024 * 1024

let world: World
beforeAll(async () => {
  world = await openWorld({ limits: { maximumBlobBytes: MEBIBYTE } })
})
afterAll(() => world[Symbol.asyncDispose]())

const LARGE = 10 * 1024 * MEBIBYTE
const REFUSED: readonly [line: string, response: RegExp][] = [
  [`POST /v2/shop/web/blobs/uploads/?digest=${digestOf('x')}`, /^HTTP\/1.1 413.*SIZE_INVALID/s],
  ['POST /v2/shop/web/blobs/uploads/?digest=x', /^HTTP\/1.1 400.*DIGEST_INVALID/s],
  [`PATCH /v2/shop/web/blobs/uploads/${'0'.repeat(32)}`, /^HTTP\/1.1 404.*BLOB_UPLOAD_UNKNOWN/s],
  ['PUT /v2/nothing', /^HTTP\/1.1 404.*UNSUPPORTED/s],
  ['PUT /v2/shop/web/manifests/v1', /^HTTP\/1.1 413.*errors/s],
]

/** Writes the same bytes until the connection ends. Returns the number of bytes, including those that did not arrive. */
async function sentOn(client: RawConnection, piece: Buffer): Promise<number> {
  let sent = 0
  while (!client.socket.destroyed && sent < 64 * MEBIBYTE) {
    await new Promise<void>((resolve) => client.socket.write(piece, () => resolve()))
    sent += piece.length
  }
  await client.ended
  return sent
}

describe('a rejected request with a long body', () => {
  it.each(REFUSED)('gets its response before the connection closes: %s', async (line, response) => {
    using client = await world.connect()
    client.request(line, { 'content-length': LARGE }, 'x'.repeat(1000))
    await client.until(response)
    expect(client.text).toMatch(/^connection: close/im)

    expect(await sentOn(client, Buffer.alloc(64 * 1024))).toBeLessThan(32 * MEBIBYTE)
  })

  it('gets the same in the middle of the body', async () => {
    using client = await world.connect()
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`)
    client.request(`POST /v2/shop/web/blobs/uploads/?digest=${digestOf('x')}`, {
      'transfer-encoding': 'chunked',
    })
    expect(await sentOn(client, chunk)).toBeLessThan(32 * MEBIBYTE)
    expect(client.text).toMatch(/^HTTP\/1.1 413.*connection: close.*SIZE_INVALID/is)
    expect(await world.blobs.uploads()).toEqual([])
  })

  it('gets the same without a Content-Length', async () => {
    using client = await world.connect()
    client.request('PUT /v2/nothing', { 'transfer-encoding': 'chunked' }, '5\r\nfirst\r\n')
    await client.until(/^HTTP\/1.1 404.*errors/s)
    expect(client.text).toMatch(/^connection: close/im)
    client.socket.end()
    await client.ended
  })
})

describe('a request whose body is not read', () => {
  it.each([
    ['PUT /v2/nothing', /HTTP\/1.1 404/],
    ['GET /v2/', /HTTP\/1.1 200/],
    ['DELETE /v2/shop/web/manifests/none', /HTTP\/1.1 404/],
    ['POST /v2/shop/web/blobs/uploads/', /HTTP\/1.1 202/],
  ])('keeps its connection when it is short: %s', async (line, response) => {
    using client = await world.connect()
    client.request(line, { 'content-length': 5 }, 'short')
    await client.until(response)
    client.text = ''
    client.request('GET /v2/')
    await client.until(/HTTP\/1.1 200.*{}/s)
  })

  it('keeps its connection when the body arrives after the response', async () => {
    using client = await world.connect()
    client.request('PUT /v2/nothing', { 'content-length': 5 })
    await client.until(/HTTP\/1.1 404/)
    client.text = ''
    client.socket.write('short')
    client.request('GET /v2/')
    await client.until(/HTTP\/1.1 200/)
  })

  it.each([
    ['GET /v2/', /HTTP\/1.1 200.*{}/s],
    ['POST /v2/shop/web/blobs/uploads/', /HTTP\/1.1 202/],
  ])('loses it when it is long: %s', async (line, response) => {
    using client = await world.connect()
    client.request(line, { 'content-length': LARGE }, 'x')
    await client.until(response)
    await client.ended
    expect(client.text).toMatch(/^connection: close/im)
  })
})

describe('pipelined requests on one connection', () => {
  it('get their responses in order', async () => {
    using client = await world.connect()
    const digest = digestOf('piped')
    client.request(`POST /v2/shop/web/blobs/uploads/?digest=${digest}`, { 'content-length': 5 }, 'piped')
    client.request(`GET /v2/shop/web/blobs/${digest}`)
    client.request('GET /v2/nothing')
    await client.until(/HTTP\/1.1 201.*HTTP\/1.1 (?:200.*piped|404.*)HTTP\/1.1 404/s)
  })
})

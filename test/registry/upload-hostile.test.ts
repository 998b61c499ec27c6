import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Upload } from '../../src/blobs/upload.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { createOwnUploads } from '../../src/registry/routes/own-uploads.ts'
import { eventually } from '../fixtures/eventually.ts'
import { openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(async () => {
  // no request of a client caused an internal error
  expect(world.unforeseen).toEqual([])
  await world[Symbol.asyncDispose]()
})

const SHOP = 'shop/web'

async function uploadAt(location: string): Promise<Upload> {
  const scope = { principal: 'anybody', repository: { namespace: 'shop', name: 'web' } }
  const { upload } = await createOwnUploads(world.blobs).find(scope, location.split('/').at(-1) ?? '')
  return upload
}

/** A PATCH of ten bytes of which five have arrived. */
async function halfPatched(location: string) {
  const client = await world.connect()
  client.request(`PATCH ${location}`, { 'content-length': 10 }, 'first')
  const upload = await uploadAt(location)
  await eventually(() => expect(upload.size).toBe(5))
  return { client, upload }
}

const rangeOf = async (location: string): Promise<string | undefined> =>
  (await world.get(location)).headers.range

describe('a second writer', () => {
  it('is rejected while another request writes, and nothing of it is kept', async () => {
    const location = await world.startUpload(SHOP)
    const { client } = await halfPatched(location)
    using _ = client

    for (const [method, path] of [
      ['PATCH', location],
      ['PUT', `${location}?digest=${digestOf('other')}`],
    ] as const) {
      const refused = await world.send(method, path, { body: 'other' })
      expect([refused.status, refused.code]).toEqual([409, 'BLOB_UPLOAD_INVALID'])
    }
    expect((await world.put(`${location}?digest=${digestOf('first')}`, undefined)).status).toBe(409)

    client.socket.write('-last')
    await client.until(/HTTP\/1.1 202.*Range: 0-9/is)
    const digest = digestOf('first-last')
    expect((await world.put(`${location}?digest=${digest}`, undefined)).status).toBe(201)
  })

  it('at the same moment never mixes its bytes with the first', async () => {
    const bodies = Array.from({ length: 8 }, (_, at) => String(at).repeat(200_000))
    const location = await world.startUpload(SHOP)
    const responses = await Promise.all(
      bodies.map((body) => world.send('PATCH', location, { body, headers: { 'content-range': '0-199999' } })),
    )
    const winners = responses.flatMap(({ status }, at) => (status === 202 ? [bodies[at] ?? ''] : []))
    expect(winners).toHaveLength(1)
    expect(responses.every(({ status }) => [202, 409, 416].includes(status))).toBe(true)
    const closed = await world.put(`${location}?digest=${digestOf(winners[0] ?? '')}`, undefined)
    expect(closed.status).toBe(201)
  })

  it('finishes an upload once: of many PUTs one gets the 201', async () => {
    const location = await world.startUpload(SHOP)
    const digest = digestOf('closed once')
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => world.put(`${location}?digest=${digest}`, 'closed once')),
    )
    const statuses = responses.map(({ status }) => status).sort()
    expect(statuses[0]).toBe(201)
    expect(statuses.slice(1).every((status) => status === 404 || status === 409)).toBe(true)
    expect((await world.get(`/v2/${SHOP}/blobs/${digest}`)).text).toBe('closed once')
  })

  it('can cancel it: the writing request gets a 404', async () => {
    const location = await world.startUpload(SHOP)
    const { client } = await halfPatched(location)
    using _ = client
    expect((await world.delete(location)).status).toBe(204)
    await client.until(/HTTP\/1.1 404.*BLOB_UPLOAD_UNKNOWN/s)
    expect((await world.get(location)).status).toBe(404)
  })
})

describe('a client that disconnects', () => {
  it.each(['destroy', 'end'] as const)('can continue after the bytes that it sent: %s', async (how) => {
    const location = await world.startUpload(SHOP)
    const { client, upload } = await halfPatched(location)
    client.socket[how]()
    await eventually(() => expect(upload.isBusy).toBe(false))

    expect(await rangeOf(location)).toBe('0-4')
    const rest = await world.send('PATCH', location, { body: '-last', headers: { 'content-range': '5-9' } })
    expect(rest.status).toBe(202)
    const digest = digestOf('first-last')
    expect((await world.put(`${location}?digest=${digest}`, undefined)).status).toBe(201)
  })

  it('leaves nothing of a single-request push, whose upload has no known id', async () => {
    const client = await world.connect()
    const before = (await world.blobs.uploads()).length
    client.request(
      `POST /v2/shop/gone/blobs/uploads/?digest=${digestOf('x')}`,
      { 'content-length': 10 },
      'first',
    )
    await eventually(async () => expect(await world.blobs.uploads()).toHaveLength(before + 1))
    client.socket.destroy()
    await eventually(async () => expect(await world.blobs.uploads()).toHaveLength(before))
  })

  it('during its final PUT creates no blob', async () => {
    const location = await world.startUpload(SHOP)
    using client = await world.connect()
    client.request(`PUT ${location}?digest=${digestOf('first')}`, { 'content-length': 10 }, 'first')
    const upload = await uploadAt(location)
    await eventually(() => expect(upload.size).toBe(5))
    client.socket.destroy()
    await eventually(() => expect(upload.isBusy).toBe(false))
    expect((await world.head(`/v2/${SHOP}/blobs/${digestOf('first')}`)).status).toBe(404)
    expect(await rangeOf(location)).toBe('0-4')
  })
})

describe('a client that stalls', () => {
  it('is disconnected, and the bytes that it sent are kept', async () => {
    await using hasty = await openWorld({ limits: { idle: 100 } })
    const location = await hasty.startUpload(SHOP)
    using client = await hasty.connect()
    client.request(`PATCH ${location}`, { 'content-length': 10 }, 'first')
    await client.ended
    await eventually(async () => expect((await hasty.get(location)).headers.range).toBe('0-4'))
    expect(hasty.unforeseen).toEqual([])
  })

  it('before the first byte is disconnected on every path that reads a body', async () => {
    await using hasty = await openWorld({ limits: { idle: 100 } })
    for (const line of [
      `POST /v2/${SHOP}/blobs/uploads/?digest=${digestOf('x')}`,
      `PUT /v2/${SHOP}/manifests/v1`,
    ]) {
      using client = await hasty.connect()
      client.request(line, { 'content-length': 10 })
      await client.ended
    }
    expect(await hasty.blobs.uploads()).toEqual([])
  })

  it('is not disconnected while it sends enough in each period, however long the upload takes', async () => {
    const idle = 1_000
    await using patient = await openWorld({ limits: { idle, slowestUpload: 2 } })
    const location = await patient.startUpload(SHOP)
    using client = await patient.connect()
    client.request(`PATCH ${location}`, { 'content-length': 6 })
    for (let at = 0; at < 6; at++) {
      await delay(idle / 4)
      client.socket.write('x')
    }
    await client.until(/HTTP\/1.1 202.*Range: 0-5/is)
  })

  it('is disconnected when it sends single bytes, which would keep the connection for years', async () => {
    await using hasty = await openWorld({ limits: { idle: 200, slowestUpload: 1_000 } })
    const location = await hasty.startUpload(SHOP)
    using client = await hasty.connect()
    client.request(`PATCH ${location}`, { 'content-length': 1_000_000 })
    const dripping = setInterval(() => client.socket.write('x'), 20)
    await client.ended
    clearInterval(dripping)
  })

  it('with a manifest is disconnected after the idle time, however fast it sends', async () => {
    await using hasty = await openWorld({ limits: { idle: 300, slowestUpload: 0 } })
    using client = await hasty.connect()
    client.request(`PUT /v2/${SHOP}/manifests/v1`, { 'content-length': 1_000_000 })
    const dripping = setInterval(() => client.socket.write('x'.repeat(1_000)), 20)
    await client.ended
    clearInterval(dripping)
  })
})

describe('a wrong Content-Length', () => {
  it('ends the body: later bytes are not part of the blob', async () => {
    const location = await world.startUpload(SHOP)
    const upload = await uploadAt(location)
    using client = await world.connect()
    client.request(`PATCH ${location}`, { 'content-length': 5 }, 'firstGARBAGE\r\n\r\n')
    await client.until(/HTTP\/1.1 400/)
    await eventually(() => expect([upload.size, upload.isBusy]).toEqual([5, false]))
  })

  it.each([
    { 'content-length': 5, 'transfer-encoding': 'chunked' },
    { 'content-length': -5 },
    { 'content-length': '5, 6' },
    { 'content-length': '99999999999999999999999999' },
    { 'transfer-encoding': 'chunked, gzip' },
  ])('that is not HTTP is refused, and nothing is stored: %j', async (headers) => {
    const location = await world.startUpload(SHOP)
    using client = await world.connect()
    client.request(`PATCH ${location}`, headers, 'first')
    await client.until(/HTTP\/1.1 400/)
    expect(await rangeOf(location)).toBe('0-0')
  })
})

describe('Expect: 100-continue', () => {
  it('gets a 100', async () => {
    const location = await world.startUpload(SHOP)
    using client = await world.connect()
    client.request(`PATCH ${location}`, { 'content-length': 5, expect: '100-continue' })
    await client.until(/HTTP\/1.1 100 Continue/)
    client.socket.write('first')
    await client.until(/HTTP\/1.1 202/)
    expect(await rangeOf(location)).toBe('0-4')
  })
})

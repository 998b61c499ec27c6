import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { openWorld, type World } from './world.ts'

const EMPTY = digestOf('')
const ID = '0'.repeat(32)

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a response', () => {
  it.each([
    ['GET', '/v2/', 200],
    ['HEAD', '/v2/', 200],
    ['GET', '/v2', 200],
    ['GET', '/v2/nothing', 404],
    ['POST', '/v2/', 405],
    ['GET', `/v2/shop/web/blobs/${EMPTY}`, 404],
    ['GET', '/v2/%zz', 404],
  ])('has the header docker-distribution-api-version: %s %s', async (method, path, status) => {
    const response = await world.send(method, path)
    expect(response.status).toBe(status)
    expect(response.headers['docker-distribution-api-version']).toBe('registry/2.0')
  })

  it.each([
    ['/v2/nothing', 404],
    [`/v2/shop/web/blobs/${EMPTY}`, 404],
    ['/v2/shop/web/blobs/uploads/', 405],
  ])('to a HEAD has the headers of an error and no body: %s', async (path, status) => {
    const { headers, ...response } = await world.head(path)
    expect([response.status, response.bytes.length]).toEqual([status, 0])
    expect(headers['content-type']).toBe('application/json')
  })
})

describe('a method that the route does not support', () => {
  it.each([
    ['PUT', '/v2/', 'GET, HEAD'],
    ['DELETE', '/v2/_catalog', 'GET, HEAD'],
    ['PUT', `/v2/shop/web/blobs/${EMPTY}`, 'GET, HEAD, DELETE'],
    ['GET', '/v2/shop/web/blobs/uploads/', 'POST'],
    ['POST', `/v2/shop/web/blobs/uploads/${ID}`, 'GET, HEAD, PATCH, PUT, DELETE'],
    ['PATCH', '/v2/shop/web/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    ['POST', '/v2/shop/web/tags/list', 'GET, HEAD'],
    ['DELETE', `/v2/shop/web/referrers/${EMPTY}`, 'GET, HEAD'],
    ['OPTIONS', '/v2/shop/web/tags/list', 'GET, HEAD'],
  ])('is a 405 with the allowed methods: %s %s', async (method, path, allow) => {
    const response = await world.send(method, path)
    expect([response.status, response.code, response.headers.allow]).toEqual([405, 'UNSUPPORTED', allow])
  })
})

describe('a name that leads outside of its folder', () => {
  it.each([
    ['GET', `/v2/../../etc/blobs/${EMPTY}`],
    ['GET', `/v2/shop/../web/blobs/${EMPTY}`],
    ['GET', `/v2/%2e%2e/%2e%2e/blobs/${EMPTY}`],
    ['DELETE', `/v2/shop/web/%2e%2e/blobs/${EMPTY}`],
    ['POST', '/v2/../web/blobs/uploads/'],
    ['POST', '/v2/shop/%2e%2e%2fweb/blobs/uploads/'],
    ['POST', '/v2/shop/web%00/blobs/uploads/'],
    ['POST', '/v2/_uploads/web/blobs/uploads/'],
    ['POST', '/v2/./web/blobs/uploads/'],
    ['POST', '/v2//web/blobs/uploads/'],
    ['POST', '/v2/shop//blobs/uploads/'],
    ['POST', '/v2/shop/web/../../blobs/uploads/'],
    ['PATCH', `/v2/shop/web/blobs/uploads/%2e%2e%2f${ID}`],
    ['PATCH', '/v2/shop/web/blobs/uploads/..'],
  ])('is 404: %s %s', async (method, path) => {
    const { status, json } = await world.send(method, path)
    expect(status).toBe(404)
    expect(json).toHaveProperty('errors')
  })
})

describe('a repository that is named like a route', () => {
  it.each(['blobs/uploads', 'tags/list', 'manifests/referrers'])('works like any other: %s', async (name) => {
    const digest = await world.pushBlob(name, `of ${name}`)
    const location = await world.startUpload(name)
    expect((await world.get(location)).status).toBe(204)
    expect((await world.get(`/v2/${name}/blobs/${digest}`)).text).toBe(`of ${name}`)
  })
})

describe('a name of one part', () => {
  it('is the stream in the namespace "default", and links keep the name as the client wrote it', async () => {
    const location = await world.startUpload('alone')
    expect(location).toMatch(/^\/v2\/alone\/blobs\/uploads\//)
    const digest = await world.pushBlob('alone', 'x')
    expect((await world.get(`/v2/default/alone/blobs/${digest}`)).text).toBe('x')
  })
})

describe('an internal error', () => {
  it('is logged with the request id, and the response has only that id', async () => {
    await using broken = await openWorld({
      blobs: () => ({
        createUpload: () => Promise.reject(new Error('secret of the inside')),
      }),
    })
    const response = await broken.send('POST', '/v2/shop/web/blobs/uploads/')
    expect([response.status, response.code]).toEqual([500, 'UNKNOWN'])
    expect(response.text).not.toContain('secret')
    const [logged] = broken.unforeseen
    expect(String(logged?.object.err)).toContain('secret of the inside')
    expect(response.text).toContain(logged?.object.requestId)
  })
})

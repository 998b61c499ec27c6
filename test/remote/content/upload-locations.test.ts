import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { type Scripted, startScripted } from '../../fixtures/hostile-registry.ts'
import { password, refusalOf, TestClient } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'

const LOGIN = { username: 'pusher', password: 'open sesame' }
const CREDENTIALS = password(LOGIN.username, LOGIN.password)
const BYTES = Buffer.from('the bytes of a blob')
const blob = { digest: digestOf(BYTES), size: BYTES.length, read: () => Readable.from([BYTES]) }

/** A host that accepts every upload and keeps the bytes of the last one. */
async function startStorage(): Promise<Scripted & { readonly kept: Buffer[] }> {
  const kept: Buffer[] = []
  const server = await startScripted(async (request, response) => {
    kept.push(await buffer(request))
    response.writeHead(201).end()
  })
  return Object.assign(server, { kept })
}

/** A registry with basic auth that starts uploads at this location. */
const startRegistry = (
  respond: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Scripted> =>
  startScripted((request, response) => {
    request.resume()
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()
    } else respond(request, response)
  })

const startingAt = (location: string): Promise<Scripted> =>
  startRegistry(({ method }, response) =>
    response.writeHead(method === 'POST' ? 202 : 201, { location }).end(),
  )

const push = async (host: string) => {
  await using client = new TestClient({ credentials: CREDENTIALS })
  return client.writable(`${host}/team/app`).pushBlob(blob)
}

describe('the location of an upload', () => {
  test.each([
    ['relative', ''],
    ['absolute', 'http://HOST'],
    ['with the other scheme, as behind a proxy that ends TLS', 'https://HOST'],
  ])('may be %s; the credential is sent there', async (_, prefix) => {
    let host = ''
    await using upstream = await startUpstream({
      auth: { scheme: 'basic', credentials: LOGIN },
      pushes: {
        get locationPrefix() {
          return prefix.replace('HOST', host)
        },
      },
    })
    host = upstream.host
    expect(await push(upstream.host)).toBe('UPLOADED')
    expect(upstream.blob('team/app', blob.digest)?.equals(BYTES)).toBe(true)
    const put = upstream.log.find(({ method }) => method === 'PUT')
    expect(put?.headers.authorization).toMatch(/^Basic /)
    // its own query is kept as it is
    expect(put?.url).toContain('?_state=0%3D&digest=sha256%3A')
  })

  test('on another host receives the bytes without the credential', async () => {
    await using storage = await startStorage()
    await using registry = await startingAt(`${storage.url}/upload?signed=yes`)
    expect(await push(registry.host)).toBe('UPLOADED')
    expect(storage.kept.map(String)).toEqual([String(BYTES)])
    expect(storage.authorizations()).toEqual([])
    expect(storage.requests[0]).toMatchObject({
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
    })
  })

  test('on another host whose login is required receives no credential either', async () => {
    await using storage = await startScripted((request, response) => {
      request.resume()
      response.writeHead(401, { 'www-authenticate': 'Basic realm="give it to me"' }).end()
    })
    await using registry = await startingAt(`${storage.url}/upload`)
    expect(await refusalOf(push(registry.host))).toMatchObject({ reason: 'RegistryUnavailable' })
    expect(storage.authorizations()).toEqual([])
  })

  test.each([
    'http://10.0.0.1/upload',
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/',
    'file:///etc/passwd',
    'http://me:secret@127.0.0.1/',
  ])('at %s is not requested', async (location) => {
    await using registry = await startingAt(location)
    const refusal = await refusalOf(push(registry.host))
    expect(refusal.reason).toBe('ForbiddenTarget')
    expect(refusal.message).not.toContain('secret')
    expect(registry.requests.map(({ method }) => method)).not.toContain('PUT')
  })

  test.each([undefined, 'http://', 'http://[::1'])(
    'that is %s is an error of the registry',
    async (location) => {
      await using registry = await startRegistry((_, response) =>
        response.writeHead(202, location === undefined ? {} : { location }).end(),
      )
      const refusal = await refusalOf(push(registry.host))
      expect(refusal.reason).toBe('RegistryUnavailable')
      expect(refusal.message).toMatch(/: it names no location for the upload$/)
    },
  )
})

describe('a redirect of an upload', () => {
  test.each([307, 308])(
    'by a %d is followed with method and bytes, without the credential',
    async (status) => {
      await using storage = await startStorage()
      await using registry = await startRegistry(({ method }, response) =>
        method === 'POST'
          ? response.writeHead(202, { location: '/upload' }).end()
          : response.writeHead(status, { location: `${storage.url}/elsewhere` }).end(),
      )
      expect(await push(registry.host)).toBe('UPLOADED')
      expect(storage.kept.map(String)).toEqual([String(BYTES)])
      expect(storage.requests.map(({ method }) => method)).toEqual(['PUT'])
      expect(storage.authorizations()).toEqual([])
    },
  )

  test('to a host that starts it there: its relative location is of that host', async () => {
    await using storage = await startScripted((request, response) => {
      request.resume()
      response.writeHead(request.method === 'POST' ? 202 : 201, { location: '/uploads/1' }).end()
    })
    await using registry = await startRegistry((_, response) =>
      response.writeHead(307, { location: `${storage.url}/start` }).end(),
    )
    expect(await push(registry.host)).toBe('UPLOADED')
    expect(storage.requests.map(({ method, url }) => [method, url?.split('?')[0]])).toEqual([
      ['POST', '/start'],
      ['PUT', '/uploads/1'],
    ])
    expect(storage.authorizations()).toEqual([])
  })

  test.each([301, 302, 303])('by a %d, which changes the method, is not followed', async (status) => {
    await using storage = await startStorage()
    await using registry = await startRegistry(({ method }, response) =>
      method === 'POST'
        ? response.writeHead(202, { location: '/upload' }).end()
        : response.writeHead(status, { location: storage.url }).end(),
    )
    expect(await refusalOf(push(registry.host))).toMatchObject({ reason: 'RegistryUnavailable', status })
    expect(storage.requests).toEqual([])
  })

  test('to a private address is not followed', async () => {
    await using registry = await startRegistry(({ method }, response) =>
      method === 'POST'
        ? response.writeHead(202, { location: '/upload' }).end()
        : response.writeHead(307, { location: 'http://10.0.0.1/' }).end(),
    )
    expect(await refusalOf(push(registry.host))).toMatchObject({ reason: 'ForbiddenTarget' })
  })
})

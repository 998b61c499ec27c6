import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { exportJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSecret } from '../../src/access/identity/secret-text.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'
import { watchStatements } from '../fixtures/statements.ts'
import type { Answer } from '../registry/client.ts'
import { basic, openSignInWorld, tokenFor, web } from '../registry/sign-in/world.ts'
import type { World } from '../registry/world.ts'

let world: World
beforeAll(async () => {
  world = await openSignInWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** A response without what differs at each request. */
const shape = ({ status, headers, text }: Answer) => [
  status,
  Object.keys(headers).filter((name) => name !== 'date'),
  text,
]
const post = (path: string, headers: Record<string, string>) => world.send('POST', path, { headers })
const secretBlob = web.layers[0]?.digest ?? digestOf('')

describe("row 65, another's upload", () => {
  test('is not found with its id: not by another principal, not in another repository, not by reading, writing or ending it', async () => {
    const { headers } = await post('/v2/team/web/blobs/uploads/', basic('builder'))
    const location = headers.location ?? ''
    const missing = location.replace(/[0-9a-f]{32}$/, '0'.repeat(32))
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const guessed = await world.send(method, location, { headers: basic('pusher') })
      expect(guessed.status).toBe(404)
      expect(shape(guessed)).toEqual(shape(await world.send(method, missing, { headers: basic('pusher') })))
    }
    const digest = digestOf('')
    const finished = await world.send('PUT', `${location}?digest=${digest}`, { headers: basic('owner') })
    expect([finished.status, finished.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    const elsewhere = location.replace('team/web', 'team/other')
    expect((await world.get(elsewhere, basic('builder'))).status).toBe(404)
    expect((await world.get(location, basic('builder'))).status).toBe(204)
  })
})

describe('row 66, a mount from a repository that the client may not read', () => {
  test.each([`&from=secret/web`, ''])(
    'is a new upload, as for a blob and a repository that do not exist ("%s")',
    async (from) => {
      const mount = (digest: string, source: string) =>
        post(`/v2/team/web/blobs/uploads/?mount=${digest}${source}`, basic('builder'))
      const refused = await mount(secretBlob, from.replace('secret', 'nowhere'))
      // the blob is in the target: it could be mounted from there
      const unread = await post(`/v2/team/web/blobs/uploads/?mount=${digestOf('x')}${from}`, basic('builder'))
      expect([refused.status, unread.status]).toEqual([202, 202])
      expect(shape(await mount(secretBlob, from)).slice(0, 2)).toEqual(shape(refused).slice(0, 2))
    },
  )

  test.each(['&from=secret/web', ''])(
    'runs the same statements, and none that reads blobs ("%s")',
    async (from) => {
      const headers = basic('builder')
      using statements = watchStatements()
      const read = async (digest: string, source: string) => {
        statements.reset()
        const path = `/v2/team/web/blobs/uploads/?mount=${digest}${source}`
        expect((await world.send('POST', path, { headers })).status).toBe(202)
        return [...statements.run]
      }
      const there = await read(secretBlob, from)
      expect(there).toEqual(await read(digestOf('nothing'), from.replace('secret', 'nowhere')))
      expect(there.filter((text) => text.includes('repository_blobs'))).toEqual([])
    },
  )
})

describe("row 67, a known digest through the client's own repository", () => {
  test('is not found unless it is linked there', async () => {
    const headers = basic('builder')
    await world.send('POST', `/v2/team/empty/blobs/uploads/?digest=${digestOf('x')}`, { headers, body: 'x' })
    for (const repository of ['team/empty', 'team/nowhere']) {
      for (const path of [`blobs/${secretBlob}`, `manifests/${web.digest}`]) {
        for (const method of ['GET', 'HEAD']) {
          const known = await world.send(method, `/v2/${repository}/${path}`, { headers })
          const unknown = path.replace(/sha256:.*/, digestOf('nothing'))
          const absent = await world.send(method, `/v2/${repository}/${unknown}`, { headers })
          expect(known.status).toBe(404)
          expect(known.text.replaceAll(/sha256:[0-9a-f]+/g, '')).toBe(
            absent.text.replaceAll(/sha256:[0-9a-f]+/g, ''),
          )
        }
      }
      const referrers = await world.get(`/v2/${repository}/referrers/${web.digest}`, headers)
      expect(referrers.json).toMatchObject({ manifests: [] })
    }
    const manifest = { ...headers, 'content-type': web.mediaType }
    const put = await world.put('/v2/team/empty/manifests/v1', web.bytes, manifest)
    expect([put.status, put.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
  })
})

describe('row 68, a manifest that is too long, or lacks blobs', () => {
  test('is refused, and its tag does not exist', async () => {
    const headers = { ...basic('builder'), 'content-type': web.mediaType }
    const long = await world.put('/v2/team/web/manifests/long', Buffer.alloc(5 * 1024 * 1024, ' '), headers)
    expect(long.status).toBe(413)
    const lacking = await world.put('/v2/team/lacking/manifests/v1', web.bytes, headers)
    expect([lacking.status, lacking.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    expect((await world.get('/v2/team/web/manifests/long', basic('builder'))).status).toBe(404)
  })
})

describe('row 69, a page of the catalog with 10¹² names', () => {
  test('is clamped, and has only repositories that the client sees', async () => {
    const { json } = await world.get('/v2/_catalog?n=1000000000000', basic('puller'))
    expect(json).toEqual({ repositories: ['public/web', 'team/web'] })
  })
})

describe('row 70, a deletion with a credential for pushes', () => {
  test('is denied, and deletes nothing', async () => {
    for (const path of [`manifests/v1`, `manifests/${web.digest}`, `blobs/${secretBlob}`]) {
      const response = await world.send('DELETE', `/v2/team/web/${path}`, { headers: basic('builder') })
      expect([response.status, response.code]).toEqual([403, 'DENIED'])
    }
    const narrow = await tokenFor(world, 'owner', 'repository:team/web:pull,push')
    expect((await world.send('DELETE', '/v2/team/web/manifests/v1', { headers: narrow })).status).toBe(401)
    expect((await world.get('/v2/team/web/manifests/v1', basic('puller'))).status).toBe(200)
  })
})

describe('row 71, a forged token', () => {
  const now = () => Math.floor(world.domain.time / 1000)
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const claims = (changes: object = {}) => ({
    sub: 'owner',
    name: 'owner',
    iss: 'registry.test',
    aud: 'registry.test',
    iat: now(),
    exp: now() + 300,
    ...changes,
  })
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const real = async () => {
    const { authorization } = await tokenFor(world, 'owner', 'repository:secret/web:pull')
    return authorization.slice('Bearer '.length)
  }
  const kid = async () =>
    JSON.parse(Buffer.from((await real()).split('.')[0] ?? '', 'base64url').toString()).kid
  const signed = async (header: object, payload: object, key: KeyObject = foreign.privateKey) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: 'ES256', typ: 'JWT', ...header }).sign(key)
  const hmac = (payload: object, key: string, header: object = {}) => {
    const text = `${encoded({ alg: 'HS256', typ: 'JWT', ...header })}.${encoded(payload)}`
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
  }
  const pem = foreign.publicKey.export({ format: 'pem', type: 'spki' }).toString()

  const FORGED: Readonly<Record<string, () => Promise<string> | string>> = {
    'without a signature': () => `${encoded({ alg: 'none', typ: 'JWT' })}.${encoded(claims())}.`,
    'with the algorithm "nOnE"': () => `${encoded({ alg: 'nOnE', typ: 'JWT' })}.${encoded(claims())}.`,
    'with a public key as HMAC secret': async () => hmac(claims(), pem, { kid: await kid() }),
    'with an empty HMAC secret': async () => hmac(claims(), '', { kid: await kid() }),
    'with another key under the id of ours': async () => signed({ kid: await kid() }, claims()),
    'with its own key in "jwk"': async () =>
      signed({ kid: await kid(), jwk: await exportJWK(foreign.publicKey) } as JWTHeaderParameters, claims()),
    'with the address of its key in "jku"': async () =>
      signed({ kid: await kid(), jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/cert' }, claims()),
    'with a certificate in "x5c"': async () => signed({ kid: await kid(), x5c: [pem] }, claims()),
    'with the claims of another': async () => {
      const [header, , signature] = (await real()).split('.')
      return `${header}.${encoded(claims())}.${signature}`
    },
    'whose signature is cut': async () => (await real()).slice(0, -2),
    'with an unknown critical header': async () => {
      const [, payload, signature] = (await real()).split('.')
      return `${encoded({ alg: 'ES256', typ: 'JWT', kid: await kid(), crit: ['x'], x: 1 })}.${payload}.${signature}`
    },
  }

  test.each(Object.keys(FORGED))('%s is refused', async (name) => {
    const token = (await FORGED[name]?.()) ?? ''
    const headers = { authorization: `Bearer ${token}` }
    for (const path of [
      '/v2/',
      '/v2/secret/web/manifests/v1',
      '/v2/public/web/manifests/v1',
      '/v2/_catalog',
    ]) {
      const response = await world.get(path, headers)
      expect([path, response.status, response.code]).toEqual([path, 401, 'UNAUTHORIZED'])
    }
  })

  test('that this server signed is refused for another audience, by another issuer, and after its time', async () => {
    const other = await openSignInWorld({ service: () => 'other.test' })
    await using _closed = other
    const foreignToken = await tokenFor(other, 'owner', 'repository:secret/web:pull')
    expect((await world.get('/v2/secret/web/manifests/v1', foreignToken)).status).toBe(401)

    const headers = await tokenFor(world, 'owner', 'repository:secret/web:pull')
    expect((await world.get('/v2/secret/web/manifests/v1', headers)).status).toBe(200)
    world.domain.time += 301_000
    expect((await world.get('/v2/secret/web/manifests/v1', headers)).status).toBe(401)
  })
})

describe('row 88, an unknown user, or a bad password', () => {
  test('gets the same response, whatever is wrong', async () => {
    await using app = await startSignedInApp()
    const [unknown, other] = [createSecret('ACCESS_TOKEN').text, createSecret('SESSION').text]
    const ended = app.secrets.stranger ?? ''
    await fetch(`${app.url}/sign-out`, { method: 'POST', headers: app.headersOf('stranger') })
    const responses = new Set<string>()
    for (const password of [unknown, other, ended, 'ist_typo', 'hunter2']) {
      for (const user of ['alice', 'nobody', '']) {
        const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
        const response = await fetch(`${app.url}/token?service=x`, { headers: { authorization } })
        responses.add(`${response.status} ${await response.text()}`)
      }
    }
    expect([...responses]).toEqual([expect.stringMatching(/^401 .*the credential is not valid/)])
  })
})

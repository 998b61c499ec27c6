import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { asPrincipal, type World } from '../world.ts'
import { basic, challengeOf, openSignInWorld, tokenFor, web } from './world.ts'

const BLOB = digestOf('anything')

let world: World
beforeAll(async () => {
  world = await openSignInWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('GET /v2/', () => {
  it('asks a client without a credential for a token of this server', async () => {
    const response = await world.get('/v2/')
    expect([response.status, response.code]).toEqual([401, 'UNAUTHORIZED'])
    expect(challengeOf(response)).toEqual({ realm: `${world.url}/token`, service: 'registry.test' })
    expect(response.headers['docker-distribution-api-version']).toBe('registry/2.0')
  })

  it('accepts an access token as the password, whatever the user name, and as the bearer', async () => {
    expect((await world.get('/v2/', basic('puller'))).status).toBe(200)
    expect((await world.get('/v2/', asPrincipal('puller'))).status).toBe(200)
    expect((await world.get('/v2/', await tokenFor(world, 'puller'))).status).toBe(200)
    expect((await world.get('/v2/', await tokenFor(world, null))).status).toBe(200)
  })

  it.each([
    ['a password', basic('revoked')],
    ['a bearer', asPrincipal('revoked')],
    ['a token', { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }],
  ])('refuses %s that is not valid', async (_, headers) => {
    const response = await world.get('/v2/', headers)
    expect([response.status, challengeOf(response).error]).toEqual([401, 'invalid_token'])
  })
})

describe('a challenge', () => {
  it.each([
    ['GET', '/v2/team/web/manifests/v1', 'repository:team/web:pull'],
    ['GET', '/v2/web/tags/list', 'repository:web:pull'],
    ['PUT', '/v2/team/web/manifests/v1', 'repository:team/web:pull,push'],
    ['POST', '/v2/team/web/blobs/uploads/', 'repository:team/web:pull,push'],
    [
      'POST',
      `/v2/team/web/blobs/uploads/?mount=${BLOB}&from=public/web`,
      'repository:team/web:pull,push repository:public/web:pull',
    ],
    ['DELETE', '/v2/team/web/manifests/v1', 'repository:team/web:delete'],
  ])('to %s %s names the scope %s', async (method, path, scope) => {
    const response = await world.send(method, path)
    expect([response.status, challengeOf(response).scope]).toEqual([401, scope])
  })

  it('has the name with which the client addressed the server, and the scheme that its proxy accepted', async () => {
    const realm = async (headers: Record<string, string>) =>
      challengeOf(await world.get('/v2/', headers)).realm
    expect(await realm({ host: 'registry.example.org' })).toBe('http://registry.example.org/token')
    expect(await realm({ host: 'registry.example.org', 'x-forwarded-proto': 'https' })).toBe(
      'https://registry.example.org/token',
    )
    expect(await realm({ host: 'x",error="y' })).toBe('http://registry.test/token')
  })

  it('has the public URL, if there is one', async () => {
    await using named = await openSignInWorld({ publicUrl: new URL('https://images.example.org') })
    expect(challengeOf(await named.get('/v2/')).realm).toBe('https://images.example.org/token')
  })

  it('is the response to a push with a token for pulls, so that the client asks for the wider scope', async () => {
    const headers = await tokenFor(world, 'builder', 'repository:team/web:pull')
    expect((await world.get('/v2/team/web/manifests/v1', headers)).status).toBe(200)

    const response = await world.send('POST', '/v2/team/web/blobs/uploads/', { headers })
    expect(response.status).toBe(401)
    expect(challengeOf(response)).toMatchObject({
      error: 'insufficient_scope',
      scope: 'repository:team/web:pull,push',
    })

    const wider = await tokenFor(world, 'builder', challengeOf(response).scope ?? '')
    expect((await world.send('POST', '/v2/team/web/blobs/uploads/', { headers: wider })).status).toBe(202)
  })
})

describe('a client that lacks the right itself', () => {
  it('gets a token with the rest, and then DENIED, so that it does not ask again', async () => {
    const headers = await tokenFor(world, 'puller', 'repository:team/web:pull,push')
    expect((await world.get('/v2/team/web/manifests/v1', headers)).status).toBe(200)
    const response = await world.send('POST', '/v2/team/web/blobs/uploads/', { headers })
    expect([response.status, response.code]).toEqual([403, 'DENIED'])
  })

  it('may not create a repository by a push, where it may push to those that exist', async () => {
    const headers = basic('pusher')
    expect((await world.send('POST', '/v2/team/web/blobs/uploads/', { headers })).status).toBe(202)
    const manifest = { ...headers, 'content-type': web.mediaType }
    expect((await world.put('/v2/team/web/manifests/v2', web.bytes, manifest)).status).toBe(201)

    const started = await world.send('POST', '/v2/team/new/blobs/uploads/', { headers })
    expect([started.status, started.code]).toEqual([403, 'DENIED'])
    const put = await world.put('/v2/team/new/manifests/v1', web.bytes, manifest)
    expect([put.status, put.code]).toEqual([403, 'DENIED'])
    const builder = basic('builder')
    expect((await world.send('POST', '/v2/team/new/blobs/uploads/', { headers: builder })).status).toBe(202)
  })
})

describe('a client without a credential', () => {
  it('pulls from a public repository, with and without a token', async () => {
    expect((await world.get('/v2/public/web/manifests/v1')).status).toBe(200)
    const headers = await tokenFor(world, null, 'repository:public/web:pull', 'repository:team/web:pull')
    expect((await world.get('/v2/public/web/manifests/v1', headers)).status).toBe(200)
    expect((await world.get('/v2/team/web/manifests/v1', headers)).status).toBe(401)
  })

  it('lists public repositories only', async () => {
    expect((await world.get('/v2/_catalog')).json).toEqual({ repositories: ['public/web'] })
    const narrow = await tokenFor(world, 'puller', 'repository:team/web:pull')
    expect(challengeOf(await world.get('/v2/_catalog', narrow)).scope).toBe('registry:catalog:*')
    const headers = await tokenFor(world, 'puller', 'registry:catalog:*')
    expect((await world.get('/v2/_catalog', headers)).json).toEqual({
      repositories: ['public/web', 'team/web'],
    })
  })
})

describe('a cookie', () => {
  it('is no credential', async () => {
    const cookie = { cookie: '__Host-imagestreams=owner; imagestreams=owner' }
    expect((await world.get('/v2/secret/web/manifests/v1', cookie)).status).toBe(401)
    expect((await world.get('/token?scope=repository:secret/web:pull', cookie)).json).toMatchObject({
      scope: '',
    })
  })
})

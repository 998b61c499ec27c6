import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UnauthenticatedError } from '../../../src/access/right/errors.ts'
import { EVERYTHING } from '../../../src/access/right/rights.ts'
import { anonymous } from '../../../src/access/right/viewer.ts'
import { NO_SIGN_IN } from '../../../src/registry/sign-in/dependencies.ts'
import type { World } from '../world.ts'
import { basic, openSignInWorld, tokenFor } from './world.ts'

/** A token of another issuer. */
const FOREIGN = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NpLnRlc3QifQ.c2lnbmF0dXJl'

interface Issued {
  readonly token: string
  readonly access_token: string
  readonly expires_in: number
  readonly issued_at: string
  readonly scope: string
  readonly refresh_token?: string
  readonly issued_token_type?: string
}

let world: World
let admitted: string | undefined
let expiresAt = Number.MAX_SAFE_INTEGER
beforeAll(async () => {
  world = await openSignInWorld({
    federation: {
      async admit(token, client) {
        if (admitted === undefined || token !== FOREIGN)
          throw new UnauthenticatedError('no rule accepts the token')
        const viewer = { id: admitted, name: 'a build', rights: EVERYTHING, ...client }
        return { viewer, credential: 'RULE:1', expiresAt }
      },
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const get = (query: string, headers = {}) => world.get(`/token?${query}`, headers)
const post = (form: Record<string, string>) =>
  world.send('POST', '/token', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
const PULL = 'repository:team/web:pull'

describe('GET /token', () => {
  it('returns a token for five minutes, limited to the wanted access', async () => {
    const { status, headers, json } = await get(`service=registry.test&scope=${PULL}`, basic('puller'))
    const issued = json as Issued
    expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
    expect(issued).toMatchObject({ expires_in: 300, scope: PULL })
    expect(issued.access_token).toBe(issued.token)
    expect(issued.refresh_token).toBeUndefined()
    expect(decodeProtectedHeader(issued.token)).toMatchObject({ alg: 'ES256', typ: 'JWT' })
    const { iat = 0, ...claims } = decodeJwt(issued.token)
    expect(claims).toMatchObject({
      iss: 'registry.test',
      aud: 'registry.test',
      sub: 'puller',
      exp: iat + 300,
      nbf: iat,
      access: [{ type: 'repository', name: 'team/web', actions: ['pull'] }],
    })
  })

  it('grants what of the wanted access the client may have, and is never an error for too much', async () => {
    const scopes = [
      'repository:team/web:pull,push,delete repository:public/web:pull',
      'repository:secret/web:pull',
      'repository:team/new:*',
      'registry:catalog:*',
      'unknown:thing:do',
      'nonsense',
      'repository::pull',
      'repository:../../etc:pull',
    ]
    const query = new URLSearchParams(scopes.map((scope) => ['scope', scope])).toString()
    const { status, json } = await get(query, basic('builder'))
    expect(status).toBe(200)
    expect((json as Issued).scope.split(' ')).toEqual([
      'repository:team/web:pull,push',
      'repository:public/web:pull',
      'repository:team/new:pull,push',
      'registry:catalog:*',
    ])
  })

  it('refuses a credential that is not valid, and one of another form', async () => {
    for (const headers of [basic('revoked'), { authorization: 'Digest x' }, { authorization: 'Basic !' }]) {
      const response = await get('', headers)
      expect([response.status, response.code, response.headers['cache-control']]).toEqual([
        401,
        'UNAUTHORIZED',
        'no-store',
      ])
    }
  })

  it('returns the credential itself as refresh token to a client that wants one', async () => {
    const { json } = await get('offline_token=true&client_id=docker&account=x', basic('puller'))
    expect(json).toMatchObject({ refresh_token: 'puller', scope: '' })
    expect((await get('offline_token=true')).json).not.toHaveProperty('refresh_token')
  })
})

describe('POST /token', () => {
  it('takes a password, and a refresh token again and again', async () => {
    const first = await post({
      grant_type: 'password',
      username: 'x',
      password: 'puller',
      access_type: 'offline',
      scope: PULL,
    })
    const { refresh_token = '' } = first.json as Issued
    for (let time = 0; time < 3; time++) {
      const again = await post({
        grant_type: 'refresh_token',
        refresh_token,
        client_id: 'docker',
        scope: PULL,
      })
      expect(again.json).toMatchObject({ scope: PULL, refresh_token })
    }
    expect((await post({ grant_type: 'refresh_token', refresh_token: 'revoked' })).status).toBe(401)
  })

  it('exchanges a token of another issuer', async () => {
    admitted = 'builder'
    const exchange = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: FOREIGN,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    }
    const { json } = await post({ ...exchange, scope: PULL })
    expect(json).toMatchObject({ scope: PULL, token_type: 'Bearer' })
    expect((json as Issued).issued_token_type).toBe('urn:ietf:params:oauth:token-type:jwt')
    const { token } = (await post(exchange)).json as Issued
    expect(decodeJwt(token)).not.toHaveProperty('access')
    const headers = { authorization: `Bearer ${token}` }
    expect((await world.send('POST', '/v2/team/web/blobs/uploads/', { headers })).status).toBe(202)
    admitted = undefined
    expect((await post(exchange)).status).toBe(401)
    const other = { ...exchange, subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }
    expect([(await post(other)).status, (await post(other)).json]).toMatchObject([
      400,
      { error: 'invalid_request' },
    ])
  })

  it.each([
    [{}, 'unsupported_grant_type'],
    [{ grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    [{ grant_type: '__proto__' }, 'unsupported_grant_type'],
    [{ grant_type: 'password' }, 'invalid_request'],
  ])('refuses the form %j', async (form: Record<string, string>, error) => {
    const response = await post(form)
    expect([response.status, response.json]).toMatchObject([400, { error }])
  })
})

describe('a token of another issuer', () => {
  it('is a password at the token endpoint, and nowhere else', async () => {
    admitted = 'puller'
    const headers = await tokenFor(world, FOREIGN, PULL)
    expect((await world.get('/v2/team/web/manifests/v1', headers)).status).toBe(200)
    expect((await get('offline_token=true', basic(FOREIGN))).json).not.toHaveProperty('refresh_token')
    expect((await world.get('/v2/', { authorization: `Bearer ${FOREIGN}` })).status).toBe(401)
    admitted = undefined
    expect((await get(`scope=${PULL}`, basic(FOREIGN))).status).toBe(401)
  })

  it('is outlived by no token that is issued for it', async () => {
    admitted = 'puller'
    const issued = async () => (await get(`scope=${PULL}`, basic(FOREIGN))).json as Issued
    const { iat = 0 } = decodeJwt((await issued()).token)
    expiresAt = (iat + 90) * 1000
    const { token, expires_in } = await issued()
    expect([decodeJwt(token).exp, expires_in]).toEqual([iat + 90, 90])
    admitted = undefined
    expiresAt = Number.MAX_SAFE_INTEGER
  })
})

describe('a token of the registry', () => {
  it('is not exchanged for another: it does not renew itself', async () => {
    const { authorization } = await tokenFor(world, 'puller', PULL)
    expect((await get(`scope=${PULL}`, { authorization })).status).toBe(401)
    const text = authorization.slice('Bearer '.length)
    expect((await get(`scope=${PULL}`, basic(text))).status).toBe(401)
    expect((await post({ grant_type: 'refresh_token', refresh_token: text })).status).toBe(401)
  })
})

describe('a server without sign-in', () => {
  it('explains to "docker login" that there is none, and ignores the credential of a pull', async () => {
    await using open = await openSignInWorld({
      authentication: { mode: 'OPEN', viewerOf: (_, client) => anonymous(EVERYTHING, client) },
    })
    const asked = await open.get('/v2/')
    expect([asked.status, asked.text]).toEqual([401, expect.stringContaining('no sign-in configured')])
    const login = await open.get('/token?account=x&client_id=docker&offline_token=true', basic('x'))
    expect([login.status, login.json]).toMatchObject([401, { errors: [{ message: NO_SIGN_IN }] }])

    for (const secret of [null, 'anything']) {
      const headers = await tokenFor(open, secret, 'repository:secret/web:pull,push')
      expect((await open.get('/v2/', headers)).status).toBe(200)
      expect((await open.get('/v2/secret/web/manifests/v1', headers)).status).toBe(200)
    }
    expect((await open.get('/v2/secret/web/manifests/v1', basic('anything'))).status).toBe(200)
    expect((await open.get('/v2/secret/web/manifests/v1')).status).toBe(200)
  })
})

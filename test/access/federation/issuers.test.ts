import { generateKeyPairSync } from 'node:crypto'
import { base64url, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createIssuers } from '../../../src/access/federation/issuers.ts'
import { createEgress, type Egress, type EgressOptions } from '../../../src/egress/egress.ts'
import { createJsonFetcher } from '../../../src/published-keys/fetch-json.ts'
import { KEYS_ARE_FETCHED_EVERY, KEYS_ARE_FRESH_FOR } from '../../../src/published-keys/public-keys.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startScripted, startSilent } from '../../fixtures/hostile-registry.ts'
import { type OidcProvider, startOidcProvider } from '../../fixtures/oidc-provider.ts'

const SETTINGS = { keysUrl: null, ca: null }

let provider: OidcProvider
let egress: Egress
let requests: string[]
let time: number

beforeAll(async () => {
  provider = await startOidcProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())
beforeEach(() => {
  requests = []
  time = 1_000_000
  open()
})
afterEach(() => egress[Symbol.asyncDispose]())

let issuers: ReturnType<typeof createIssuers>

function open(options: Partial<EgressOptions> = {}): void {
  egress = createEgress({ loopback: true, ...options })
  const fetchJson = createJsonFetcher((url, request) => {
    requests.push(url)
    return egress.request(url, request)
  })
  issuers = createIssuers({ fetchJson, now: () => time })
}

const reasonOf = async (token: string, issuer = provider.issuer, settings = {}) =>
  (await issuers.signatureRefusal(token, { issuer, settings: { ...SETTINGS, ...settings } }))?.reason

describe('signatures of issuers', () => {
  it('are verified with keys that are found by discovery, once for many tokens', async () => {
    const tokens = await Promise.all([1, 2, 3].map((jti) => provider.token({ jti: `${jti}` })))
    expect(await Promise.all(tokens.map((token) => reasonOf(token)))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(requests).toEqual([
      `${provider.issuer}/.well-known/openid-configuration`,
      `${provider.issuer}/jwks`,
    ])
  })

  it('are verified after the keys rotate, and floods of unknown keys cause few requests', async () => {
    expect(await reasonOf(await provider.token({}))).toBeUndefined()
    const old = await provider.token({})
    await provider.rotateKeys()
    const token = await provider.token({})
    expect(await reasonOf(token)).toBe('SIGNATURE')
    expect(requests).toHaveLength(2)
    time += KEYS_ARE_FETCHED_EVERY
    expect(await reasonOf(token)).toBeUndefined()
    expect(await reasonOf(old)).toBe('SIGNATURE')
    expect(requests).toHaveLength(4)
  })

  it('are verified after the keys rotate, also when the clock was set back in between', async () => {
    expect(await reasonOf(await provider.token({}))).toBeUndefined()
    await provider.rotateKeys()
    time -= 24 * KEYS_ARE_FRESH_FOR
    const token = await provider.token({})
    expect(await reasonOf(token)).toBe('SIGNATURE')
    time += KEYS_ARE_FETCHED_EVERY
    expect(await reasonOf(token)).toBeUndefined()
  })

  it('are verified with known keys while the issuer is unavailable', async () => {
    const token = await provider.token({})
    expect(await reasonOf(token)).toBeUndefined()
    await provider.stop()
    time += KEYS_ARE_FRESH_FOR
    expect(await reasonOf(token)).toBeUndefined()
    await provider.start()
  })

  it('of an issuer that is unavailable affect no other issuer', async () => {
    await using other = await startOidcProvider()
    const token = await other.token({})
    await other.stop()
    expect(await reasonOf(token, other.issuer)).toBe('ISSUER_UNAVAILABLE')
    expect(await reasonOf(await provider.token({}))).toBeUndefined()
    // and it is not requested for each token
    const before = requests.length
    expect(await reasonOf(token, other.issuer)).toBe('ISSUER_UNAVAILABLE')
    expect(requests).toHaveLength(before)
  })

  it('of a slow issuer are refused in time', async () => {
    await using silent = await startSilent()
    await egress[Symbol.asyncDispose]()
    open({ timeouts: { headers: 50, body: 50 } })
    const refusal = await issuers.signatureRefusal(await provider.token({}), {
      issuer: `http://${silent.host}`,
      settings: SETTINGS,
    })
    expect(refusal).toEqual({
      reason: 'ISSUER_UNAVAILABLE',
      claim: null,
      message: `cannot fetch public keys from http://${silent.host}: no response arrived in time`,
    })
  })

  it.each([
    ['huge', 200, `{"issuer":"${'x'.repeat(300_000)}"}`, 'the response is larger than 262144 bytes'],
    ['no JSON', 200, '<html>secret</html>', 'responds with no JSON'],
    ['an error', 503, 'secret', 'responds with status 503'],
    ['of another issuer', 200, '{"issuer":"https://other"}', 'is that of another issuer'],
  ])('are refused when the discovery document is %s', async (_, status, body, message) => {
    await using server = await startScripted(
      (_request, response) => void response.writeHead(status).end(body),
    )
    const refusal = await issuers.signatureRefusal(await provider.token({}), {
      issuer: server.url,
      settings: SETTINGS,
    })
    expect(refusal).toMatchObject({ reason: 'ISSUER_UNAVAILABLE', message: expect.stringContaining(message) })
    expect(refusal?.message).not.toContain('secret')
  })

  it('are verified with the certificate and the address of keys that the rule has', async () => {
    const { ca, issue } = await createAuthority()
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] })
    await using server = await startScripted((_, response) => void response.end(keys), {
      tls: await issue(['127.0.0.1']),
    })
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey)
    const issuer = 'https://kubernetes.default.svc'
    const keysUrl = `https://${server.host}/openid/v1/jwks`
    expect(await reasonOf(token, issuer, { keysUrl, ca })).toBeUndefined()
    expect(await reasonOf(token, issuer, { keysUrl })).toBe('ISSUER_UNAVAILABLE')
  })

  it('are not requested from addresses that are forbidden', async () => {
    await egress[Symbol.asyncDispose]()
    open({ loopback: false })
    const refusal = await issuers.signatureRefusal(await provider.token({}), {
      issuer: provider.issuer,
      settings: SETTINGS,
    })
    expect(refusal?.message).toBe(
      `cannot fetch public keys from ${provider.issuer}: this server may not connect there`,
    )
  })
})

describe('row 71: a token that is forged', () => {
  const claims = base64url.encode(JSON.stringify({ iss: 'x' }))
  const header = (value: object): string => base64url.encode(JSON.stringify(value))

  it('with the algorithm none is refused', async () => {
    expect(await reasonOf(`${header({ alg: 'none' })}.${claims}.`)).toBe('SIGNATURE')
  })

  it('with the public key as the secret of an HMAC is refused', async () => {
    const [key] = JSON.parse(await (await fetch(`${provider.issuer}/jwks`)).text()).keys
    for (const secret of [JSON.stringify(key), key.n]) {
      const token = await new SignJWT({})
        .setProtectedHeader({ alg: 'HS256', kid: key.kid })
        .sign(Buffer.from(secret))
      expect(await reasonOf(token)).toBe('SIGNATURE')
    }
  })

  it.each(['jwk', 'jku', 'x5c', 'x5u'])('that brings its key in the header %s is refused', async (name) => {
    await using server = await startScripted((_, response) => void response.end('{"keys":[]}'))
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const values: Record<string, unknown> = {
      jwk: await exportJWK(own.publicKey),
      jku: server.url,
      x5u: server.url,
      x5c: [own.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
    }
    const [key] = JSON.parse(await (await fetch(`${provider.issuer}/jwks`)).text()).keys
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', kid: key.kid, [name]: values[name] })
      .sign(own.privateKey)
    expect(await reasonOf(token)).toBe('SIGNATURE')
    expect(server.requests).toEqual([])
  })

  it('by a changed payload or signature is refused', async () => {
    const [head, payload, signature] = (await provider.token({})).split('.')
    expect(await reasonOf(`${head}.${claims}.${signature}`)).toBe('SIGNATURE')
    expect(await reasonOf(`${head}.${payload}.${'A'.repeat(342)}`)).toBe('SIGNATURE')
    expect(await reasonOf(`${head}.${payload}.`)).toBe('SIGNATURE')
  })
})

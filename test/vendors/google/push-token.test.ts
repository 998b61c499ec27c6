import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  KEYS_ARE_FETCHED_EVERY,
  KEYS_ARE_FRESH_FOR,
  KEYS_ARE_USED_FOR,
} from '../../../src/published-keys/public-keys.ts'
import type { Sender } from '../../../src/vendors/senders.ts'
import { createSenders } from '../../../src/vendors/senders.ts'
import { body, deliver, NOW, place } from '../../receivers/deliveries.ts'

type Keys = Awaited<ReturnType<typeof generateKeyPair>>

const ACCOUNT = 'push@project.iam.gserviceaccount.com'
const AUDIENCE = place('').url
const SECOND = 1000

let google: Keys
let next: Keys
let published: unknown
let requests: string[]
let time: number
let sender: Sender
let answerKeys: () => Promise<unknown>

const publish = async (keys: Record<string, Keys>): Promise<void> => {
  const jwks = Object.entries(keys).map(async ([kid, { publicKey }]) => ({
    ...(await exportJWK(publicKey)),
    kid,
    use: 'sig',
    alg: 'RS256',
  }))
  published = { keys: await Promise.all(jwks) }
}

beforeAll(async () => {
  google = await generateKeyPair('RS256')
  next = await generateKeyPair('RS256')
})
beforeEach(async () => {
  await publish({ one: google })
  requests = []
  time = NOW
  answerKeys = async () => published
  const fetchKeys = (url: string) => {
    requests.push(url)
    return answerKeys()
  }
  sender = createSenders({ fetchKeys, now: () => time }).GOOGLE
})

/** A token as Pub/Sub signs it, with the given changes. */
const tokenOf = (
  claims: JWTPayload = {},
  { kid = 'one', key = google.privateKey, alg = 'RS256' } = {},
): Promise<string> =>
  new SignJWT({
    iss: 'https://accounts.google.com',
    aud: AUDIENCE,
    email: ACCOUNT,
    email_verified: true,
    iat: time / SECOND,
    exp: time / SECOND + 3600,
    ...claims,
  })
    .setProtectedHeader({ alg, kid, typ: 'JWT' })
    .sign(key)

const authenticate = (token: string, settings = {}) =>
  sender.authenticate(
    deliver(body('gar-pubsub-push'), { authorization: `Bearer ${token}` }),
    [],
    place('', { serviceAccount: ACCOUNT, ...settings }),
  )

describe('a Google OIDC JWT', () => {
  it('is verified by its signature and the claims aud, iss, email and email_verified', async () => {
    expect(await authenticate(await tokenOf())).toEqual({ ok: true })
    expect(await authenticate(await tokenOf({ iss: 'accounts.google.com' }))).toEqual({ ok: true })
    expect(requests).toEqual(['https://www.googleapis.com/oauth2/v3/certs'])
  })

  it('has the audience of the endpoint, or the configured one', async () => {
    const token = await tokenOf({ aud: 'imagestreams' })

    expect(await authenticate(token, { audience: 'imagestreams' })).toEqual({ ok: true })
    expect(await authenticate(token)).toEqual({ ok: false, reason: "the token's aud is invalid" })
    expect(await authenticate(await tokenOf(), { audience: 'imagestreams' })).toMatchObject({ ok: false })
  })

  it.each<[string, JWTPayload, string]>([
    ['wrong aud', { aud: 'https://elsewhere.example.com/' }, "the token's aud is invalid"],
    ['no aud', { aud: undefined as never }, "the token's aud is invalid"],
    ['wrong iss', { iss: 'https://accounts.google.com.evil.example' }, "the token's iss is invalid"],
    ['no iss', { iss: undefined as never }, "the token's iss is invalid"],
    ['another email', { email: 'other@project.iam.gserviceaccount.com' }, 'the token has another email'],
    ['no email', { email: undefined }, 'the token has another email'],
    ['a list of emails', { email: [ACCOUNT] }, 'the token has another email'],
    ['email_verified false', { email_verified: false }, "the token's email is not verified"],
    ['email_verified "true"', { email_verified: 'true' }, "the token's email is not verified"],
    ['no exp', { exp: undefined as never }, "the token's exp is invalid"],
    ['expired', { exp: NOW / SECOND - 31 }, 'the token has expired'],
    ['not valid yet', { nbf: NOW / SECOND + 3600 }, "the token's nbf is invalid"],
  ])('is refused: %s', async (_, claims, reason) => {
    expect(await authenticate(await tokenOf(claims))).toEqual({ ok: false, reason })
  })

  it('is verified with a clock that differs by half a minute', async () => {
    expect(await authenticate(await tokenOf({ exp: NOW / SECOND - 29 }))).toEqual({ ok: true })
  })

  it('without a signature (algorithm "none") is refused', async () => {
    const [, claims = ''] = (await tokenOf()).split('.')
    const header = Buffer.from('{"alg":"none","kid":"one"}').toString('base64url')

    expect(await authenticate(`${header}.${claims}.`)).toMatchObject({ ok: false })
    expect(await authenticate(`${header}.${claims}.x`)).toMatchObject({ ok: false })
  })

  it('with an HMAC by the public key in place of an RSA signature is refused', async () => {
    const [, claims = ''] = (await tokenOf()).split('.')
    const header = Buffer.from('{"alg":"HS256","kid":"one"}').toString('base64url')
    for (const secret of [
      await exportSPKI(google.publicKey),
      JSON.stringify(await exportJWK(google.publicKey)),
    ]) {
      const mac = createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url')
      expect(await authenticate(`${header}.${claims}.${mac}`)).toMatchObject({ ok: false })
    }
  })

  it('that contains a key (jwk, jku) is not verified by that key', async () => {
    const own = await generateKeyPair('RS256')
    const jwk = await exportJWK(own.publicKey)
    for (const more of [{ jwk }, { jku: 'https://evil.example.com/keys' }]) {
      const token = await new SignJWT({
        iss: 'https://accounts.google.com',
        aud: AUDIENCE,
        email: ACCOUNT,
        email_verified: true,
        iat: NOW / SECOND,
        exp: NOW / SECOND + 60,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'one', ...more })
        .sign(own.privateKey)
      expect(await authenticate(token)).toEqual({ ok: false, reason: "the token's signature is wrong" })
    }
    expect(requests).toHaveLength(1)
  })

  it('with another algorithm is refused, even with a key of the platform', async () => {
    const token = await tokenOf({}, { alg: 'PS256', key: google.privateKey }).catch(() => undefined)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const other = await new SignJWT({}).setProtectedHeader({ alg: 'PS256', kid: 'one' }).sign(privateKey)

    for (const each of [token, other]) {
      if (each) expect(await authenticate(each)).toMatchObject({ ok: false })
    }
  })

  it('is refused if one character of a claim or of the signature is changed', async () => {
    const [header, claims = '', signature = ''] = (await tokenOf()).split('.')
    const changed = (text: string) => `${text[0] === 'A' ? 'B' : 'A'}${text.slice(1)}`

    expect(await authenticate(`${header}.${changed(claims)}.${signature}`)).toMatchObject({ ok: false })
    expect(await authenticate(`${header}.${claims}.${changed(signature)}`)).toMatchObject({ ok: false })
  })

  it.each(['', 'x', 'a.b', 'a.b.c.d.e', 'a'.repeat(10_000), `${'a'.repeat(9000)}.b.c`])(
    'that is invalid is refused without a request for keys',
    async (token) => {
      expect(await authenticate(token)).toMatchObject({ ok: false })
      expect(requests).toEqual([])
    },
  )

  it('is refused if the receiver has no service account', async () => {
    for (const serviceAccount of [null, '']) {
      expect(await authenticate(await tokenOf(), { serviceAccount })).toMatchObject({ ok: false })
    }
    expect(await authenticate(await tokenOf({ email: '' }), { serviceAccount: '' })).toMatchObject({
      ok: false,
    })
  })

  it('cannot be replaced by a secret of the webhook', async () => {
    const delivery = deliver({}, { authorization: 'Bearer secret' })
    expect(
      await sender.authenticate(delivery, ['secret'], place('', { serviceAccount: ACCOUNT })),
    ).toMatchObject({ ok: false })
  })
})

describe('Google’s keys', () => {
  it('are fetched once for concurrent deliveries', async () => {
    const token = await tokenOf()
    const all = await Promise.all(Array.from({ length: 20 }, () => authenticate(token)))

    expect(all.every(({ ok }) => ok)).toBe(true)
    expect(requests).toHaveLength(1)
  })

  it('are cached for an hour', async () => {
    await authenticate(await tokenOf())
    time += KEYS_ARE_FRESH_FOR - 1
    await authenticate(await tokenOf())
    expect(requests).toHaveLength(1)

    time += 1
    await authenticate(await tokenOf())
    expect(requests).toHaveLength(2)
  })

  it('are fetched again when a token has a new key', async () => {
    await authenticate(await tokenOf())
    await publish({ one: google, two: next })
    time += KEYS_ARE_FETCHED_EVERY

    expect(await authenticate(await tokenOf({}, { kid: 'two', key: next.privateKey }))).toEqual({ ok: true })
    expect(requests).toHaveLength(2)
  })

  it('are not fetched again for each forged token', async () => {
    await authenticate(await tokenOf())
    for (let at = 0; at < 50; at++) {
      const made = await tokenOf({}, { kid: `made-up-${at}`, key: next.privateKey })
      expect(await authenticate(made)).toEqual({
        ok: false,
        reason: 'the token is not signed with a key of Google',
      })
    }
    expect(requests).toHaveLength(1)
  })

  it('that are unavailable make the sender retry, and are fetched again later', async () => {
    answerKeys = () => Promise.reject(new Error('no way out'))
    const token = await tokenOf()
    const unavailable = {
      ok: false,
      isTemporary: true,
      reason: expect.stringContaining('cannot fetch public keys'),
    }

    expect(await authenticate(token)).toEqual(unavailable)
    expect(await authenticate(token)).toEqual(unavailable)
    expect(requests).toHaveLength(1)

    answerKeys = async () => published
    time += KEYS_ARE_FETCHED_EVERY
    expect(await authenticate(token)).toEqual({ ok: true })
  })

  it('that are invalid count as unavailable', async () => {
    for (const odd of [null, 'keys', { keys: 7 }, { keys: [null] }, '<html>']) {
      time += KEYS_ARE_FETCHED_EVERY
      published = odd
      expect(await authenticate(await tokenOf())).toMatchObject({ ok: false, isTemporary: true })
    }
  })

  it('are used for a day while new ones are unavailable, and no longer', async () => {
    await authenticate(await tokenOf())
    answerKeys = () => {
      throw new Error('no way out')
    }
    time += KEYS_ARE_USED_FOR - 1
    expect(await authenticate(await tokenOf())).toEqual({ ok: true })

    time += 1
    expect(await authenticate(await tokenOf())).toMatchObject({ ok: false, isTemporary: true })
  })

  it('that are no longer published are no longer used', async () => {
    await authenticate(await tokenOf())
    await publish({ two: next })
    time += KEYS_ARE_FRESH_FOR

    expect(await authenticate(await tokenOf())).toMatchObject({ ok: false })
    expect(await authenticate(await tokenOf({}, { kid: 'two', key: next.privateKey }))).toEqual({ ok: true })
  })
})

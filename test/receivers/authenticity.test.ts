import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../src/vendors/delivery/delivery.ts'
import type { SenderSettings } from '../../src/vendors/delivery/sender.ts'
import { createSenders, SENDER_KINDS, type SenderKind } from '../../src/vendors/senders.ts'
import { deliver, image, NOW, noSettings, place, senders } from './deliveries.ts'

const SECRET = 'the newest secret'
const OLD = 'the secret before'
/** Google's tokens have their own tests. */
const withSecret = SENDER_KINDS.filter((kind) => senders[kind].authenticity !== 'JWT')
const signing = withSecret.filter((kind) => senders[kind].authenticity === 'SIGNATURE')

const sampleOf = (kind: SenderKind, secret = SECRET, settings: Partial<SenderSettings> = {}): Delivery =>
  senders[kind].sample(place(secret, settings), image)
const authenticate = (
  kind: SenderKind,
  delivery: Delivery,
  secrets: readonly string[],
  settings: Partial<SenderSettings> = {},
) => senders[kind].authenticate(delivery, secrets, place('', settings))

/** A delivery without the parts that contain the secret or a signature. */
const stripped = (delivery: Delivery): Delivery => ({
  ...delivery,
  headers: { 'content-type': 'application/json' },
  query: new URLSearchParams(),
})

describe.each(withSecret)('a delivery of %s', (kind) => {
  it('is accepted with the secret', async () => {
    expect(await authenticate(kind, sampleOf(kind), [SECRET])).toEqual({ ok: true })
  })

  it('is accepted with any of the valid secrets, during a rotation', async () => {
    expect(await authenticate(kind, sampleOf(kind, OLD), [SECRET, OLD])).toEqual({ ok: true })
    expect(await authenticate(kind, sampleOf(kind, SECRET), [SECRET, OLD])).toEqual({ ok: true })
  })

  it('is refused with another secret, and the reason contains none', async () => {
    const refused = await authenticate(kind, sampleOf(kind, 'a guess'), [SECRET, OLD])

    expect(refused).toMatchObject({ ok: false })
    expect(JSON.stringify(refused)).not.toMatch(/a guess|newest|before/)
  })

  it('is refused with a longer or shorter secret, or another case', async () => {
    for (const guess of [`${SECRET} `, SECRET.slice(0, -1), SECRET.toUpperCase(), '']) {
      expect(await authenticate(kind, sampleOf(kind, guess), [SECRET])).toMatchObject({ ok: false })
    }
  })

  it('is refused without any secret in it', async () => {
    expect(await authenticate(kind, stripped(sampleOf(kind)), [SECRET])).toMatchObject({ ok: false })
  })

  it('is refused without a valid secret, and with an empty one', async () => {
    for (const secrets of [[], [''], ['', '']]) {
      expect(await authenticate(kind, sampleOf(kind, ''), secrets)).toMatchObject({ ok: false })
      expect(await authenticate(kind, stripped(sampleOf(kind, '')), secrets)).toMatchObject({ ok: false })
      expect(await authenticate(kind, sampleOf(kind, 'undefined'), secrets)).toMatchObject({ ok: false })
    }
  })
})

describe.each(signing)('the signature of %s', (kind) => {
  it('covers the raw bytes: one more, less or other byte is refused', async () => {
    const delivery = sampleOf(kind)
    const { body } = delivery
    const other = Uint8Array.from(body)
    other[3] = (other[3] ?? 0) ^ 1

    for (const changed of [Buffer.concat([body, Buffer.from(' ')]), body.subarray(1), other]) {
      expect(await authenticate(kind, { ...delivery, body: changed }, [SECRET])).toMatchObject({ ok: false })
    }
  })

  it('is not the secret itself', async () => {
    const delivery = sampleOf(kind)
    const headers = Object.fromEntries(
      Object.entries(delivery.headers).map(([name, value]) => [
        name,
        /signature|auth/.test(name) ? SECRET : value,
      ]),
    )

    expect(await authenticate(kind, { ...delivery, headers }, [SECRET])).toMatchObject({ ok: false })
  })
})

describe('a secret in a header or the URL', () => {
  it.each([
    ['as Bearer token', `Bearer ${SECRET}`],
    ['whatever the case of Bearer', `bearer ${SECRET}`],
    ['verbatim, as Harbor sends its Auth Header', SECRET],
    ['as the password of Basic', `Basic ${Buffer.from(`zot:${SECRET}`).toString('base64')}`],
  ])('is accepted %s', async (_, authorization) => {
    const secrets = [OLD, SECRET]
    expect(await authenticate('HARBOR', deliver({}, { authorization }), secrets)).toEqual({ ok: true })
  })

  it.each([
    ['as the name of Basic', `Basic ${Buffer.from(`${SECRET}:`).toString('base64')}`],
    ['beside others', `Bearer x, Bearer ${SECRET}`],
    ['with something behind it', `Bearer ${SECRET}x`],
  ])('is refused %s', async (_, authorization) => {
    expect(await authenticate('HARBOR', deliver({}, { authorization }), [SECRET])).toMatchObject({
      ok: false,
    })
  })

  it('is not accepted in the URL if the sender has a header for it', async () => {
    const delivery = { ...deliver({}), query: new URLSearchParams({ secret: SECRET }) }
    expect(await authenticate('DISTRIBUTION', delivery, [SECRET])).toMatchObject({ ok: false })
  })

  it('is accepted once in the URL', async () => {
    const query = new URLSearchParams([
      ['secret', 'a guess'],
      ['secret', SECRET],
    ])
    expect(await authenticate('QUAY', { ...deliver({}), query }, [SECRET])).toMatchObject({ ok: false })
  })

  it('may have any characters in the URL', async () => {
    const secret = 'a&b=c %41+?#/ü'
    const [, step = ''] = senders.DOCKER_HUB.setUp(place(secret))
    const { searchParams } = new URL(/https:\S+/.exec(step)?.[0] ?? '')

    expect(await authenticate('DOCKER_HUB', { ...deliver({}), query: searchParams }, [secret])).toEqual({
      ok: true,
    })
  })
})

describe('JFrog’s X-JFrog-Event-Auth', () => {
  it('is a plain secret or an HMAC-SHA256, by option, and never the other', async () => {
    const plain = sampleOf('JFROG', SECRET, { signed: false })
    const signed = sampleOf('JFROG', SECRET, { signed: true })

    expect(plain.headers['x-jfrog-event-auth']).toBe(SECRET)
    expect(await authenticate('JFROG', plain, [SECRET], { signed: false })).toEqual({ ok: true })
    expect(await authenticate('JFROG', signed, [SECRET], { signed: true })).toEqual({ ok: true })
    expect(await authenticate('JFROG', plain, [SECRET], { signed: true })).toMatchObject({ ok: false })
    expect(await authenticate('JFROG', signed, [SECRET], { signed: false })).toMatchObject({ ok: false })
  })

  it('is an HMAC by default', async () => {
    const plain = sampleOf('JFROG', SECRET, { signed: false })
    expect(await authenticate('JFROG', plain, [SECRET])).toMatchObject({ ok: false })
  })
})

describe('signatures of other senders', () => {
  it('GitHub’s own example is accepted', async () => {
    // source: GitHub, validating receiver deliveries
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    const delivery = deliver('Hello, World!', { 'x-hub-signature-256': signature })

    expect(await authenticate('GITHUB', delivery, ["It's a Secret to Everybody"])).toEqual({ ok: true })
  })

  it('GitHub’s older X-Hub-Signature, an HMAC-SHA1, is not', async () => {
    const signature = `sha1=${createHmac('sha1', SECRET).update('{}').digest('hex')}`
    for (const name of ['x-hub-signature', 'x-hub-signature-256']) {
      expect(await authenticate('GITHUB', deliver('{}', { [name]: signature }), [SECRET])).toMatchObject({
        ok: false,
      })
    }
  })

  it('Nexus signs with HMAC-SHA1 in hexadecimal digits, without a prefix', async () => {
    const signature = createHmac('sha1', SECRET).update('{}').digest('hex')
    const delivery = deliver('{}', { 'x-nexus-webhook-signature': signature })

    expect(await authenticate('NEXUS', delivery, [SECRET])).toEqual({ ok: true })
  })
})

describe('a signature of Standard Receivers', () => {
  const at = (seconds: number) =>
    createSenders({ fetchKeys: () => Promise.reject(), now: () => NOW + seconds * 1000 }).GENERIC
  const delivery = sampleOf('GENERIC')
  const tried = (seconds: number, headers: Record<string, string> = {}) =>
    at(seconds).authenticate(
      { ...delivery, headers: { ...delivery.headers, ...headers } },
      [SECRET],
      place('', noSettings),
    )

  it('is valid for five minutes, before and after its timestamp', async () => {
    expect(await tried(300)).toEqual({ ok: true })
    expect(await tried(-300)).toEqual({ ok: true })
  })

  it('is refused when it is repeated later', async () => {
    expect(await tried(301)).toMatchObject({ ok: false, reason: expect.stringContaining('300 seconds') })
    expect(await tried(-301)).toMatchObject({ ok: false })
  })

  it('is refused under another id, another time, or none', async () => {
    for (const headers of [
      { 'webhook-id': 'another' },
      { 'webhook-id': '' },
      { 'webhook-timestamp': String(NOW / 1000 + 1) },
      { 'webhook-timestamp': 'soon' },
      { 'webhook-timestamp': '' },
      { 'webhook-timestamp': '-1' },
    ]) {
      expect(await tried(0, headers)).toMatchObject({ ok: false })
    }
  })

  it('may be one of several, and unknown versions are ignored', async () => {
    const signature = delivery.headers['webhook-signature'] ?? ''

    expect(await tried(0, { 'webhook-signature': `v1a,x ${signature} v1,AAAA` })).toEqual({ ok: true })
    expect(await tried(0, { 'webhook-signature': signature.replace('v1,', 'v2,') })).toMatchObject({
      ok: false,
    })
    expect(await tried(0, { 'webhook-signature': '' })).toMatchObject({ ok: false })
  })

  it('is not replaced by a valid token', async () => {
    const headers = { 'webhook-signature': 'v1,AAAA', authorization: `Bearer ${SECRET}` }
    expect(await tried(0, headers)).toMatchObject({ ok: false })
  })

  it('accepts the example of the specification', async () => {
    // source: standard-receivers, libraries, test vector
    const seconds = 1614265330
    const generic = createSenders({ fetchKeys: () => Promise.reject(), now: () => seconds * 1000 }).GENERIC
    const example = deliver('{"test": 2432232314}', {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': String(seconds),
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })

    expect(
      await generic.authenticate(example, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], place('')),
    ).toEqual({ ok: true })
  })
})

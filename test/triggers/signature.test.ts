import { createHmac, createPublicKey, verify } from 'node:crypto'
import { expect, it } from 'vitest'
import {
  isSecret,
  newSecret,
  privateKeyOf,
  publicKeyText,
  secretBytes,
  signatureHeaders,
} from '../../src/triggers/content/signature.ts'

const DELIVERY = { id: 'msg_1', at: 1_700_000_000_999, body: '{"a":"ü"}' }
const SIGNED = Buffer.from('msg_1.1700000000.{"a":"ü"}')

it('each key signs id, time in seconds and body', () => {
  const secret = secretBytes(newSecret())
  const privateKey = privateKeyOf(Buffer.alloc(32, 7))
  const headers = signatureHeaders(DELIVERY, [
    { kind: 'SECRET', secret },
    { kind: 'PAIR', privateKey },
  ])
  const [symmetric = '', pair = ''] = headers['webhook-signature']?.split(' ') ?? []
  expect(headers).toMatchObject({ 'webhook-id': 'msg_1', 'webhook-timestamp': '1700000000' })
  expect(symmetric).toBe(`v1,${createHmac('sha256', secret).update(SIGNED).digest('base64')}`)
  const publicKey = createPublicKey(privateKey)
  expect(pair.startsWith('v1a,')).toBe(true)
  expect(verify(null, SIGNED, publicKey, Buffer.from(pair.slice(4), 'base64'))).toBe(true)
})

it('the public key has the form of Standard Webhooks', () => {
  const privateKey = privateKeyOf(Buffer.alloc(32, 7))
  const text = publicKeyText(privateKey)
  const raw = createPublicKey(privateKey).export({ format: 'jwk' }).x
  expect(text).toBe(`whpk_${Buffer.from(raw ?? '', 'base64url').toString('base64')}`)
})

it.each(['whsec_c2hvcnQ=', 'whsec_not base64 at all, but long enough to be', ''])(
  '%j is no secret',
  (text) => {
    expect(isSecret(text)).toBe(false)
  },
)

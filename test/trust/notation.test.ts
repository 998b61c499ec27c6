import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import type { NotationInput } from '../../src/trust/policy/policies.ts'
import { certificatePem, createAuthority, keyPair, makeCertificate, SERVER } from '../fixtures/authority.ts'
import { type NotationOptions, notationArtifact, notationEnvelope } from '../fixtures/signatures.ts'
import { TrustWorld } from './world.ts'

const authority = createAuthority()
const ACME = 'x509.subject: C=US, O=Acme'
const byAcme = (changes: Partial<NotationInput> = {}) => [
  { notation: { certificates: authority.pem, trustedIdentities: [ACME], ...changes } },
]
const sign = (world: TrustWorld, options: Partial<NotationOptions> = {}) =>
  world.attached.add(
    notationArtifact(world.app, notationEnvelope({ image: world.app.digest, authority, ...options })),
  )

describe('a signature of notation', () => {
  test('is accepted by an authority and a subject', async () => {
    await using world = await TrustWorld.start()
    sign(world)
    expect(await world.verify(byAcme())).toMatchObject({
      status: 'VERIFIED',
      by: 'C=US, O=Acme, CN=builder',
      signatures: [{ format: 'NOTATION', accepted: true }],
    })
    expect((await world.referrers()).referrers).toMatchObject([
      { kind: 'SIGNATURE', artifactType: 'application/vnd.cncf.notary.signature', isConfirmed: true },
    ])
  })

  test.each([
    ['ECDSA P-384', 'ES384', keyPair('P-384')],
    ['ECDSA P-521', 'ES512', keyPair('P-521')],
    ['RSA 2048', 'PS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['RSA 3072', 'PS384', generateKeyPairSync('rsa', { modulusLength: 3072 })],
  ])('by a key of %s is accepted only with the algorithm of that key', async (_name, alg, keys) => {
    await using world = await TrustWorld.start()
    sign(world, { keys, header: { alg } })
    expect(await world.verify(byAcme())).toMatchObject({ status: 'VERIFIED' })
    world.attached.clear()
    sign(world, { keys, header: { alg: 'ES256' } })
    expect(await world.verify(byAcme(), { maxAge: 0 })).toMatchObject({ reason: 'WrongKey' })
  })

  test.each([
    [['x509.subject: C=US, O=Evil']],
    [['x509.subject: C=US, O=Acme, CN=other']],
    [['x509.subject: OU=other']],
  ])('by another subject than %s is not accepted: WrongIdentity', async (trustedIdentities) => {
    await using world = await TrustWorld.start()
    sign(world)
    expect(await world.verify(byAcme({ trustedIdentities }))).toMatchObject({ reason: 'WrongIdentity' })
    expect(await world.verify(byAcme({ trustedIdentities: [...trustedIdentities, '*'] }))).toMatchObject({
      status: 'VERIFIED',
    })
  })

  test('by a subject with a comma in a name is not accepted: a comma there starts no attribute', async () => {
    await using world = await TrustWorld.start()
    sign(world, { subject: { C: 'US', CN: 'x, O=Acme' } })
    expect(await world.verify(byAcme())).toMatchObject({ reason: 'WrongIdentity' })
    expect(await world.verify(byAcme({ trustedIdentities: ['x509.subject: CN=x\\, O=Acme'] }))).toMatchObject(
      {
        status: 'VERIFIED',
      },
    )
  })

  test('by another authority is not accepted: Untrusted', async () => {
    await using world = await TrustWorld.start()
    sign(world, { authority: createAuthority() })
    expect(await world.verify(byAcme())).toMatchObject({ status: 'UNVERIFIED', reason: 'Untrusted' })
  })

  test('of another digest is not accepted: WrongDigest', async () => {
    await using world = await TrustWorld.start()
    sign(world, { image: digestOf('another') })
    expect(await world.verify(byAcme())).toMatchObject({ reason: 'WrongDigest' })
  })

  test('is accepted until its certificate expires: Expired', async () => {
    await using world = await TrustWorld.start()
    sign(world, { until: new Date(world.now + 60_000) })
    expect(await world.verify(byAcme())).toMatchObject({ status: 'VERIFIED' })
    world.now += 61_000
    // the cached outcome is not an hour old
    expect(await world.verify(byAcme())).toMatchObject({ status: 'UNVERIFIED', reason: 'Expired' })
  })

  test('is accepted until its own expiry time', async () => {
    await using world = await TrustWorld.start()
    const expiry = new Date(world.now + 60_000).toISOString()
    sign(world, {
      header: {
        crit: ['io.cncf.notary.signingScheme', 'io.cncf.notary.expiry'],
        'io.cncf.notary.expiry': expiry,
      },
    })
    expect(await world.verify(byAcme())).toMatchObject({ status: 'VERIFIED' })
    world.now += 61_000
    expect(await world.verify(byAcme())).toMatchObject({ reason: 'Expired' })
  })

  const stranger = createAuthority()
  test.each([
    ['with a swapped certificate', 'WrongKey', { chain: () => [leafOf(authority), authority.certificate] }],
    [
      'with the leaf of another authority',
      'Malformed',
      { chain: () => [leafOf(stranger), authority.certificate] },
    ],
    [
      'with the trusted root appended to a strange chain',
      'Malformed',
      {
        authority: stranger,
        chain: (leaf: Buffer) => [leaf, stranger.certificate, authority.certificate],
      },
    ],
    ['without its root', 'Malformed', { chain: (leaf: Buffer) => [leaf] }],
    ['without certificates', 'Malformed', { chain: () => [] }],
    ['with a certificate that is no DER', 'Malformed', { chain: () => [Buffer.from('AAAA')] }],
    ['with a certificate of 200 bytes', 'Malformed', { chain: (leaf: Buffer) => [leaf.subarray(0, 200)] }],
    ['by an authority itself', 'Malformed', { chain: () => [authority.certificate] }],
    ['by the certificate of a server', 'Malformed', { purposes: [SERVER] }],
    [
      'by another scheme',
      'Unsupported',
      { header: { 'io.cncf.notary.signingScheme': 'notary.x509.signingAuthority' } },
    ],
    [
      'with an unknown critical header',
      'Unsupported',
      {
        header: { crit: ['io.cncf.notary.signingScheme', 'com.example.must'] },
      },
    ],
    ['with the algorithm none', 'WrongKey', { header: { alg: 'none' } }],
    ['with the algorithm of a secret', 'WrongKey', { header: { alg: 'HS256' } }],
    ['of another type', 'Malformed', { header: { cty: 'application/json' } }],
    ['of nothing', 'Malformed', { payload: { targetArtifact: null } }],
    [
      'of a prototype',
      'Malformed',
      { payload: JSON.parse('{"__proto__":{"targetArtifact":{"digest":"x"}}}') },
    ],
  ] as const)('%s is not accepted', async (_what, reason, options) => {
    await using world = await TrustWorld.start()
    sign(world, options as Partial<NotationOptions>)
    expect(await world.verify(byAcme())).toMatchObject({ status: 'UNVERIFIED', signatures: [{ reason }] })
    expect(world.internalErrors).toEqual([])
  })

  test.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['no JWS', '{"payload":1,"protected":[],"signature":{}}'],
    ['not base64', '{"payload":"*","protected":"*","signature":"*"}'],
    ['empty inside', '{"payload":"e30","protected":"e30","signature":"e30","header":{"x5c":[7,null,{}]}}'],
  ])('that is %s is UNVERIFIED, without an internal error', async (_what, envelope) => {
    await using world = await TrustWorld.start()
    world.attached.add(notationArtifact(world.app, envelope))
    expect(await world.verify(byAcme())).toMatchObject({ status: 'UNVERIFIED', reason: 'Malformed' })
    expect(world.internalErrors).toEqual([])
  })

  test('in a COSE envelope is Unsupported', async () => {
    await using world = await TrustWorld.start()
    world.attached.add(notationArtifact(world.app, 'd2844', 'application/cose'))
    expect(await world.verify(byAcme())).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'Unsupported',
      message: expect.stringContaining('--signature-format jws'),
    })
  })

  test('by a self-signed certificate is accepted where that certificate is trusted', async () => {
    await using world = await TrustWorld.start()
    const keys = keyPair()
    const itself = makeCertificate({ subject: { C: 'US', O: 'Acme' }, ...keys })
    sign(world, { keys, chain: () => [itself] })
    expect(await world.verify(byAcme())).toMatchObject({ reason: 'Untrusted' })
    expect(await world.verify(byAcme({ certificates: certificatePem(itself) }))).toMatchObject({
      status: 'VERIFIED',
    })
  })
})

/** A certificate for code of the authority, of a new key. */
const leafOf = (of: typeof authority): Buffer =>
  of.issue({ subject: { C: 'US', O: 'Acme' }, publicKey: keyPair().publicKey })

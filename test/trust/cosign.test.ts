import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import { COSIGN_SIGNATURE } from '../../src/trust/referrer/referrer.ts'
import { artifact, pushArtifact } from '../fixtures/artifacts.ts'
import { keyPair, pemOf } from '../fixtures/authority.ts'
import {
  bundleArtifact,
  bundleByKey,
  signedSimply,
  simplePayload,
  simpleSignature,
  statementOf,
} from '../fixtures/signatures.ts'
import { TrustWorld } from './world.ts'

const KEYS: readonly (readonly [string, { publicKey: KeyObject; privateKey: KeyObject }])[] = [
  ['ECDSA P-256', keyPair('P-256')],
  ['ECDSA P-384', keyPair('P-384')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['Ed25519', generateKeyPairSync('ed25519')],
]
const mine = keyPair()
const other = keyPair()
const byKey = (...keys: readonly { publicKey: KeyObject }[]) => [
  { cosign: { publicKeys: keys.map(({ publicKey }) => pemOf(publicKey)) } },
]
const sigTag = (world: TrustWorld) => tagOfReferrers(world.app.digest, '.sig')

describe('a signature of cosign by a key', () => {
  test.each(KEYS)('%s is accepted under the tag sha256-<hex>.sig', async (_name, keys) => {
    await using world = await TrustWorld.start()
    pushArtifact(
      world.upstream,
      world.repositoryName,
      sigTag(world),
      signedSimply(world.app.digest, keys.privateKey),
    )

    expect(await world.verify(byKey(other, keys))).toMatchObject({
      status: 'VERIFIED',
      reason: 'Verified',
      by: expect.stringMatching(/^key sha256:[0-9a-f]{64}$/),
      digests: [world.app.digest],
      signatures: [{ format: 'COSIGN', accepted: true, reason: 'Verified' }],
      checkedAt: world.now,
    })
  })

  test.each(KEYS)('%s is accepted as a sigstore bundle that refers to the image', async (_name, keys) => {
    await using world = await TrustWorld.start()
    world.attached.add(bundleArtifact(world.app, bundleByKey(world.app.digest, keys.privateKey)))

    expect(await world.verify(byKey(keys))).toMatchObject({
      status: 'VERIFIED',
      signatures: [{ format: 'SIGSTORE', accepted: true }],
    })
  })

  test('is accepted as an artifact of its first format that refers to the image', async () => {
    await using world = await TrustWorld.start()
    const payload = simplePayload(world.app.digest)
    const signed = signedSimply(world.app.digest, mine.privateKey)
    const annotations = { 'dev.cosignproject.cosign/signature': annotationOf(signed.bytes) }
    world.attached.add(
      artifact({
        subject: world.app,
        artifactType: COSIGN_SIGNATURE,
        layers: [
          { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', bytes: payload, annotations },
        ],
      }),
    )

    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'VERIFIED' })
  })

  test('that does not exist: NoSignature', async () => {
    await using world = await TrustWorld.start()
    expect(await world.verify(byKey(mine))).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'NoSignature',
      by: null,
      digests: [],
      signatures: [],
    })
  })

  test('by another key is not accepted: WrongKey', async () => {
    await using world = await TrustWorld.start()
    pushArtifact(
      world.upstream,
      world.repositoryName,
      sigTag(world),
      signedSimply(world.app.digest, other.privateKey),
    )
    world.attached.add(bundleArtifact(world.app, bundleByKey(world.app.digest, other.privateKey)))

    expect(await world.verify(byKey(mine))).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'WrongKey',
      signatures: [
        { accepted: false, reason: 'WrongKey' },
        { accepted: false, reason: 'WrongKey' },
      ],
    })
  })

  test('of another digest, copied here, is not accepted: WrongDigest', async () => {
    await using world = await TrustWorld.start()
    const another = digestOf('another image')
    pushArtifact(world.upstream, world.repositoryName, sigTag(world), signedSimply(another, mine.privateKey))
    expect(await world.verify(byKey(mine))).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'WrongDigest',
      message: expect.stringContaining(another),
    })

    world.attached.add(bundleArtifact(world.app, bundleByKey(another, mine.privateKey)))
    expect((await world.verify(byKey(mine), { maxAge: 0 })).signatures).toMatchObject([
      { reason: 'WrongDigest' },
      { reason: 'WrongDigest' },
    ])
  })

  test('is accepted with any docker-reference, as by cosign: an image is copied with its signatures', async () => {
    await using world = await TrustWorld.start()
    const payload = simplePayload(world.app.digest, 'elsewhere.example/other')
    pushArtifact(
      world.upstream,
      world.repositoryName,
      sigTag(world),
      signedSimply(world.app.digest, mine.privateKey, payload),
    )
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'VERIFIED' })
  })

  test('is found among signatures of other keys under the same tag', async () => {
    await using world = await TrustWorld.start()
    const layers = [other, mine].map((keys) => {
      const signed = signedSimply(world.app.digest, keys.privateKey)
      return {
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        bytes: simplePayload(world.app.digest),
        annotations: { 'dev.cosignproject.cosign/signature': annotationOf(signed.bytes) },
      }
    })
    pushArtifact(world.upstream, world.repositoryName, sigTag(world), artifact({ subject: null, layers }))

    expect(await world.verify(byKey(mine))).toMatchObject({
      status: 'VERIFIED',
      signatures: [{ accepted: true }, { accepted: false, reason: 'WrongKey' }],
    })
  })

  test('is no longer accepted after an attacker overwrote the tag sha256-….sig', async () => {
    await using world = await TrustWorld.start()
    const push = (keys: typeof mine) =>
      pushArtifact(
        world.upstream,
        world.repositoryName,
        sigTag(world),
        signedSimply(world.app.digest, keys.privateKey),
      )
    push(mine)
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'VERIFIED' })

    push(other)
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'VERIFIED' })
    expect(await world.verify(byKey(mine), { maxAge: 0 })).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'WrongKey',
    })
  })

  test('of an attestation is not a signature of the image', async () => {
    await using world = await TrustWorld.start()
    const slsa = 'https://slsa.dev/provenance/v1'
    const statement = statementOf(world.app.digest, slsa)
    const bundle = bundleByKey(world.app.digest, mine.privateKey, statement)
    // listed as a signature
    world.attached.add(bundleArtifact(world.app, bundle))
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'UNVERIFIED', reason: 'Unsupported' })

    world.attached.clear()
    world.attached.add(bundleArtifact(world.app, bundle, slsa))
    expect(await world.verify(byKey(mine), { maxAge: 0 })).toMatchObject({ reason: 'NoSignature' })
  })
})

describe('an invalid signature', () => {
  const good = Buffer.from('x').toString('base64')
  const annotated = (value: string) => ({ 'dev.cosignproject.cosign/signature': value })

  test.each([
    ['no signature in its annotations', '{}', {}],
    ['no base64', '{}', annotated('{}')],
    ['empty', '', annotated(good)],
    ['no JSON', '{"critical":', annotated(good)],
    ['a list', '[]', annotated(good)],
    ['null', 'null', annotated(good)],
    ['a prototype key', '{"__proto__":{"critical":{"type":"x"}},"constructor":1}', annotated(good)],
    ['200,000 levels deep', `${'['.repeat(30_000)}`, annotated(good)],
  ])('%s under the tag is UNVERIFIED, without an internal error', async (_what, payload, annotations) => {
    await using world = await TrustWorld.start()
    pushArtifact(
      world.upstream,
      world.repositoryName,
      sigTag(world),
      simpleSignature(Buffer.from(payload), annotations as Record<string, string>),
    )

    const { status, reason } = await world.verify(byKey(mine))

    expect([status, ['Malformed', 'WrongKey'].includes(reason)]).toEqual(['UNVERIFIED', true])
    expect(world.internalErrors).toEqual([])
  })

  test.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['without an envelope', '{}'],
    ['with a prototype for one', '{"__proto__":{"dsseEnvelope":{}}}'],
    [
      'with two signatures',
      JSON.stringify({
        dsseEnvelope: { payload: good, payloadType: 'x', signatures: [{ sig: good }, { sig: good }] },
      }),
    ],
    [
      'with a payload that is no base64',
      JSON.stringify({ dsseEnvelope: { payload: '*', payloadType: 'x', signatures: [{ sig: good }] } }),
    ],
    [
      'with a signature that is no DER',
      JSON.stringify({ dsseEnvelope: { payload: good, payloadType: 'x', signatures: [{ sig: good }] } }),
    ],
  ])('a bundle %s is UNVERIFIED, without an internal error', async (_what, bundle) => {
    await using world = await TrustWorld.start()
    world.attached.add(bundleArtifact(world.app, bundle))

    const { status, reason } = await world.verify(byKey(mine))

    expect([status, ['Malformed', 'WrongKey'].includes(reason)]).toEqual(['UNVERIFIED', true])
    expect(world.internalErrors).toEqual([])
  })

  test('an oversized payload is not read, and does not hide a valid signature', async () => {
    await using world = await TrustWorld.start()
    world.attached.add(bundleArtifact(world.app, ' '.repeat(256 * 1024 + 1)))
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'UNVERIFIED', reason: 'Malformed' })

    world.attached.add(bundleArtifact(world.app, bundleByKey(world.app.digest, mine.privateKey)))
    expect(await world.verify(byKey(mine), { maxAge: 0 })).toMatchObject({ status: 'VERIFIED' })
    expect(world.requests().filter((one) => one.startsWith('GET blobs'))).toHaveLength(1)
  })

  test('one that was deleted does not hide the others under the same tag', async () => {
    await using world = await TrustWorld.start()
    const other = simplePayload(world.app.digest, 'other.example/app')
    const layers = [other, simplePayload(world.app.digest)].map((bytes) => ({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      bytes,
      annotations: {
        'dev.cosignproject.cosign/signature': annotationOf(
          signedSimply(world.app.digest, mine.privateKey, bytes).bytes,
        ),
      },
    }))
    pushArtifact(world.upstream, world.repositoryName, sigTag(world), artifact({ subject: null, layers }))
    world.upstream.remove(world.repositoryName, digestOf(other))

    expect(await world.verify(byKey(mine))).toMatchObject({
      status: 'VERIFIED',
      signatures: [{ accepted: true }],
    })
  })

  test('more signatures than are read make the image UNKNOWN', async () => {
    await using world = await TrustWorld.start()
    const layers = Array.from({ length: 21 }, (_, at) => ({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      bytes: simplePayload(world.app.digest, `example/${at}`),
      annotations: { 'dev.cosignproject.cosign/signature': good },
    }))
    pushArtifact(world.upstream, world.repositoryName, sigTag(world), artifact({ subject: null, layers }))
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'UNKNOWN', reason: 'TooManyReferrers' })
  })

  test('in 20 manifests is UNVERIFIED, in 21 UNKNOWN', async () => {
    await using world = await TrustWorld.start()
    for (let at = 0; at < 20; at++) world.attached.add(bundleArtifact(world.app, `{"at":${at}}`))
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'UNVERIFIED', reason: 'Malformed' })
    world.attached.add(bundleArtifact(world.app, '{"at":20}'))
    const { status, reason, signatures } = await world.verify(byKey(mine), { maxAge: 0 })
    expect([status, reason, signatures.length]).toEqual(['UNKNOWN', 'TooManyReferrers', 20])
  })

  test('a blob with other content is refused by its digest', async () => {
    await using world = await TrustWorld.start()
    const signed = bundleArtifact(world.app, bundleByKey(world.app.digest, mine.privateKey))
    world.attached.add(signed)
    const blob = signed.blobs[1]
    if (!blob) throw new Error('the artifact has a blob')
    world.upstream.pushBlob(world.repositoryName, {
      ...blob,
      bytes: Buffer.from('{}'.padEnd(blob.bytes.length)),
    })

    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'UNVERIFIED', reason: 'Malformed' })
  })

  test('an artifact with another subject is refused', async () => {
    await using world = await TrustWorld.start()
    const elsewhere = { ...world.app, digest: digestOf('elsewhere') }
    world.attached.addAs(
      world.app.digest,
      bundleArtifact(elsewhere, bundleByKey(world.app.digest, mine.privateKey)),
    )

    const { refused, referrers } = await world.referrers()
    expect(referrers).toEqual([])
    expect(refused).toEqual([expect.stringContaining(`refers to ${elsewhere.digest}, not to this image`)])
    expect(await world.verify(byKey(mine))).toMatchObject({ status: 'UNVERIFIED', reason: 'NoSignature' })
  })
})

/** The signature in a manifest's first layer. */
const annotationOf = (manifest: Uint8Array): string =>
  JSON.parse(Buffer.from(manifest).toString()).layers[0].annotations['dev.cosignproject.cosign/signature']

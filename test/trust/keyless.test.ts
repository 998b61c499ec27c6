import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import type { KeylessInput } from '../../src/trust/policy/policies.ts'
import { type Artifact, pushArtifact } from '../fixtures/artifacts.ts'
import { keyPair, spkiOf } from '../fixtures/authority.ts'
import {
  type BundleParts,
  bundleArtifact,
  bundleByKey,
  bundleKeyless,
  type Keyless,
  signedSimplyKeyless,
} from '../fixtures/signatures.ts'
import { TestSigstore } from '../fixtures/test-sigstore.ts'
import { TrustWorld } from './world.ts'

const WORKFLOW = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1'
const ISSUER = 'https://token.actions.githubusercontent.com'
const signer = { identity: WORKFLOW, issuer: ISSUER }
const sigstore = new TestSigstore()
const byIdentity = (changes: Partial<KeylessInput> = {}) => [
  { keyless: { issuer: ISSUER, subject: WORKFLOW, trustedRoot: sigstore.trustedRoot(), ...changes } },
]

/** Returns the bundle after a change. */
const changed = (bundle: BundleParts, change: (parts: BundleParts) => unknown): BundleParts => {
  const copy = structuredClone(bundle)
  change(copy)
  return copy
}
const entryOf = ({ verificationMaterial: { tlogEntries } }: BundleParts) => {
  const [entry] = tlogEntries
  if (!entry) throw new Error('a bundle has a log entry')
  return entry
}

const bundled = (world: TrustWorld, bundle: object) => world.attached.add(bundleArtifact(world.app, bundle))
const tagged = (world: TrustWorld, signed: Artifact) =>
  pushArtifact(world.upstream, world.repositoryName, tagOfReferrers(world.app.digest, '.sig'), signed)

/** The two formats of cosign. */
const FORMATS: readonly (readonly [
  string,
  (world: TrustWorld, by: Keyless, from?: TestSigstore) => unknown,
])[] = [
  [
    'a bundle that refers to the image',
    (world, by, from = sigstore) => bundled(world, bundleKeyless(world.app.digest, from, by)),
  ],
  [
    'the annotations of the tag sha256-<hex>.sig',
    (world, by, from = sigstore) => tagged(world, signedSimplyKeyless(world.app.digest, from, by)),
  ],
]

describe.each(FORMATS)('a keyless signature in %s', (_name, sign) => {
  test('is accepted by issuer and subject, offline, months after its certificate expired', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    expect(world.now - sigstore.at.getTime()).toBeGreaterThan(100 * 24 * 3_600_000)

    expect(await world.verify(byIdentity())).toMatchObject({
      status: 'VERIFIED',
      by: `${WORKFLOW} (${ISSUER})`,
      signatures: [{ accepted: true }],
    })
  })

  test.each([
    ['subject', { subject: 'https://github.com/evil/app/.github/workflows/release.yml@refs/tags/v1' }],
    ['issuer', { issuer: 'https://accounts.google.com' }],
    ['subjectPattern', { subject: null, subjectPattern: 'acme' }],
    [
      'subjectPattern that matches the beginning alone',
      { subject: null, subjectPattern: 'https://github.com/acme/' },
    ],
    ['issuerPattern', { issuer: null, issuerPattern: '.*google.*' }],
  ])('by another %s is not accepted: WrongIdentity', async (_what, wanted) => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    expect(await world.verify(byIdentity(wanted))).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'WrongIdentity',
      message: expect.stringContaining(WORKFLOW),
    })
  })

  test('is accepted by patterns that match the whole text', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    const patterns = {
      issuer: null,
      issuerPattern: 'https://token\\.actions\\..*',
      subject: null,
      subjectPattern: 'https://github\\.com/acme/app/.*@refs/tags/v\\d+',
    }
    expect(await world.verify(byIdentity(patterns))).toMatchObject({ status: 'VERIFIED' })
  })

  test('of an e-mail address is accepted', async () => {
    await using world = await TrustWorld.start()
    sign(world, { ...signer, identity: 'me@example.com' })
    expect(await world.verify(byIdentity({ subject: 'me@example.com' }))).toMatchObject({
      status: 'VERIFIED',
    })
  })

  test('by an authority that is not in the trusted root is not accepted', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer, new TestSigstore())
    expect(await world.verify(byIdentity())).toMatchObject({ status: 'UNVERIFIED', reason: 'Untrusted' })
  })

  test('in a log that the trusted root does not contain is not accepted: NotLogged', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    const stranger = JSON.parse(new TestSigstore().trustedRoot())
    const trustedRoot = sigstore.trustedRoot({ tlogs: stranger.tlogs })
    expect(await world.verify(byIdentity({ trustedRoot }))).toMatchObject({ reason: 'NotLogged' })
  })

  test('with a certificate in no certificate log is not accepted where the trusted root has one', async () => {
    await using world = await TrustWorld.start()
    sign(world, { ...signer, isLogged: false })
    expect(await world.verify(byIdentity())).toMatchObject({ reason: 'Untrusted' })
    expect(
      await world.verify(byIdentity({ trustedRoot: sigstore.trustedRoot({ ctlogs: [] }) })),
    ).toMatchObject({ status: 'VERIFIED' })
  })

  test('is accepted by a time stamp in place of a log where the trusted root has its authority', async () => {
    await using world = await TrustWorld.start()
    sign(world, { ...signer, time: 'STAMP' })
    const root = (changes: object) => byIdentity({ trustedRoot: sigstore.trustedRoot(changes) })
    const timestampAuthorities = [sigstore.timestampAuthority]

    expect(await world.verify(root({ tlogs: [], timestampAuthorities }))).toMatchObject({
      status: 'VERIFIED',
    })
    const strangers = [new TestSigstore().timestampAuthority]
    expect(await world.verify(root({ tlogs: [], timestampAuthorities: strangers }))).toMatchObject({
      reason: 'NotLogged',
    })
    // a log of the root must contain the signature
    expect(await world.verify(root({ timestampAuthorities }))).toMatchObject({ reason: 'NotLogged' })
  })

  test('with a certificate in another certificate log than that of the trusted root is not accepted', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    const { ctlogs } = JSON.parse(new TestSigstore().trustedRoot())
    expect(await world.verify(byIdentity({ trustedRoot: sigstore.trustedRoot({ ctlogs }) }))).toMatchObject({
      reason: 'Untrusted',
    })
  })
})

describe('a keyless signature', () => {
  test('of another digest is not accepted: WrongDigest', async () => {
    await using world = await TrustWorld.start()
    const another = digestOf('another')
    bundled(world, bundleKeyless(another, sigstore, signer))
    tagged(world, signedSimplyKeyless(another, sigstore, signer))

    expect((await world.verify(byIdentity())).signatures).toMatchObject([
      { accepted: false, reason: 'WrongDigest' },
      { accepted: false, reason: 'WrongDigest' },
    ])
  })

  test('with a swapped certificate is not accepted', async () => {
    await using world = await TrustWorld.start()
    const theirs = bundleKeyless(world.app.digest, sigstore, { ...signer, identity: 'evil@example.com' })
    const { certificate } = bundleKeyless(world.app.digest, sigstore, signer).verificationMaterial
    bundled(
      world,
      changed(theirs, (parts) => Object.assign(parts.verificationMaterial, { certificate })),
    )
    expect(await world.verify(byIdentity())).toMatchObject({ status: 'UNVERIFIED', reason: 'WrongKey' })
  })

  test.each([
    [
      'the proof of inclusion',
      'NotLogged',
      (parts: BundleParts) => {
        entryOf(parts).inclusionProof.checkpoint.envelope = entryOf(
          bundleKeyless(digestOf('x'), sigstore, signer),
        ).inclusionProof.checkpoint.envelope
      },
    ],
    [
      'the promise of inclusion',
      'NotLogged',
      (parts: BundleParts) => {
        entryOf(parts).inclusionPromise = { signedEntryTimestamp: 'AAAA' }
      },
    ],
    [
      'the log entry, which is of another signature',
      'NotLogged',
      (parts: BundleParts) => {
        parts.verificationMaterial.tlogEntries.splice(
          0,
          1,
          entryOf(bundleKeyless(digestOf('x'), sigstore, signer)),
        )
      },
    ],
    [
      'the log entry, which is not there',
      'NotLogged',
      (parts: BundleParts) => {
        parts.verificationMaterial.tlogEntries.length = 0
      },
    ],
    [
      'the time of the log entry',
      'Untrusted',
      (parts: BundleParts) => {
        entryOf(parts).integratedTime = '1893456000'
      },
    ],
    [
      'the payload',
      'NotLogged',
      (parts: BundleParts) => {
        Object.assign(parts.dsseEnvelope, { payload: Buffer.from('{}').toString('base64') })
      },
    ],
    [
      'the certificate, which is no DER',
      'Malformed',
      (parts: BundleParts) => {
        parts.verificationMaterial.certificate.rawBytes = 'AAAA'
      },
    ],
    [
      'the certificate, which is cut',
      'Malformed',
      (parts: BundleParts) => {
        parts.verificationMaterial.certificate.rawBytes =
          parts.verificationMaterial.certificate.rawBytes.slice(0, 400)
      },
    ],
    [
      'the times, which are no numbers',
      'Untrusted',
      (parts: BundleParts) => {
        entryOf(parts).integratedTime = '9'.repeat(400)
      },
    ],
  ])('is not accepted with other data in place of %s', async (_what, reason, change) => {
    await using world = await TrustWorld.start()
    const good = bundleKeyless(world.app.digest, sigstore, signer)
    bundled(world, changed(good, change))

    const verification = await world.verify(byIdentity())

    expect(verification).toMatchObject({ status: 'UNVERIFIED', signatures: [{ reason }] })
    expect(world.internalErrors).toEqual([])
  })

  test('in version 2 of Rekor is accepted: its log has the hash of the signed bytes, and no time', async () => {
    await using world = await TrustWorld.start()
    const trustedRoot = sigstore.trustedRoot({ timestampAuthorities: [sigstore.timestampAuthority] })
    bundled(world, bundleKeyless(world.app.digest, sigstore, { ...signer, time: 'REKOR_2' }))
    expect(await world.verify(byIdentity({ trustedRoot }))).toMatchObject({ status: 'VERIFIED' })
    // without a time of signing
    expect(await world.verify(byIdentity())).toMatchObject({ reason: 'NotLogged' })

    world.attached.clear()
    const logged = Buffer.from('something else')
    bundled(world, bundleKeyless(world.app.digest, sigstore, { ...signer, time: 'REKOR_2', logged }))
    expect(await world.verify(byIdentity({ trustedRoot }), { maxAge: 0 })).toMatchObject({
      reason: 'NotLogged',
    })
  })

  test('with a regular expression as signer name of a checkpoint is refused before the library uses it', async () => {
    await using world = await TrustWorld.start()
    const slow = '(([a-z:/.])+.)+[A-Z]([a-z])+$'
    for (const line of [`\u2014 ${slow} `, `\u2014 a\u2014 ${slow} `, `x\u2014 ${slow} `]) {
      const good = bundleKeyless(world.app.digest, sigstore, signer)
      bundled(
        world,
        changed(good, (parts) => {
          const { checkpoint } = entryOf(parts).inclusionProof
          checkpoint.envelope = checkpoint.envelope.replace('\u2014 rekor.test ', line)
        }),
      )
    }
    expect((await world.verify(byIdentity())).signatures).toMatchObject(
      Array.from({ length: 3 }, () => ({
        reason: 'Malformed',
        message: expect.stringContaining('invalid signer name'),
      })),
    )
  })

  test('is not accepted when it was made with a key, which has no identity', async () => {
    await using world = await TrustWorld.start()
    bundled(world, bundleByKey(world.app.digest, keyPair().privateKey))
    expect(await world.verify(byIdentity())).toMatchObject({ reason: 'WrongIdentity' })
  })

  test('is enough beside a requirement for a key: one accepted requirement suffices', async () => {
    await using world = await TrustWorld.start()
    bundled(world, bundleKeyless(world.app.digest, sigstore, signer))
    const pem = keyPair().publicKey.export({ type: 'spki', format: 'pem' }).toString()
    expect(await world.verify([{ cosign: { publicKeys: [pem] } }, ...byIdentity()])).toMatchObject({
      status: 'VERIFIED',
    })
  })
})

describe('a trusted root', () => {
  test.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['nothing in it', '{}'],
    [
      'an invalid certificate',
      new TestSigstore().trustedRoot({
        certificateAuthorities: [{ certChain: { certificates: [{ rawBytes: 'AAAA' }] } }],
      }),
    ],
    ['no authority', new TestSigstore().trustedRoot({ certificateAuthorities: [] })],
    ['neither a log nor a timestamp authority', new TestSigstore().trustedRoot({ tlogs: [] })],
    [
      'an invalid key',
      new TestSigstore().trustedRoot({
        tlogs: [
          {
            baseUrl: 'x',
            publicKey: { rawBytes: spkiOf(keyPair().publicKey).subarray(5).toString('base64') },
            logId: { keyId: 'AAAA' },
          },
        ],
      }),
    ],
  ])('with %s is refused when it is set', async (_what, trustedRoot) => {
    await using world = await TrustWorld.start()
    await expect(world.verify(byIdentity({ trustedRoot }))).rejects.toMatchObject({
      code: 'INVALID',
      field: 'requirements.0.keyless.trustedRoot',
    })
  })
})

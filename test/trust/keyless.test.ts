import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import type { KeylessInput } from '../../src/trust/policy/policy-input.ts'
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

/** The bundle, with one thing in it changed. */
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
  pushArtifact(world.upstream, world.repository, tagOfReferrers(world.app.digest, '.sig'), signed)

/** Both ways in which cosign writes it. */
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
  test('counts by issuer and subject, offline, months after its certificate has expired', async () => {
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
  ])('by another %s does not: WrongIdentity', async (_what, wanted) => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    expect(await world.verify(byIdentity(wanted))).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'WrongIdentity',
      message: expect.stringContaining(WORKFLOW),
    })
  })

  test('counts by patterns that match the whole', async () => {
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

  test('of an e-mail address counts', async () => {
    await using world = await TrustWorld.start()
    sign(world, { ...signer, identity: 'me@example.com' })
    expect(await world.verify(byIdentity({ subject: 'me@example.com' }))).toMatchObject({
      status: 'VERIFIED',
    })
  })

  test('by an authority that is not in the trusted root does not', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer, new TestSigstore())
    expect(await world.verify(byIdentity())).toMatchObject({ status: 'UNVERIFIED', reason: 'Untrusted' })
  })

  test('by the authority, but in a log that the trusted root does not name, does not: NotLogged', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    const stranger = JSON.parse(new TestSigstore().trustedRoot())
    const trustedRoot = sigstore.trustedRoot({ tlogs: stranger.tlogs })
    expect(await world.verify(byIdentity({ trustedRoot }))).toMatchObject({ reason: 'NotLogged' })
  })

  test('of which the certificate is in no certificate log does not, where the trusted root names one', async () => {
    await using world = await TrustWorld.start()
    sign(world, { ...signer, isLogged: false })
    expect(await world.verify(byIdentity())).toMatchObject({ reason: 'Untrusted' })
    expect(
      await world.verify(byIdentity({ trustedRoot: sigstore.trustedRoot({ ctlogs: [] }) })),
    ).toMatchObject({ status: 'VERIFIED' })
  })

  test('counts by a time stamp in place of a log, where the trusted root names who makes them', async () => {
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
    // a log that is named must have it
    expect(await world.verify(root({ timestampAuthorities }))).toMatchObject({ reason: 'NotLogged' })
  })

  test('of which the certificate is in another certificate log than the one that is named does not', async () => {
    await using world = await TrustWorld.start()
    sign(world, signer)
    const { ctlogs } = JSON.parse(new TestSigstore().trustedRoot())
    expect(await world.verify(byIdentity({ trustedRoot: sigstore.trustedRoot({ ctlogs }) }))).toMatchObject({
      reason: 'Untrusted',
    })
  })
})

describe('a keyless signature', () => {
  test('over another digest does not count: WrongDigest', async () => {
    await using world = await TrustWorld.start()
    const another = digestOf('another')
    bundled(world, bundleKeyless(another, sigstore, signer))
    tagged(world, signedSimplyKeyless(another, sigstore, signer))

    expect((await world.verify(byIdentity())).signatures).toMatchObject([
      { accepted: false, reason: 'WrongDigest' },
      { accepted: false, reason: 'WrongDigest' },
    ])
  })

  test('with a swapped certificate does not count, of whichever identity', async () => {
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
  ])('does not count with something else in place of %s', async (_what, reason, change) => {
    await using world = await TrustWorld.start()
    const good = bundleKeyless(world.app.digest, sigstore, signer)
    bundled(world, changed(good, change))

    const verification = await world.verify(byIdentity())

    expect(verification).toMatchObject({ status: 'UNVERIFIED', signatures: [{ reason }] })
    expect(world.internalErrors).toEqual([])
  })

  test('in the second version of Rekor counts: its log has the hash of what is signed, and no time', async () => {
    await using world = await TrustWorld.start()
    const trustedRoot = sigstore.trustedRoot({ timestampAuthorities: [sigstore.timestampAuthority] })
    bundled(world, bundleKeyless(world.app.digest, sigstore, { ...signer, time: 'REKOR_2' }))
    expect(await world.verify(byIdentity({ trustedRoot }))).toMatchObject({ status: 'VERIFIED' })
    // nobody says when
    expect(await world.verify(byIdentity())).toMatchObject({ reason: 'NotLogged' })

    world.attached.clear()
    const logged = Buffer.from('something else')
    bundled(world, bundleKeyless(world.app.digest, sigstore, { ...signer, time: 'REKOR_2', logged }))
    expect(await world.verify(byIdentity({ trustedRoot }), { maxAge: 0 })).toMatchObject({
      reason: 'NotLogged',
    })
  })

  test('with a checkpoint that is signed under a regular expression is refused before anything is searched', async () => {
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
      Array.from({ length: 3 }, () => ({ reason: 'Malformed', message: expect.stringContaining('no name') })),
    )
  })

  test('is none where it was made with a key: nobody says whose that is', async () => {
    await using world = await TrustWorld.start()
    bundled(world, bundleByKey(world.app.digest, keyPair().privateKey))
    expect(await world.verify(byIdentity())).toMatchObject({ reason: 'WrongIdentity' })
  })

  test('is enough where a key is asked for beside it: any of the requirements', async () => {
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
      'a certificate that is none',
      new TestSigstore().trustedRoot({
        certificateAuthorities: [{ certChain: { certificates: [{ rawBytes: 'AAAA' }] } }],
      }),
    ],
    ['no authority', new TestSigstore().trustedRoot({ certificateAuthorities: [] })],
    ['nobody who says when', new TestSigstore().trustedRoot({ tlogs: [] })],
    [
      'a key that is none',
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

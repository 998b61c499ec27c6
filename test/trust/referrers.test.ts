import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import { RETRY_AFTER } from '../../src/trust/referrer/referrers.ts'
import { artifact, pushArtifact, pushReferrersTag } from '../fixtures/artifacts.ts'
import { keyPair, pemOf } from '../fixtures/authority.ts'
import { bundleArtifact, bundleByKey, signedSimply, statementOf } from '../fixtures/signatures.ts'
import { errorResponse, json } from '../fixtures/upstream-response.ts'
import { TrustWorld } from './world.ts'

const SPDX = 'https://spdx.dev/Document'
const SLSA = 'https://slsa.dev/provenance/v1'
const keys = keyPair()
const text = (value: string) => Buffer.from(value)

/** The requests of one lookup: the list, and cosign's tags. */
const lookupOf = (hex: string) => [
  `GET referrers/${hex}`,
  ...['.att', '.sbom', '.sig'].flatMap((suffix) => [
    `GET manifests/${hex.replace(':', '-')}${suffix}`,
    `HEAD manifests/${hex.replace(':', '-')}${suffix}`,
  ]),
]

describe('a referrer of an image', () => {
  test.each([
    ['an SPDX document', { artifactType: 'application/spdx+json' }, 'SBOM', []],
    ['a CycloneDX document', { artifactType: 'application/vnd.cyclonedx+json' }, 'SBOM', []],
    ['a Syft document', { artifactType: 'application/vnd.syft+json' }, 'SBOM', []],
    ['an in-toto attestation', { artifactType: 'application/vnd.in-toto+json' }, 'ATTESTATION', []],
    ['a chart', { artifactType: 'application/vnd.cncf.helm.config.v1+json' }, 'OTHER', []],
    [
      'an attestation of BuildKit, known by its layers',
      {
        artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
        layers: [
          {
            mediaType: 'application/vnd.in-toto+json',
            bytes: text('1'),
            annotations: { 'in-toto.io/predicate-type': SPDX },
          },
          {
            mediaType: 'application/vnd.in-toto+json',
            bytes: text('2'),
            annotations: { 'in-toto.io/predicate-type': SLSA },
          },
        ],
      },
      'ATTESTATION',
      [SPDX, SLSA],
    ],
    ['an artifact without a type', {}, 'OTHER', []],
  ] as const)('has a kind: %s', async (_what, options, kind, predicateTypes) => {
    await using world = await TrustWorld.start()
    world.attached.add(artifact({ subject: world.app, ...options }))
    expect((await world.referrers()).referrers).toMatchObject([{ kind, predicateTypes, isConfirmed: true }])
  })

  test('of a sigstore bundle is a signature, an attestation or an SBOM by its predicate', async () => {
    await using world = await TrustWorld.start()
    const bundle = (predicate?: string) =>
      world.attached.add(
        bundleArtifact(
          world.app,
          bundleByKey(world.app.digest, keys.privateKey, statementOf(world.app.digest, predicate)),
          predicate,
        ),
      ).digest
    const [signature, attestation, sbom] = [bundle(), bundle(SLSA), bundle(SPDX)]

    const { referrers } = await world.referrers()

    expect(new Map(referrers.map(({ digest, kind }) => [digest, kind]))).toEqual(
      new Map([
        [signature, 'SIGNATURE'],
        [attestation, 'ATTESTATION'],
        [sbom, 'SBOM'],
      ]),
    )
  })

  test('is also found under the tags sha256-<hex>.sig, .att and .sbom', async () => {
    await using world = await TrustWorld.start()
    const push = (suffix: string, it: ReturnType<typeof artifact>) => {
      pushArtifact(world.upstream, world.repositoryName, tagOfReferrers(world.app.digest, suffix), it)
      return it.digest
    }
    const layer = { mediaType: 'application/vnd.dsse.envelope.v1+json', bytes: text('{}') }
    const sig = push('.sig', signedSimply(world.app.digest, keys.privateKey))
    const att = push(
      '.att',
      artifact({ subject: null, layers: [{ ...layer, annotations: { predicateType: SLSA } }] }),
    )
    const sbom = push('.sbom', artifact({ subject: null, layers: [{ ...layer, mediaType: 'text/spdx' }] }))

    const { referrers } = await world.referrers()

    expect(referrers).toMatchObject([
      { digest: sig, kind: 'SIGNATURE', source: 'COSIGN_TAG', tag: tagOfReferrers(world.app.digest, '.sig') },
      { digest: att, kind: 'ATTESTATION', predicateTypes: [SLSA] },
      { digest: sbom, kind: 'SBOM' },
    ])
  })

  test('is found under the tag sha256-<hex> where the registry has no referrers API, like docker-registry 2.8.2', async () => {
    await using world = await TrustWorld.start()
    world.upstream.hook = undefined
    const sbom = artifact({ subject: world.app, artifactType: 'application/spdx+json' })
    pushReferrersTag(world.upstream, world.repositoryName, { subject: world.app.digest, artifacts: [sbom] })

    expect((await world.referrers()).referrers).toMatchObject([
      { digest: sbom.digest, kind: 'SBOM', source: 'TAG' },
    ])
  })

  test('under cosign’s tag has that source even where the registry lists it too, like Harbor', async () => {
    await using world = await TrustWorld.start()
    const signed = signedSimply(world.app.digest, keys.privateKey)
    pushArtifact(world.upstream, world.repositoryName, tagOfReferrers(world.app.digest, '.sig'), signed)
    world.attached.addAs(world.app.digest, signed)

    expect(await world.referrers()).toMatchObject({
      referrers: [{ digest: signed.digest, kind: 'SIGNATURE', source: 'COSIGN_TAG', isConfirmed: true }],
      refused: [],
    })
    const byKey = [{ cosign: { publicKeys: [pemOf(keys.publicKey)] } }]
    expect(await world.verify(byKey)).toMatchObject({ status: 'VERIFIED' })
  })

  test('is confirmed for each repository separately', async () => {
    await using world = await TrustWorld.start()
    const sbom = world.attached.add(artifact({ subject: world.app, artifactType: 'application/spdx+json' }))
    await world.referrers()
    // lists a manifest that it does not have
    world.upstream.push('other/app', 'latest', world.app)
    const repository = { ...world.repository, repository: 'other/app' }
    const theirs = await world.trust.referrers.of(
      { repository, digest: world.app.digest },
      { artifactType: null, maxAge: 0, mayRequest: true },
    )
    expect(theirs).toMatchObject({ referrers: [], refused: [`${sbom.digest} is listed but does not exist`] })
  })

  test('is looked up on demand, and again only after an hour', async () => {
    await using world = await TrustWorld.start()
    const sbom = world.attached.add(artifact({ subject: world.app, artifactType: 'application/spdx+json' }))
    expect(world.requests()).toEqual([])

    const first = await world.referrers()
    expect(world.requests()).toEqual(
      [`GET manifests/${sbom.digest}`, ...lookupOf(world.app.digest)].toSorted(),
    )

    world.now += 3_599_000
    expect(await world.referrers()).toEqual(first)
    expect(world.requests()).toEqual([])

    world.now += 2000
    expect((await world.referrers()).checkedAt).toBe(world.now)
    // the manifest of the SBOM is not read again: it cannot change
    expect(world.requests().filter((one) => one.includes(sbom.digest))).toEqual([])
  })

  test('is looked up once for a hundred callers at the same time: ACR allows 250 requests a minute', async () => {
    await using world = await TrustWorld.start()
    const all = await Promise.all(Array.from({ length: 100 }, () => world.referrers()))
    expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(world.requests().filter((one) => one.startsWith('GET referrers'))).toHaveLength(1)
  })

  test('of one artifact type is found in the complete list without another request', async () => {
    await using world = await TrustWorld.start()
    const sbom = world.attached.add(artifact({ subject: world.app, artifactType: 'application/spdx+json' }))
    world.attached.add(artifact({ subject: world.app, artifactType: 'application/x' }))
    await world.referrers()
    world.requests()
    const { referrers } = await world.referrers(world.app.digest, { artifactType: 'application/spdx+json' })
    expect(referrers.map(({ digest }) => digest)).toEqual([sbom.digest])
    expect(world.requests()).toEqual([])
  })

  test('that refers to another image, does not exist or has other content is left out with the reason', async () => {
    await using world = await TrustWorld.start()
    const elsewhere = { ...world.app, digest: digestOf('elsewhere') }
    const other = world.attached.addAs(
      world.app.digest,
      artifact({ subject: elsewhere, artifactType: 'application/x' }),
    )
    const aboutNothing = world.attached.addAs(
      world.app.digest,
      artifact({ subject: null, artifactType: 'application/y' }),
    )
    const gone = world.attached.add(artifact({ subject: world.app, artifactType: 'application/z' }))
    world.upstream.remove(world.repositoryName, gone.digest)
    const swapped = world.attached.add(artifact({ subject: world.app, artifactType: 'application/w' }))
    world.upstream.push(world.repositoryName, null, { ...swapped, bytes: Buffer.from('{}') })

    const { referrers, refused } = await world.referrers()

    expect(referrers).toEqual([])
    expect(refused.toSorted()).toEqual(
      [
        `${other.digest} refers to ${elsewhere.digest}, not to this image`,
        `${aboutNothing.digest} refers to no image`,
        `${gone.digest} is listed but does not exist`,
        `${swapped.digest} is listed but has other content`,
      ].toSorted(),
    )
  })

  test('is confirmed by its manifest for the first ten; the others have the fields of the list', async () => {
    await using world = await TrustWorld.start()
    for (let at = 0; at < 15; at++) {
      world.attached.add(artifact({ subject: world.app, artifactType: `application/x-${at}` }))
    }
    const { referrers } = await world.referrers()
    expect(referrers).toHaveLength(15)
    expect(referrers.filter(({ isConfirmed }) => isConfirmed)).toHaveLength(10)
    expect(world.requests().filter((one) => one.startsWith('GET manifests/sha256:'))).toHaveLength(10)
  })

  test('is stored without annotations that are too long, and with prototype keys as plain keys', async () => {
    await using world = await TrustWorld.start()
    const annotations = JSON.parse(`{"a":"b","__proto__":"x","big":"${'x'.repeat(100_000)}"}`)
    world.attached.add(artifact({ subject: world.app, artifactType: 'application/x', annotations }))
    const [one] = (await world.referrers()).referrers
    expect(Object.entries(one?.annotations ?? {})).toEqual([
      ['a', 'b'],
      ['__proto__', 'x'],
    ])
  })
})

describe('a registry that refuses a lookup', () => {
  test('gives a failure and no error, and is requested again after half a minute', async () => {
    await using world = await TrustWorld.start()
    world.upstream.hook = () => errorResponse(403, 'DENIED')

    expect(await world.referrers()).toMatchObject({
      referrers: [],
      isComplete: false,
      checkedAt: null,
      failure: { reason: 'Forbidden', message: expect.stringContaining(world.upstream.host) },
    })
    world.upstream.hook = world.attached.hook
    world.requests()
    expect((await world.referrers()).failure?.reason).toBe('Forbidden')
    expect(world.requests()).toEqual([])

    world.now += RETRY_AFTER
    expect(await world.referrers()).toMatchObject({ isComplete: true, failure: null })
    expect(world.internalErrors).toEqual([])
  })

  test('leaves the earlier result, with the failure beside it', async () => {
    await using world = await TrustWorld.start()
    const sbom = world.attached.add(artifact({ subject: world.app, artifactType: 'application/spdx+json' }))
    const { checkedAt } = await world.referrers()
    world.upstream.hook = () => errorResponse(401, 'UNAUTHORIZED')
    world.now += 3_600_000

    expect(await world.referrers()).toMatchObject({
      referrers: [{ digest: sbom.digest }],
      checkedAt,
      failure: { reason: 'Unauthorized' },
    })
  })

  test('does not reveal the result of one namespace to another', async () => {
    await using world = await TrustWorld.start()
    world.attached.add(artifact({ subject: world.app, artifactType: 'application/spdx+json' }))
    await world.referrers()
    world.upstream.hook = () => errorResponse(403, 'DENIED')

    const repository = { ...world.repository, namespace: 'other' }
    const theirs = await world.trust.referrers.of(
      { repository, digest: world.app.digest },
      { artifactType: null, maxAge: 3_600_000, mayRequest: true },
    )

    expect(theirs).toMatchObject({ referrers: [], failure: { reason: 'Forbidden' } })
  })

  test('receives no request when the operation has reached its limit', async () => {
    await using world = await TrustWorld.start()
    const image = { repository: world.repository, digest: world.app.digest }
    const options = { artifactType: null, maxAge: 0, mayRequest: false }
    expect(await world.trust.referrers.of(image, options)).toMatchObject({
      failure: { reason: 'TooManyLookups' },
    })
    await world.referrers()
    world.requests()
    expect(await world.trust.referrers.of(image, options)).toMatchObject({ failure: null, isComplete: true })
    expect(world.requests()).toEqual([])
  })
})

describe('10,000 referrers', () => {
  const flood = (world: TrustWorld) => {
    const own = world.attached.hook
    const claims = Array.from({ length: 10_000 }, (_, at) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(`flood ${at}`),
      size: 10,
      artifactType: 'application/x-flood',
    }))
    world.upstream.hook = (request, response) =>
      request.path.includes('/referrers/') && !request.query.has('artifactType')
        ? json(200, { schemaVersion: 2, manifests: claims })
        : own(request, response)
  }
  const byKey = [
    { cosign: { publicKeys: [keys.publicKey.export({ type: 'spki', format: 'pem' }).toString()] } },
  ]

  test('are reported as an incomplete list', async () => {
    await using world = await TrustWorld.start()
    flood(world)
    const { referrers, isComplete, refused } = await world.referrers()
    expect(isComplete).toBe(false)
    expect(referrers.length + refused.length).toBe(1000)
  })

  test('hide no signature: it is listed by its artifact type', async () => {
    await using world = await TrustWorld.start()
    world.attached.add(bundleArtifact(world.app, bundleByKey(world.app.digest, keys.privateKey)))
    flood(world)
    expect(await world.verify(byKey)).toMatchObject({ status: 'VERIFIED' })
  })

  test('without a signature are UNVERIFIED, not UNKNOWN, where the registry filters by artifact type', async () => {
    await using world = await TrustWorld.start()
    flood(world)
    expect(await world.verify(byKey)).toMatchObject({ status: 'UNVERIFIED', reason: 'NoSignature' })
  })
})

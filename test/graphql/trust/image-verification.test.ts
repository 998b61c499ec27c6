import { describe, expect, test } from 'vitest'
import { tagOfReferrers } from '../../../src/oci/tag.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { Attached, asImage } from '../../fixtures/artifacts.ts'
import { keyPair, pemOf } from '../../fixtures/authority.ts'
import { PushClient } from '../../fixtures/push-client.ts'
import {
  attestation,
  type Content,
  type Image,
  type Index,
  image,
  index,
} from '../../fixtures/random-image.ts'
import { bundleArtifact, bundleByKey, signedSimply } from '../../fixtures/signatures.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { createStream, deleteStream, errorsOf, importImage, tagDigests } from '../../flows/operations.ts'
import { shared } from '../shared.ts'

const SET = `mutation ($input: SetImageStreamTrustInput!) { setImageStreamTrust(input: $input) {
  imageStream { name trust { changedAt requirements {
    kind publicKeys { pem fingerprint } issuer issuerPattern subject subjectPattern trustedRoot certificates trustedIdentities
  } } } } }`
const VERIFICATION = `verification(maxAgeSeconds: $age) {
  status reason message signedBy digests checkedAt signatures { digest format isAccepted reason message signedBy } }`

interface Verification {
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly signedBy: string | null
  readonly digests: readonly string[]
  readonly checkedAt: string | null
  readonly signatures: readonly object[]
}

const mine = keyPair()
const byKey = (keys = mine) => [{ cosign: { publicKeys: [pemOf(keys.publicKey)] } }]
const app = image({ seed: 'app' })

const trust = ({ client }: TestApp, requirements: readonly object[] = byKey()) =>
  client.request<{ setImageStreamTrust: { imageStream: { trust: object | null } } }>(SET, {
    input: { imageStream: 'app', requirements },
  })
const verify = async ({ client }: TestApp, { tag = 'app:latest', age = 0 } = {}): Promise<Verification> => {
  const { imageStreamTag } = await client.request<{ imageStreamTag: { verification: Verification } }>(
    `query ($tag: String!, $age: Int!) { imageStreamTag(name: $tag) { ${VERIFICATION} } }`,
    { tag, age },
  )
  return imageStreamTag.verification
}

/** A registry with an image, and a server that has imported it. */
async function start({ content = app as Image | Index, importMode = 'PRESERVE_ORIGINAL' } = {}) {
  const upstream = await startUpstream()
  const attached = new Attached(upstream, 'team/app')
  upstream.push('team/app', 'latest', content)
  const server = await startApp()
  await createStream(server.client, {
    spec: { dockerImageRepository: `${upstream.host}/team/app`, importPolicy: { importMode } },
  })
  return {
    upstream,
    attached,
    server,
    sign: (it: Content = content, keys = mine) =>
      attached.add(bundleArtifact(it, bundleByKey(it.digest, keys.privateKey))),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('ImageStreamTag.verification', () => {
  test('is NOT_REQUIRED without requirements, and costs no request', async () => {
    await using it = await start()
    it.upstream.reset()
    expect(await verify(it.server)).toMatchObject({
      status: 'NOT_REQUIRED',
      reason: null,
      checkedAt: null,
    })
    expect(it.upstream.log).toEqual([])
  })

  test('is VERIFIED with its signer, and UNVERIFIED without a signature; both can be imported', async () => {
    await using it = await start()
    await trust(it.server)
    expect(await verify(it.server)).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'NO_SIGNATURE',
      signedBy: null,
    })
    expect(await tagDigests(it.server.client)).toEqual(new Map([['latest', app.digest]]))
    expect(await importImage(it.server.client)).toMatchObject({ state: 'SUCCEEDED' })

    const signature = it.sign()
    expect(await verify(it.server)).toMatchObject({
      status: 'VERIFIED',
      reason: null,
      signedBy: expect.stringMatching(/^key sha256:/),
      digests: [app.digest],
      signatures: [{ digest: signature.digest, format: 'SIGSTORE', isAccepted: true, reason: null }],
      checkedAt: expect.stringMatching(/^20/),
    })
  })

  test('is verified again when the stream requires another signature', async () => {
    await using it = await start()
    it.sign()
    await trust(it.server)
    expect(await verify(it.server)).toMatchObject({ status: 'VERIFIED' })
    await trust(it.server, byKey(keyPair()))
    expect(await verify(it.server, { age: 3600 })).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'SIGNATURE_WRONG_KEY',
    })
  })

  test('costs no further request for an hour, and no signature is read twice', async () => {
    await using it = await start()
    const signature = it.sign()
    await trust(it.server)
    await verify(it.server)
    it.upstream.reset()
    expect(await verify(it.server, { age: 3600 })).toMatchObject({ status: 'VERIFIED' })
    expect(it.upstream.log).toEqual([])
    expect(await verify(it.server)).toMatchObject({ status: 'VERIFIED' })
    expect(it.upstream.log.filter(({ url }) => url.includes(signature.digest))).toEqual([])
    expect(it.upstream.requests.blob).toBe(0)
  })

  test('is UNKNOWN with the reason where the registry cannot be requested, beside the rest of the response', async () => {
    await using it = await start()
    await trust(it.server)
    await it.upstream[Symbol.asyncDispose]()

    const { data, errors } = await it.server.client.execute<{
      imageStreamTag: { verification: Verification }
    }>(`query ($age: Int!) { imageStreamTag(name: "app:latest") { tag image { digest } ${VERIFICATION} } }`, {
      age: 0,
    })

    expect(errors).toBeUndefined()
    expect(data.imageStreamTag).toMatchObject({
      tag: 'latest',
      image: { digest: app.digest },
      verification: { status: 'UNKNOWN', reason: 'REGISTRY_UNAVAILABLE', message: expect.any(String) },
    })
  })

  test('keeps the earlier result while the registry cannot be requested', async () => {
    await using it = await start()
    it.sign()
    await trust(it.server)
    const before = await verify(it.server)
    await it.upstream[Symbol.asyncDispose]()
    expect(await verify(it.server)).toEqual(before)
  })

  test('of a tag without an image is UNKNOWN', async () => {
    await using it = await start()
    await trust(it.server)
    await it.server.client.request(
      'mutation ($input: UpdateImageStreamInput!) { updateImageStream(input: $input) { imageStream { name } } }',
      {
        input: {
          imageStream: 'app',
          spec: { tags: [{ name: 'later', from: { kind: 'IMAGE_STREAM_TAG', name: 'none:x' } }] },
        },
      },
    )
    expect(await verify(it.server, { tag: 'app:later' })).toMatchObject({
      status: 'UNKNOWN',
      reason: 'NO_IMAGE',
    })
  })

  test('requests registries for 50 images of one operation, and returns cached data for the rest', async () => {
    await using it = await start()
    for (let at = 0; at < 60; at++) it.upstream.push('team/app', `v${at}`, image({ seed: at }))
    await importImage(it.server.client)
    await trust(it.server)
    const verifyAll = async () => {
      const { imageStream } = await it.server.client.request<{
        imageStream: { tags: { nodes: { verification: { reason: string } }[] } }
      }>('{ imageStream(name: "app") { tags(first: 100) { nodes { verification { reason } } } } }')
      return imageStream.tags.nodes.map(({ verification }) => verification.reason).toSorted()
    }
    const counted = (reasons: readonly string[]) =>
      reasons.filter((reason) => reason === 'TOO_MANY_LOOKUPS').length

    const first = await verifyAll()
    expect([first.length, counted(first)]).toEqual([61, 11])
    // the earlier result is cached
    expect(counted(await verifyAll())).toBe(11)
  })
})

describe('an image for several platforms', () => {
  const arm = image({ seed: 'app', platform: { os: 'linux', architecture: 'arm64' } })
  const both = index([app, arm, attestation(app)])

  test('is verified as the index that the tag points to', async () => {
    await using it = await start({ content: both })
    it.sign()
    await trust(it.server)
    expect(await verify(it.server)).toMatchObject({ status: 'VERIFIED', digests: [both.digest] })
  })

  test('is verified where each of its images is signed, and is not where one signature is missing', async () => {
    await using it = await start({ content: both })
    it.sign(app)
    await trust(it.server)
    expect(await verify(it.server)).toMatchObject({
      status: 'UNVERIFIED',
      reason: 'NO_SIGNATURE',
      digests: [],
    })
    it.sign(arm)
    expect(await verify(it.server)).toMatchObject({
      status: 'VERIFIED',
      digests: [app.digest, arm.digest],
      message: expect.stringContaining('the index that lists them is not'),
    })
  })

  test('of which the tag points to one image is verified by that image, or by the index that lists it', async () => {
    await using it = await start({ content: both, importMode: 'LEGACY' })
    await trust(it.server)
    expect(await tagDigests(it.server.client)).toEqual(new Map([['latest', app.digest]]))
    expect(await verify(it.server)).toMatchObject({ status: 'UNVERIFIED', reason: 'NO_SIGNATURE' })

    it.sign(both)
    expect(await verify(it.server)).toMatchObject({
      status: 'VERIFIED',
      digests: [both.digest],
      message: expect.stringContaining(`as part of the index ${both.digest}`),
    })
    it.sign(app)
    expect(await verify(it.server)).toMatchObject({ status: 'VERIFIED', digests: [app.digest] })
  })
})

describe('an image that was pushed here', () => {
  test.each([
    [
      'a bundle that refers to it',
      'SIGSTORE',
      () => bundleArtifact(app, bundleByKey(app.digest, mine.privateKey)),
    ],
    ['the tag sha256-<hex>.sig', 'COSIGN', () => signedSimply(app.digest, mine.privateKey)],
  ])(
    'is verified by %s, pushed here too, without a request to another server',
    async (_what, format, signed) => {
      await using server = await startApp()
      const client = new PushClient(server.app.url)
      await client.push({ repository: 'default/app', tag: 'latest' }, app, 'one POST')
      await trust(server)
      expect(await verify(server)).toMatchObject({ status: 'UNVERIFIED', reason: 'NO_SIGNATURE' })

      const signature = signed()
      const tag = format === 'COSIGN' ? tagOfReferrers(app.digest, '.sig') : signature.digest
      await client.push({ repository: 'default/app', tag }, asImage(signature), 'one POST')

      expect(await verify(server)).toMatchObject({
        status: 'VERIFIED',
        signatures: [{ digest: signature.digest, format, isAccepted: true }],
      })
    },
  )
})

describe('setImageStreamTrust', () => {
  test('is read back as it was set, replaced, and removed by an empty list', async () => {
    await using it = await start()
    const pem = pemOf(mine.publicKey)
    const { setImageStreamTrust } = await trust(it.server, [{ cosign: { publicKeys: [`\n${pem}\n`] } }])
    expect(setImageStreamTrust.imageStream.trust).toMatchObject({
      requirements: [
        {
          kind: 'COSIGN',
          publicKeys: [{ pem, fingerprint: expect.stringMatching(/^sha256:/) }],
          issuer: null,
          subjectPattern: null,
          certificates: [],
          trustedIdentities: [],
        },
      ],
    })
    expect((await trust(it.server, [])).setImageStreamTrust.imageStream.trust).toBeNull()
    expect(await verify(it.server)).toMatchObject({ status: 'NOT_REQUIRED' })
  })

  test('survives a restart, and is deleted with the stream: a later stream of the same name has none', async () => {
    await using it = await start()
    await trust(it.server)
    await it.server.restart()
    expect(await verify(it.server)).toMatchObject({ status: 'UNVERIFIED' })
    await deleteStream(it.server.client)
    await createStream(it.server.client, { spec: { dockerImageRepository: `${it.upstream.host}/team/app` } })
    expect(await verify(it.server)).toMatchObject({ status: 'NOT_REQUIRED' })
  })

  test('is not part of the document, which neither contains nor changes it', async () => {
    await using it = await start()
    const exported = async () => {
      const { imageStream } = await it.server.client.request<{ imageStream: { document: string } }>(
        '{ imageStream(name: "app") { document } }',
      )
      const document = JSON.parse(imageStream.document)
      // the requirements give the stream a new version
      document.metadata.resourceVersion = ''
      return JSON.stringify(document)
    }
    const before = await exported()
    await trust(it.server)
    expect(await exported()).toBe(before)
    await it.server.client.request(
      'mutation ($document: String!) { applyImageStream(input: { documents: $document }) { results { action } } }',
      { document: before },
    )
    expect(await verify(it.server)).toMatchObject({ status: 'UNVERIFIED' })
  })

  const server = shared(async () => {
    const app = await startApp()
    await createStream(app.client)
    return app
  })
  const key = pemOf(mine.publicKey)
  const secret = mine.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const at = (rest = '') => `requirements.0${rest}`
  const keyless = { issuer: 'https://a', subject: 'b', trustedRoot: '{}' }
  const notation = { certificates: 'x', trustedIdentities: ['*'] }
  test.each([
    ['two kinds at once', [{ cosign: { publicKeys: [key] }, notation }], at()],
    ['nothing', [{}], at()],
    ['no keys', [{ cosign: { publicKeys: [] } }], at('.cosign.publicKeys')],
    ['a private key', [{ cosign: { publicKeys: [secret] } }], at('.cosign.publicKeys.0')],
    [
      'a key that is none',
      [{ cosign: { publicKeys: [key.replace(/\n.{9}/, '\nAAAAAAAAA')] } }],
      at('.cosign.publicKeys.0'),
    ],
    [
      '11 requirements',
      Array.from({ length: 11 }, () => ({ cosign: { publicKeys: [key] } })),
      'requirements',
    ],
    ['an issuer twice', [{ keyless: { ...keyless, issuerPattern: '.*' } }], at('.keyless.issuer')],
    ['no subject', [{ keyless: { ...keyless, subject: null } }], at('.keyless.subject')],
    [
      'a pattern that is none',
      [{ keyless: { ...keyless, subject: null, subjectPattern: '(a' } }],
      at('.keyless.subjectPattern'),
    ],
    [
      'a pattern that counts too far',
      [{ keyless: { ...keyless, subject: null, subjectPattern: '((a{1000}){1000}){9}' } }],
      at('.keyless.subjectPattern'),
    ],
    ['a trusted root that is none', [{ keyless }], at('.keyless.trustedRoot')],
    ['a certificate that is none', [{ notation }], at('.notation.certificates')],
  ])('refuses %s, and names it', async (_what, requirements, field) => {
    const { client } = server()
    const response = await client.execute(SET, { input: { imageStream: 'app', requirements } })
    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
    expect(JSON.stringify(response)).not.toContain(secret.split('\n')[1])
  })

  test.each([['x509.subject:'], ['x509.subject: O'], ['O=Acme'], ['x509.subject: O=a, O=b'], ['']])(
    'refuses the trusted identity "%s"',
    async (identity) => {
      const { client } = server()
      const { createAuthority } = await import('../../fixtures/authority.ts')
      const requirements = [
        { notation: { certificates: createAuthority().pem, trustedIdentities: [identity] } },
      ]
      const response = await client.execute(SET, { input: { imageStream: 'app', requirements } })
      expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: at('.notation.trustedIdentities.0') }])
    },
  )

  test.each([
    ['none', 'junk', 'must be 1 to 10 certificates in PEM'],
    ['11', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'.repeat(11), 'must be 1 to 10'],
    ['too long', ' '.repeat(70_000), 'at most 65536 characters'],
  ])('lists the accepted certificates where they are %s', async (_what, certificates, words) => {
    const { client } = server()
    const requirements = [{ notation: { ...notation, certificates } }]
    const response = await client.execute(SET, { input: { imageStream: 'app', requirements } })
    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: at('.notation.certificates') }])
    expect(response.errors?.[0]?.message).toContain(words)
  })

  test('of an unknown stream is NOT_FOUND', async () => {
    expect(
      errorsOf(await server().client.execute(SET, { input: { imageStream: 'none', requirements: [] } })),
    ).toEqual([{ code: 'NOT_FOUND' }])
  })
})

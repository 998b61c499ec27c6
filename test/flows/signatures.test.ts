import { describe, expect, test } from 'vitest'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { asImage, referrersIndex } from '../fixtures/artifacts.ts'
import { keyPair, pemOf } from '../fixtures/authority.ts'
import { available, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { bundleArtifact, bundleByKey, signedSimply } from '../fixtures/signatures.ts'
import { follow } from './operations.ts'

const missing = available()
const app = image({ seed: 'app' })
const keys = keyPair()
const signatures = {
  simple: signedSimply(app.digest, keys.privateKey),
  bundle: bundleArtifact(app, bundleByKey(app.digest, keys.privateKey)),
}
const byTag = (suffix = '') => ({ repository: 'team/app', tag: tagOfReferrers(app.digest, suffix) })

interface TagResponse {
  readonly imageStreamTag: {
    readonly verification: { readonly status: string; readonly signatures: readonly { digest: string }[] }
    readonly referrers: { readonly nodes: readonly object[] }
  }
}

/** Imports `app:latest` from the registry; returns its verification and referrers. */
async function verificationOf(server: TestApp, registry: string): Promise<TagResponse['imageStreamTag']> {
  await follow(server.client, `${registry}/team/app`)
  return trusted(server)
}

/** Requires a signature of the stream `app`; returns the verification and referrers of `app:latest`. */
async function trusted({ client }: TestApp): Promise<TagResponse['imageStreamTag']> {
  await client.request(
    `mutation ($key: String!) { setImageStreamTrust(input: { imageStream: "app",
      requirements: [{ cosign: { publicKeys: [$key] } }] }) { imageStream { name } } }`,
    { key: pemOf(keys.publicKey) },
  )
  const { imageStreamTag } = await client.request<TagResponse>(
    `{ imageStreamTag(name: "app:latest") { verification { status signatures { digest isAccepted } }
      referrers { nodes { digest kind source } } } }`,
  )
  return imageStreamTag
}

describe.skipIf(missing !== undefined)(`a real docker-registry${missing ? `: ${missing}` : ''}`, () => {
  test('without a referrers API has signatures under the tags sha256-<hex> and sha256-<hex>.sig', async () => {
    await using registry = await startDockerRegistry('open')
    const client = new PushClient(`http://${registry.host}`)
    await client.push({ repository: 'team/app', tag: 'latest' }, app, 'POST and PUT')
    const { simple, bundle } = signatures
    await client.push(byTag('.sig'), asImage(simple), 'POST and PUT')
    await client.push({ repository: 'team/app', tag: bundle.digest }, asImage(bundle), 'POST and PUT')
    await client.push(byTag(), { ...asImage(bundle), ...referrersIndex([bundle]) }, 'POST and PUT')
    await using server = await startApp()

    expect(await verificationOf(server, registry.host)).toEqual({
      verification: {
        status: 'VERIFIED',
        signatures: expect.arrayContaining([
          { digest: simple.digest, isAccepted: true },
          { digest: bundle.digest, isAccepted: true },
        ]),
      },
      referrers: {
        nodes: expect.arrayContaining([
          { digest: simple.digest, kind: 'SIGNATURE', source: 'COSIGN_TAG' },
          { digest: bundle.digest, kind: 'SIGNATURE', source: 'TAG' },
        ]),
      },
    })
  })
})

describe('an imagestreams registry', () => {
  test('verifies a promoted tag by the signatures that were pushed to the stream that it comes from', async () => {
    await using server = await startApp()
    const client = new PushClient(server.app.url)
    await client.push({ repository: 'team/app', tag: 'v1' }, app, 'one POST')
    await server.client.request(`mutation { tagImage(input: { imageStream: "app", tag: "latest", alias: true,
      from: { kind: IMAGE_STREAM_TAG, namespace: "team", name: "app:v1" } }) { imageStreamTag { name } } }`)
    await client.push(byTag('.sig'), asImage(signatures.simple), 'one POST')
    const { bundle } = signatures
    await client.push({ repository: 'team/app', tag: bundle.digest }, asImage(bundle), 'one POST')

    expect(await trusted(server)).toEqual({
      verification: {
        status: 'VERIFIED',
        signatures: expect.arrayContaining([
          { digest: signatures.simple.digest, isAccepted: true },
          { digest: bundle.digest, isAccepted: true },
        ]),
      },
      referrers: {
        nodes: expect.arrayContaining([
          { digest: signatures.simple.digest, kind: 'SIGNATURE', source: 'COSIGN_TAG' },
          { digest: bundle.digest, kind: 'SIGNATURE', source: 'API' },
        ]),
      },
    })
  })

  test('lists pushed referrers for another server', async () => {
    await using registry = await startApp()
    const client = new PushClient(registry.app.url)
    await client.push({ repository: 'team/app', tag: 'latest' }, app, 'one POST')
    const { bundle } = signatures
    await client.push({ repository: 'team/app', tag: bundle.digest }, asImage(bundle), 'one POST')
    await using server = await startApp()

    expect(await verificationOf(server, new URL(registry.app.url).host)).toEqual({
      verification: { status: 'VERIFIED', signatures: [{ digest: bundle.digest, isAccepted: true }] },
      referrers: { nodes: [{ digest: bundle.digest, kind: 'SIGNATURE', source: 'API' }] },
    })
  })
})

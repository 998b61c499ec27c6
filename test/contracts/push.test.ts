import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../src/oci/media-types.ts'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import type { BlobPush } from '../../src/remote/content/blob-upload.ts'
import type { RegistryRepository } from '../../src/remote/content/registry-repository.ts'
import type { WritableRepository } from '../../src/remote/content/writable-repository.ts'
import { type Content, type Image, image, index } from '../fixtures/random-image.ts'
import { randomBytes } from '../fixtures/random-numbers.ts'
import { refusalOf, TestClient, tag } from '../fixtures/registry-client.ts'
import { REGISTRIES, type RunningRegistry } from './registries.ts'

// The contract of pushes by the registry client, checked against each registry that can run here.

const MIB = 1024 * 1024
const REPOSITORY = 'team/pushed'

const contentOf = (bytes: Buffer): BlobPush => ({
  digest: digestOf(bytes),
  size: bytes.length,
  read: (offset) => Readable.from([bytes.subarray(offset)]),
})
const blobOf = ({ bytes }: Content): BlobPush => contentOf(bytes)

async function pushImage(
  repository: WritableRepository,
  { config, layers, ...manifest }: Image,
): Promise<void> {
  for (const blob of [config, ...layers]) {
    if (!(await repository.hasBlob(blob.digest))) await repository.pushBlob(blobOf(blob))
  }
  await repository.pushManifest({ reference: manifest.digest, ...manifest })
}

const WRITABLE = REGISTRIES.flatMap((registry) =>
  registry.pushes ? [{ ...registry, ...registry.pushes }] : [],
)

describe.each(WRITABLE)('$name', ({ missing, referrers, start }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'runs', () => {
    let registry: RunningRegistry
    let client: TestClient
    let target: WritableRepository
    let reader: RegistryRepository

    beforeAll(async () => {
      registry = await start()
      // small chunks, so that a blob has several
      client = new TestClient({ limits: { uploadChunk: 2 * MIB }, ...registry.client })
      target = client.writable(`${registry.host}/${REPOSITORY}`)
      reader = client.repository(`${registry.host}/${REPOSITORY}`)
    })
    afterAll(async () => {
      await client[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    })

    test('accepts an index with its images and a tag, byte for byte', async () => {
      const both = index([
        image({ seed: 'one' }),
        image({ seed: 'two', platform: { os: 'linux', architecture: 'arm64' } }),
      ])
      expect(await target.digestOfTag(tag('both'))).toBeNull()
      for (const child of both.manifests) await pushImage(target, child as Image)

      const { digest } = await target.pushManifest({ reference: tag('both'), ...both })

      expect(digest).toBe(both.digest)
      expect(await target.digestOfTag(tag('both'))).toBe(both.digest)
      const manifest = await reader.fetchManifest(both.digest)
      expect(Buffer.from(manifest.bytes).equals(both.bytes)).toBe(true)
      expect(manifest.contentType).toBe(both.mediaType)
    })

    test.each([
      ['an empty blob', 0],
      ['a blob of one byte', 1],
      ['a blob of one chunk', 2 * MIB],
      ['a blob of several chunks', 5 * MIB + 3],
    ])('accepts %s', async (_, size) => {
      const bytes = randomBytes(`blob of ${size}`, size)
      const blob = contentOf(bytes)
      const sent: number[] = []
      expect(await target.hasBlob(blob.digest)).toBe(false)

      expect(await target.pushBlob(blob, { onProgress: (count) => sent.push(count) })).toBe('UPLOADED')

      expect(await target.hasBlob(blob.digest)).toBe(true)
      const kept = await buffer(await reader.fetchBlob(blob))
      expect(kept.equals(bytes)).toBe(true)
      expect([sent[0], Math.max(...sent)]).toEqual([0, size])
    })

    test('accepts a blob whose digest is sha512', async () => {
      const bytes = randomBytes('sha512', 3 * MIB)
      const blob = { ...contentOf(bytes), digest: digestOf(bytes, 'sha512') }
      expect(await target.pushBlob(blob)).toBe('UPLOADED')
    })

    test('mounts a blob of another repository, whose bytes are not read', async () => {
      const bytes = randomBytes('mounted', 1000)
      await client.writable(`${registry.host}/team/source`).pushBlob(contentOf(bytes))
      const blob = { ...contentOf(bytes), read: () => Promise.reject(new Error('read')) }

      expect(await target.pushBlob(blob, { mountFrom: 'team/source' })).toBe('MOUNTED')

      expect(await target.hasBlob(blob.digest)).toBe(true)
    })

    test('receives a blob that the other repository lacks', async () => {
      const blob = contentOf(randomBytes('not there', 1000))
      expect(await target.pushBlob(blob, { mountFrom: 'team/source' })).toBe('UPLOADED')
      expect(await target.hasBlob(blob.digest)).toBe(true)
    })

    test('refuses bytes of another digest', async () => {
      const blob = { ...contentOf(Buffer.from('these')), read: () => Readable.from([Buffer.from('other')]) }
      expect(await refusalOf(target.pushBlob(blob))).toMatchObject({ reason: 'InvalidManifest', status: 400 })
      expect(await target.hasBlob(blob.digest)).toBe(false)
    })

    test('refuses a manifest whose blobs are missing', async () => {
      const { digest, mediaType, bytes } = image({ seed: 'incomplete', layers: [], env: ['A=incomplete'] })
      const refusal = await refusalOf(target.pushManifest({ reference: tag('incomplete'), mediaType, bytes }))
      expect(refusal.reason).toBe('MissingContent')
      expect(await target.hasManifest(digest)).toBe(false)
    })

    test('reports whether it lists referrers, and keeps the list of those that it does not', async () => {
      const subject = image({ seed: 'one' })
      const empty = Buffer.from('{}')
      await pushImage(target, subject)
      await target.pushBlob(contentOf(empty))
      const signatures = ['first', 'second'].map((name) => {
        const bytes = Buffer.from(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: OCI_MANIFEST,
            artifactType: 'application/vnd.test.signature',
            config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: 2 },
            layers: [],
            subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
            annotations: { name },
          }),
        )
        return { bytes, mediaType: OCI_MANIFEST, digest: digestOf(bytes) }
      })
      for (const { bytes, mediaType, digest } of signatures) {
        const receipt = await target.pushManifest({ reference: digest, mediaType, bytes })
        expect(receipt).toEqual({ digest, isReferrerListed: referrers })
        const descriptor: Descriptor = {
          mediaType,
          digest,
          size: bytes.length,
          artifactType: 'application/vnd.test.signature',
          annotations: {},
        }
        if (!receipt.isReferrerListed) await target.addReferrer(subject.digest, descriptor)
        if (!receipt.isReferrerListed) await target.addReferrer(subject.digest, descriptor)
      }
      const hasList = (await target.digestOfTag(tagOfReferrers(subject.digest))) !== null
      expect(hasList).toBe(!referrers)
      if (!hasList) return
      const { descriptors } = await reader.listReferrers(subject.digest, null)
      expect(descriptors.map(({ digest }) => digest)).toEqual(signatures.map(({ digest }) => digest))
    })

    test('causes no warnings', () => {
      expect(client.warnings).toEqual([])
    })
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { DOCKER_LIST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-types.ts'
import { image } from '../fixtures/random-image.ts'
import { artifact, descriptor, imageDocument, ociIndex, pushParts } from './manifest-documents.ts'
import { openWorld, type World } from './world.ts'

interface Listing {
  readonly schemaVersion: number
  readonly mediaType: string
  readonly manifests: readonly Record<string, unknown>[]
}

describe('the list of referrers', () => {
  let world: World
  beforeEach(async () => {
    world = await openWorld({ limits: { referrerPageSize: 10 } })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const web = image({ seed: 'web' })
  const subject = descriptor(web)
  const pathOf = (digest: string) => `/v2/shop/web/referrers/${digest}`
  const list = async (path = pathOf(web.digest)) => {
    const { status, headers, json, bytes } = await world.get(path)
    expect([status, headers['content-type']]).toEqual([200, OCI_INDEX])
    return { ...(json as Listing), headers, size: bytes.length }
  }
  const put = async (bytes: Uint8Array, mediaType = OCI_MANIFEST): Promise<Digest> => {
    expect((await world.putManifest('shop/web', { bytes: Buffer.from(bytes), mediaType })).status).toBe(201)
    return digestOf(bytes)
  }
  const sorted = (digests: readonly unknown[]) => [...digests].sort()

  /** All pages, by their links. */
  const pages = async (path = pathOf(web.digest)) => {
    const found: Listing['manifests'][] = []
    for (let next: string | undefined = path; next; ) {
      const { manifests, headers, size } = await list(next)
      expect(size).toBeLessThan(4 * 1024 * 1024)
      found.push(manifests)
      next = /^<([^>]*)>; rel="next"$/.exec(headers.link ?? '')?.[1]
    }
    return found
  }

  it('is an empty index without referrers, also for a repository that does not exist', async () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const { schemaVersion, mediaType, manifests, headers } = await list(pathOf(digestOf('none', algorithm)))
      expect({ schemaVersion, mediaType, manifests }).toEqual({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
      })
      expect(headers.link).toBeUndefined()
    }
  })

  it.each(['sha256:baddigeststring', 'v1', `sha256:${'G'.repeat(64)}`])(
    'needs a digest, and rejects %s',
    async (text) => {
      const { status, code } = await world.get(pathOf(text))
      expect([status, code]).toEqual([400, 'DIGEST_INVALID'])
    },
  )

  it('has the size, type, artifact type and annotations of each', async () => {
    const annotations = { 'org.example.é': 'ü☃𝄞', __proto__key: 'x', quote: '"\\\n' }
    const signature = await artifact(world, 'shop/web', {
      artifactType: 'application/vnd.sig',
      subject,
      annotations,
    })
    await put(signature)

    expect((await list()).manifests).toEqual([
      {
        mediaType: OCI_MANIFEST,
        digest: digestOf(signature),
        size: signature.length,
        artifactType: 'application/vnd.sig',
        annotations,
      },
    ])
  })

  it('uses the config type of an image without artifact type, and none for an index', async () => {
    await pushParts(world, 'shop/web', web)
    const plain = Buffer.from(JSON.stringify(imageDocument(web, { subject })))
    await put(plain)
    const typed = ociIndex([], { subject, artifactType: 'application/vnd.list' })
    await put(typed, OCI_INDEX)
    const untyped = ociIndex([], { subject })
    await put(untyped, OCI_INDEX)

    const found = new Map((await list()).manifests.map((each) => [each.digest, each]))
    expect(found.get(digestOf(plain))?.artifactType).toBe(OCI_CONFIG)
    expect(found.get(digestOf(typed))?.artifactType).toBe('application/vnd.list')
    expect(found.get(digestOf(untyped))).toEqual({
      mediaType: OCI_INDEX,
      digest: digestOf(untyped),
      size: untyped.length,
    })
  })

  it('filters by artifact type, and reports the filter', async () => {
    const types = ['a/b', 'a/c', 'a/b']
    const digests = []
    for (const [at, artifactType] of types.entries()) {
      digests.push(
        await put(await artifact(world, 'shop/web', { artifactType, subject, annotations: { at: `${at}` } })),
      )
    }
    const filtered = await list(`${pathOf(web.digest)}?artifactType=a%2Fb`)

    expect(filtered.headers['oci-filters-applied']).toBe('artifactType')
    expect(sorted(filtered.manifests.map(({ digest }) => digest))).toEqual(sorted([digests[0], digests[2]]))
    expect((await list(`${pathOf(web.digest)}?artifactType=a%2Fd`)).manifests).toEqual([])
    expect((await list()).headers['oci-filters-applied']).toBeUndefined()
  })

  it('reaches each referrer once through its links, which keep the filter', async () => {
    const digests = []
    for (let at = 0; at < 25; at++) {
      const annotations = { at: String(at) }
      digests.push(
        await put(await artifact(world, 'shop/web', { artifactType: 'a/b', subject, annotations })),
      )
    }
    await put(await artifact(world, 'shop/web', { artifactType: 'a/c', subject }))
    const found = await pages(`${pathOf(web.digest)}?artifactType=a%2Fb`)

    expect(found.map((page) => page.length)).toEqual([10, 10, 5])
    expect(found.flat().map(({ digest }) => digest)).toEqual(sorted(digests))
    expect((await pages(`${pathOf(web.digest)}?n=26`)).map((page) => page.length)).toEqual([10, 10, 6])
  })

  it('stays below 4 MiB with any annotations', async () => {
    const digests = []
    for (const size of [4 * 1024 * 1024, 3_000_000, 1_500_000, 1_500_000, 1_000]) {
      digests.push(await put(await artifact(world, 'shop/web', { size, subject, n: digests.length })))
    }
    const found = await pages()

    expect(found.length).toBeGreaterThan(2)
    expect(sorted(found.flat().map(({ digest }) => digest))).toEqual(sorted(digests))
  })

  it('contains one repository only', async () => {
    const bytes = ociIndex([], { subject })
    await world.putManifest('shop/other', { bytes, mediaType: OCI_INDEX })

    expect((await list()).manifests).toEqual([])
  })

  it('has a Docker manifest list with its own media type', async () => {
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [], subject }),
    )
    await put(bytes, DOCKER_LIST)

    expect((await list()).manifests).toMatchObject([{ mediaType: DOCKER_LIST }])
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-types.ts'
import type { Answer } from '../registry/client.ts'
import { openWorld, type World } from '../registry/world.ts'
import { KINDS, Kinds, type Prepared } from './oci-manifest-kinds.ts'

// Names cite the section of the OCI distribution-spec that they check, by its anchor. Each test has its own repository.

let world: World
let repositories = 0
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const ALGORITHMS = ['sha256', 'sha512'] as const

const newRepository = (): string => `conformance/repository-${++repositories}`

const expectError = ({ status, headers, json }: Answer, statuses: readonly number[], code: string) => {
  expect(statuses).toContain(status)
  expect(headers['content-type']).toBe('application/json')
  const { errors } = json as { errors: { code: string; message: string }[] }
  expect(errors.length).toBeGreaterThan(0)
  for (const error of errors) {
    expect(error.code).toMatch(/^[A-Z_]+$/)
    expect(error.message).not.toBe('')
  }
  expect(errors[0]?.code).toBe(code)
}

describe.each(ALGORITHMS)('by %s', (algorithm) => {
  const prepare = async (kind = 'an image') => {
    const repository = newRepository()
    const kinds = new Kinds(world, repository, algorithm)
    const build = KINDS[kind]
    if (!build) throw new Error(`there is no kind ${kind}`)
    return { repository, kinds, manifest: await build(kinds), path: `/v2/${repository}/manifests` }
  }
  const put = (path: string, { bytes, mediaType }: Prepared, reference: string) =>
    world.put(`${path}/${reference}`, bytes, { 'content-type': mediaType })

  describe.each(Object.keys(KINDS))('%s', (kind) => {
    it('spec.md#pushing-manifests: is accepted with 201, Location and Docker-Content-Digest', async () => {
      const { path, manifest } = await prepare(kind)
      const { status, headers } = await put(path, manifest, manifest.digest)

      expect(status).toBe(201)
      expect(headers['docker-content-digest']).toBe(manifest.digest)
      const got = await world.get(headers.location ?? '')
      expect(got.status).toBe(200)
      expect(got.bytes.equals(manifest.bytes)).toBe(true)
    })

    it('spec.md#pulling-manifests: is returned by tag and by digest, byte for byte', async () => {
      const { path, manifest, kinds } = await prepare(kind)
      await kinds.put(manifest, ['v1'])

      for (const reference of ['v1', manifest.digest]) {
        const { status, headers, bytes } = await world.get(`${path}/${reference}`)
        expect(status).toBe(200)
        expect(bytes.equals(manifest.bytes)).toBe(true)
        expect(headers['content-type']).toBe(manifest.mediaType)
        expect(headers['content-length']).toBe(String(manifest.bytes.length))
        expect(headers['docker-content-digest']).toBe(manifest.digest)
        expect(headers['content-encoding'] ?? headers['transfer-encoding']).toBeUndefined()
      }
    })

    it('spec.md#checking-if-content-exists-in-the-registry: has a HEAD response with the same headers', async () => {
      const { path, manifest, kinds } = await prepare(kind)
      await kinds.put(manifest, ['v1'])

      for (const reference of ['v1', manifest.digest]) {
        const { status, headers, bytes } = await world.head(`${path}/${reference}`)
        expect([status, bytes.length]).toEqual([200, 0])
        expect(headers).toMatchObject({
          'content-type': manifest.mediaType,
          'content-length': String(manifest.bytes.length),
          'docker-content-digest': manifest.digest,
        })
      }
    })

    it('spec.md#pushing-manifests-with-subject: has OCI-Subject in its response if it has a subject, and is listed', async () => {
      const { repository, path, manifest } = await prepare(kind)
      const { headers } = await put(path, manifest, manifest.digest)
      expect(headers['oci-subject']).toBe(manifest.subject)

      const subject = manifest.subject ?? manifest.digest
      const { json } = await world.get(`/v2/${repository}/referrers/${subject}`)
      expect((json as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest)).toEqual(
        manifest.subject ? [manifest.digest] : [],
      )
    })

    it('spec.md#deleting-manifests: is deleted by digest with all its tags', async () => {
      const { repository, path, manifest, kinds } = await prepare(kind)
      await kinds.put(manifest, ['v1', 'v2'])
      await kinds.put(await kinds.artifact({ annotations: { other: 'x' } }), ['other'])

      expect((await world.delete(`${path}/${manifest.digest}`)).status).toBe(202)
      for (const reference of ['v1', 'v2', manifest.digest]) {
        expect((await world.head(`${path}/${reference}`)).status).toBe(404)
      }
      expect((await world.get(`/v2/${repository}/tags/list`)).json).toMatchObject({ tags: ['other'] })
      const { json } = await world.get(`/v2/${repository}/referrers/${manifest.subject ?? manifest.digest}`)
      expect(json).toMatchObject({ manifests: [] })
    })

    it('spec.md#deleting-tags: remains with its other tag when one tag is deleted', async () => {
      const { path, manifest, kinds } = await prepare(kind)
      await kinds.put(manifest, ['v1', 'v2'])

      expect((await world.delete(`${path}/v1`)).status).toBe(202)
      expect((await world.head(`${path}/v1`)).status).toBe(404)
      for (const reference of ['v2', manifest.digest]) {
        expect((await world.head(`${path}/${reference}`)).status).toBe(200)
      }
    })
  })

  it('spec.md#pulling-manifests: an unknown tag or digest is a 404 MANIFEST_UNKNOWN, before and after a push', async () => {
    const { path, kinds, manifest } = await prepare()
    for (let pushed = 0; pushed < 2; pushed++) {
      for (const reference of ['unknown', digestOf('unknown', algorithm)]) {
        expectError(await world.get(`${path}/${reference}`), [404], 'MANIFEST_UNKNOWN')
        const head = await world.head(`${path}/${reference}`)
        expect([head.status, head.bytes.length]).toEqual([404, 0])
      }
      await kinds.put(manifest, ['v1'])
    }
  })

  it('spec.md#pulling-manifests: a malformed digest is a 404 or 400 with an error body', async () => {
    const { path } = await prepare()
    expectError(await world.get(`${path}/${algorithm}:baddigeststring`), [404, 400], 'MANIFEST_UNKNOWN')
  })

  it('spec.md#pushing-manifests: a digest of other bytes is a 400, and nothing is stored', async () => {
    const { path, manifest } = await prepare()
    const other = digestOf('other', algorithm)

    expectError(await put(path, manifest, other), [400], 'DIGEST_INVALID')
    expectError(await put(path, manifest, `${algorithm}:baddigeststring`), [400], 'DIGEST_INVALID')
    expect((await world.head(`${path}/${other}`)).status).toBe(404)
    expect((await world.head(`${path}/${manifest.digest}`)).status).toBe(404)
  })

  it('spec.md#pushing-manifests: parameters of the Content-Type are ignored', async () => {
    const { path, manifest } = await prepare()
    const type = `${manifest.mediaType}; charset=utf-8`

    expect(
      (await world.put(`${path}/${manifest.digest}`, manifest.bytes, { 'content-type': type })).status,
    ).toBe(201)
    const { headers } = await world.get(`${path}/${manifest.digest}`)
    expect(headers['content-type']).toBe(manifest.mediaType)
  })

  it('spec.md#pushing-manifests: a missing config, layer or child is MANIFEST_BLOB_UNKNOWN, and nothing is stored', async () => {
    const { path, kinds } = await prepare()
    const layer = 'application/vnd.oci.image.layer.v1.tar+gzip'
    const manifests = [
      await kinds.image({ config: kinds.missing('config', OCI_CONFIG) }),
      await kinds.image({ layers: [kinds.missing('layer', layer)] }),
      kinds.prepare({ manifests: [kinds.missing('child', OCI_MANIFEST)] }, OCI_INDEX),
    ]

    for (const manifest of manifests) {
      expectError(await put(path, manifest, manifest.digest), [400, 404], 'MANIFEST_BLOB_UNKNOWN')
      expect((await world.head(`${path}/${manifest.digest}`)).status).toBe(404)
    }
  })

  it('spec.md#pushing-manifests-with-tags: one push sets ten tags, each confirmed by an OCI-Tag header', async () => {
    const { repository, path, manifest } = await prepare()
    const tags = Array.from({ length: 10 }, (_, at) => `tag-${at}`)
    const query = tags.map((tag) => `tag=${tag}`).join('&')
    const { status, headers } = await put(path, manifest, `${manifest.digest}?${query}`)

    expect(status).toBe(201)
    expect(headers['oci-tag']).toEqual(tags)
    expect((await world.get(`/v2/${repository}/tags/list`)).json).toMatchObject({ tags })
    for (const tag of tags) {
      expect((await world.head(`${path}/${tag}`)).headers['docker-content-digest']).toBe(manifest.digest)
    }
  })

  it('spec.md#pushing-manifests-with-tags: too many tags are a 414', async () => {
    const { path, manifest } = await prepare()
    const query = Array.from({ length: 101 }, (_, at) => `tag=tag-${at}`).join('&')

    expectError(await put(path, manifest, `${manifest.digest}?${query}`), [414], 'SIZE_INVALID')
  })

  it('spec.md#listing-referrers: an unknown digest in an unknown repository has an empty index', async () => {
    const path = `/v2/${newRepository()}/referrers/${digestOf('unknown', algorithm)}`
    const { status, headers, json } = await world.get(path)

    expect([status, headers['content-type']]).toEqual([200, OCI_INDEX])
    expect(json).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] })
  })

  it('spec.md#listing-referrers: a malformed digest is a 400', async () => {
    const path = `/v2/${newRepository()}/referrers/${algorithm}:baddigeststring`
    expectError(await world.get(path), [400], 'DIGEST_INVALID')
  })

  it('spec.md#listing-referrers: descriptors have the size, artifact type and annotations of each referrer', async () => {
    const { repository, kinds, manifest } = await prepare()
    const subject = await kinds.put(manifest)
    const annotations = { 'org.example.key': 'value' }
    const artifact = await kinds.put(await kinds.artifact({ subject, annotations }))
    const image = await kinds.put(await kinds.image({ subject }))
    const index = await kinds.put(await kinds.index({ subject, annotations }))
    const { json } = await world.get(`/v2/${repository}/referrers/${subject.digest}`)

    const { manifests } = json as { manifests: { digest: string }[] }
    const found = new Map(manifests.map((each) => [each.digest, each]))
    expect(found.size).toBe(3)
    expect(found.get(artifact.digest)).toEqual({
      ...artifact,
      artifactType: 'application/vnd.example',
      annotations,
    })
    expect(found.get(image.digest)).toEqual({ ...image, artifactType: OCI_CONFIG })
    expect(found.get(index.digest)).toEqual({ ...index, annotations })
  })

  it('spec.md#listing-referrers: a filter by artifact type is applied and confirmed by a header', async () => {
    const { repository, kinds, manifest } = await prepare()
    const subject = await kinds.put(manifest)
    const wanted = await kinds.put(await kinds.artifact({ subject, artifactType: 'a/b' }))
    await kinds.put(await kinds.artifact({ subject, artifactType: 'a/c' }))
    const { headers, json } = await world.get(
      `/v2/${repository}/referrers/${subject.digest}?artifactType=${encodeURIComponent('a/b')}`,
    )

    expect(headers['oci-filters-applied']).toBe('artifactType')
    expect(json).toMatchObject({ manifests: [wanted] })
    expect((json as { manifests: unknown[] }).manifests).toHaveLength(1)
  })

  it('spec.md#deleting-manifests: an unknown manifest is a 404', async () => {
    const { path, kinds, manifest } = await prepare()
    await kinds.put(manifest)
    for (const reference of [digestOf('unknown', algorithm), 'unknown']) {
      expectError(await world.delete(`${path}/${reference}`), [404], 'MANIFEST_UNKNOWN')
    }
  })
})

describe('by tag', () => {
  it('spec.md#pushing-manifests: the digest is the sha256 of the bytes, and the Location returns them', async () => {
    const repository = newRepository()
    const { bytes, mediaType, digest } = await new Kinds(world, repository, 'sha256').image()
    const { status, headers } = await world.put(`/v2/${repository}/manifests/v1`, bytes, {
      'content-type': mediaType,
    })

    expect([status, headers['docker-content-digest']]).toEqual([201, digest])
    expect((await world.get(headers.location ?? '')).bytes.equals(bytes)).toBe(true)
    expect((await world.head(`/v2/${repository}/manifests/${digest}`)).status).toBe(200)
  })

  it('spec.md#pushing-manifests: the tag points to the last push', async () => {
    const repository = newRepository()
    const kinds = new Kinds(world, repository, 'sha256')
    for (const manifest of [await kinds.image(), await kinds.artifact()]) {
      await kinds.put(manifest, ['latest'])
      const { headers } = await world.head(`/v2/${repository}/manifests/latest`)
      expect(headers['docker-content-digest']).toBe(manifest.digest)
    }
  })

  it("spec.md#pushing-manifests: a manifest over the registry's limit is a 413", async () => {
    const repository = newRepository()
    const kinds = new Kinds(world, repository, 'sha256')
    const { bytes } = await kinds.image({ annotations: { padding: 'x'.repeat(4 * 1024 * 1024) } })

    const response = await world.put(`/v2/${repository}/manifests/v1`, bytes, {
      'content-type': OCI_MANIFEST,
    })
    expectError(response, [413], 'SIZE_INVALID')
  })
})

describe('tags', () => {
  const TAGS = ['a', 'b', 'c', 'd', 'e']
  let repository: string
  beforeAll(async () => {
    repository = newRepository()
    const kinds = new Kinds(world, repository, 'sha256')
    await kinds.put(await kinds.image(), TAGS.toReversed())
  })
  const list = (query = '') => world.get(`/v2/${repository}/tags/list${query}`)

  it("spec.md#listing-tags: are all listed in order, with the repository's name", async () => {
    const { status, json, headers } = await list()
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    expect(json).toEqual({ name: repository, tags: TAGS })
  })

  it('spec.md#listing-tags: are limited by n, with a Link while there are more', async () => {
    const { json, headers } = await list('?n=2')
    expect(json).toMatchObject({ tags: ['a', 'b'] })

    const next = /^<(.+)>; rel="next"$/.exec(headers.link ?? '')?.[1] ?? ''
    expect((await world.get(next)).json).toMatchObject({ tags: ['c', 'd'] })
    expect((await list('?n=5')).headers.link).toBeUndefined()
  })

  it('spec.md#listing-tags: are an empty list without a Link for n=0', async () => {
    const { status, json, headers } = await list('?n=0')
    expect([status, headers.link]).toEqual([200, undefined])
    expect(json).toMatchObject({ tags: [] })
  })

  it('spec.md#listing-tags: start after last, with and without n', async () => {
    expect((await list('?last=c')).json).toMatchObject({ tags: ['d', 'e'] })
    expect((await list('?n=1&last=c')).json).toMatchObject({ tags: ['d'] })
  })

  it('spec.md#listing-tags: are a 404 NAME_UNKNOWN for an unknown repository', async () => {
    expectError(await world.get(`/v2/${newRepository()}/tags/list`), [404], 'NAME_UNKNOWN')
  })
})

describe('referrers', () => {
  it('spec.md#listing-referrers: have a Link to the next page', async () => {
    const repository = newRepository()
    const kinds = new Kinds(world, repository, 'sha256')
    const subject = kinds.missing('subject', OCI_MANIFEST)
    const pushed: string[] = []
    for (let at = 0; at < 5; at++) {
      const { digest } = await kinds.put(await kinds.artifact({ subject, annotations: { at: `${at}` } }))
      pushed.push(digest)
    }
    const found: string[] = []
    for (let path = `/v2/${repository}/referrers/${subject.digest}?n=2`; path; ) {
      const { json, headers } = await world.get(path)
      found.push(...(json as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest))
      path = /^<(.+)>; rel="next"$/.exec(headers.link ?? '')?.[1] ?? ''
    }

    expect(found).toEqual(pushed.sort())
  })
})

it('spec.md#content-management: tags, then manifests, the last pushed first, can be deleted as the conformance suite does', async () => {
  const repository = newRepository()
  const pushed: { digest: string; tag: string }[] = []
  for (const algorithm of ALGORITHMS) {
    const kinds = new Kinds(world, repository, algorithm)
    for (const [at, build] of Object.values(KINDS).entries()) {
      const tag = `${algorithm}-${at}`
      const { digest } = await kinds.put(await build(kinds), [tag])
      pushed.push({ digest, tag })
    }
  }
  const path = (reference: string) => `/v2/${repository}/manifests/${reference}`

  for (const { tag } of pushed) {
    expect((await world.delete(path(tag))).status).toBe(202)
    expect((await world.head(path(tag))).status).toBe(404)
  }
  for (const { digest } of pushed.toReversed()) {
    expect((await world.delete(path(digest))).status).toBe(202)
    expect((await world.head(path(digest))).status).toBe(404)
  }
  expect((await world.get(`/v2/${repository}/tags/list`)).json).toMatchObject({ tags: [] })
})

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_INDEX } from '../../src/oci/media-types.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { formatRepositoryName, parseRepositoryName } from '../../src/oci/repository-name.ts'
import { artifact, asImage } from '../fixtures/artifacts.ts'
import { image } from '../fixtures/random-image.ts'
import { REFUSED_NAMES, repositoryName } from '../fixtures/repository-names.ts'
import { openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const web = image({ seed: 'names' })

describe('a repository of any name', () => {
  it('can be pushed and pulled: its stream is named by the first component and the others', async () => {
    await fc.assert(
      fc.asyncProperty(repositoryName, async (path) => {
        const { namespace, name } = parseRepositoryName(path)
        await world.push(path, web, 'v1')

        const pulled = await world.get(`/v2/${path}/manifests/v1`)
        expect(pulled.bytes.equals(Buffer.from(web.bytes))).toBe(true)
        expect((await world.get(`/v2/${path}/blobs/${web.config.digest}`)).status).toBe(200)
        expect((await world.get(`/v2/${path}/tags/list`)).json).toEqual({
          name: path,
          tags: ['v1'],
        })
        expect((await world.get(`/v2/${path}/referrers/${web.digest}`)).status).toBe(200)
        const { streams, tags } = world.domain
        const stream = streams.existing(SYSTEM, namespace, name)
        const [tag] = tags.ofStreams([stream.id], { order: 'NAME', page: { limit: 1 } })
        const pullSpec = parseReference(tag?.dockerImageReference ?? '')
        expect(parseRepositoryName(pullSpec.repository)).toEqual({ namespace, name })
      }),
      { numRuns: 60 },
    )
  })

  it('takes chunked uploads, reports them under its own name only, and removes them', async () => {
    const other = `other/${'x'.repeat(8)}`
    await fc.assert(
      fc.asyncProperty(repositoryName, async (path) => {
        const location = await world.startUpload(path)
        const id = location.slice(location.lastIndexOf('/') + 1)
        expect(location).toBe(`/v2/${path}/blobs/uploads/${id}`)
        const patched = await world.send('PATCH', location, { body: 'half' })
        expect(patched.status).toBe(202)
        expect((await world.get(`/v2/${other}/blobs/uploads/${id}`)).status).toBe(404)
        const finished = await world.put(`${location}?digest=${digestOf('halfhalf')}`, 'half')
        expect(finished.status).toBe(201)
      }),
      { numRuns: 60 },
    )
    expect(await world.blobs.uploads()).toEqual([])
  })

  it('is a source and a target of mounts', async () => {
    await fc.assert(
      fc.asyncProperty(repositoryName, repositoryName, async (from, to) => {
        const digest = await world.pushBlob(from, `of ${from}`)
        const path = `/v2/${to}/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(from)}`
        expect((await world.send('POST', path)).status).toBe(201)
        expect((await world.get(`/v2/${to}/blobs/${digest}`)).text).toBe(`of ${from}`)
      }),
      { numRuns: 40 },
    )
  })

  it('is in the catalog, whose pages continue after every name', async () => {
    const names = new Set(
      fc.sample(repositoryName, 30).map((path) => formatRepositoryName(parseRepositoryName(path))),
    )
    for (const name of names) await world.push(name, web, 'v1')
    const all: string[] = []
    for (let path: string | undefined = '/v2/_catalog?n=7'; path; ) {
      const { json, headers } = await world.get(path)
      all.push(...(json as { repositories: string[] }).repositories)
      path = /^<([^>]*)>; rel="next"$/.exec(headers.link ?? '')?.[1]
    }
    expect(all).toEqual([...new Set(all)].sort())
    for (const name of names) expect(all).toContain(name)
  })
})

describe('build caches', () => {
  it('of BuildKit are an index of layers, in a repository below that of the image', async () => {
    await world.push('build/app', web, 'v1')
    const layers = await Promise.all(
      web.layers.map(async ({ digest, mediaType, bytes }) => {
        // as BuildKit does, with the layers that the image's repository has
        const mount = `/v2/build/app/cache/blobs/uploads/?mount=${digest}&from=build%2Fapp`
        expect((await world.send('POST', mount)).status).toBe(201)
        return { mediaType, digest, size: bytes.length }
      }),
    )
    const config = JSON.stringify({ layers: [], records: [] })
    const configDigest = await world.pushBlob('build/app/cache', config)
    const document = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        ...layers,
        {
          mediaType: 'application/vnd.buildkit.cacheconfig.v0',
          digest: configDigest,
          size: Buffer.byteLength(config),
        },
      ],
    }
    const cache = { bytes: Buffer.from(JSON.stringify(document)), mediaType: OCI_INDEX }
    expect((await world.putManifest('build/app/cache', cache, 'latest')).status).toBe(201)

    expect((await world.get('/v2/build/app/cache/manifests/latest')).bytes.equals(cache.bytes)).toBe(true)
    expect((await world.get(`/v2/build/app/cache/blobs/${configDigest}`)).text).toBe(config)
    expect((await world.get('/v2/build/app/tags/list')).json).toMatchObject({ tags: ['v1'] })
  })

  it('of Kaniko are images whose tags are keys of 64 digits', async () => {
    const key = digestOf('RUN make').slice('sha256:'.length)
    await world.push('build/kaniko/cache', web, key)
    expect((await world.head(`/v2/build/kaniko/cache/manifests/${key}`)).status).toBe(200)
  })
})

describe('nested repositories', () => {
  it('share nothing: `a/b` and `a/b/c` have their own tags, blobs and referrers', async () => {
    const inner = image({ seed: 'inner' })
    await world.push('nest/b/c', inner, 'v1')

    expect((await world.get('/v2/nest/b/manifests/v1')).status).toBe(404)
    expect((await world.get(`/v2/nest/b/blobs/${inner.config.digest}`)).status).toBe(404)
    await world.push('nest/b', web, 'v1')
    const attached = asImage(artifact({ subject: inner }))
    await world.push('nest/b/c', attached)
    expect((await world.get(`/v2/nest/b/referrers/${inner.digest}`)).json).toMatchObject({ manifests: [] })
    expect((await world.get(`/v2/nest/b/c/referrers/${inner.digest}`)).json).toMatchObject({
      manifests: [{ digest: attached.digest }],
    })
    await world.delete('/v2/nest/b/manifests/v1')
    expect((await world.get('/v2/nest/b/c/manifests/v1')).status).toBe(200)
  })

  it('are named like the paths of routes without a conflict', async () => {
    const names = [
      'r/tags/list',
      'r/manifests/v1',
      'r/blobs/uploads',
      'r/referrers/x',
      'r/blobs/uploads/tags',
    ]
    for (const [at, name] of names.entries()) await world.push(name, image({ seed: `route ${at}` }), `v${at}`)

    for (const [at, name] of names.entries()) {
      const list = await world.get(`/v2/${name}/tags/list`)
      expect(list.json).toEqual({ name, tags: [`v${at}`] })
    }
  })
})

describe('an invalid name', () => {
  it.each(REFUSED_NAMES.filter(([name]) => /^[\w.+/-]*$/.test(name)))(
    'is refused with what is wrong and what is allowed: %s',
    async (name, problem) => {
      const response = await world.send('POST', `/v2/${name}/blobs/uploads/`)
      const { errors } = response.json as { errors: { code: string; message: string }[] }

      expect(response.status).toBe(404)
      expect(errors[0]?.code).toBe('NAME_INVALID')
      expect(errors[0]?.message).toContain(problem)
      expect(errors[0]?.message).toContain('; a name has one or more components, separated by "/"')
    },
  )

  it('is no source of a mount: the client uploads the blob', async () => {
    const path = `/v2/shop/web/blobs/uploads/?mount=${web.digest}&from=..%2F..%2Fetc`
    expect((await world.send('POST', path)).status).toBe(202)
  })
})

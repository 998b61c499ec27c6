import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { ImportMode } from '../../src/imagestream/image/fetch-image.ts'
import type { Image as StoredImage } from '../../src/imagestream/image/image.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { attestation, type Image, type Index, image, index, layer } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const amd64 = image({ seed: 'amd64', created: new Date('2024-03-01T00:00:00Z') })
const arm64 = image({
  seed: 'arm64',
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  created: new Date('2024-05-01T00:00:00Z'),
})
const both = index([amd64, arm64, attestation(amd64), attestation(arm64)])

/** The stream `name` of the tag `latest` of the upstream alone. */
const importAs = async (importMode: ImportMode, content: Image | Index, name = 'ruby') => {
  domain.remote.push(UPSTREAM, 'latest', content)
  const importPolicy = { insecure: false, scheduled: false, importMode }
  const tags = [fromImage('latest', UPSTREAM, { importPolicy })]
  return (await domain.create({ name, spec: { tags } })).imported
}
const stored = (digest: string): StoredImage | undefined => domain.images.byDigest(SYSTEM, digest as Digest)
const sizeOf = (...parts: (Image | Index)[]): number => {
  const sizes = new Map<string, number>()
  for (const part of parts) {
    sizes.set(part.digest, part.bytes.length)
    for (const each of part.kind === 'image' ? [part.config, ...part.layers] : []) {
      sizes.set(each.digest, each.bytes.length)
    }
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

describe('an image', () => {
  it('is stored with its exact bytes and the fields of its config', async () => {
    const built = image({
      seed: 1,
      layers: [layer('a'), layer('b'), layer('a')],
      created: new Date('2020-02-02'),
    })
    await importAs('Legacy', built)
    const found = stored(built.digest)

    expect(found).toMatchObject({
      mediaType: built.mediaType,
      dockerImageReference: `${UPSTREAM}@${built.digest}`,
      os: 'linux',
      architecture: 'amd64',
      variant: null,
      createdAt: Date.UTC(2020, 1, 2),
      size: sizeOf(built),
    })
    const id = found?.id ?? 0
    expect(Buffer.from(domain.images.manifests([id]).get(id) ?? []).equals(built.bytes)).toBe(true)
    expect(Buffer.from(domain.images.configs([id]).get(id) ?? []).equals(built.config.bytes)).toBe(true)
  })

  it('without an index is the same in both modes', async () => {
    await importAs('PreserveOriginal', amd64)

    expect(domain.digests('latest')).toEqual([amd64.digest])
  })

  it('whose config cannot be parsed is imported', async () => {
    const bytes = Buffer.from('no json')
    const config = { ...image({ seed: 1 }).config, bytes }
    await importAs('Legacy', { ...image({ seed: 1 }), config })

    expect(stored(image({ seed: 1 }).digest)).toMatchObject({ os: null, createdAt: null })
  })
})

describe('an index in mode Legacy', () => {
  it('is resolved to its image for linux/amd64, and is stored with its platforms', async () => {
    await importAs('Legacy', both)

    expect(domain.digests('latest')).toEqual([amd64.digest])
    expect(domain.remote.requested('manifest')).toEqual([both.digest, amd64.digest])
    expect(domain.remote.requested('config')).toEqual([amd64.config.digest])
    const kept = domain.images.storedManifest(both.digest)?.manifest
    expect(kept?.kind === 'index' && kept.manifests.map(({ platform }) => platform?.architecture)).toEqual([
      'amd64',
      'arm64',
      'unknown',
      'unknown',
    ])
    expect(stored(both.digest)?.size).toBeNull()
  })

  it('without an image for the platform is InvalidManifest, with the platforms that it has', async () => {
    const imported = await importAs('Legacy', index([arm64]))

    expect(imported?.state).toBe('FAILED')
    expect(domain.condition('latest')).toMatchObject({
      reason: 'InvalidManifest',
      message: expect.stringMatching(/registry\.test\/ruby:latest.*linux\/amd64.*linux\/arm64\/v8/),
    })
  })

  it('within an index is resolved up to three levels deep', async () => {
    const inside = (content: Image | Index): Index => {
      const platform = { os: 'linux', architecture: 'amd64' }
      const { mediaType, digest, bytes } = content
      const document = { manifests: [{ mediaType, digest, size: bytes.length, platform }] }
      const outer = Buffer.from(JSON.stringify(document))
      return { ...both, bytes: outer, digest: digestOf(outer), manifests: [content] }
    }
    await importAs('Legacy', inside(inside(both)), 'three')
    await importAs('Legacy', inside(inside(inside(both))), 'four')

    expect(domain.digests('latest', 'three')).toEqual([amd64.digest])
    expect(domain.condition('latest', 'four')?.message).toContain('nested more than 3 deep')
  })
})

describe('an index in mode PreserveOriginal', () => {
  it('is the tag’s image, with its children as images and without attachments', async () => {
    await importAs('PreserveOriginal', both)

    expect(domain.digests('latest')).toEqual([both.digest])
    expect(domain.remote.requested('manifest')).toEqual([both.digest, amd64.digest, arm64.digest])
    expect(stored(arm64.digest)).toMatchObject({ architecture: 'arm64', variant: 'v8' })
    expect(stored(attestation(amd64).digest)).toBeUndefined()
    expect(domain.log()).toHaveLength(1)
  })

  it('has the creation time of the annotation, else of its newest child, unless it is 1970 or 0001', async () => {
    const annotated = (created: string) =>
      index([amd64, arm64], { annotations: { 'org.opencontainers.image.created': created } })
    for (const [created, at] of [
      ['2025-01-02T03:04:05Z', Date.UTC(2025, 0, 2, 3, 4, 5)],
      ['1970-01-01T00:00:00Z', Date.UTC(2024, 4, 1)],
      ['0001-01-01T00:00:00Z', Date.UTC(2024, 4, 1)],
    ] as const) {
      await importAs('PreserveOriginal', annotated(created), `of-${created.slice(0, 4)}`)
      expect(stored(annotated(created).digest)).toMatchObject({ createdAt: at })
    }
  })

  it('without images is imported', async () => {
    const imported = await importAs('PreserveOriginal', index([]))
    expect(imported?.state).toBe('SUCCEEDED')
    expect(domain.digests('latest')).toEqual([index([]).digest])
  })

  it('without an annotation has the creation time of its newest child, and the size of all children', async () => {
    await importAs('PreserveOriginal', index([amd64, arm64]))

    expect(stored(index([amd64, arm64]).digest)).toMatchObject({
      createdAt: Date.UTC(2024, 4, 1),
      size: sizeOf(index([amd64, arm64]), amd64, arm64),
      os: null,
    })
  })

  it('is imported without a child that does not exist', async () => {
    domain.remote.push(UPSTREAM, 'latest', both)
    domain.remote.lose(UPSTREAM, arm64.digest)
    const importPolicy = { insecure: false, scheduled: false, importMode: 'PreserveOriginal' } as const
    const { imported } = await domain.create({
      spec: { tags: [fromImage('latest', UPSTREAM, { importPolicy })] },
    })

    expect(imported?.state).toBe('SUCCEEDED')
    expect(stored(both.digest)?.size).toBeNull()
    expect(stored(amd64.digest)).toBeDefined()
  })

  it('fails if a child cannot be read, and stores nothing', async () => {
    domain.remote.fail(UPSTREAM, arm64.digest, 'RegistryUnavailable')
    const imported = await importAs('PreserveOriginal', both)

    expect(imported?.state).toBe('FAILED')
    expect(domain.condition('latest')?.reason).toBe('RegistryUnavailable')
    expect(stored(both.digest)).toBeUndefined()
    expect(stored(amd64.digest)).toBeUndefined()
  })

  it('may contain indexes up to depth 3, even if some are stored already', async () => {
    const deep = (levels: number): Index | Image => (levels === 0 ? amd64 : index([deep(levels - 1)]))
    await importAs('PreserveOriginal', deep(3), 'three')
    await importAs('PreserveOriginal', deep(4), 'four')

    expect(domain.digests('latest', 'three')).toEqual([deep(3).digest])
    expect(domain.condition('latest', 'four')).toMatchObject({
      reason: 'InvalidManifest',
      message: expect.stringContaining('nested more than 3 deep'),
    })
  })

  it('fetches only the missing children of an index that mode Legacy read', async () => {
    await importAs('Legacy', both, 'legacy')
    domain.remote.takeCalls()
    await importAs('PreserveOriginal', both)

    expect(domain.remote.requested('manifest')).toEqual([arm64.digest])
    expect(stored(both.digest)).toMatchObject({ createdAt: Date.UTC(2024, 4, 1), size: expect.any(Number) })
  })
})

describe('the image of an index in mode Legacy', () => {
  const variantOf = (architecture: string, variant?: string) =>
    image({
      seed: `${architecture}${variant}`,
      platform: { os: 'linux', architecture, ...(variant && { variant }) },
    })
  const [v1, v2, v3] = [variantOf('amd64'), variantOf('amd64', 'v2'), variantOf('amd64', 'v3')]

  it('is the one that every processor runs, wherever it stands', async () => {
    await importAs('Legacy', index([v3, v2, v1]))
    expect(domain.digests('latest')).toEqual([v1.digest])
  })

  it('is the one with the base variant where that is named', async () => {
    const named = variantOf('amd64', 'v1')
    await importAs('Legacy', index([v3, named, v2]))
    expect(domain.digests('latest')).toEqual([named.digest])
  })

  it('is the first variant where there is no other', async () => {
    await importAs('Legacy', index([v3, v2]))
    expect(domain.digests('latest')).toEqual([v3.digest])
  })

  it('is found in an index in it that does not name its platform', async () => {
    await importAs('Legacy', index([arm64, index([v3, v1])]))
    expect(domain.digests('latest')).toEqual([v1.digest])
  })
})

it('an index none of whose images exist is not imported in mode PreserveOriginal', async () => {
  domain.remote.push(UPSTREAM, 'latest', both)
  for (const { digest } of both.manifests) domain.remote.lose(UPSTREAM, digest as Digest)
  const importPolicy = { insecure: false, scheduled: false, importMode: 'PreserveOriginal' as const }
  await domain.create({ spec: { tags: [fromImage('latest', UPSTREAM, { importPolicy })] } })

  expect(domain.condition('latest')).toMatchObject({
    reason: 'InvalidManifest',
    message: expect.stringContaining('none of the 2 images of the index'),
  })
  expect(domain.digests('latest')).toEqual([])
})

describe('content', () => {
  it('is fetched once for many tags and streams', async () => {
    for (const tag of ['latest', '3', '3.3', '3.3.0']) domain.remote.push(UPSTREAM, tag, both)
    await domain.create({ name: 'one' })
    await domain.create({ name: 'two' })

    expect(domain.remote.requested('manifest')).toEqual([both.digest, amd64.digest])
    expect(domain.remote.requested('config')).toEqual([amd64.config.digest])
  })

  it('is fetched once by two concurrent imports of different streams', async () => {
    domain.remote.push(UPSTREAM, 'latest', both).push('mirror.test/ruby', 'latest', both)
    const held = domain.remote.hold(({ kind }) => kind === 'manifest')
    const begin = (name: string, from: string): number =>
      domain.writer.create(SYSTEM, { namespace: 'default', name, spec: { dockerImageRepository: from } })
        .importId ?? 0
    const imports = [begin('one', UPSTREAM), begin('two', 'mirror.test/ruby')]
    await held.reached
    held.release()
    await Promise.all(imports.map((id) => domain.finished(id)))

    expect(domain.remote.requested('manifest')).toEqual([both.digest, amd64.digest])
    expect(domain.remote.requested('config')).toEqual([amd64.config.digest])
    expect([domain.digests('latest', 'one'), domain.digests('latest', 'two')]).toEqual([
      [amd64.digest],
      [amd64.digest],
    ])
  })

  it('that one import fails to fetch is fetched by the other', async () => {
    domain.remote.push(UPSTREAM, 'latest', amd64).push('mirror.test/ruby', 'latest', amd64)
    domain.remote.fail(UPSTREAM, amd64.digest, 'Unauthorized')
    const held = domain.remote.hold(({ kind }) => kind === 'manifest')
    const begin = (name: string, from: string): number =>
      domain.writer.create(SYSTEM, { namespace: 'default', name, spec: { dockerImageRepository: from } })
        .importId ?? 0
    const imports = [begin('one', UPSTREAM), begin('two', 'mirror.test/ruby')]
    await held.reached
    held.release()
    await Promise.all(imports.map((id) => domain.finished(id)))

    expect(domain.condition('latest', 'one')?.reason).toBe('Unauthorized')
    expect(domain.digests('latest', 'two')).toEqual([amd64.digest])
  })

  it('of two manifests with one config: the config is fetched once', async () => {
    const oci = image({ seed: 1 })
    domain.remote.push(UPSTREAM, 'a', oci)
    const other = Buffer.from(`${oci.bytes.toString()} `)
    domain.remote.push(UPSTREAM, 'b', { ...oci, bytes: other, digest: digestOf(other) })
    await domain.create()

    expect(parseManifest(other, oci.mediaType)).toMatchObject({ config: { digest: oci.config.digest } })
    expect(domain.remote.requested('manifest')).toHaveLength(2)
    expect(domain.remote.requested('config')).toEqual([oci.config.digest])
  })
})

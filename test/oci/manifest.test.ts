import { describe, expect, it } from 'vitest'
import { isAttachment, parseDescriptor } from '../../src/oci/descriptor.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { InvalidManifestError, MAX_INDEX_CHILDREN, parseManifest } from '../../src/oci/manifest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1_SIGNED,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-types.ts'
import { attestation, image, index } from '../fixtures/random-image.ts'

const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const config = { mediaType: OCI_CONFIG, digest: digestOf('config'), size: 6 }
const child = { mediaType: OCI_MANIFEST, digest: digestOf('child'), size: 5 }

describe('a manifest', () => {
  it('of one image names its config and layers', () => {
    const built = image({ seed: 1 })

    expect(parseManifest(built.bytes, built.mediaType)).toMatchObject({
      kind: 'image',
      mediaType: OCI_MANIFEST,
      artifact: false,
      config: { digest: built.config.digest },
      layers: built.layers.map(({ digest }) => ({ digest })),
    })
  })

  it('of manifests names each child with its platform', () => {
    const built = index([image({ seed: 1 })], { docker: true })

    expect(parseManifest(built.bytes, built.mediaType)).toMatchObject({
      kind: 'index',
      mediaType: DOCKER_LIST,
      manifests: [{ platform: { os: 'linux', architecture: 'amd64' } }],
    })
  })

  it('has its own media type when the Content-Type is not a manifest type', () => {
    const bytes = bytesOf({ mediaType: DOCKER_LIST, manifests: [] })

    expect(parseManifest(bytes, 'application/json; charset=utf-8').mediaType).toBe(DOCKER_LIST)
    expect(parseManifest(bytes).mediaType).toBe(DOCKER_LIST)
  })

  it('without any type is recognized by its fields', () => {
    expect(parseManifest(bytesOf({ config, layers: [] })).mediaType).toBe(OCI_MANIFEST)
    expect(parseManifest(bytesOf({ manifests: [child] })).mediaType).toBe(OCI_INDEX)
  })

  it('is read with any case and parameters of its Content-Type', () => {
    const sent = `${DOCKER_MANIFEST.toUpperCase()}; charset=utf-8`

    expect(parseManifest(bytesOf({ config, layers: [] }), sent).mediaType).toBe(DOCKER_MANIFEST)
  })

  it('with another config than an image’s is an artifact', () => {
    const helm = { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' }

    expect(parseManifest(bytesOf({ config: helm, layers: [] }))).toMatchObject({ artifact: true })
    expect(parseManifest(bytesOf({ artifactType: 'text/plain', config, layers: [] }))).toMatchObject({
      artifact: true,
    })
  })

  it('with zero-length manifests is legal', () => {
    expect(parseManifest(bytesOf({ manifests: [] }), OCI_INDEX)).toMatchObject({
      kind: 'index',
      manifests: [],
    })
  })

  it('with unknown media types, of its layers, children or config, does not error', () => {
    const odd = (size: number) => ({ ...child, size, mediaType: 'application/vnd.example.odd.v7+cbor' })
    expect(parseManifest(bytesOf({ config, layers: [odd(1), odd(2)] }))).toMatchObject({ artifact: false })
    expect(parseManifest(bytesOf({ config: odd(1), layers: [] }))).toMatchObject({ artifact: true })
    expect(parseManifest(bytesOf({ manifests: [odd(1)] }))).toMatchObject({ kind: 'index' })
  })

  it('keeps only annotations that are text', () => {
    const { annotations } = parseManifest(bytesOf({ config, annotations: { a: '1', b: 2 } }))

    expect(annotations).toEqual({ a: '1' })
  })
})

describe('bytes that are not a manifest', () => {
  it.each([
    ['a web page', '<!doctype html><html></html>', 'text/html', 'web page'],
    ['a web page behind blanks', '\n  <html>', '', 'web page'],
    ['a cut off one', '{"schemaVersion":2,"conf', OCI_MANIFEST, 'cut off'],
    ['nothing', '', OCI_MANIFEST, 'cut off'],
    ['a list', '[]', OCI_MANIFEST, 'not a JSON object'],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, '', 'schema 1'],
    ['schema 1 by its type', { config, layers: [] }, DOCKER_SCHEMA1_SIGNED, 'schema 1'],
    ['a type that contradicts', { mediaType: DOCKER_LIST, manifests: [] }, OCI_INDEX, 'but its mediaType is'],
    ['manifests beside layers', { manifests: [], layers: [] }, '', 'both "manifests" and "layers"'],
    ['manifests beside a config', { manifests: [], config }, '', 'both "manifests" and "layers"'],
    ['an index with layers', { layers: [] }, OCI_INDEX, 'has layers'],
    ['an image with children', { manifests: [] }, OCI_MANIFEST, 'has children'],
    ['no config', { layers: [] }, OCI_MANIFEST, '"config"'],
    ['a layer without digest', { config, layers: [{ size: 1 }] }, OCI_MANIFEST, '"layers[0]"'],
    ['a child of negative size', { manifests: [{ ...child, size: -1 }] }, OCI_INDEX, '"manifests[0]"'],
    ['children that are no list', { manifests: {} }, OCI_INDEX, '"manifests" is not a list'],
  ])('are refused with the reason: %s', (_what, value, contentType, message) => {
    const parse = () => parseManifest(bytesOf(value), contentType)

    expect(parse).toThrow(InvalidManifestError)
    expect(parse).toThrow(message)
  })

  it('are refused if they are not UTF-8', () => {
    expect(() => parseManifest(new Uint8Array([0x7b, 0xff, 0x7d]))).toThrow(InvalidManifestError)
  })

  it('are refused with 1001 children, and accepted with 1000', () => {
    const children = Array.from({ length: MAX_INDEX_CHILDREN }, () => child)

    expect(parseManifest(bytesOf({ manifests: children }))).toMatchObject({ kind: 'index' })
    expect(() => parseManifest(bytesOf({ manifests: [...children, child] }))).toThrow('1001 children')
  })

  it('are refused without recursion at any depth', () => {
    const deep = `{"config":${'['.repeat(200_000)}${']'.repeat(200_000)}}`

    expect(() => parseManifest(bytesOf(deep), OCI_MANIFEST)).toThrow(InvalidManifestError)
  })
})

describe('a descriptor', () => {
  it.each([{ size: 1.5 }, { size: '5' }, { size: 2 ** 53 }, { digest: 'md5:0' }, { digest: null }])(
    'is refused with %j',
    (wrong) => {
      expect(parseDescriptor({ ...child, ...wrong })).toBeUndefined()
    },
  )

  it('has a platform only with os and architecture', () => {
    expect(parseDescriptor({ ...child, platform: { os: 'linux' } })).not.toHaveProperty('platform')
    expect(
      parseDescriptor({ ...child, platform: { os: 'linux', architecture: 'arm', variant: '' } }),
    ).toMatchObject({ platform: { os: 'linux', architecture: 'arm' } })
  })

  it('is an attachment with the type attestation-manifest, the platform unknown/unknown, or an artifactType', () => {
    const subject = image({ seed: 1 })
    const built = index([subject, attestation(subject)])
    const manifest = parseManifest(built.bytes, built.mediaType)

    expect(manifest.kind === 'index' && manifest.manifests.map(isAttachment)).toEqual([false, true])
    // each by itself: some name the platform that they attest
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' }
    expect(isAttachment({ ...child, annotations })).toBe(true)
    expect(isAttachment({ ...child, annotations: {} })).toBe(false)
    expect(isAttachment({ ...child, annotations: {}, artifactType: 'application/sbom' })).toBe(true)
    const unknown = { os: 'unknown', architecture: 'unknown' }
    expect(isAttachment({ ...child, annotations: {}, platform: unknown })).toBe(true)
  })
})

import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { kindOf } from '../../src/oci/manifest-kind.ts'
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-types.ts'

const TAR = 'application/vnd.oci.image.layer.v1.tar+gzip'
const content = (mediaType: string, more: object = {}) => ({
  mediaType,
  digest: digestOf(mediaType),
  size: 1,
  ...more,
})
const manifest = (configType: string, layerTypes: readonly string[], more: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: content(configType),
  layers: layerTypes.map((type) => content(type)),
  ...more,
})
const index = (manifests: readonly object[], more: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests,
  ...more,
})
const kind = (
  document: object,
  config: object | null = null,
  children: ReturnType<typeof kindOf> | undefined = undefined,
) =>
  kindOf(parseManifest(Buffer.from(JSON.stringify(document))), {
    config: config && Buffer.from(JSON.stringify(config)),
    kindOfChild: () => children,
  })

const IMAGE = { kind: 'IMAGE', artifactType: null } as const
const INDEX = { kind: 'INDEX', artifactType: null } as const
const artifact = (artifactType: string | null) => ({ kind: 'ARTIFACT', artifactType }) as const

const HELM = 'application/vnd.cncf.helm.config.v1+json'
const CACHE = 'application/vnd.buildkit.cacheconfig.v0'
const SIGNED = 'application/vnd.dev.cosign.simplesigning.v1+json'

describe('the kind of a manifest', () => {
  it.each<[string, object, ReturnType<typeof kind>]>([
    ['an image', manifest(OCI_CONFIG, [TAR]), IMAGE],
    ['an image of Docker', { ...manifest(DOCKER_CONFIG, [TAR]), mediaType: DOCKER_MANIFEST }, IMAGE],
    ['an image of an old Docker', manifest('application/octet-stream', [TAR]), IMAGE],
    ['an image without layers', manifest(OCI_CONFIG, []), IMAGE],
    ['an image with layers of an unknown type', manifest(OCI_CONFIG, ['application/vnd.example.odd']), IMAGE],
    [
      'an artifact type',
      manifest('application/vnd.oci.empty.v1+json', [], { artifactType: 'application/spdx+json' }),
      artifact('application/spdx+json'),
    ],
    [
      'an artifact type and the config of an image',
      manifest(OCI_CONFIG, [TAR], { artifactType: 'application/x' }),
      artifact('application/x'),
    ],
    ['a Helm chart', manifest(HELM, ['application/vnd.cncf.helm.chart.content.v1.tar+gzip']), artifact(HELM)],
    ['a signature of cosign', manifest(OCI_CONFIG, [SIGNED]), artifact(SIGNED)],
    [
      'an attestation of cosign',
      manifest(OCI_CONFIG, ['application/vnd.dsse.envelope.v1+json']),
      artifact('application/vnd.dsse.envelope.v1+json'),
    ],
    ['an SBOM of cosign', manifest(OCI_CONFIG, ['text/spdx']), artifact('text/spdx')],
    [
      'a WASM module',
      manifest('application/vnd.wasm.config.v0+json', ['application/wasm']),
      artifact('application/vnd.wasm.config.v0+json'),
    ],
    ['a build cache of BuildKit', manifest(CACHE, [TAR]), artifact(CACHE)],
    ['a build cache of an old BuildKit', index([content(TAR), content(CACHE)]), artifact(CACHE)],
    [
      'a plugin of Docker',
      manifest('application/vnd.docker.plugin.v1+json', [TAR]),
      artifact('application/vnd.docker.plugin.v1+json'),
    ],
    ['an index', index([content(OCI_MANIFEST, { platform: { os: 'linux', architecture: 'amd64' } })]), INDEX],
    [
      'an index with an attestation',
      index([content(OCI_MANIFEST), content(OCI_MANIFEST, { artifactType: 'application/x' })]),
      INDEX,
    ],
    ['an empty index', index([]), INDEX],
    [
      'an index with an artifact type',
      index([content(OCI_MANIFEST)], { artifactType: 'application/x' }),
      artifact('application/x'),
    ],
    [
      'an index of artifacts',
      index([content(OCI_MANIFEST, { artifactType: 'application/x' })]),
      artifact('application/x'),
    ],
    [
      'an index of several artifacts',
      index([
        content(OCI_MANIFEST, { artifactType: 'application/x' }),
        content(OCI_MANIFEST, { artifactType: 'application/y' }),
      ]),
      artifact(null),
    ],
  ])('of %s', (_what, document, expected) => {
    expect(kind(document)).toEqual(expected)
  })

  it('of an index all of whose known children are artifacts', () => {
    const document = index([content(OCI_MANIFEST)])

    expect(kind(document, null, artifact(HELM))).toEqual(artifact(HELM))
    expect(kind(document, null, IMAGE)).toEqual(INDEX)
    expect(kind(document, null, undefined)).toEqual(INDEX)
  })

  it('of a layer that kaniko caches, and of an image that kaniko built', () => {
    const history = [{ author: 'kaniko', created_by: 'RUN make' }]
    const document = manifest(DOCKER_CONFIG, [TAR])

    expect(kind(document, { os: '', architecture: '', history })).toEqual(artifact(null))
    expect(kind(document, { os: 'linux', architecture: 'amd64', history })).toEqual(IMAGE)
    expect(kind(document, { os: '', architecture: '', history: [] })).toEqual(IMAGE)
  })
})

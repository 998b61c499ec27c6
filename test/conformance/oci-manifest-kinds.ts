import { type Digest, type DigestAlgorithm, digestOf } from '../../src/oci/digest.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-types.ts'
import type { Client } from '../registry/client.ts'
import { EMPTY_CONFIG } from '../registry/manifest-documents.ts'

/** A manifest that can be pushed: everything that it refers to exists. */
export interface Prepared {
  readonly bytes: Buffer
  readonly mediaType: string
  /** Digest by the kind's algorithm. */
  readonly digest: Digest
  readonly subject?: Digest
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly [field: string]: unknown
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** Creates the content of a conformance suite, with all digests by one algorithm. */
export class Kinds {
  readonly #client: Client
  readonly #repository: string
  readonly #algorithm: DigestAlgorithm

  constructor(client: Client, repository: string, algorithm: DigestAlgorithm) {
    this.#client = client
    this.#repository = repository
    this.#algorithm = algorithm
  }

  prepare(document: object, mediaType: string): Prepared {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }))
    const subject = (document as { subject?: Descriptor }).subject?.digest
    return { bytes, mediaType, digest: digestOf(bytes, this.#algorithm), ...(subject && { subject }) }
  }

  /** Pushes by digest, with tags; throws unless it is accepted. */
  async put({ bytes, mediaType, digest }: Prepared, tags: readonly string[] = []): Promise<Descriptor> {
    const query = tags.length > 0 ? `?${tags.map((tag) => `tag=${tag}`).join('&')}` : ''
    const path = `/v2/${this.#repository}/manifests/${digest}${query}`
    const { status, text } = await this.#client.put(path, bytes, { 'content-type': mediaType })
    if (status !== 201) throw new Error(`push responded with ${status}: ${text}`)
    return { mediaType, digest, size: bytes.length }
  }

  async blob(text: string, mediaType: string): Promise<Descriptor> {
    const digest = await this.#client.pushBlob(this.#repository, text, this.#algorithm)
    return { mediaType, digest, size: Buffer.byteLength(text) }
  }

  readonly config = (architecture = 'amd64') =>
    this.blob(
      JSON.stringify({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
      OCI_CONFIG,
    )
  readonly empty = () => this.blob('{}', EMPTY_CONFIG)
  readonly missing = (text: string, mediaType: string): Descriptor => ({
    mediaType,
    digest: digestOf(text, this.#algorithm),
    size: text.length,
  })

  async image({ architecture = 'amd64', ...more }: { architecture?: string; [field: string]: unknown } = {}) {
    const layers = [await this.blob('layer one', LAYER), await this.blob('layer two', LAYER)]
    return this.prepare({ config: await this.config(architecture), layers, ...more }, OCI_MANIFEST)
  }

  async artifact(more: object = {}) {
    const layers = [await this.blob('content', 'application/vnd.example.content')]
    const document = { artifactType: 'application/vnd.example', config: await this.empty(), layers, ...more }
    return this.prepare(document, OCI_MANIFEST)
  }

  async index(more: object = {}) {
    const platform = (architecture: string) => ({ os: 'linux', architecture })
    const manifests = []
    for (const architecture of ['amd64', 'arm64']) {
      const child = await this.put(await this.image({ architecture }))
      manifests.push({ ...child, platform: platform(architecture) })
    }
    return this.prepare({ manifests, ...more }, OCI_INDEX)
  }
}

/** Each kind of manifest that a registry must take. */
export const KINDS: Readonly<Record<string, (kinds: Kinds) => Promise<Prepared>>> = {
  'an image': (kinds) => kinds.image(),
  'an image of uncompressed layers': async (kinds) =>
    kinds.image({ layers: [await kinds.blob('a tar', 'application/vnd.oci.image.layer.v1.tar')] }),
  'an image of 3.9 MB': (kinds) => kinds.image({ annotations: { padding: 'x'.repeat(3_900_000) } }),
  'an index': (kinds) => kinds.index(),
  'an index of indexes': async (kinds) =>
    kinds.prepare({ manifests: [await kinds.put(await kinds.index())] }, OCI_INDEX),
  'an index of nothing': async (kinds) => kinds.prepare({ manifests: [] }, OCI_INDEX),
  'an artifact': (kinds) => kinds.artifact(),
  'an index of artifacts': async (kinds) =>
    kinds.prepare(
      { artifactType: 'application/vnd.example.list', manifests: [await kinds.put(await kinds.artifact())] },
      OCI_INDEX,
    ),
  'an artifact with a subject': async (kinds) =>
    kinds.artifact({ subject: await kinds.put(await kinds.image()) }),
  'an index with a subject': async (kinds) => kinds.index({ subject: await kinds.put(await kinds.image()) }),
  'an artifact whose subject is missing': (kinds) =>
    kinds.artifact({ subject: kinds.missing('never pushed', OCI_MANIFEST) }),
  'an artifact with its content inside': async (kinds) =>
    kinds.artifact({
      config: { ...(await kinds.empty()), data: Buffer.from('{}').toString('base64') },
    }),
  'an image with unknown fields': async (kinds) =>
    kinds.image({
      'org.example.field': { nested: ['x', null, 1.5e3] },
      config: { ...(await kinds.config()), 'org.example.more': true },
    }),
  'an image without layers': (kinds) => kinds.image({ layers: [] }),
  'an image of layers that may not be distributed': (kinds) =>
    kinds.image({
      layers: [
        kinds.missing('kept', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
        kinds.missing('foreign', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
        { ...kinds.missing('elsewhere', LAYER), urls: ['https://example.test/layer'] },
      ],
    }),
}

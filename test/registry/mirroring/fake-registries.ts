import { Readable } from 'node:stream'
import type { Descriptor } from '../../../src/oci/descriptor.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { RegistryError, type RegistryErrorReason } from '../../../src/oci/registry-error.ts'
import type { TagName } from '../../../src/oci/tag.ts'
import type {
  DestinationOptions,
  ImageDestination,
  ImageDestinations,
} from '../../../src/registry/mirroring/destination.ts'
import type { MirroredImage, RepositoryReference } from '../../../src/registry/mirroring/mirroring.ts'
import type { ImageSources } from '../../../src/registry/mirroring/source.ts'
import type { Artifact } from '../../fixtures/artifacts.ts'
import type { Content, Image, Index } from '../../fixtures/random-image.ts'

export const failure = (reason: RegistryErrorReason, message: string = reason): RegistryError =>
  new RegistryError(message, { reason, registry: 'registry.test' })

const contentsOf = (one: Image | Index): Content[] =>
  one.kind === 'index' ? one.manifests.flatMap(contentsOf).concat(one) : [one.config, ...one.layers, one]

/** Another registry with one repository to read, in memory. */
export class FakeSource implements ImageSources {
  readonly contents = new Map<Digest, Content>()
  readonly tags = new Map<TagName, Digest>()
  readonly referrers = new Map<Digest, Descriptor[]>()
  /** What was read, in order: `manifest sha256:…`, `blob sha256:…`. */
  readonly log: string[] = []
  /** Replaces the bytes of blobs. */
  corrupt: (bytes: Buffer) => Buffer = (bytes) => bytes

  push(tag: string | null, one: Image | Index): void {
    for (const content of contentsOf(one)) this.contents.set(content.digest, content)
    if (tag !== null) this.tags.set(tag as TagName, one.digest)
  }

  attach(subject: Digest, artifact: Artifact): void {
    for (const content of [...artifact.blobs, artifact]) this.contents.set(content.digest, content)
    const { mediaType, digest, bytes } = artifact
    const listed = this.referrers.get(subject) ?? []
    this.referrers.set(subject, [...listed, { mediaType, digest, size: bytes.length, annotations: {} }])
  }

  isOwn = (registry: string): boolean => registry === 'registry.here'

  open: ImageSources['open'] = () => {
    const digestOfTag = async (tag: TagName) => this.tags.get(tag) ?? null
    return {
      digestOfTag,
      resolveTag: async (tag) => {
        const digest = await digestOfTag(tag)
        if (digest === null) throw failure('NotFound')
        return digest
      },
      fetchManifest: async (digest) => {
        this.log.push(`manifest ${digest}`)
        const found = this.contents.get(digest)
        if (!found) throw failure('NotFound')
        return { bytes: found.bytes, contentType: found.mediaType }
      },
      listReferrers: async (subject) => ({ descriptors: this.referrers.get(subject) ?? [] }),
    }
  }

  async *list(_viewer: unknown, of: object): AsyncGenerator<readonly MirroredImage[]> {
    const repository = of as RepositoryReference
    for (const tag of this.tags.keys()) yield [{ source: { ...repository, tag, digest: null }, tag }]
  }

  fetchBlob: ImageSources['fetchBlob'] = async (_reference, _options, { digest }) => {
    this.log.push(`blob ${digest}`)
    const found = this.contents.get(digest)
    if (!found) throw failure('NotFound')
    return Readable.from([...chunks(this.corrupt(found.bytes))])
  }
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 64) yield bytes.subarray(at, at + 64)
}

/** What a fake destination was asked to do. */
export type Step = readonly [
  step: 'has manifest' | 'has blob' | 'tag' | 'mount' | 'upload' | 'put' | 'list referrer',
  repository: string,
  what: string,
]

/** A registry to push to, in memory. It refuses manifests whose content it lacks. */
export class FakeDestinations implements ImageDestinations {
  readonly blobs = new Map<string, Map<Digest, Buffer>>()
  readonly manifests = new Map<string, Map<Digest, Buffer>>()
  readonly tags = new Map<string, Digest>()
  readonly log: Step[] = []
  readonly opened: DestinationOptions[] = []
  listsReferrers = true
  mounts = true
  /** Called before each step; rejects to fail it. */
  hook: (...step: Step) => Promise<void> | void = () => {}
  /** Bytes after which the upload of a blob is interrupted once, and continued from there. */
  interruptAt = 0

  locate = (repository: RepositoryReference): RepositoryReference => repository

  steps(step: Step[0]): readonly string[] {
    return this.log.filter(([name]) => name === step).map(([, , what]) => what)
  }

  open({ repository }: RepositoryReference, options: DestinationOptions): ImageDestination {
    this.opened.push(options)
    const of = <Value>(all: Map<string, Map<Digest, Value>>, name = repository): Map<Digest, Value> => {
      const found = all.get(name) ?? new Map<Digest, Value>()
      all.set(name, found)
      return found
    }
    const take = async (step: Step[0], what: string): Promise<void> => {
      options.signal.throwIfAborted()
      this.log.push([step, repository, what])
      await this.hook(step, repository, what)
      options.signal.throwIfAborted()
    }
    return {
      hasBlob: async (digest) => {
        await take('has blob', digest)
        return of(this.blobs).has(digest)
      },
      hasManifest: async (digest) => {
        await take('has manifest', digest)
        return of(this.manifests).has(digest)
      },
      digestOfTag: async (tag) => {
        await take('tag', tag)
        return this.tags.get(`${repository}:${tag}`) ?? null
      },
      pushBlob: async ({ digest, size, read }, { mountFrom, onProgress }) => {
        const mounted = this.mounts && mountFrom && of(this.blobs, mountFrom).get(digest)
        if (mounted) {
          await take('mount', digest)
          of(this.blobs).set(digest, mounted)
          return 'MOUNTED'
        }
        await take('upload', digest)
        const received = await this.#receive(read, onProgress)
        if (received.length !== size || digestOf(received) !== digest) throw failure('InvalidManifest')
        of(this.blobs).set(digest, received)
        return 'UPLOADED'
      },
      pushManifest: async ({ reference, bytes }) => {
        await take('put', reference)
        const digest = digestOf(bytes)
        for (const part of partsOf(bytes)) {
          if (!of(this.blobs).has(part) && !of(this.manifests).has(part)) throw failure('MissingContent')
        }
        of(this.manifests).set(digest, Buffer.from(bytes))
        if (reference !== digest) this.tags.set(`${repository}:${reference}`, digest)
        return { digest, isReferrerListed: this.listsReferrers }
      },
      addReferrer: async (subject, { digest }) => take('list referrer', `${subject} ${digest}`),
    }
  }

  async #receive(
    read: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    onProgress: (sent: number) => void,
  ): Promise<Buffer> {
    let received = Buffer.alloc(0)
    let limit = this.interruptAt
    for (;;) {
      let isInterrupted = false
      for await (const chunk of await read(received.length)) {
        received = Buffer.concat([received, chunk])
        onProgress(received.length)
        isInterrupted = limit > 0 && received.length >= limit
        if (isInterrupted) break
      }
      if (!isInterrupted) return received
      limit = 0
    }
  }
}

function partsOf(bytes: Uint8Array): readonly Digest[] {
  const { config, layers = [], manifests = [] } = JSON.parse(Buffer.from(bytes).toString())
  return [...(config ? [config] : []), ...layers, ...manifests].map(({ digest }) => digest)
}

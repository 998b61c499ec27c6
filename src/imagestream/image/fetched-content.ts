import type { WorkShare } from '../../concurrency/shared-work.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { checkConfig, type ImageManifest, parseManifest } from '../../oci/manifest.ts'
import type { FetchedImage, Image, StoredManifest } from './image.ts'
import type { Images } from './images.ts'
import type { RemoteManifest, RemoteRepository, ResolvedTag } from './remote-registry.ts'

interface FetchedContentOptions {
  readonly images: Images
  readonly repository: RemoteRepository
  /** Namespace whose content is not fetched again. */
  readonly namespace: string
  readonly share: WorkShare
}

/** Manifests and configs of one repository. Each is fetched once, unless the namespace has it. Throws RegistryError. */
export class FetchedContent implements Disposable {
  readonly #images: Images
  readonly #repository: RemoteRepository
  readonly #namespace: string
  readonly #share: WorkShare

  constructor({ images, repository, namespace, share }: FetchedContentOptions) {
    this.#images = images
    this.#repository = repository
    this.#namespace = namespace
    this.#share = share
  }

  /** Returns the image if the namespace has it. */
  held(digest: Digest): Image | undefined {
    return this.#images.confirmed(this.#namespace, digest)
  }

  /** Shares work with the sessions of the namespace. */
  #once<Result>(digest: Digest, run: () => Promise<Result>): Promise<Result> {
    return this.#share.once(`${this.#namespace} ${digest}`, run)
  }

  /** Requests the manifest from this repository, also if another repository has it. */
  async confirm(digest: Digest): Promise<ResolvedTag> {
    if (!this.held(digest)) {
      return { digest, manifest: await this.#repository.fetchManifest(digest) }
    }
    await this.#repository.confirmManifest(digest)
    return { digest }
  }

  /** Returns an image with its config; an artifact has none. */
  async image(
    digest: Digest,
    content: StoredManifest,
    { config, artifact }: ImageManifest,
  ): Promise<FetchedImage> {
    if (artifact) return { ...content, digest, config: null, children: [] }
    const bytes =
      this.#images.confirmedConfig(this.#namespace, config.digest) ??
      (await this.#once(config.digest, () => this.#fetchConfig(config)))
    return { ...content, digest, config: { digest: config.digest, bytes }, children: [] }
  }

  async #fetchConfig(config: Descriptor): Promise<Uint8Array> {
    const bytes = await this.#repository.fetchConfig(config)
    checkConfig(bytes)
    return bytes
  }

  /** Returns a manifest: the one that the namespace has, `already`, or else the one that the repository has. */
  manifest(
    digest: Digest,
    held: Image | undefined,
    already: RemoteManifest | undefined,
  ): StoredManifest | Promise<StoredManifest> {
    const kept = held && this.#images.storedManifest(digest)
    if (kept) return kept
    return this.#once(digest, async () => {
      const { bytes, contentType } = already ?? (await this.#repository.fetchManifest(digest))
      return { bytes, manifest: parseManifest(bytes, contentType) }
    })
  }

  [Symbol.dispose](): void {
    this.#share[Symbol.dispose]()
  }
}

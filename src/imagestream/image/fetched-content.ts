import type { WorkShare } from '../../concurrency/shared-work.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { checkConfig, type ImageManifest, parseManifest } from '../../oci/manifest.ts'
import type { FetchedImage, Image, StoredManifest } from './image.ts'
import type { Images } from './images.ts'
import type { RemoteManifest, RemoteRepository, ResolvedTag } from './remote-registry.ts'

/** Manifests and configs of one repository. Each is fetched once; stored ones are not fetched. Throws RegistryError. */
export class FetchedContent implements Disposable {
  readonly #images: Images
  readonly #repository: RemoteRepository
  readonly #share: WorkShare

  constructor(images: Images, repository: RemoteRepository, share: WorkShare) {
    this.#images = images
    this.#repository = repository
    this.#share = share
  }

  /** Requests the manifest from this repository: it may be stored because another repository, or namespace, has it. */
  async confirm(digest: Digest): Promise<ResolvedTag> {
    if (!this.#images.storedManifest(digest)) {
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
      this.#images.storedConfig(config.digest) ??
      (await this.#share.once(config.digest, () => this.#fetchConfig(config)))
    return { ...content, digest, config: { digest: config.digest, bytes }, children: [] }
  }

  async #fetchConfig(config: Descriptor): Promise<Uint8Array> {
    const bytes = await this.#repository.fetchConfig(config)
    checkConfig(bytes)
    return bytes
  }

  /** Returns a manifest: the stored one, `already`, or else the one that the repository has. */
  manifest(
    digest: Digest,
    stored: Image | undefined,
    already: RemoteManifest | undefined,
  ): StoredManifest | Promise<StoredManifest> {
    const kept = stored && this.#images.storedManifest(digest)
    if (kept) return kept
    return this.#share.once(digest, async () => {
      const { bytes, contentType } = already ?? (await this.#repository.fetchManifest(digest))
      return { bytes, manifest: parseManifest(bytes, contentType) }
    })
  }

  [Symbol.dispose](): void {
    this.#share[Symbol.dispose]()
  }
}

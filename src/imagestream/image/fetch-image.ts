import { SharedWork } from '../../concurrency/shared-work.ts'
import type { Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidManifestError, MAX_INDEX_DEPTH } from '../../oci/manifest.ts'
import { isArtifactIndex } from '../../oci/manifest-kind.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { imagesOfIndex } from './changed-platforms.ts'
import { choosePlatform } from './choose-platform.ts'
import { FetchedContent } from './fetched-content.ts'
import { type FetchedImage, type Image, ImageGoneError, isComplete, type StoredManifest } from './image.ts'
import type { Images } from './images.ts'
import type { RemoteManifest, RemoteRepository, ResolvedTag } from './remote-registry.ts'

export type ImportMode = 'Legacy' | 'PreserveOriginal'

/** The image of a tag, with the index that it was chosen from. */
export interface FetchedTagImage {
  readonly image: FetchedImage | Image
  /** The index of a Legacy import, which is stored so that it is fetched once and for its list of platforms. */
  readonly index: FetchedImage | Image | null
}

/**
 * Fetches images. Manifests and configs that the namespace has are not fetched again, and content that several of its
 * imports need at the same time is fetched by the first. What only other namespaces have is fetched: a registry that
 * confirms a digest need not have the content, and any host that has the content of an image can be its registry.
 */
export type ImageFetcher = ReturnType<typeof createImageFetcher>

export function createImageFetcher(images: Images) {
  const work = new SharedWork()
  return {
    /**
     * Starts a session with the credentials of a namespace. Dispose of it after its images are stored: until then other
     * sessions of the namespace share what it fetched.
     */
    begin: (repository: RemoteRepository, namespace: string): FetchSession =>
      new FetchSession(new FetchedContent({ images, repository, namespace, share: work.begin() })),
  }
}

/** Maximum number of attempts for an image that is pruned while it is fetched; each failure needs a run of the pruner. */
const MAXIMUM_ATTEMPTS = 3

/** A tag whose image is fetched. */
export interface TagImageRequest {
  readonly repository: RemoteRepository
  /** Namespace whose credentials the repository is read with. */
  readonly namespace: string
  readonly resolved: ResolvedTag
  readonly importMode: ImportMode
  readonly platform: Platform
}

/**
 * Fetches the image of a tag and returns the result of `use`. When `use` throws ImageGoneError, a stored part of the image
 * was pruned in the meantime: the image is fetched and `use` is called again.
 */
export async function withTagImage<Result>(
  fetcher: ImageFetcher,
  { repository, namespace, resolved, importMode, platform }: TagImageRequest,
  use: (found: FetchedTagImage) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    // held until it is used: other sessions share the content meanwhile
    using session = fetcher.begin(repository, namespace)
    const found = await session.tagImage(resolved, importMode, platform)
    try {
      return await use(found)
    } catch (error) {
      if (!(error instanceof ImageGoneError) || attempt === MAXIMUM_ATTEMPTS) throw error
    }
  }
}

/** Fetches of images from one repository. */
export class FetchSession implements Disposable {
  readonly #content: FetchedContent

  constructor(content: FetchedContent) {
    this.#content = content
  }

  /**
   * Returns the image of a tag: an index with all its images, or in mode `Legacy` its image for the platform. Throws
   * RegistryError, and InvalidManifestError, also where the index has no image for the platform.
   */
  async tagImage(resolved: ResolvedTag, mode: ImportMode, platform: Platform): Promise<FetchedTagImage> {
    const confirmed = resolved.isUnconfirmed ? await this.#content.confirm(resolved.digest) : resolved
    try {
      return await this.#tagImage(confirmed, mode, platform)
    } catch (error) {
      if (!isNotFound(error)) throw error
      // the tag exists: the registry lacks a part that its manifest names
      throw new InvalidManifestError(`a part of the image is missing: ${error.message}`, { cause: error })
    }
  }

  async #tagImage(
    { digest, manifest }: ResolvedTag,
    mode: ImportMode,
    platform: Platform,
  ): Promise<FetchedTagImage> {
    if (mode === 'PreserveOriginal') return { image: await this.#whole(digest, 1, manifest), index: null }
    let index: FetchedImage | Image | null = null
    let wanted = digest
    for (let depth = 1; depth <= MAX_INDEX_DEPTH + 1; depth++) {
      const stored = this.#content.held(wanted)
      if (stored && (stored.kind === 'ARTIFACT' || !isIndexType(stored.mediaType))) {
        return { image: stored, index }
      }
      const content = await this.#content.manifest(wanted, stored, depth === 1 ? manifest : undefined)
      if (content.manifest.kind === 'image') {
        return { image: await this.#content.image(wanted, content, content.manifest), index }
      }
      if (isArtifactIndex(content.manifest)) return { image: indexAlone(wanted, content), index }
      index ??= stored ?? indexAlone(wanted, content)
      wanted = choosePlatform(content.manifest, platform).digest
    }
    throw tooDeep()
  }

  /** Returns an image with its children; `depth` is the number of indexes on the path, including this one. */
  async #whole(digest: Digest, depth: number, already?: RemoteManifest): Promise<FetchedImage | Image> {
    const stored = this.#content.held(digest)
    // the depth of a nested index is checked again: the limit must not depend on the order of imports
    if (stored && isComplete(stored) && (depth === 1 || !isIndexType(stored.mediaType))) return stored
    const content = await this.#content.manifest(digest, stored, already)
    const { manifest } = content
    if (manifest.kind === 'image') return this.#content.image(digest, content, manifest)
    if (depth > MAX_INDEX_DEPTH) throw tooDeep()
    // the parts of a build cache are no manifests
    if (isArtifactIndex(manifest)) return indexAlone(digest, content)
    const children: (FetchedImage | Image)[] = []
    const parts = imagesOfIndex(manifest.manifests)
    // one after the other: many tags are fetched at a time, and an index can have hundreds of children
    for (const child of parts) {
      const image = await this.#whole(child.digest, depth + 1).catch(unlessNotFound)
      if (image) children.push(image)
    }
    if (depth === 1 && parts.length > 0 && children.length === 0) {
      throw new InvalidManifestError(`the repository has none of the ${parts.length} images of the index`)
    }
    return { ...content, digest, config: null, children }
  }

  [Symbol.dispose](): void {
    this.#content[Symbol.dispose]()
  }
}

/** Returns an index without its images. */
const indexAlone = (digest: Digest, content: StoredManifest): FetchedImage => ({
  ...content,
  digest,
  config: null,
  children: [],
})

// a registry may lack some images of an index: they stay descriptors
const unlessNotFound = (error: unknown): undefined => {
  if (isNotFound(error)) return undefined
  throw error
}

const isNotFound = (error: unknown): error is RegistryError =>
  error instanceof RegistryError && error.reason === 'NotFound'

const tooDeep = () => new InvalidManifestError(`indexes are nested more than ${MAX_INDEX_DEPTH} deep`)

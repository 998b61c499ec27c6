import { forEachBounded } from '../../concurrency/bounded.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import {
  type ImageIndex,
  InvalidManifestError,
  MAX_CONFIG_SIZE,
  MAX_INDEX_DEPTH,
  type Manifest,
  parseManifest,
} from '../../oci/manifest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import { isManifestType } from '../content/manifest-body.ts'
import { linkColumnsOf, MAX_PARTS, partsOf, tooManyParts } from '../content/manifest-parts.ts'
import { requireShortType } from '../content/store-manifest.ts'
import { chosenChildren } from './platforms.ts'
import type { ImageSource } from './source.ts'

/** A manifest to copy. */
export interface CopiedManifest {
  readonly digest: Digest
  /** Exact bytes. */
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** Tags of cosign that point to it at the source. */
  readonly tags: Set<TagName>
  /** Children of an index that are not copied. */
  readonly omitted: ReadonlySet<Digest>
}

/** A blob to copy. */
export interface CopiedBlob {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** True if the source need not have it. */
  readonly isOptional: boolean
}

export interface ImageTreeOptions {
  /** Bytes of the largest blob. */
  readonly maximumBlobBytes: number
}

/** What to add of a manifest. */
interface Wanted {
  /** Platforms of an index to copy, for example `linux/arm64`; empty for all. */
  readonly platforms?: readonly string[]
  /** Called with the manifest, which is left out where it returns false. */
  readonly accepts?: (manifest: Manifest) => boolean
  /** Number of indexes on the path, including this manifest; 1 unless given. */
  readonly depth?: number
}

/** Manifests of one copy, and the bytes of their documents and configs: they are in memory, and written together. */
const MAX_MANIFESTS = 1_000
const MAX_BYTES = 64 * 1024 * 1024
/** Manifests that are requested at a time. */
const AT_A_TIME = 4

/** The manifests of an image and the blobs that they name, each once. */
export class ImageTree {
  /** Parts before the manifests that name them. */
  readonly manifests: CopiedManifest[] = []
  readonly blobs = new Map<Digest, CopiedBlob>()
  readonly #source: ImageSource
  readonly #options: ImageTreeOptions
  readonly #reading = new Map<Digest, Promise<CopiedManifest>>()
  #bytes = 0

  constructor(source: ImageSource, options: ImageTreeOptions) {
    this.#source = source
    this.#options = options
  }

  /** Bytes of all blobs. */
  get size(): number {
    return [...this.blobs.values()].reduce((sum, { size }) => sum + size, 0)
  }

  has(digest: Digest): boolean {
    return this.#reading.has(digest)
  }

  /**
   * Adds a manifest with everything below it. Returns undefined for one that is not accepted. Throws RegistryError,
   * InvalidManifestError and OciError.
   */
  async add(digest: Digest, wanted: Wanted = {}): Promise<CopiedManifest | undefined> {
    const known = this.#reading.get(digest)
    if (known) return known
    const { bytes, contentType } = await this.#source.fetchManifest(digest)
    const manifest = parseManifest(bytes, contentType)
    if (wanted.accepts?.(manifest) === false) return undefined
    // another caller may have fetched it meanwhile
    const reading = this.#reading.get(digest) ?? this.#read({ digest, bytes, manifest }, wanted)
    this.#reading.set(digest, reading)
    return reading
  }

  async #read(
    { digest, bytes, manifest }: Pick<CopiedManifest, 'digest' | 'bytes' | 'manifest'>,
    wanted: Wanted,
  ): Promise<CopiedManifest> {
    requireCopyable(manifest)
    this.#spend(bytes.length)
    const omitted =
      manifest.kind === 'index' ? await this.#addChildren(manifest, wanted) : this.#addBlobs(manifest)
    const copied = { digest, bytes, manifest, omitted, tags: new Set<TagName>() }
    this.manifests.push(copied)
    if (this.manifests.length > MAX_MANIFESTS) {
      throw new InvalidManifestError(`the image has more than ${MAX_MANIFESTS} manifests`)
    }
    return copied
  }

  #addBlobs(manifest: Manifest): ReadonlySet<Digest> {
    for (const part of partsOf(manifest)) this.#addBlob(part)
    if (manifest.kind === 'image' && !manifest.artifact) {
      if (manifest.config.size > MAX_CONFIG_SIZE) {
        throw new InvalidManifestError(`a config is larger than ${MAX_CONFIG_SIZE} bytes`)
      }
      this.#spend(manifest.config.size)
    }
    return new Set()
  }

  /** Adds the chosen children. Returns the others. */
  async #addChildren(index: ImageIndex, { platforms = [], depth = 1 }: Wanted): Promise<ReadonlySet<Digest>> {
    if (depth > MAX_INDEX_DEPTH) {
      throw new InvalidManifestError(`indexes are nested more than ${MAX_INDEX_DEPTH} deep`)
    }
    const chosen = chosenChildren(index, platforms)
    const digests = new Set(chosen.map(({ digest }) => digest))
    await forEachBounded(chosen, AT_A_TIME, async (child) => {
      // BuildKit stores a build cache as an index of layers
      if (isManifestType(child.mediaType)) await this.#addChild(child, { platforms, depth: depth + 1 })
      else this.#addBlob({ ...child, isOptional: child.urls !== undefined })
    })
    return new Set(index.manifests.map(({ digest }) => digest).filter((digest) => !digests.has(digest)))
  }

  async #addChild({ digest, platform }: Descriptor, wanted: Wanted): Promise<void> {
    try {
      await this.add(digest, wanted)
    } catch (error) {
      if (!(error instanceof RegistryError) || error.reason !== 'NotFound' || !platform) throw error
      const { reason, registry, repository } = error
      const message = `${error.message}; the index lists it for ${platform.os}/${platform.architecture}: choose other platforms`
      throw new RegistryError(message, { reason, registry, ...(repository && { repository }), cause: error })
    }
  }

  #addBlob({ digest, size, isOptional }: CopiedBlob): void {
    const { maximumBlobBytes } = this.#options
    if (size > maximumBlobBytes) {
      throw new InvalidManifestError(
        `the blob ${digest} has ${size} bytes: the maximum of this registry is ${maximumBlobBytes}, which --maximum-blob-gib changes`,
      )
    }
    const known = this.blobs.get(digest)
    if (known && known.size !== size) {
      throw new InvalidManifestError(
        `manifests name the blob ${digest} with ${known.size} and with ${size} bytes`,
      )
    }
    this.blobs.set(digest, { digest, size, isOptional: isOptional && (known?.isOptional ?? true) })
  }

  #spend(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > MAX_BYTES) {
      throw new InvalidManifestError(`its manifests and configs have more than ${MAX_BYTES} bytes`)
    }
  }
}

/** Throws InvalidManifestError and OciError for a manifest that this registry does not store. */
function requireCopyable(manifest: Manifest): void {
  if (!isManifestType(manifest.mediaType)) {
    throw new InvalidManifestError(
      `"${manifest.mediaType.slice(0, 200)}" is not a type of manifests that is stored`,
    )
  }
  requireShortType(manifest)
  if (linkColumnsOf(manifest).references.length > MAX_PARTS) throw tooManyParts('MANIFEST_INVALID')
}

import type { Viewer } from '../../access/right/viewer.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { createManifestParts } from '../content/manifest-parts.ts'
import type { RegistryStreams } from '../content/registry-streams.ts'
import { createConfigReader, createManifestStore } from '../content/store-manifest.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { type BlobCopyDependencies, type BlobCopyProgress, createBlobCopies } from './copy-blobs.ts'
import { type CopiedManifest, ImageTree } from './image-tree.ts'
import type { MirroringRequest } from './mirroring.ts'
import { createMirroringRights } from './mirroring-rights.ts'
import { addReferrers } from './referrers.ts'
import type { ImageSource, ImageSources } from './source.ts'

export interface ImageCopyDependencies extends Omit<BlobCopyDependencies, 'blobs'> {
  readonly blobs: BlobStore
  readonly streams: Pick<RegistryStreams, 'recordPush' | 'exists'>
  readonly sources: ImageSources
  readonly limits: Pick<RegistryLimits, 'maximumBlobBytes'>
  /** Throws ConflictError unless the stream has this version; null accepts any. */
  readonly checkVersion: (stream: StreamName, resourceVersion: string | null) => void
}

/** An image whose manifests are read. */
export interface ReadImage {
  readonly digest: Digest
  readonly tree: ImageTree
}

/** A copy in progress, for its reports and its last write. */
export interface CopyObserver {
  /** Returns the principal that requested the copy, with its rights now. */
  readonly viewer: () => Viewer
  readonly progress: BlobCopyProgress
  readonly signal: AbortSignal
  /** Called when the manifests are read. */
  onRead(image: ReadImage): void
  /** Called in the transaction that moves the tag. */
  onStored(tx: Transaction, image: ReadImage): void
}

/** Copies that end because content was removed in the meantime. */
const ATTEMPTS = 3

/** Copies of single images. */
export type ImageCopies = ReturnType<typeof createImageCopies>

/** Creates the copies of images: manifests are read, blobs are stored, and one transaction writes all manifests and the tag. */
export function createImageCopies(dependencies: ImageCopyDependencies) {
  const { db, content, sources, streams, limits, checkVersion, now } = dependencies
  const requireRights = createMirroringRights(dependencies)
  const blobCopies = createBlobCopies(dependencies)
  const parts = createManifestParts(db, content)
  const store = createManifestStore({ db, content, streams })
  const readConfig = createConfigReader(dependencies)

  const open = (
    { source, insecure, namespace, imageStream }: MirroringRequest,
    signal: AbortSignal,
  ): ImageSource =>
    sources.open(source, { insecure, lane: `mirroring ${namespace}/${imageStream}`, namespace, signal })

  /** `known` is the digest that an interrupted copy found: the same image is copied. */
  const read = async (
    request: MirroringRequest,
    known: Digest | null,
    signal: AbortSignal,
  ): Promise<ReadImage> => {
    const from = open(request, signal)
    const { source, platforms, includeReferrers } = request
    const digest = known ?? source.digest ?? (source.tag ? await from.resolveTag(source.tag) : null)
    if (digest === null) throw new Error('a reference has a tag or a digest')
    const tree = new ImageTree(from, limits)
    await tree.add(digest, { platforms })
    if (includeReferrers) await addReferrers(tree, from)
    return { digest, tree }
  }

  const write = async (
    request: MirroringRequest,
    image: ReadImage,
    observer: CopyObserver,
  ): Promise<void> => {
    const { namespace, imageStream: name, tag, resourceVersion } = request
    const repository = { namespace, name }
    const configs = new Map<Digest, Uint8Array | null>()
    for (const { digest, manifest } of image.tree.manifests) configs.set(digest, await readConfig(manifest))
    await db.transactTogether((tx) => {
      // it may have been cancelled while this write waited
      observer.signal.throwIfAborted()
      const viewer = observer.viewer()
      requireRights(viewer, request)
      checkVersion(repository, resourceVersion)
      const at = now()
      for (const { omitted, tags, ...copied } of inOrder(image)) {
        parts.require(content.repository(repository)?.id, copied.manifest, omitted)
        const own = copied.digest === image.digest ? [...tags, tag] : [...tags]
        store(tx, viewer, {
          ...copied,
          repository,
          config: configs.get(copied.digest) ?? null,
          tags: own,
          at,
        })
      }
      observer.onStored(tx, image)
    })
  }

  return {
    /** Reads the manifests, and returns the blobs that would be fetched. Rejects as `copy`. */
    async plan(viewer: Viewer, request: MirroringRequest, signal: AbortSignal) {
      const image = await read(request, null, signal)
      const to = { namespace: request.namespace, name: request.imageStream }
      return { ...image, missing: blobCopies.missing({ viewer, to }, image.tree.blobs.values()) }
    },

    /**
     * Copies the image and points the tag to it. Rejects with RegistryError, InvalidManifestError, DigestMismatchError,
     * StorageFullError, ConflictError, OciError, ForbiddenError, UnauthenticatedError, NotFoundError, or the signal's reason; then no manifest is stored and no tag moved.
     */
    async copy(request: MirroringRequest, known: Digest | null, observer: CopyObserver): Promise<void> {
      const { signal, progress } = observer
      requireRights(observer.viewer(), request)
      const { source, insecure, namespace, imageStream: name } = request
      const image = await read(request, known, signal)
      observer.onRead(image)
      const ownName = sources.isOwn(source.registry) ? repositoryNameOf(source.repository) : undefined
      for (let attempt = 1; ; attempt++) {
        progress.reset()
        const own = ownName && content.repository(ownName)
        const to = { namespace, name }
        const scope = { viewer: observer.viewer(), to, from: source, own, insecure, signal }
        await blobCopies.copy(image.tree.blobs, scope, progress)
        try {
          return await write(request, image, observer)
        } catch (error) {
          // a blob was deleted from the repository, or the stream with its repository, since it was copied
          const isMissing = error instanceof OciError && error.code === 'MANIFEST_BLOB_UNKNOWN'
          if (!isMissing || attempt === ATTEMPTS) throw error
        }
      }
    },
  }
}

/** Returns the manifests with the image itself last: when its tag moves, everything that belongs to it is there. */
function inOrder({ digest, tree }: ReadImage): readonly CopiedManifest[] {
  const isRoot = (one: CopiedManifest): boolean => one.digest === digest
  return [...tree.manifests.filter((one) => !isRoot(one)), ...tree.manifests.filter(isRoot)]
}

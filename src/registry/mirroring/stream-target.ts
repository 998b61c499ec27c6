import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { createManifestParts } from '../content/manifest-parts.ts'
import type { RegistryStreams } from '../content/registry-streams.ts'
import { createConfigReader, createManifestStore } from '../content/store-manifest.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { type BlobCopyDependencies, createBlobCopies } from './copy-blobs.ts'
import type { MirroredImage, MirroringRequest } from './mirroring.ts'
import { createMirroringRights } from './mirroring-rights.ts'
import type { ImageSources } from './source.ts'
import { type CopyObserver, type ImageTarget, inOrder, type ReadImage } from './target.ts'

export interface StreamTargetDependencies extends Omit<BlobCopyDependencies, 'blobs'> {
  readonly blobs: BlobStore
  readonly streams: Pick<RegistryStreams, 'recordPush' | 'exists'>
  readonly sources: ImageSources
  readonly limits: Pick<RegistryLimits, 'maximumBlobBytes'>
  /** Throws ConflictError unless the stream has this version; null accepts any. */
  readonly checkVersion: (stream: StreamName, resourceVersion: string | null) => void
}

/** Copies that end because content was removed in the meantime. */
const ATTEMPTS = 3

/** Creates the destinations that are streams of this server: one transaction writes all manifests and the tag. */
export function createStreamTargets(dependencies: StreamTargetDependencies) {
  const { db, content, sources, streams, limits, checkVersion, now } = dependencies
  const requireRights = createMirroringRights(dependencies)
  const blobCopies = createBlobCopies(dependencies)
  const parts = createManifestParts(db, content)
  const store = createManifestStore({ db, content, streams })
  const readConfig = createConfigReader(dependencies)

  /** Reports whether the stream's repository has all of the image, and its tag points to it. */
  const hasAll = (to: StreamName, { digest, tree }: ReadImage, { tag }: MirroredImage): boolean => {
    const repository = content.repository(to)
    return (
      repository !== undefined &&
      (tag === null || content.manifestOfTag(repository, tag)?.digest === digest) &&
      tree.manifests.every((one) => content.manifest(repository.id, one.digest)) &&
      [...tree.blobs.values()].every(
        (blob) => blob.isOptional || content.blob(repository.id, blob.digest) !== undefined,
      )
    )
  }

  const write = async (
    { to, request, from }: { to: StreamName; request: MirroringRequest; from: MirroredImage },
    image: ReadImage,
    observer: StoreObserver & { readonly isChanged: boolean },
  ): Promise<void> => {
    const configs = new Map<Digest, Uint8Array | null>()
    for (const { digest, manifest } of image.tree.manifests) configs.set(digest, await readConfig(manifest))
    await db.transactTogether((tx) => {
      // it may have been cancelled while this write waited
      observer.signal.throwIfAborted()
      const viewer = observer.viewer()
      requireRights(viewer, request, from)
      checkVersion(to, request.resourceVersion)
      const at = now()
      for (const { omitted, tags, ...copied } of inOrder(image)) {
        parts.require(content.repository(to)?.id, copied.manifest, omitted)
        const own = copied.digest === image.digest && from.tag !== null ? [...tags, from.tag] : [...tags]
        const config = configs.get(copied.digest) ?? null
        store(tx, viewer, { ...copied, repository: to, config, tags: own, at })
      }
      observer.onStored(tx, {
        digest: image.digest,
        state: observer.isChanged ? 'COPIED' : 'UNCHANGED',
      })
    })
  }

  /** Opens the stream as the destination of one copy. */
  return (to: StreamName, request: MirroringRequest, observer: StoreObserver): ImageTarget => ({
    limits,
    // its index may lack platforms, or its layers may not be stored
    isCurrent: async () => false,
    missing: async ({ tree }) => blobCopies.missing({ viewer: observer.viewer(), to }, tree.blobs.values()),
    async store(image, from) {
      const { signal, progress } = observer
      const { source } = from
      const isChanged = !hasAll(to, image, from)
      const ownName = sources.isOwn(source.registry) ? repositoryNameOf(source.repository) : undefined
      for (let attempt = 1; ; attempt++) {
        progress.reset()
        const own = ownName && content.repository(ownName)
        const { insecure } = request
        const scope = { viewer: observer.viewer(), to, from: source, own, insecure, signal }
        await blobCopies.copy(image.tree.blobs, scope, progress)
        try {
          return await write({ to, request, from }, image, { ...observer, isChanged })
        } catch (error) {
          // a blob was deleted from the repository, or the stream with its repository, since it was copied
          const isMissing = error instanceof OciError && error.code === 'MANIFEST_BLOB_UNKNOWN'
          if (!isMissing || attempt === ATTEMPTS) throw error
        }
      }
    },
  })
}

type StoreObserver = Pick<CopyObserver, 'viewer' | 'progress' | 'signal' | 'onStored'>

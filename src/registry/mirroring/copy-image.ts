import type { Viewer } from '../../access/right/viewer.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { Digest } from '../../oci/digest.ts'
import { BlobCopyProgress } from './blob-copy-progress.ts'
import { ImageTree } from './image-tree.ts'
import {
  isOneImage,
  isRepository,
  type MirroredImage,
  type MirroringRequest,
  TooManyTagsError,
} from './mirroring.ts'
import { createMirroringRights } from './mirroring-rights.ts'
import { addReferrers } from './referrers.ts'
import { createRepositoryTargets, laneOf, type RepositoryTargetDependencies } from './repository-target.ts'
import { createStreamTargets, type StreamTargetDependencies } from './stream-target.ts'
import type { CopyObserver, ImageTarget, ReadImage } from './target.ts'

export type ImageCopyDependencies = StreamTargetDependencies & RepositoryTargetDependencies

/** An image of a request that is copied. `known` is the digest that an interrupted copy found: the same image is copied. */
export interface OneCopy extends MirroredImage {
  readonly request: MirroringRequest
  readonly known: Digest | null
}

/** Copies of single images. */
export type ImageCopies = ReturnType<typeof createImageCopies>

/** Creates the copies of images: manifests are read, blobs are stored at the destination, then manifests and the tag. */
export function createImageCopies(dependencies: ImageCopyDependencies) {
  const { db, sources } = dependencies
  const requireRights = createMirroringRights(dependencies)
  const toStream = createStreamTargets(dependencies)
  const toRepository = createRepositoryTargets(dependencies)

  const targetOf = (
    request: MirroringRequest,
    observer: Pick<CopyObserver, 'viewer' | 'progress' | 'signal' | 'onStored'>,
  ): ImageTarget => {
    const { destination } = request
    return isRepository(destination)
      ? toRepository(destination, request, observer)
      : toStream(destination, request, observer)
  }

  const optionsOf = (request: MirroringRequest, signal: AbortSignal) => {
    const { insecure, namespace } = request
    return { insecure, lane: laneOf(request), namespace, signal }
  }

  /** Returns the image; without its manifests where the target has it already. */
  const read = async (
    { request, source, tag, known }: OneCopy,
    target: ImageTarget,
    signal: AbortSignal,
  ): Promise<ReadImage | { readonly digest: Digest; readonly tree: null }> => {
    const from = sources.open(source, optionsOf(request, signal))
    const { platforms, includeReferrers } = request
    const digest = known ?? source.digest ?? (source.tag ? await from.resolveTag(source.tag) : null)
    if (digest === null) throw new Error('a reference has a tag or a digest')
    if (await target.isCurrent({ source, tag }, digest)) return { digest, tree: null }
    const tree = new ImageTree(from, target.limits)
    await tree.add(digest, { platforms })
    if (includeReferrers) await addReferrers(tree, from)
    return { digest, tree }
  }

  return {
    /**
     * Returns the images of the request, at most so many. Rejects with TooManyTagsError, RegistryError, NotFoundError,
     * ForbiddenError, or the signal's reason.
     */
    async list(
      viewer: Viewer,
      request: MirroringRequest,
      {
        maximum,
        work,
        signal,
      }: { readonly maximum: number; readonly work: string; readonly signal: AbortSignal },
    ): Promise<readonly MirroredImage[]> {
      const { images } = request
      if (isOneImage(images)) return [images]
      requireRights(viewer, request)
      const found: MirroredImage[] = []
      for await (const part of sources.list(viewer, images.of, optionsOf(request, signal))) {
        found.push(...part.filter(({ tag }) => tag !== null && matchesGlob(images.pattern, tag)))
        if (found.length > maximum) throw new TooManyTagsError(maximum, work)
      }
      return found
    },

    /** Reads the manifests, and returns the blobs that would be copied. Rejects as `copy`. */
    async plan(viewer: Viewer, copy: OneCopy, signal: AbortSignal) {
      requireRights(viewer, copy.request, copy)
      const observer = { viewer: () => viewer, progress: new BlobCopyProgress(), signal, onStored: () => {} }
      const target = targetOf(copy.request, observer)
      const image = await read(copy, target, signal)
      return { ...image, missing: image.tree ? await target.missing(image, copy) : [] }
    },

    /**
     * Copies the image and points the tag to it. Rejects with RegistryError, InvalidManifestError, DigestMismatchError,
     * StorageFullError, ConflictError, OciError, ForbiddenError, UnauthenticatedError, NotFoundError, or the signal's reason; then
     * no tag has moved, and a stream got no manifest.
     */
    async copy(copy: OneCopy, observer: CopyObserver): Promise<void> {
      const { signal } = observer
      requireRights(observer.viewer(), copy.request, copy)
      const target = targetOf(copy.request, observer)
      const image = await read(copy, target, signal)
      if (image.tree === null) {
        const { digest } = image
        db.transact((tx) => observer.onStored(tx, { digest, state: 'UNCHANGED' }))
        return
      }
      observer.onRead(image)
      await target.store(image, copy)
    },
  }
}

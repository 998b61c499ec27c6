import { forEachBounded } from '../../concurrency/bounded.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import { artifactTypeOf, partsOf } from '../content/manifest-parts.ts'
import type { ImageDestination, ImageDestinations } from './destination.ts'
import { look } from './destination.ts'
import type { CopiedBlob, CopiedManifest } from './image-tree.ts'
import {
  formatPlace,
  type MirroredImage,
  type MirroringRequest,
  type RepositoryReference,
} from './mirroring.ts'
import { createMirroringRights } from './mirroring-rights.ts'
import { type BlobPushDependencies, type BlobPushScope, createBlobPushes } from './push-blobs.ts'
import { type CopyObserver, type ImageTarget, inOrder, type ReadImage } from './target.ts'

export interface RepositoryTargetDependencies extends BlobPushDependencies {
  readonly db: Database
  readonly destinations: ImageDestinations
}

/** Blobs that one copy pushes at a time, and manifests and blobs that it looks up at a time. */
const AT_A_TIME = 4
/** Copies that end because the registry lacks content that it had. */
const ATTEMPTS = 3

/** Creates the destinations in other registries: blobs first, then the manifests, parts before the ones that name them. */
export function createRepositoryTargets(
  dependencies: RepositoryTargetDependencies & Parameters<typeof createMirroringRights>[0],
) {
  const { db, destinations } = dependencies
  const requireRights = createMirroringRights(dependencies)
  const pushes = createBlobPushes(dependencies)

  /** Opens the repository as the destination of one copy. */
  return (to: RepositoryReference, request: MirroringRequest, observer: StoreObserver): ImageTarget => {
    const { namespace, insecure, platforms, includeReferrers, createRepository = false } = request
    const { progress, signal } = observer
    const options = { insecure, lane: laneOf(request), namespace, signal }
    const { isServerAdmin: usesServerLogins } = observer.viewer().rights
    const destination = destinations.open(to, { ...options, usesServerLogins, createRepository })

    /** Makes the destination have the blobs of absent manifests. */
    const pushBlobs = async (
      image: ReadImage,
      absent: ReadonlySet<Digest>,
      { from, isDoubted }: { readonly from: MirroredImage; readonly isDoubted: boolean },
    ): Promise<void> => {
      const wanted = blobsOf(image, absent)
      const isWanted = new Set(wanted.map(({ digest }) => digest))
      progress.reset()
      for (const { digest, size } of image.tree.blobs.values())
        if (!isWanted.has(digest)) progress.addStored(size)
      const failed = new AbortController()
      const scope: BlobPushScope = {
        ...{
          namespace,
          from: from.source,
          to,
          destination,
          insecure,
          lane: options.lane,
          progress,
          isDoubted,
        },
        signal: AbortSignal.any([signal, failed.signal]),
      }
      await forEachBounded(wanted, AT_A_TIME, async (blob) => {
        await pushes.push(blob, scope).catch((error: unknown) => {
          // the other pushes of this copy end too
          failed.abort(error)
          throw error
        })
      })
    }

    /** Pushes the manifests, and points the tags to them. Returns whether the destination has changed. */
    const pushManifests = async (
      image: ReadImage,
      absent: ReadonlySet<Digest>,
      from: MirroredImage,
    ): Promise<boolean> => {
      let isChanged = false
      for (const one of inOrder(image)) {
        // the rights may have changed during the pushes
        requireRights(observer.viewer(), request, from)
        signal.throwIfAborted()
        const tags = one.digest === image.digest && from.tag !== null ? [...one.tags, from.tag] : one.tags
        if (await pushManifest(destination, one, { tags, isAbsent: absent.has(one.digest) })) isChanged = true
      }
      return isChanged
    }

    return {
      limits: { maximumBlobBytes: Number.POSITIVE_INFINITY },
      isCurrent: async ({ tag }, digest) =>
        !includeReferrers &&
        platforms.length === 0 &&
        (tag === null
          ? (await look(destination.hasManifest(digest))) === true
          : (await look(destination.digestOfTag(tag))) === digest),

      async missing(image) {
        const wanted = blobsOf(image, await absentManifests(destination, image))
        const missing: CopiedBlob[] = []
        await forEachBounded(wanted, AT_A_TIME, async (blob) => {
          if ((await look(destination.hasBlob(blob.digest))) !== true) missing.push(blob)
        })
        return missing
      },

      async store(image, from) {
        for (let attempt = 1; ; attempt++) {
          const absent = await absentManifests(destination, image)
          await pushBlobs(image, absent, { from, isDoubted: attempt === ATTEMPTS })
          try {
            const isChanged = await pushManifests(image, absent, from)
            if (from.tag !== null) await confirm(destination, { to, tag: from.tag, digest: image.digest })
            const state = isChanged ? 'COPIED' : 'UNCHANGED'
            return db.transact((tx) => observer.onStored(tx, { digest: image.digest, state }))
          } catch (error) {
            if (!isMissingContent(error)) throw error
            if (platforms.length > 0) throw withoutPlatforms(error)
            // the registry removed a blob since it was pushed
            if (attempt === ATTEMPTS) throw error
          }
        }
      },
    }
  }
}

type StoreObserver = Pick<CopyObserver, 'viewer' | 'progress' | 'signal' | 'onStored'>

/** Returns the lane of the requests for the copies of one request. */
export const laneOf = ({ destination }: MirroringRequest): string => `mirroring ${formatPlace(destination)}`

/** Returns the manifests that the destination does not have. */
async function absentManifests(
  destination: ImageDestination,
  { tree }: ReadImage,
): Promise<ReadonlySet<Digest>> {
  const absent = new Set<Digest>()
  await forEachBounded(tree.manifests, AT_A_TIME, async ({ digest }) => {
    if ((await look(destination.hasManifest(digest))) !== true) absent.add(digest)
  })
  return absent
}

/**
 * Returns the blobs of absent manifests: a registry has those of the manifests that it has. Layers that may not be
 * distributed, or are at URLs of their own, stay where they are.
 */
function blobsOf({ tree }: ReadImage, absent: ReadonlySet<Digest>): readonly CopiedBlob[] {
  const wanted = new Map<Digest, CopiedBlob>()
  for (const { digest, manifest } of tree.manifests) {
    if (!absent.has(digest)) continue
    for (const part of partsOf(manifest)) {
      const blob = tree.blobs.get(part.digest)
      if (blob && !blob.isOptional) wanted.set(blob.digest, blob)
    }
  }
  return [...wanted.values()]
}

/**
 * Pushes the manifest where it is absent, and to those of the tags that point elsewhere. Returns whether the destination has
 * changed. One with a subject is pushed in any case, because only the response shows whether the registry lists it.
 */
async function pushManifest(
  destination: ImageDestination,
  { digest, bytes, manifest }: CopiedManifest,
  { tags, isAbsent }: { readonly tags: Iterable<TagName>; readonly isAbsent: boolean },
): Promise<boolean> {
  const { mediaType, subject, annotations } = manifest
  const moved: TagName[] = []
  for (const tag of tags) if ((await look(destination.digestOfTag(tag))) !== digest) moved.push(tag)
  const references = moved.length === 0 && (isAbsent || subject) ? [digest] : moved
  let isListed = true
  for (const reference of references) {
    const { isReferrerListed } = await destination.pushManifest({ reference, mediaType, bytes })
    isListed &&= isReferrerListed
  }
  if (subject && !isListed) {
    const artifactType = artifactTypeOf(manifest)
    await destination.addReferrer(subject.digest, {
      ...{ mediaType, digest, size: bytes.length, annotations },
      ...(artifactType !== null && { artifactType }),
    })
  }
  return isAbsent || moved.length > 0
}

const isMissingContent = (error: unknown): error is RegistryError =>
  error instanceof RegistryError && error.reason === 'MissingContent'

/** Returns the error of an index that is pushed without some of its images. */
const withoutPlatforms = (error: RegistryError): RegistryError =>
  new RegistryError(
    `${error.message}; the registry refuses an index without all of its images: copy all platforms`,
    { reason: error.reason, registry: error.registry, cause: error },
  )

/** Throws RegistryError unless the tag points to the image. */
async function confirm(
  destination: ImageDestination,
  { to, tag, digest }: { readonly to: RepositoryReference; readonly tag: TagName; readonly digest: Digest },
): Promise<void> {
  const found = await look(destination.digestOfTag(tag))
  if (found === digest || found === undefined) return
  const points = found === null ? 'does not exist' : `points to ${found}`
  const message = `${to.registry} accepted ${digest}, but the tag "${tag}" of ${to.repository} ${points} afterwards: another client may push to it, or the registry changes what it stores`
  throw new RegistryError(message, { ...to, reason: 'InvalidManifest' })
}

import type { Viewer } from '../../access/right/viewer.ts'
import { Deadline, unlessAborted } from '../../concurrency/abort.ts'
import { mapBounded, SharedSemaphore } from '../../concurrency/bounded.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatReference } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { ImageCopies } from './copy-image.ts'
import type { CopiedBlob } from './image-tree.ts'
import { failureOf, isOneImage, type MirroredImage, type MirroringRequest } from './mirroring.ts'

/** Number of manifests and blobs, and their bytes. */
interface PlannedContent {
  readonly manifestCount: number
  readonly blobCount: number
  readonly size: number
  /** Number of blobs that would be copied, and their bytes. */
  readonly fetchBlobCount: number
  readonly fetchSize: number
}

/** What a mirroring would do with one image. */
export interface PlannedTag extends PlannedContent {
  readonly source: string
  readonly tag: MirroredImage['tag']
  readonly state: 'COPIED' | 'UNCHANGED' | 'FAILED'
  readonly digest: Digest | null
  readonly reason: NonNullable<ReturnType<typeof failureOf>>['reason'] | null
  readonly message: string | null
}

/** What a mirroring would copy; blobs that several images have are counted once. */
export interface MirroringPlan extends PlannedContent {
  /** Null for several images. */
  readonly digest: Digest | null
  readonly tags: readonly PlannedTag[]
}

/** An image as it is planned, with its blobs. */
interface Planned {
  readonly planned: PlannedTag
  readonly blobs: readonly CopiedBlob[]
  readonly missing: readonly CopiedBlob[]
}

/** Plans that are made at a time, and those of one namespace, each with the manifests of a few images in memory; more wait. */
const PLANS = { limit: 8, share: 2 }
/** Images of one plan that are read at a time. */
const AT_A_TIME = 2
/** Tags of one plan. */
const MAX_TAGS = 1_000
/** Milliseconds of the longest plan, with its wait. */
const LONGEST_PLAN = 5 * 60 * 1000

/** Creates the plans of mirrorings. They end when the server does. */
export function createMirroringPlans(copies: Pick<ImageCopies, 'plan' | 'list'>, closing: AbortSignal) {
  const planning = new SharedSemaphore(PLANS)

  const planOf = async (
    viewer: Viewer,
    request: MirroringRequest,
    signal: AbortSignal,
  ): Promise<MirroringPlan> => {
    const images = await copies.list(viewer, request, { maximum: MAX_TAGS, work: 'a dry run', signal })
    const all = await mapBounded(images, AT_A_TIME, async (image): Promise<Planned> => {
      signal.throwIfAborted()
      try {
        const { digest, tree, missing } = await copies.plan(
          viewer,
          { ...image, request, known: null },
          signal,
        )
        const blobs = [...(tree?.blobs.values() ?? [])]
        const content = contentOf(tree?.manifests.length ?? 0, blobs, missing)
        const state = tree === null ? 'UNCHANGED' : 'COPIED'
        return { planned: plannedOf(image, { ...content, digest, state }), blobs, missing }
      } catch (error) {
        const failure = failureOf(error)
        // of one image the failure is an error, as before it can be the outcome of a tag
        if (signal.aborted || !failure || isOneImage(request.images)) throw error
        return { planned: plannedOf(image, { ...failure, state: 'FAILED' }), blobs: [], missing: [] }
      }
    })
    const manifestCount = all.reduce((sum, { planned }) => sum + planned.manifestCount, 0)
    const content = contentOf(manifestCount, distinct(all, 'blobs'), distinct(all, 'missing'))
    const digest = isOneImage(request.images) ? (all[0]?.planned.digest ?? null) : null
    return { ...content, digest, tags: all.map(({ planned }) => planned) }
  }

  return {
    /** Returns what a mirroring would copy. Rejects as a copy of one image fails, and with TooManyTagsError. */
    async plan(viewer: Viewer, request: MirroringRequest): Promise<MirroringPlan> {
      using deadline = new Deadline(LONGEST_PLAN, closing)
      const { signal } = deadline
      const made = planning.run(request.namespace, async () => {
        signal.throwIfAborted()
        return planOf(viewer, request, signal)
      })
      return await unlessAborted(made, signal).catch((error: unknown) => {
        throw planError(signal.aborted && !closing.aborted ? tooSlow(request) : error, request)
      })
    },
  }
}

const plannedOf = (
  { source, tag }: MirroredImage,
  planned: Pick<PlannedTag, 'state'> & Partial<PlannedTag>,
): PlannedTag => ({
  ...contentOf(0, [], []),
  digest: null,
  reason: null,
  message: null,
  ...planned,
  source: formatReference(source),
  tag,
})

const contentOf = (
  manifestCount: number,
  blobs: readonly CopiedBlob[],
  missing: readonly CopiedBlob[],
): PlannedContent => ({
  manifestCount,
  blobCount: blobs.length,
  size: sizeOf(blobs),
  fetchBlobCount: missing.length,
  fetchSize: sizeOf(missing),
})

const sizeOf = (blobs: readonly CopiedBlob[]): number => blobs.reduce((sum, { size }) => sum + size, 0)

/** Returns the blobs of all images, each once. */
const distinct = (all: readonly Planned[], which: 'blobs' | 'missing'): readonly CopiedBlob[] => [
  ...new Map(all.flatMap((one) => one[which].map((blob) => [blob.digest, blob]))).values(),
]

/** The registry that errors of a plan name. */
const registryOf = ({ images }: MirroringRequest): { registry: string; repository?: string } => {
  const of = isOneImage(images) ? images.source : images.of
  return 'registry' in of
    ? { registry: of.registry, repository: of.repository }
    : { registry: `${of.namespace}/${of.name}` }
}

/** Returns a RegistryError for an image that this registry does not store; other errors unchanged. */
function planError(error: unknown, request: MirroringRequest): unknown {
  const failure = failureOf(error)
  if (failure?.reason !== 'InvalidManifest' || error instanceof RegistryError) return error
  const { reason, message } = failure
  return new RegistryError(`cannot copy the image: ${message}`, {
    reason,
    ...registryOf(request),
    cause: error,
  })
}

const tooSlow = (request: MirroringRequest): RegistryError => {
  const at = registryOf(request)
  return new RegistryError(
    `the plan was not complete within ${LONGEST_PLAN / 60_000} minutes: ${at.registry}, or the destination, responds slowly, or other plans wait for registries`,
    { reason: 'RegistryUnavailable', ...at },
  )
}

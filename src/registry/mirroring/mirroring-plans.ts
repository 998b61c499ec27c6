import type { Viewer } from '../../access/right/viewer.ts'
import { Deadline, unlessAborted } from '../../concurrency/abort.ts'
import { Semaphore } from '../../concurrency/bounded.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { ImageCopies, ReadImage } from './copy-image.ts'
import { failureOf, type MirroringRequest } from './mirroring.ts'

/** What a mirroring would copy. */
export interface MirroringPlan extends ReadImage {
  /** Number of blobs that would be fetched, and their bytes. */
  readonly fetchBlobCount: number
  readonly fetchSize: number
}

/** Plans that are made at a time, each with its manifests in memory; more wait. */
const PLANS = 2
/** Milliseconds of the longest plan, with its wait. */
const LONGEST_PLAN = 5 * 60 * 1000

/** Creates the plans of mirrorings. They end when the server does. */
export function createMirroringPlans(copies: Pick<ImageCopies, 'plan'>, closing: AbortSignal) {
  const planning = new Semaphore(PLANS)
  return {
    /** Returns what a mirroring would copy. Rejects as a copy fails. */
    async plan(viewer: Viewer, request: MirroringRequest): Promise<MirroringPlan> {
      using deadline = new Deadline(LONGEST_PLAN, closing)
      const { signal } = deadline
      const made = planning.run(async () => {
        signal.throwIfAborted()
        return copies.plan(viewer, request, signal)
      })
      const { missing, ...image } = await unlessAborted(made, signal).catch((error: unknown) => {
        throw planError(signal.aborted && !closing.aborted ? tooSlow(request) : error, request)
      })
      const fetchSize = missing.reduce((sum, { size }) => sum + size, 0)
      return { ...image, fetchBlobCount: missing.length, fetchSize }
    },
  }
}

/** Returns a RegistryError for an image that this registry does not store; other errors unchanged. */
function planError(error: unknown, { source: { registry, repository } }: MirroringRequest): unknown {
  const failure = failureOf(error)
  if (failure?.reason !== 'InvalidManifest' || error instanceof RegistryError) return error
  const { reason, message } = failure
  return new RegistryError(`cannot copy the image: ${message}`, {
    reason,
    registry,
    repository,
    cause: error,
  })
}

const tooSlow = ({ source: { registry, repository } }: MirroringRequest): RegistryError =>
  new RegistryError(
    `${registry} did not send the manifests within ${LONGEST_PLAN / 60_000} minutes, or other plans wait for registries`,
    { reason: 'RegistryUnavailable', registry, repository },
  )

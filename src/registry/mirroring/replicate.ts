import type { Viewer } from '../../access/right/viewer.ts'
import { unlessAborted } from '../../concurrency/abort.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkReference, checkRepository, checkTagName } from '../../input/names.ts'
import { parseReference } from '../../oci/reference.ts'
import {
  failureOf,
  type MirroringFailure,
  type MirroringRequest,
  TooManyMirroringsError,
} from './mirroring.ts'
import type { Mirrorings } from './mirrorings.ts'

/** Where an image is copied to. */
export interface ReplicationSettings {
  /** `registry.example.org/team/app`. */
  readonly repository: string
  /** Tag that points to the image there. */
  readonly tag: string
  readonly includeReferrers: boolean
  /** Whether to create the repository where a registry does not do it by itself; false unless given. */
  readonly createRepository?: boolean
}

/** The image that is copied. */
export interface ReplicatedImage {
  readonly namespace: string
  /** From which the image can be pulled, by its digest. */
  readonly dockerImageReference: string
}

interface ReplicationContext {
  /** Whose rights apply. */
  readonly viewer: Viewer
  readonly signal: AbortSignal
}

/** How a replication ended. */
export interface ReplicationAnswer {
  readonly status: null
  /** What was done. */
  readonly text: string
  readonly link: null
  /** Null where the destination has the image. LATER: another attempt may succeed; NEVER: it does not. */
  readonly failure: { readonly kind: 'LATER' | 'NEVER'; readonly message: string } | null
}

/** Failures that may end without a change of the request. */
const TEMPORARY: ReadonlySet<MirroringFailure> = new Set([
  'RegistryUnavailable',
  'TooManyRequests',
  'Unauthorized',
  'Forbidden',
  'MissingContent',
  'QuotaExceeded',
  'StorageFull',
  'InternalError',
])
/** Seconds of the longest copy. */
const LONGEST = 20 * 60 * 60

/**
 * Returns a function that copies an image to another registry, once: what is there already is not
 * sent. The copy is listed among the mirrorings, and another attempt at it joins one that runs. Rejects only with the signal's
 * reason; the copy then goes on.
 */
export const createReplication =
  (mirrorings: Pick<Mirrorings, 'request' | 'wait'>) =>
  async (
    settings: ReplicationSettings,
    image: ReplicatedImage,
    { viewer, signal }: ReplicationContext,
  ): Promise<ReplicationAnswer> => {
    let id: number
    try {
      id = mirrorings.request(viewer, requestOf(settings, image))
    } catch (error) {
      return failed(error)
    }
    const done = await unlessAborted(mirrorings.wait(id, LONGEST), signal)
    if (done?.state === 'SUCCEEDED') {
      const work = done.unchangedTagCount > 0 ? 'had' : `got ${done.fetchedSize} bytes of`
      return answer(`${settings.repository}:${done.tag} ${work} ${done.digest}`, null)
    }
    const isTemporary = done?.state !== 'FAILED' || TEMPORARY.has(done.reason as MirroringFailure)
    const message = done?.message ?? 'the copy did not end'
    return answer('', { kind: isTemporary ? 'LATER' : 'NEVER', message })
  }

/** Throws InvalidInputError. */
function requestOf(
  { repository: place, tag: given, includeReferrers, createRepository = false }: ReplicationSettings,
  { namespace, dockerImageReference }: ReplicatedImage,
): MirroringRequest {
  const { registry, repository } = checkReference(checkRepository(place, 'repository'), 'repository')
  const tag = checkTagName(given)
  return {
    namespace,
    destination: { registry, repository },
    images: { source: parseReference(dockerImageReference), tag },
    ...{ platforms: [], includeReferrers, createRepository, insecure: false, resourceVersion: null },
  }
}

const answer = (text: string, failure: ReplicationAnswer['failure']): ReplicationAnswer => ({
  status: null,
  text,
  link: null,
  failure,
})

/** Returns the answer of a copy that was not requested. */
function failed(error: unknown): ReplicationAnswer {
  if (error instanceof TooManyMirroringsError) return answer('', { kind: 'LATER', message: error.message })
  if (error instanceof InvalidInputError) return answer('', { kind: 'NEVER', message: error.message })
  const failure = failureOf(error)
  if (!failure) throw error
  return answer('', { kind: TEMPORARY.has(failure.reason) ? 'LATER' : 'NEVER', message: failure.message })
}

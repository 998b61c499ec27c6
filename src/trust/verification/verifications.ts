import { SingleFlight } from '../../concurrency/single-flight.ts'
import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import type { TrustPolicy } from '../policy/policies.ts'
import type { ArtifactReader } from '../referrer/artifact-reader.ts'
import type { CacheTableDependencies } from '../referrer/cache-table.ts'
import { cacheKeyOf, type LookupOptions, NOT_REQUESTED, type Referrers } from '../referrer/referrers.ts'
import { type CachedVerification, CachedVerifications, verificationOf } from './cached-verifications.ts'
import { notChecked, type Verification } from './verification.ts'
import { findCandidates, type SignatureCandidates, verifyImage } from './verify-image.ts'

/** Verifications of images in repositories, cached. */
export type Verifications = ReturnType<typeof createVerifications>

export interface VerificationsDependencies extends CacheTableDependencies {
  readonly reader: ArtifactReader
  readonly referrers: Referrers
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function createVerifications(dependencies: VerificationsDependencies) {
  const { reader, referrers, now } = dependencies
  const cache = new CachedVerifications(dependencies)
  const inFlight = new SingleFlight<Verification>()

  const refresh = async (
    image: ImageLocation,
    policy: TrustPolicy,
    { known, options }: { readonly known: CachedVerification | undefined; readonly options: LookupOptions },
  ): Promise<Verification> => {
    const candidates = await findCandidates(image, referrers, options)
    const basis = basisOf(candidates)
    const isUnchanged = known?.basis === basis && canBeReused(known, now()) && candidates.failure === null
    const outcome = isUnchanged
      ? known.outcome
      : await verifyImage({ image, candidates, requirements: policy.requirements, reader, now })
    const verified: CachedVerification = { outcome, basis, checkedAt: now() }
    if (outcome.status === 'UNKNOWN') {
      // a registry that cannot be read does not invalidate an earlier verification
      const isStillVerified = known?.outcome.status === 'VERIFIED' && isValid(known, now())
      return verificationOf(isStillVerified ? known : verified)
    }
    cache.save(keyOf(image, policy), verified)
    return verificationOf(verified)
  }

  return {
    /** Resolves to a result that is at most `maxAge` milliseconds old, or verifies the image now. Never rejects. */
    async of(image: ImageLocation, policy: TrustPolicy, options: LookupOptions): Promise<Verification> {
      const key = keyOf(image, policy)
      const cached = cache.find(key)
      const known = cached && isValid(cached, now()) ? cached : undefined
      if (known && now() - known.checkedAt < options.maxAge) return verificationOf(known)
      if (options.mayRequest) {
        return inFlight.run(JSON.stringify(key), () => refresh(image, policy, { known, options }))
      }
      return known
        ? verificationOf(known)
        : notChecked('UNKNOWN', NOT_REQUESTED.reason, NOT_REQUESTED.message)
    },
  }
}

const isValid = ({ outcome: { validUntil } }: CachedVerification, now: number): boolean =>
  validUntil === null || now < validUntil

/** An outcome `Expired` can change without a new signature: one that was not valid yet may be valid now. */
const canBeReused = (cached: CachedVerification, now: number): boolean =>
  isValid(cached, now) && cached.outcome.reason !== 'Expired'

const keyOf = (image: ImageLocation, { version }: TrustPolicy) => ({
  ...cacheKeyOf(image),
  policyVersion: version,
})

const basisOf = ({ referrers, isComplete }: SignatureCandidates): string =>
  JSON.stringify([isComplete, referrers.map(({ digest }) => digest)])

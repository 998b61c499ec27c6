import { SingleFlight } from '../../concurrency/single-flight.ts'
import { verifications as table } from '../../db/tables/trust.ts'
import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import type { TrustPolicy } from '../policy/policies.ts'
import {
  cacheKeyOf,
  type LookupDependencies,
  type LookupOptions,
  NOT_REQUESTED,
  type Referrers,
} from '../referrer/referrers.ts'
import { createResultCache } from '../referrer/result-cache.ts'
import { notChecked, type Verification, type VerificationOutcome } from './verification.ts'
import { findCandidates, type SignatureCandidates, verifyImage } from './verify-image.ts'

type VerificationRow = Omit<typeof table.$inferSelect, 'id'>

/** An outcome that was stored. */
interface CachedVerification extends Pick<VerificationRow, 'basis' | 'checkedAt'> {
  readonly outcome: VerificationOutcome
}

/** Creates the verifications of images in repositories, cached. */
export function createVerifications(dependencies: LookupDependencies, referrers: Referrers) {
  const { reader, now } = dependencies
  const cache = createResultCache<VerificationRow>(dependencies, table, {
    variant: 'policyVersion',
    renewedAt: 'checkedAt',
  })
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
      : await verifyImage(image, candidates, { requirements: policy.requirements, reader, now })
    const verified: CachedVerification = { outcome, basis, checkedAt: now() }
    if (outcome.status === 'UNKNOWN') {
      // a registry that cannot be read does not invalidate an earlier verification
      const isStillVerified = known?.outcome.status === 'VERIFIED' && isValid(known, now())
      return verificationOf(isStillVerified ? known : verified)
    }
    const { validUntil } = outcome
    cache.save({ ...keyOf(image, policy), ...verified, outcome: JSON.stringify(outcome), validUntil })
    return verificationOf(verified)
  }

  return {
    /** Resolves to a result that is at most `maxAge` milliseconds old, or verifies the image now. Never rejects. */
    async of(image: ImageLocation, policy: TrustPolicy, options: LookupOptions): Promise<Verification> {
      const key = keyOf(image, policy)
      const row = cache.find(key)
      const cached = row && cachedOf(row)
      const known = cached && isValid(cached, now()) ? cached : undefined
      if (known && Math.abs(now() - known.checkedAt) < options.maxAge) return verificationOf(known)
      if (options.mayRequest) {
        return inFlight.run(JSON.stringify(key), () => refresh(image, policy, { known, options }))
      }
      return known
        ? verificationOf(known)
        : notChecked('UNKNOWN', NOT_REQUESTED.reason, NOT_REQUESTED.message)
    },
  }
}

const cachedOf = ({ outcome, validUntil, ...row }: VerificationRow): CachedVerification => ({
  ...row,
  outcome: { ...(JSON.parse(outcome) as VerificationOutcome), validUntil },
})

/** Returns the verification in a cached outcome. */
const verificationOf = ({
  outcome: { validUntil: _, ...outcome },
  checkedAt,
}: CachedVerification): Verification => ({ ...outcome, checkedAt })

const isValid = ({ outcome: { validUntil } }: CachedVerification, now: number): boolean =>
  validUntil === null || now < validUntil

/** Reports whether an outcome can be used again: after `Expired`, a signature that was not valid yet may be valid now. */
const canBeReused = (cached: CachedVerification, now: number): boolean =>
  isValid(cached, now) && cached.outcome.reason !== 'Expired'

const keyOf = (image: ImageLocation, { version }: TrustPolicy) => ({
  ...cacheKeyOf(image),
  policyVersion: version,
})

const basisOf = ({ referrers, isComplete }: SignatureCandidates): string =>
  JSON.stringify([isComplete, referrers.map(({ digest }) => digest)])

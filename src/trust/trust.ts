import type { Database } from '../db/open.ts'
import { createTrustPolicies, type TrustPolicies } from './policy/policies.ts'
import type { ArtifactSources } from './referrer/artifact-source.ts'
import { Asking } from './referrer/asking.ts'
import { createPlaces, type Places, type TagImage } from './referrer/places.ts'
import { type AskOptions, createReferrers, type Referrers } from './referrer/referrers.ts'
import { createStoredManifests } from './referrer/stored-manifests.ts'
import type { TrustPolicy } from './signature/policy.ts'
import { verifyTagImage } from './verification/tag-verification.ts'
import type { Verification } from './verification/verification.ts'
import { createVerifications } from './verification/verifications.ts'

/** Who vouches for images: what is attached to them, and whether their signatures are those that a stream asks for. */
export interface Trust extends Disposable {
  readonly policies: TrustPolicies
  readonly places: Places
  readonly referrers: Referrers
  /** Whether what a tag means is signed as the policy asks for. It only informs: nothing is kept from being imported. */
  verify(image: TagImage, policy: TrustPolicy, options: AskOptions): Promise<Verification>
}

export interface TrustDependencies {
  readonly db: Database
  readonly sources: ArtifactSources
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of what no registry can be blamed for. */
  readonly onInternalError: (error: unknown) => void
}

/** Disposing ends what is asked of registries. */
export function createTrust({ db, sources, now, onInternalError }: TrustDependencies): Trust {
  const asking = new Asking({ sources, onInternalError })
  const referrers = createReferrers({ db, asking, now })
  const verifications = createVerifications({ db, asking, referrers, now })
  const manifestOf = createStoredManifests(db)
  return {
    policies: createTrustPolicies({ db, now }),
    places: createPlaces(db),
    referrers,
    verify: (image, policy, options) =>
      verifyTagImage(image, { policy, ...options }, { verifications, manifestOf }),
    [Symbol.dispose]: () => asking[Symbol.dispose](),
  }
}

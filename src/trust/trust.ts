import { createImages } from '../imagestream/image/images.ts'
import { createImageLocations, type TagImageLocation } from '../imagestream/tag/image-locations.ts'
import { createSeenLocations } from '../imagestream/tag/seen-locations.ts'
import type { Digest } from '../oci/digest.ts'
import { createTrustPolicies, type TrustPolicy, type TrustPolicyDependencies } from './policy/policies.ts'
import type { ArtifactSources } from './referrer/artifact-reader.ts'
import { ArtifactReader } from './referrer/artifact-reader.ts'
import { createReferrers, type LookupOptions } from './referrer/referrers.ts'
import { verifyTagImage } from './verification/tag-verification.ts'
import type { Verification } from './verification/verification.ts'
import { createVerifications } from './verification/verifications.ts'

/** Referrers of images, and whether images are signed as their streams require. Disposing aborts all requests. */
export type Trust = ReturnType<typeof createTrust>

export interface TrustDependencies extends TrustPolicyDependencies {
  readonly sources: ArtifactSources
  /** Receives errors of this server, not those of a registry. */
  readonly onInternalError: (error: unknown) => void
}

export function createTrust({ db, audit, sources, now, recordUpdate, onInternalError }: TrustDependencies) {
  const images = createImages(db)
  const manifestOf = (digest: Digest) => images.storedManifest(digest)?.manifest
  const reader = new ArtifactReader({ sources, onInternalError })
  const shared = { db, reader, now, onWriteError: onInternalError }
  const referrers = createReferrers(shared, manifestOf)
  const verifications = createVerifications(shared, referrers)
  return {
    policies: createTrustPolicies({ db, audit, now, recordUpdate }),
    locations: { ...createImageLocations(db), isSeen: createSeenLocations(db) },
    referrers,
    /** Verifies the image that a tag points to. The result is information only: it blocks no import and no pull. */
    verify: (image: TagImageLocation, policy: TrustPolicy, options: LookupOptions): Promise<Verification> =>
      verifyTagImage(
        image,
        (digest) => verifications.of({ repository: image.repository, digest }, policy, options),
        manifestOf,
      ),
    [Symbol.dispose]: () => reader[Symbol.dispose](),
  }
}

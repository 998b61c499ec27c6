import { mapBounded } from '../../concurrency/bounded.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TrustPolicy } from '../policy/policies.ts'
import { type ArtifactReader, isReadFailure, type ReadFailure } from '../referrer/artifact-reader.ts'
import type { Referrer } from '../referrer/referrer.ts'
import type { LookupOptions, Referrers } from '../referrer/referrers.ts'
import { verifySignature } from '../signature/verify-signature.ts'
import { type FetchedSignatures, fetchSignatures, maySign, SIGNATURE_TYPES } from './fetch-signatures.ts'
import { outcomeOf, type VerificationOutcome, type VerifiedSignature } from './verification.ts'

/** Manifests with signatures that are read for one image. */
const MAX_MANIFESTS = 20
/** A manifest can have megabytes. */
const READ_AT_A_TIME = 3
/** Signatures that are verified for one image: a manifest can contain several. */
const MAX_SIGNATURES = 100

/** Referrers of an image that may contain signatures of it. */
export interface SignatureCandidates {
  readonly referrers: readonly Referrer[]
  readonly isComplete: boolean
  readonly failure: ReadFailure | null
}

/** Resolves to the referrers of an image that may contain signatures. */
export async function findCandidates(
  image: ImageLocation,
  referrers: Referrers,
  { maxAge }: LookupOptions,
): Promise<SignatureCandidates> {
  const ofType = (artifactType: string | null) =>
    referrers.of(image, { artifactType, maxAge, mayRequest: true })
  const all = await ofType(null)
  // in a list that is too long to read, signatures are found by their artifact type
  const more = all.isComplete ? [] : await Promise.all(SIGNATURE_TYPES.map(ofType))
  const byDigest = new Map<Digest, Referrer>()
  for (const one of [all, ...more].flatMap((found) => found.referrers)) {
    if (maySign(one)) byDigest.set(one.digest, one)
  }
  const signing = [...byDigest.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  return {
    referrers: signing.slice(0, MAX_MANIFESTS),
    isComplete:
      signing.length <= MAX_MANIFESTS && (all.isComplete || more.every((found) => found.isComplete)),
    failure: [all, ...more].find(({ failure }) => failure !== null)?.failure ?? null,
  }
}

/** Reads the candidates and verifies their signatures. `now` returns milliseconds since 1970. */
export async function verifyImage(
  { repository, digest }: ImageLocation,
  { referrers, isComplete, failure }: SignatureCandidates,
  {
    requirements,
    reader,
    now,
  }: Pick<TrustPolicy, 'requirements'> & { readonly reader: ArtifactReader; readonly now: () => number },
): Promise<VerificationOutcome> {
  const fetched = await reader.read(repository, (source) =>
    mapBounded(referrers, READ_AT_A_TIME, (one) => fetchSignatures(source, one, digest)),
  )
  if (isReadFailure(fetched)) {
    return outcomeOf(digest, { signatures: [], failures: [fetched.failure], isComplete })
  }
  const verified = await verifySignatures(fetched, requirements, { image: digest, now: now() })
  return outcomeOf(digest, {
    signatures: verified.signatures,
    failures: [...fetched.flatMap((one) => one.failure ?? []), ...(failure ? [failure] : [])],
    isComplete: isComplete && verified.isComplete,
  })
}

/** Verifies the first signatures, and yields to the event loop after each: verification takes CPU time. */
async function verifySignatures(
  fetched: readonly FetchedSignatures[],
  requirements: TrustPolicy['requirements'],
  options: { readonly image: Digest; readonly now: number },
): Promise<{ readonly signatures: readonly VerifiedSignature[]; readonly isComplete: boolean }> {
  const signatures = fetched.flatMap((one) => one.signatures)
  const verified: VerifiedSignature[] = []
  for (const signature of signatures.slice(0, MAX_SIGNATURES)) {
    const verdict = await verifySignature(signature, requirements, options)
    verified.push({ ...verdict, digest: signature.manifest, format: signature.format })
    await yieldToEventLoop()
  }
  const broken = fetched.flatMap(({ referrer, flaw }) =>
    flaw ? [{ ...flaw, digest: referrer.digest, format: null }] : [],
  )
  return {
    signatures: [...verified, ...broken],
    isComplete: signatures.length <= MAX_SIGNATURES && !fetched.some(({ isCut }) => isCut),
  }
}

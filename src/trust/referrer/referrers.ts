import { SingleFlight } from '../../concurrency/single-flight.ts'
import { referrerChecks } from '../../db/tables/trust.ts'
import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { formatRepository } from '../../oci/reference.ts'
import { type ArtifactReader, isReadFailure, type ReadFailure } from './artifact-reader.ts'
import { type ListedReferrers, listReferrers } from './list-referrers.ts'
import { describe, flawOfSubject, type Referrer } from './referrer.ts'
import { type CachedImage, createResultCache, type ResultCacheDependencies } from './result-cache.ts'

/** Referrers of an image in a repository. */
export interface ReferrersOfImage {
  readonly referrers: readonly Referrer[]
  /** False when the image has more referrers than were read. */
  readonly isComplete: boolean
  /** Time of the last successful lookup. Milliseconds since 1970; null when there was none. */
  readonly checkedAt: number | null
  /** Why the last lookup failed; null when it succeeded. */
  readonly failure: ReadFailure | null
  /** Artifacts that are listed and left out, with the reason. */
  readonly refused: readonly string[]
}

/** When a lookup sends requests to the registry. */
export interface LookupOptions {
  /** Milliseconds for which an earlier result is used. */
  readonly maxAge: number
  /** False uses earlier results of any age, and sends no request. */
  readonly mayRequest: boolean
}

export interface ReferrersOptions extends LookupOptions {
  /** Null for all. */
  readonly artifactType: string | null
}

/** The failure of a lookup that exceeds the operation's limit. */
export const NOT_REQUESTED: ReadFailure = {
  reason: 'TooManyLookups',
  message: 'this operation has looked up as many images as it may: request smaller pages',
}

/** Referrers of images: signatures, attestations, SBOMs. Looked up on demand, and cached. */
export type Referrers = ReturnType<typeof createReferrers>

/** What lookups need, beside the table that caches their results. */
export interface LookupDependencies extends ResultCacheDependencies {
  readonly reader: ArtifactReader
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The last lookup of an image's referrers. */
type ReferrerCheck = Omit<typeof referrerChecks.$inferSelect, 'id'>

const NEVER_FOUND = { found: null, isComplete: 0, checkedAt: null } as const

/** Milliseconds after a failed lookup before the next. */
export const RETRY_AFTER = 30_000

/** Creates the lookups. `manifestOf` returns the manifest of a stored image. */
export function createReferrers(
  dependencies: LookupDependencies,
  manifestOf: (digest: Digest) => Manifest | undefined,
) {
  const { reader, now } = dependencies
  const checks = createResultCache<ReferrerCheck>(dependencies, referrerChecks, {
    variant: 'artifactType',
    renewedAt: 'triedAt',
  })
  const lookups = new SingleFlight<ReferrerCheck>()

  /** Reports whether the time is less than so many milliseconds ago; of a later one, the clock was set back since. */
  const isWithin = (time: number, age: number): boolean => Math.abs(now() - time) < age
  const isFresh = ({ reason, checkedAt, triedAt }: ReferrerCheck, maxAge: number): boolean =>
    reason === null ? isWithin(checkedAt ?? 0, maxAge) : isWithin(triedAt, RETRY_AFTER)

  const lookUp = async (image: ImageLocation, artifactType: string | null): Promise<ReferrerCheck> => {
    const key = checkKeyOf(image, artifactType)
    const { digest } = image
    const last = checks.find(key)
    const known = foundIn(last).referrers
    const listed = await reader.read(image.repository, (source) =>
      listReferrers(source, { image: digest, artifactType, manifest: manifestOf(digest), known }),
    )
    const triedAt = now()
    if (isReadFailure(listed)) {
      // an earlier result stays
      const change = { ...listed.failure, triedAt }
      const failed = { ...key, ...NEVER_FOUND, ...last, ...change }
      checks.save(failed, change)
      return failed
    }
    const { referrers, refused, isComplete } = listed
    const check: ReferrerCheck = {
      ...key,
      found: JSON.stringify({ referrers, refused }),
      isComplete: isComplete ? 1 : 0,
      checkedAt: triedAt,
      triedAt,
      reason: null,
      message: null,
    }
    checks.save(check)
    return check
  }

  return {
    /** Returns a referrer of an image from the results of earlier lookups; undefined for one that none of them found. */
    known(image: ImageLocation, digest: Digest): Referrer | undefined {
      const found = checks.ofImage(cacheKeyOf(image)).map((check) => resultOf(check, image.digest, null))
      return found.flatMap(({ referrers }) => referrers).find((one) => one.digest === digest)
    },
    /** Resolves to the referrers of an image. Never rejects for a failure of a registry. */
    async of(
      image: ImageLocation,
      { artifactType, maxAge, mayRequest }: ReferrersOptions,
    ): Promise<ReferrersOfImage> {
      // a complete list of all types contains the artifacts of one type
      const all = checks.find(checkKeyOf(image, null))
      const isEnough = all?.found != null && all.isComplete === 1
      const type = artifactType !== null && isEnough ? null : artifactType
      const key = checkKeyOf(image, type)
      const known = type === null ? all : checks.find(key)
      if (!known && !mayRequest) return { ...NOTHING_KNOWN, failure: NOT_REQUESTED }
      const check =
        known && (!mayRequest || isFresh(known, maxAge))
          ? known
          : await lookups.run(JSON.stringify(key), () => lookUp(image, type))
      return resultOf(check, image.digest, artifactType)
    },
  }
}

const NOTHING_KNOWN = { referrers: [], isComplete: false, checkedAt: null, refused: [] } as const

/** Returns the columns that identify an image in the cache tables. */
export const cacheKeyOf = ({ repository, digest }: ImageLocation): CachedImage => ({
  namespace: repository.namespace ?? '',
  repository: formatRepository(repository),
  digest,
})

/** The artifact type is empty for all. */
const checkKeyOf = (image: ImageLocation, artifactType: string | null) => ({
  ...cacheKeyOf(image),
  artifactType: artifactType ?? '',
})

/** Referrers as they are stored: JSON. */
type StoredReferrers = Pick<ListedReferrers, 'referrers' | 'refused'>

const foundIn = (check: ReferrerCheck | undefined): StoredReferrers =>
  check?.found ? (JSON.parse(check.found) as StoredReferrers) : { referrers: [], refused: [] }

function resultOf(check: ReferrerCheck, image: Digest, artifactType: string | null): ReferrersOfImage {
  const { isComplete, checkedAt, reason, message } = check
  const { referrers, refused } = foundIn(check)
  const flaws = new Map(refused)
  for (const one of referrers) {
    const flaw = one.facts && flawOfSubject(one, one.facts, image)
    if (flaw) flaws.set(one.digest, flaw)
  }
  const described = referrers.filter(({ digest }) => !flaws.has(digest)).map(describe)
  return {
    referrers: described.filter((one) => artifactType === null || one.artifactType === artifactType),
    isComplete: isComplete === 1,
    checkedAt,
    failure: reason === null ? null : { reason, message: message ?? '' },
    refused: [...flaws].map(([digest, why]) => `${digest} ${why}`),
  }
}

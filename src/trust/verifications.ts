import type { Database } from '../db/open.ts'
import type { Digest } from '../oci/digest.ts'
import { formatRepository } from '../oci/reference.ts'
import { type Asking, type Failure, isFailure } from './asking.ts'
import { type FetchedSignatures, fetchSignatures, maySign, SIGNATURE_TYPES } from './fetch-signatures.ts'
import { judge } from './judge.ts'
import type { TrustPolicy } from './policy.ts'
import type { Referrer } from './referrer.ts'
import { type AskOptions, type ImageInPlace, KEEP_FOR, NOT_ASKED, type Referrers } from './referrers.ts'
import {
  type Judged,
  judgedOfBroken,
  notChecked,
  type Outcome,
  outcomeOf,
  type Verification,
} from './verification.ts'

/** Whether an image in a repository is signed as a policy asks for. */
export interface Verifications {
  /** What was made of the image less than `maxAge` milliseconds ago, or is made of it now. Never rejects. */
  of(image: ImageInPlace, policy: TrustPolicy, options: AskOptions): Promise<Verification>
}

export interface VerificationsDependencies {
  readonly db: Database
  readonly asking: Asking
  readonly referrers: Referrers
  readonly now: () => number
}

/** Manifests with signatures that are read of one image. */
const MAX_SIGNATURES = 20

interface Row {
  readonly outcome: string
  readonly basis: string
  readonly validUntil: number | null
  readonly checkedAt: number
}

interface Candidates {
  readonly referrers: readonly Referrer[]
  readonly isComplete: boolean
  readonly failure: Failure | null
}

export function createVerifications(dependencies: VerificationsDependencies): Verifications {
  const { db, asking, referrers, now } = dependencies
  const read = db.prepare<Row>(
    `select outcome, basis, valid_until as validUntil, checked_at as checkedAt from verifications
     where namespace = ? and repository = ? and digest = ? and policy_version = ?`,
  )
  const write = db.prepare(
    `insert into verifications
       (namespace, repository, digest, policy_version, outcome, basis, valid_until, checked_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)
     on conflict do update set outcome = excluded.outcome, basis = excluded.basis,
       valid_until = excluded.valid_until, checked_at = excluded.checked_at`,
  )
  const drop = db.prepare('delete from verifications where checked_at < ?')

  const candidatesOf = async (image: ImageInPlace, { maxAge }: AskOptions): Promise<Candidates> => {
    const all = await referrers.of(image, { artifactType: null, maxAge, mayAsk: true })
    // among thousands of others a signature is asked for by its type
    const more = all.isComplete
      ? []
      : await Promise.all(
          SIGNATURE_TYPES.map((artifactType) => referrers.of(image, { artifactType, maxAge, mayAsk: true })),
        )
    const byDigest = new Map<Digest, Referrer>()
    for (const one of [all, ...more].flatMap((found) => found.referrers)) {
      if (maySign(one)) byDigest.set(one.digest, one)
    }
    const signing = [...byDigest.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
    return {
      referrers: signing.slice(0, MAX_SIGNATURES),
      isComplete:
        signing.length <= MAX_SIGNATURES && (all.isComplete || more.every((found) => found.isComplete)),
      failure: [all, ...more].find(({ failure }) => failure !== null)?.failure ?? null,
    }
  }

  const verify = async (
    image: ImageInPlace,
    policy: TrustPolicy,
    candidates: Candidates,
  ): Promise<Outcome> => {
    const { place, digest } = image
    const fetched = await asking.once(
      JSON.stringify(['signatures', keyOf(image, policy), basisOf(candidates)]),
      place,
      (source) => Promise.all(candidates.referrers.map((one) => fetchSignatures(source, one, digest))),
    )
    if (isFailure(fetched)) {
      return outcomeOf(digest, [], { failures: [fetched.failure], isComplete: candidates.isComplete })
    }
    const judged = await Promise.all(
      fetched.map((one) => judgeAll(one, policy, { image: digest, now: now() })),
    )
    const failures = [
      ...fetched.flatMap(({ failure }) => failure ?? []),
      ...[candidates.failure ?? []].flat(),
    ]
    return outcomeOf(digest, judged.flat(), { failures, isComplete: candidates.isComplete })
  }

  return {
    async of(image, policy, options) {
      const key = keyOf(image, policy)
      const known = read.get(...key)
      if (known && holdsAt(known, now()) && now() - known.checkedAt < options.maxAge)
        return verificationOf(known)
      if (!options.mayAsk) {
        const { reason, message } = NOT_ASKED
        return known && holdsAt(known, now()) ? verificationOf(known) : notChecked('UNKNOWN', reason, message)
      }
      const candidates = await candidatesOf(image, options)
      const basis = basisOf(candidates)
      const isSame = known?.basis === basis && isLasting(known, now()) && candidates.failure === null
      const outcome = isSame
        ? { ...(JSON.parse(known.outcome) as Outcome), validUntil: known.validUntil }
        : await verify(image, policy, candidates)
      // what could not be seen now says nothing against what was seen before
      if (outcome.status === 'UNKNOWN') {
        return known && holdsAt(known, now()) ? verificationOf(known) : { ...outcome, checkedAt: now() }
      }
      const { validUntil } = outcome
      const row = { outcome: JSON.stringify(outcome), basis, validUntil, checkedAt: now() }
      db.transact(() => {
        write.run(...key, row.outcome, basis, validUntil, row.checkedAt)
        drop.run(row.checkedAt - KEEP_FOR)
      })
      return verificationOf(row)
    },
  }
}

const holdsAt = ({ validUntil }: Row, now: number): boolean => validUntil === null || now < validUntil

/** Whether the same signatures are still worth the same: one that had expired may not have been valid yet. */
const isLasting = (row: Row, now: number): boolean =>
  holdsAt(row, now) && (JSON.parse(row.outcome) as Outcome).reason !== 'Expired'

const keyOf = ({ place, digest }: ImageInPlace, { version }: TrustPolicy) =>
  [place.namespace ?? '', formatRepository(place), digest, version] as const

const basisOf = ({ referrers, isComplete }: Candidates): string =>
  JSON.stringify([isComplete, referrers.map(({ digest }) => digest)])

async function judgeAll(
  fetched: FetchedSignatures,
  { requirements }: TrustPolicy,
  options: { readonly image: Digest; readonly now: number },
): Promise<readonly Judged[]> {
  const judged = await Promise.all(
    fetched.signatures.map(async (signature): Promise<Judged> => {
      const verdict = await judge(signature, requirements, options)
      return { digest: signature.manifest, format: signature.format, verdict }
    }),
  )
  return [...judged, ...judgedOfBroken(fetched)]
}

function verificationOf({ outcome, checkedAt }: Pick<Row, 'outcome' | 'checkedAt'>): Verification {
  const { validUntil: _, ...verification } = JSON.parse(outcome) as Outcome
  return { ...verification, checkedAt }
}

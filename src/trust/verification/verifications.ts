import { mapBounded } from '../../concurrency/bounded.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatRepository } from '../../oci/reference.ts'
import { type Asking, type Failure, isFailure } from '../referrer/asking.ts'
import type { Referrer } from '../referrer/referrer.ts'
import {
  type AskOptions,
  type ImageInPlace,
  KEEP_FOR,
  NOT_ASKED,
  type Referrers,
} from '../referrer/referrers.ts'
import { judge } from '../signature/judge.ts'
import type { TrustPolicy } from '../signature/policy.ts'
import { type FetchedSignatures, fetchSignatures, maySign, SIGNATURE_TYPES } from './fetch-signatures.ts'
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
/** Each may have megabytes. */
const READ_AT_A_TIME = 3
/** Signatures that are verified of one image: a manifest may carry several. */
const MAX_JUDGED = 100

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
    { place, digest }: ImageInPlace,
    { requirements }: TrustPolicy,
    { referrers: signing, isComplete, failure }: Candidates,
  ): Promise<Outcome> => {
    const fetched = await asking.ask(place, (source) =>
      mapBounded(signing, READ_AT_A_TIME, (one) => fetchSignatures(source, one, digest)),
    )
    if (isFailure(fetched)) return outcomeOf(digest, [], { failures: [fetched.failure], isComplete })
    const { judged, isWhole } = await judgeAll(fetched, requirements, { image: digest, now: now() })
    const failures = [...fetched.flatMap((one) => one.failure ?? []), ...(failure ? [failure] : [])]
    return outcomeOf(digest, judged, { failures, isComplete: isComplete && isWhole })
  }

  const refresh = async (
    image: ImageInPlace,
    policy: TrustPolicy,
    { known, options }: { readonly known: Row | undefined; readonly options: AskOptions },
  ): Promise<Verification> => {
    const candidates = await candidatesOf(image, options)
    const basis = basisOf(candidates)
    const isSame = known?.basis === basis && isLasting(known, now()) && candidates.failure === null
    const outcome = isSame
      ? { ...(JSON.parse(known.outcome) as Outcome), validUntil: known.validUntil }
      : await verify(image, policy, candidates)
    const at = now()
    if (outcome.status === 'UNKNOWN') {
      const before = known && holdsAt(known, at) ? verificationOf(known) : undefined
      // what could not be seen now says nothing against what was verified before
      return before?.status === 'VERIFIED' ? before : { ...told(outcome), checkedAt: at }
    }
    asking.keep(() =>
      db.transact(() => {
        write.run(...keyOf(image, policy), JSON.stringify(outcome), basis, outcome.validUntil, at)
        drop.run(at - KEEP_FOR)
      }),
    )
    return { ...told(outcome), checkedAt: at }
  }

  return {
    async of(image, policy, options) {
      const key = keyOf(image, policy)
      const row = read.get(...key)
      const known = row && holdsAt(row, now()) ? row : undefined
      if (known && now() - known.checkedAt < options.maxAge) return verificationOf(known)
      if (options.mayAsk) {
        return asking.once(['verification', ...key], () => refresh(image, policy, { known, options }))
      }
      return known ? verificationOf(known) : notChecked('UNKNOWN', NOT_ASKED.reason, NOT_ASKED.message)
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

/** Verifying takes time, and others get theirs after each; signatures beyond the most that are verified are left. */
async function judgeAll(
  fetched: readonly FetchedSignatures[],
  requirements: TrustPolicy['requirements'],
  options: { readonly image: Digest; readonly now: number },
): Promise<{ readonly judged: readonly Judged[]; readonly isWhole: boolean }> {
  const signatures = fetched.flatMap((one) => one.signatures)
  const judged: Judged[] = []
  for (const signature of signatures.slice(0, MAX_JUDGED)) {
    const verdict = await judge(signature, requirements, options)
    judged.push({ digest: signature.manifest, format: signature.format, verdict })
    await yieldToEventLoop()
  }
  const isWhole = signatures.length <= MAX_JUDGED && !fetched.some(({ isCut }) => isCut)
  return { judged: [...judged, ...fetched.flatMap(judgedOfBroken)], isWhole }
}

const verificationOf = ({ outcome, checkedAt }: Row): Verification => ({
  ...told(JSON.parse(outcome) as Outcome),
  checkedAt,
})

const told = ({ validUntil: _, ...outcome }: Outcome): Omit<Verification, 'checkedAt'> => outcome

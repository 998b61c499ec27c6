import { mapBounded } from '../../concurrency/bounded.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatRepository } from '../../oci/reference.ts'
import type { ArtifactSource, Place } from './artifact-source.ts'
import { type Asking, type Failure, isFailure } from './asking.ts'
import { attachmentsOf, type LookedUp, lookUp, readFacts } from './look-up.ts'
import { describe, type FoundReferrer, flawOfSubject, type Referrer } from './referrer.ts'
import { createStoredManifests } from './stored-manifests.ts'

/** What is attached to an image in a repository, as far as it could be seen. */
export interface ReferrersOfImage {
  readonly referrers: readonly Referrer[]
  /** False when there are more than are read. */
  readonly isComplete: boolean
  /** When the repository was last asked with success; null when it never was. Milliseconds since 1970. */
  readonly checkedAt: number | null
  /** Why it could not be asked when it was last tried; null when it could. */
  readonly failure: Failure | null
  /** What was listed and left out, and why. */
  readonly refused: readonly string[]
}

/** An image in a repository. */
export interface ImageInPlace {
  readonly place: Place
  readonly digest: Digest
}

/** Whether a repository is asked. */
export interface AskOptions {
  /** Milliseconds since the repository was last asked after which it is asked again. */
  readonly maxAge: number
  /** False where only what is known is told, whatever its age. */
  readonly mayAsk: boolean
}

export interface ReferrersOptions extends AskOptions {
  /** Null for all. */
  readonly artifactType: string | null
}

/** Why nothing is known of what may not be asked. */
export const NOT_ASKED: Failure = {
  reason: 'TooManyAtOnce',
  message: 'registries are asked about so many images in one operation, and no more: ask for smaller pages',
}

/** What is attached to images: signatures, attestations, SBOMs. Asked when somebody wants to know, and kept. */
export interface Referrers {
  /** Never rejects for what a registry does. */
  of(image: ImageInPlace, options: ReferrersOptions): Promise<ReferrersOfImage>
}

export interface ReferrersDependencies {
  readonly db: Database
  readonly asking: Asking
  readonly now: () => number
}

/** Milliseconds after which a registry that could not be asked is tried again. */
export const RETRY_AFTER = 30_000
/** Milliseconds that what nobody asks for is kept. */
export const KEEP_FOR = 30 * 24 * 60 * 60 * 1000
/** Manifests that are read to see what is attached, once each: registries count them. */
const MAX_READ = 10
/** Each may have megabytes. */
const READ_AT_A_TIME = 3

interface Row {
  readonly found: string | null
  readonly isComplete: 0 | 1
  readonly checkedAt: number | null
  readonly triedAt: number
  readonly reason: string | null
  readonly message: string | null
}

/** What is kept of a look, as JSON. */
interface Found {
  readonly referrers: readonly FoundReferrer[]
  readonly refused: readonly (readonly [digest: Digest, why: string])[]
}

type Looked = Found & LookedUp

export function createReferrers({ db, asking, now }: ReferrersDependencies): Referrers {
  const read = db.prepare<Row>(
    `select found, is_complete as isComplete, checked_at as checkedAt, tried_at as triedAt, reason, message
     from referrer_checks where namespace = ? and repository = ? and digest = ? and artifact_type = ?`,
  )
  const writeFound = db.prepare(
    `insert into referrer_checks
       (namespace, repository, digest, artifact_type, found, is_complete, checked_at, tried_at, reason, message)
     values (?, ?, ?, ?, ?, ?, ?, ?, null, null)
     on conflict do update set found = excluded.found, is_complete = excluded.is_complete,
       checked_at = excluded.checked_at, tried_at = excluded.tried_at, reason = null, message = null`,
  )
  const writeFailure = db.prepare(
    `insert into referrer_checks
       (namespace, repository, digest, artifact_type, is_complete, tried_at, reason, message)
     values (?, ?, ?, ?, 0, ?, ?, ?)
     on conflict do update set tried_at = excluded.tried_at, reason = excluded.reason, message = excluded.message`,
  )
  const drop = db.prepare('delete from referrer_checks where tried_at < ?')
  const manifestOf = createStoredManifests(db)

  const isFresh = (row: Row, maxAge: number): boolean =>
    row.reason === null ? now() - (row.checkedAt ?? 0) < maxAge : now() - row.triedAt < RETRY_AFTER

  const look = async (
    source: ArtifactSource,
    { digest }: ImageInPlace,
    { artifactType, known }: { readonly artifactType: string | null; readonly known: Found },
  ): Promise<Looked> => {
    const found = await lookUp(source, digest, artifactType)
    const listed = new Set(found.referrers.map((one) => one.digest))
    const ofIndex = artifactType === null ? attachmentsOf(manifestOf(digest)) : []
    const referrers = [...found.referrers, ...ofIndex.filter((one) => !listed.has(one.digest))]
    const facts = new Map(known.referrers.map((one) => [one.digest, one.facts]))
    const refused: (readonly [Digest, string])[] = []
    const unread = referrers.filter((one) => !facts.get(one.digest)).slice(0, MAX_READ)
    await mapBounded(unread, READ_AT_A_TIME, async (one) => {
      const said = await readFacts(source, one.digest)
      if (typeof said === 'string') refused.push([one.digest, said])
      else facts.set(one.digest, said)
    })
    const withFacts = referrers.map((one) => {
      const said = facts.get(one.digest)
      return said ? { ...one, facts: said } : one
    })
    return { referrers: withFacts, refused, isComplete: found.isComplete }
  }

  const refresh = async (image: ImageInPlace, artifactType: string | null): Promise<Row> => {
    const key = keyOf(image, artifactType)
    const before = read.get(...key)
    const looked = await asking.ask(image.place, (source) =>
      look(source, image, { artifactType, known: foundIn(before) }),
    )
    const at = now()
    if (isFailure(looked)) {
      const { reason, message } = looked.failure
      asking.keep(() => db.transact(() => writeFailure.run(...key, at, reason, message)))
      return { ...(before ?? NEVER_FOUND), triedAt: at, reason, message }
    }
    const { referrers, refused, isComplete } = looked
    const found = JSON.stringify({ referrers, refused })
    asking.keep(() =>
      db.transact(() => {
        writeFound.run(...key, found, isComplete ? 1 : 0, at, at)
        drop.run(at - KEEP_FOR)
      }),
    )
    return { found, isComplete: isComplete ? 1 : 0, checkedAt: at, triedAt: at, reason: null, message: null }
  }

  return {
    async of(image, { artifactType, maxAge, mayAsk }) {
      // a complete list has what is of one type in it
      const all = read.get(...keyOf(image, null))
      const isEnough = all?.found != null && all.isComplete === 1
      const type = artifactType !== null && isEnough ? null : artifactType
      const known = type === null ? all : read.get(...keyOf(image, type))
      if (!known && !mayAsk) return { ...NOTHING_KNOWN, failure: NOT_ASKED }
      const row =
        known && (!mayAsk || isFresh(known, maxAge))
          ? known
          : await asking.once(['referrers', ...keyOf(image, type)], () => refresh(image, type))
      return resultOf(row, image.digest, artifactType)
    },
  }
}

const NEVER_FOUND = { found: null, isComplete: 0, checkedAt: null } as const
const NOTHING_KNOWN = { referrers: [], isComplete: false, checkedAt: null, refused: [] } as const

const keyOf = ({ place, digest }: ImageInPlace, artifactType: string | null) =>
  [place.namespace ?? '', formatRepository(place), digest, artifactType ?? ''] as const

const foundIn = (row: Row | undefined): Found =>
  row?.found ? (JSON.parse(row.found) as Found) : { referrers: [], refused: [] }

function resultOf(row: Row, image: Digest, artifactType: string | null): ReferrersOfImage {
  const { isComplete, checkedAt, reason, message } = row
  const { referrers, refused } = foundIn(row)
  const wrong = new Map(refused)
  for (const one of referrers) {
    const flaw = one.facts && flawOfSubject(one, one.facts, image)
    if (flaw) wrong.set(one.digest, flaw)
  }
  const described = referrers.filter(({ digest }) => !wrong.has(digest)).map(describe)
  return {
    referrers: described.filter((one) => artifactType === null || one.artifactType === artifactType),
    isComplete: isComplete === 1,
    checkedAt,
    failure: reason === null ? null : { reason, message: message ?? '' },
    refused: [...wrong].map(([digest, why]) => `${digest} ${why}`),
  }
}

import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace } from '../../input/names.ts'

/** What may be pruned. */
export interface PrunePolicy {
  /** Of each tag so many of its newest events stay, the present one included: 1 to 1000, 3 unless given. */
  readonly keepTagRevisions?: number | undefined
  /** Minutes that everything stays: 60 unless given. */
  readonly keepYoungerThanMinutes?: number | undefined
  /** Only the histories of this namespace's streams; null or undefined for all. Images belong to no namespace. */
  readonly namespace?: string | null | undefined
}

/** A policy at one moment. */
export interface PruneTerms {
  readonly keepTagRevisions: number
  /** Milliseconds since 1970: what is from later than this is young, and stays. */
  readonly oldUntil: number
  readonly namespace: string | null
}

export const DEFAULT_TAG_REVISIONS = 3
export const DEFAULT_YOUNGER_THAN_MINUTES = 60
const MAXIMUM_TAG_REVISIONS = 1_000
const MAXIMUM_MINUTES = 100 * 366 * 24 * 60
const MINUTE = 60_000

/** One moment for a whole run: while the clock goes on, it only keeps more than it must. Throws InvalidInputError. */
export function pruneTermsAt(now: number, policy: PrunePolicy): PruneTerms {
  const { keepTagRevisions = DEFAULT_TAG_REVISIONS, namespace = null } = policy
  const { keepYoungerThanMinutes = DEFAULT_YOUNGER_THAN_MINUTES } = policy
  checkWhole('keepTagRevisions', keepTagRevisions, 1, MAXIMUM_TAG_REVISIONS)
  checkWhole('keepYoungerThanMinutes', keepYoungerThanMinutes, 0, MAXIMUM_MINUTES)
  if (namespace !== null) checkNamespace(namespace)
  return { keepTagRevisions, oldUntil: now - keepYoungerThanMinutes * MINUTE, namespace }
}

function checkWhole(field: string, number: number, least: number, most: number): void {
  if (Number.isInteger(number) && number >= least && number <= most) return
  throw new InvalidInputError(
    field,
    `"${field}" is ${number}; it must be a whole number from ${least} to ${most}`,
  )
}

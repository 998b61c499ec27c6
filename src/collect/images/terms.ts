import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace } from '../../input/names.ts'

/** What a prune may remove. */
export interface PrunePolicy {
  /** Number of the newest entries of each tag's history that are kept, with the current one: 1 to 1000, default 3. */
  readonly keepTagRevisions?: number | undefined
  /** Minutes for which everything is kept; default 60. */
  readonly keepYoungerThanMinutes?: number | undefined
  /** Whether images that were only imported are removed, too; default true. */
  readonly all?: boolean | undefined
  /** Prunes only histories of this namespace, and no images; null or undefined for all. */
  readonly namespace?: string | null | undefined
}

/** A policy at one moment. */
export interface PruneTerms {
  readonly keepTagRevisions: number
  /** Everything later is young and kept; milliseconds since 1970. */
  readonly oldUntil: number
  readonly all: boolean
  readonly namespace: string | null
}

export const DEFAULT_TAG_REVISIONS = 3
export const DEFAULT_YOUNGER_THAN_MINUTES = 60
const MAX_TAG_REVISIONS = 1_000
const MAX_MINUTES = 100 * 366 * 24 * 60
const MINUTE = 60_000

/** Returns the terms of a whole run: content that gets old while it runs is kept. Throws InvalidInputError. */
export function pruneTermsAt(now: number, policy: PrunePolicy): PruneTerms {
  const { keepTagRevisions = DEFAULT_TAG_REVISIONS, all = true, namespace = null } = policy
  const { keepYoungerThanMinutes = DEFAULT_YOUNGER_THAN_MINUTES } = policy
  checkWhole('keepTagRevisions', keepTagRevisions, { min: 1, max: MAX_TAG_REVISIONS })
  checkWhole('keepYoungerThanMinutes', keepYoungerThanMinutes, { min: 0, max: MAX_MINUTES })
  if (namespace !== null) checkNamespace(namespace)
  return { keepTagRevisions, oldUntil: now - keepYoungerThanMinutes * MINUTE, all, namespace }
}

function checkWhole(field: string, number: number, { min, max }: { min: number; max: number }): void {
  if (Number.isInteger(number) && number >= min && number <= max) return
  throw new InvalidInputError(
    field,
    `"${field}" is ${number}; it must be a whole number from ${min} to ${max}`,
  )
}

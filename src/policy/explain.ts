import { quoted } from '../input/errors.ts'
import type { PolicyOrder, TagPolicy } from './policy.ts'
import type { Excluded, Ranked, Rule } from './rule.ts'

const COMPARED: Readonly<Record<PolicyOrder, string>> = {
  SEMVER: 'versions',
  NUMERICAL: 'numbers',
  ALPHABETICAL: 'texts',
  NEWEST: 'images',
}
/** The two ends of each order: of the highest and of the lowest value. */
const ENDS: Readonly<Record<PolicyOrder, readonly [string, string]>> = {
  SEMVER: ['highest', 'lowest'],
  NUMERICAL: ['highest', 'lowest'],
  ALPHABETICAL: ['last', 'first'],
  NEWEST: ['newest', 'oldest'],
}
/** Relation of a lower-ranked value to the chosen one: for the highest, and for the lowest. */
const LOST: Readonly<Record<PolicyOrder, readonly [string, string]>> = {
  SEMVER: ['is lower than', 'is higher than'],
  NUMERICAL: ['is lower than', 'is higher than'],
  ALPHABETICAL: ['comes before', 'comes after'],
  NEWEST: ['is older than', 'is newer than'],
}

/** Explains why a tag was chosen among the ranked ones. */
export function explainChosen({ order, range, lowest }: TagPolicy, rankedCount: number): string {
  const where = range === null ? '' : ` in ${range}`
  if (rankedCount === 1) return `the only one of the ${COMPARED[order]}${where}`
  return `the ${ENDS[order][lowest ? 1 : 0]} of ${rankedCount} ${COMPARED[order]}${where}`
}

/** Explains why a tag ranks below the chosen one. */
export function explainRanked(rule: Rule, ranked: Ranked, chosen: Ranked): string {
  const { order, lowest } = rule.policy
  if (!rule.isSame(ranked, chosen)) {
    return `${ranked.value} ${LOST[order][lowest ? 1 : 0]} ${chosen.value}`
  }
  switch (order) {
    case 'SEMVER':
      return ranked.value === chosen.value
        ? `the same version as ${chosen.tag}, whose name comes last`
        : `the same version as ${chosen.tag}, which is spelled in full or without "v"`
    case 'NEWEST':
      return `created at the same time as ${chosen.tag}, whose name comes last`
    default:
      return `the same as ${chosen.tag}, whose name comes last`
  }
}

/** Explains why a tag cannot be chosen. */
export function explainExcluded({ filter, range }: TagPolicy, { value, reason }: Excluded): string {
  const text = value === null ? 'it' : quoted(value)
  switch (reason) {
    case 'FILTERED':
      if (value === null) return `the pattern ${quoted(filter?.pattern ?? '')} is not found in it`
      return value === ''
        ? 'the pattern is found in it, and what is extracted is empty'
        : 'the pattern is found in it, and what is extracted is too long to be compared'
    case 'NOT_A_VERSION':
      return /^v?\d+$/.test(value ?? '')
        ? `${text} is not a version: it has no minor number`
        : `${text} is not a version, such as 1.2.3, v1.2 or 1.2.3-rc1`
    case 'OUT_OF_RANGE':
      return `${text} is not in ${range ?? '*'}`
    case 'PRERELEASE':
      return `${text} is a pre-release, which the policy does not include`
    case 'NOT_A_NUMBER':
      return `${text} is not a number, such as 20240131 or 7.25`
    case 'NO_CREATION_TIME':
      return 'its image does not say when it was created'
    case 'ARTIFACT':
      return 'it is an artifact, which the policy does not choose without `artifacts`'
    case 'NO_IMAGE':
      return 'it has no image'
    case 'FOLLOWS':
      return 'it follows another tag, or has a policy of its own'
  }
}

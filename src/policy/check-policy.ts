import { InvalidInputError, quoted } from '../input/errors.ts'
import { createFilter } from './filter.ts'
import { POLICY_ORDERS, type TagPolicy, type TagPolicyInput } from './policy.ts'
import { createVersionRange } from './version-range.ts'

/** Returns the policy in its canonical form. Throws InvalidInputError for invalid, too large and ineffective settings. */
export function checkPolicy(input: TagPolicyInput): TagPolicy {
  const { order } = input
  if (!POLICY_ORDERS.includes(order)) {
    throw new InvalidInputError(
      'order',
      `${quoted(String(order))} is not an order: ${POLICY_ORDERS.join(', ')}`,
    )
  }
  const range = input.range?.trim().replace(/\s+/g, ' ') ?? null
  const includePrereleases = input.includePrereleases ?? false
  if (order !== 'SEMVER' && range !== null) {
    throw new InvalidInputError('range', `a range is of semantic versions, and ${order} compares none`)
  }
  if (order !== 'SEMVER' && includePrereleases) {
    throw new InvalidInputError(
      'includePrereleases',
      `only semantic versions have pre-releases, and ${order} compares none`,
    )
  }
  if (range !== null) createVersionRange({ range, includePrereleases })
  const filter = input.filter
    ? { pattern: input.filter.pattern, extract: input.filter.extract ?? null }
    : null
  if (filter) createFilter(filter)
  if (order === 'NEWEST' && filter && filter.extract !== null) {
    throw new InvalidInputError(
      'filter.extract',
      'NEWEST compares when images were created, so nothing is extracted from names: leave extract out',
    )
  }
  return { order, range, includePrereleases, lowest: input.lowest ?? false, filter }
}

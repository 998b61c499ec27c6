import { InvalidInputError, quoted } from '../input/errors.ts'
import { createFilter } from './filter.ts'
import { POLICY_ORDERS, type TagPolicy, type TagPolicyInput, withDefaults } from './policy.ts'
import { createVersionRange } from './version-range.ts'

/** Returns the policy in its canonical form. Throws InvalidInputError for invalid, too large and ineffective settings. */
export function checkPolicy(input: TagPolicyInput): TagPolicy {
  const policy = withDefaults({ ...input, range: input.range?.trim().replace(/\s+/g, ' ') })
  const { order, range, includePrereleases, filter } = policy
  const refuse = (field: string, message: string): never => {
    throw new InvalidInputError(field, message)
  }
  if (!POLICY_ORDERS.includes(order)) {
    refuse('order', `${quoted(String(order))} is not an order: ${POLICY_ORDERS.join(', ')}`)
  }
  if (order !== 'SEMVER' && range !== null) {
    refuse('range', `a range is of semantic versions, and ${order} compares none`)
  }
  if (order !== 'SEMVER' && includePrereleases) {
    refuse('includePrereleases', `only semantic versions have pre-releases, and ${order} compares none`)
  }
  if (range !== null) createVersionRange(policy)
  if (filter) createFilter(filter)
  if (order === 'NEWEST' && filter && filter.extract !== null) {
    refuse(
      'filter.extract',
      'NEWEST compares when images were created, so nothing is extracted from names: leave extract out',
    )
  }
  return policy
}

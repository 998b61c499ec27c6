import fc from 'fast-check'
import semver from 'semver'
import type { TagName } from '../../src/oci/tag.ts'
import { POLICY_ORDERS, type TagPolicyInput } from '../../src/policy/policy.ts'
import type { Candidate } from '../../src/policy/rule.ts'

const number = fc.oneof(fc.nat(3), fc.nat(2 ** 31))
const suffix = fc.constantFrom('', '', '', '-rc.1', '-rc.2', '-slim', '-0')
const tag = fc.oneof(
  fc
    .tuple(fc.constantFrom('', 'v'), number, number, fc.option(number), suffix)
    .map(
      ([v, major, minor, patch, end]) => `${v}${major}.${minor}${patch === null ? '' : `.${patch}`}${end}`,
    ),
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/),
  fc.stringMatching(/^0{0,2}[0-9]{1,20}(\.[0-9]{1,4}0{0,2})?$/),
  fc.constantFrom('latest', 'main-abc-42', 'main-abd-7'),
)
export const anyTag = tag.map((text) => text as TagName)

/** Without the groups of a filter, which the model does not support. */
export const anyPolicy: fc.Arbitrary<TagPolicyInput> = fc
  .record({
    order: fc.constantFrom(...POLICY_ORDERS),
    range: fc.constantFrom(null, '^1', '>=1.1 <3', '1.x || 3.x', '<=2.0.0-rc.1', '*', '>0.0.0-0'),
    includePrereleases: fc.boolean(),
    lowest: fc.boolean(),
    filter: fc.constantFrom(null, null, { pattern: '^v?[0-3]' }, { pattern: '[0-9]$' }, { pattern: 'a|\\.' }),
  })
  .map((policy) =>
    policy.order === 'SEMVER' ? policy : { ...policy, range: null, includePrereleases: false },
  )

const asVersion = (name: string): string | null =>
  /^v?\d+\.\d+/.test(name) ? semver.valid(name.replace(/^(v?\d+\.\d+)(-|$)/, '$1.0$2')) : null

/** Compares a hundred digits before and after the dot. */
const asInteger = (name: string): bigint => {
  const [whole = '', fraction = ''] = name.split('.')
  return BigInt(whole + fraction.padEnd(100, '0'))
}

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Returns text whose byte order is the natural order of the name. */
const paddedNumbers = (name: string): string => name.replace(/\d+/g, (digits) => digits.padStart(150, '0'))

/** Returns the choice of a policy, by one filter and one sort. */
export function choose(
  { order, range, includePrereleases, lowest, filter }: TagPolicyInput,
  candidates: readonly Candidate[],
): Candidate[] {
  const left = candidates.filter(({ tag: name, createdAt }) => {
    if (filter && !new RegExp(filter.pattern).test(name)) return false
    const version = asVersion(name)
    switch (order) {
      case 'SEMVER':
        return (
          version !== null &&
          semver.satisfies(version, range ?? '*', { includePrerelease: includePrereleases ?? false })
        )
      case 'NUMERICAL':
        return /^\d+(\.\d+)?$/.test(name)
      case 'NEWEST':
        return createdAt !== null
      default:
        return true
    }
  })
  const compare = (a: Candidate, b: Candidate): number => {
    switch (order) {
      case 'SEMVER':
        return semver.compare(asVersion(a.tag) ?? '', asVersion(b.tag) ?? '')
      case 'NUMERICAL':
        return Number(asInteger(a.tag) > asInteger(b.tag)) - Number(asInteger(a.tag) < asInteger(b.tag))
      case 'NEWEST':
        return (a.createdAt ?? 0) - (b.createdAt ?? 0)
      default:
        return bytewise(a.tag, b.tag)
    }
  }
  const isShort = (name: string): boolean => order === 'SEMVER' && semver.valid(name) === null
  const hasPrefix = (name: string): boolean => order === 'SEMVER' && name.startsWith('v')
  return left.sort(
    (a, b) =>
      (lowest ? compare(a, b) : compare(b, a)) ||
      Number(isShort(a.tag)) - Number(isShort(b.tag)) ||
      Number(hasPrefix(a.tag)) - Number(hasPrefix(b.tag)) ||
      bytewise(paddedNumbers(b.tag), paddedNumbers(a.tag)) ||
      b.tag.length - a.tag.length ||
      bytewise(b.tag, a.tag),
  )
}

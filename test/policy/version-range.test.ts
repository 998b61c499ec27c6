import fc from 'fast-check'
import semver from 'semver'
import { describe, expect, it } from 'vitest'
import { createVersionRange } from '../../src/policy/version-range.ts'

const small = fc.nat(4).map(String)
const prerelease = fc.constantFrom('', '', '', '-0', '-rc', '-rc.1', '-rc.2', '-1')
const version = fc.tuple(small, small, small, prerelease).map(([a, b, c, end]) => `${a}.${b}.${c}${end}`)
const bound = fc.oneof(
  version,
  fc.tuple(small, small).map((parts) => parts.join('.')),
  small,
  fc.constantFrom('*', '1.x', '1.2.x', '1.2.*'),
)
const comparator = fc
  .tuple(fc.constantFrom('', '', '=', '<', '<=', '>', '>=', '^', '~'), bound)
  .map(([operator, of]) => operator + of)
const alternative = fc.oneof(
  fc.array(comparator, { minLength: 1, maxLength: 3 }).map((all) => all.join(' ')),
  fc.tuple(bound, bound).map((ends) => ends.join(' - ')),
)
const range = fc.array(alternative, { minLength: 1, maxLength: 3 }).map((all) => all.join(' || '))

describe('a range', () => {
  it('accepts what semver accepts, and distinguishes pre-releases from versions outside', () => {
    fc.assert(
      fc.property(range, version, fc.boolean(), (text, candidate, includePrereleases) => {
        fc.pre(semver.validRange(text) !== null)
        const parsed = semver.parse(candidate)
        const satisfies = (includePrerelease: boolean): boolean =>
          semver.satisfies(candidate, text, { includePrerelease })
        const expected = satisfies(includePrereleases)
          ? 'IN_RANGE'
          : parsed?.prerelease.length && satisfies(true)
            ? 'PRERELEASE'
            : 'OUT_OF_RANGE'

        const { placeOf } = createVersionRange({ range: text, includePrereleases })
        expect(parsed && placeOf(parsed)).toBe(expected)
      }),
      { numRuns: 5000 },
    )
  })

  it('that is absent includes any release', () => {
    const place = (text: string, includePrereleases: boolean) =>
      createVersionRange({ range: null, includePrereleases }).placeOf(new semver.SemVer(text))

    expect(place('0.0.0', false)).toBe('IN_RANGE')
    expect(place('1.0.0-rc', false)).toBe('PRERELEASE')
    expect(place('1.0.0-rc', true)).toBe('IN_RANGE')
    expect(place('0.0.0-0', true)).toBe('IN_RANGE')
  })
})

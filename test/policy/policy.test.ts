import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InvalidInputError } from '../../src/input/errors.ts'
import { checkPolicy } from '../../src/policy/check-policy.ts'
import { POLICY_ORDERS, readPolicy, type TagPolicyInput, writePolicy } from '../../src/policy/policy.ts'
import { refusal } from './refusal.ts'

const refused = (input: TagPolicyInput): InvalidInputError => refusal(() => checkPolicy(input))

describe('a policy', () => {
  it('requires only an order', () => {
    expect(checkPolicy({ order: 'NUMERICAL' })).toEqual({
      order: 'NUMERICAL',
      range: null,
      includePrereleases: false,
      lowest: false,
      filter: null,
    })
  })

  it('accepts null for absent fields', () => {
    const explicit = {
      order: 'SEMVER',
      range: null,
      includePrereleases: null,
      lowest: null,
      filter: null,
    } as const

    expect(checkPolicy(explicit)).toEqual(checkPolicy({ order: 'SEMVER' }))
    expect(checkPolicy({ order: 'SEMVER', filter: { pattern: 'a', extract: null } })).toEqual(
      checkPolicy({ order: 'SEMVER', filter: { pattern: 'a' } }),
    )
  })

  it('has normalized white space', () => {
    expect(checkPolicy({ order: 'SEMVER', range: '  >=3.1   <3.4 ' }).range).toBe('>=3.1 <3.4')
  })

  it('is refused with an unknown order', () => {
    const error = refused({ order: 'SIZE' as 'SEMVER' })

    expect(error).toMatchObject({ field: 'order', code: 'INVALID' })
    expect(error.message).toBe('"SIZE" is not an order: SEMVER, NUMERICAL, ALPHABETICAL, NEWEST')
  })

  it.each(['NUMERICAL', 'ALPHABETICAL', 'NEWEST'] as const)(
    'by %s is refused what only semantic versions have',
    (order) => {
      expect(refused({ order, range: '^3' })).toMatchObject({
        field: 'range',
        message: `a range is of semantic versions, and ${order} compares none`,
      })
      expect(refused({ order, includePrereleases: true }).field).toBe('includePrereleases')
    },
  )

  it('by NEWEST is refused an extract, which would have no effect', () => {
    expect(refused({ order: 'NEWEST', filter: { pattern: '^v(.*)', extract: '$1' } }).field).toBe(
      'filter.extract',
    )
    expect(checkPolicy({ order: 'NEWEST', filter: { pattern: '^v(.*)' } }).filter?.extract).toBeNull()
  })
})

describe('a range', () => {
  it.each(['^3.3', '~3.3.1', '3.x', '3', '*', '>=3.1 <3.4 || 4.x', '1.2 - 2.3', 'v3.3', '>=3.0.0-rc.1'])(
    'may be %j',
    (range) => {
      expect(checkPolicy({ order: 'SEMVER', range }).range).toBe(range)
    },
  )

  it.each(['latest', '^3.3-slim', '3.3.3.3', '>= <', '^', '3,4', 'sha256:1'])('may not be %j', (range) => {
    const error = refused({ order: 'SEMVER', range })

    expect(error.field).toBe('range')
    expect(error.message).toContain(`"${range}" is not a range of semantic versions, such as "^3.3"`)
  })

  it.each(['', '  ', '3.x ||', '|| 3.x', '3.x || || 4.x'])(
    'is not empty, nor an alternative of it: %j, which semver reads as any version',
    (range) => {
      expect(refused({ order: 'SEMVER', range }).message).toContain('write "*"')
    },
  )

  it('has at most 255 characters', () => {
    expect(refused({ order: 'SEMVER', range: `^3.3.${'1'.repeat(260)}` }).message).toBe(
      'a range has at most 255 characters',
    )
  })

  it('has at most 50 comparisons', () => {
    const range = (alternatives: number): string =>
      Array.from({ length: alternatives }, (_, n) => n + 1).join('||')

    expect(checkPolicy({ order: 'SEMVER', range: range(25) }).range).not.toBeNull()
    expect(refused({ order: 'SEMVER', range: range(26) }).message).toBe(
      'the range has 52 comparisons: at most 50 are allowed',
    )
  })
})

const anyPolicy: fc.Arbitrary<TagPolicyInput> = fc
  .record({
    order: fc.constantFrom(...POLICY_ORDERS),
    range: fc.constantFrom(undefined, null, '^3.3', ' >=1.0   <2.0'),
    includePrereleases: fc.constantFrom(undefined, null, false, true),
    lowest: fc.constantFrom(undefined, null, false, true),
    filter: fc.constantFrom(
      undefined,
      null,
      { pattern: '^v(.*)"é\\\\$' },
      { pattern: '(?P<a>.)(b)', extract: `$2.\${a}` },
      { pattern: 'a', extract: null },
    ),
  })
  .map((policy) =>
    policy.order === 'SEMVER'
      ? policy
      : { ...policy, range: null, includePrereleases: false, filter: policy.filter && { pattern: 'a' } },
  )

describe('the text of a policy', () => {
  it('omits defaults', () => {
    expect(writePolicy(checkPolicy({ order: 'SEMVER' }))).toBe('{"order":"SEMVER"}')
    expect(
      writePolicy(
        checkPolicy({
          order: 'SEMVER',
          range: '^3.3',
          includePrereleases: true,
          lowest: true,
          filter: { pattern: '^(.*)-(.*)$', extract: '$1.$2' },
        }),
      ),
    ).toBe(
      '{"order":"SEMVER","range":"^3.3","includePrereleases":true,"lowest":true,' +
        '"filter":{"pattern":"^(.*)-(.*)$","extract":"$1.$2"}}',
    )
  })

  it('is parsed as the policy that was written', () => {
    fc.assert(
      fc.property(anyPolicy, (input) => {
        const policy = checkPolicy(input)

        expect(readPolicy(writePolicy(policy))).toEqual(policy)
      }),
    )
  })

  it('is equal exactly for equal policies', () => {
    fc.assert(
      fc.property(anyPolicy, anyPolicy, (a, b) => {
        const [one, other] = [checkPolicy(a), checkPolicy(b)]
        const isSame = JSON.stringify(one) === JSON.stringify(other)

        expect(writePolicy(checkPolicy(one))).toBe(writePolicy(one))
        expect(writePolicy(one) === writePolicy(other)).toBe(isSame)
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TagName } from '../../src/oci/tag.ts'
import { checkPolicy } from '../../src/policy/check-policy.ts'
import { type TagPolicyInput, writePolicy } from '../../src/policy/policy.ts'
import { isRanked, type Ranked, type Rule, ruleOf } from '../../src/policy/rule.ts'
import { anyPolicy, anyTag } from './policy-model.ts'

const rule = (input: TagPolicyInput): Rule => ruleOf(writePolicy(checkPolicy(input)))

/** The tags that can be chosen, best first. */
const ranked = (input: TagPolicyInput, ...tags: string[]): string[] => {
  const { rank, compare } = rule(input)
  return (tags as TagName[])
    .map((tag) => rank({ tag, createdAt: null }))
    .filter(isRanked)
    .sort((a, b) => compare(b, a))
    .map(({ tag }) => tag)
}

const reasonOf = (input: TagPolicyInput, tag: string, createdAt: number | null = null) =>
  rule(input).rank({ tag: tag as TagName, createdAt }).reason

describe('by semantic versions', () => {
  it('the highest goes first, by number and not by letter', () => {
    expect(ranked({ order: 'SEMVER' }, '1.9.0', '1.10.0', '1.2', 'v2.0')).toEqual([
      'v2.0',
      '1.10.0',
      '1.9.0',
      '1.2',
    ])
  })

  it('the lowest goes first if requested', () => {
    expect(ranked({ order: 'SEMVER', lowest: true }, '1.9.0', '1.10.0', '1.2')).toEqual([
      '1.2',
      '1.9.0',
      '1.10.0',
    ])
  })

  it.each([false, true])(
    'of the same version the full spelling goes first, then that without "v", lowest or not: %s',
    (lowest) => {
      expect(ranked({ order: 'SEMVER', lowest }, 'v3.3', '3.3', 'v3.3.0', '3.3.0')).toEqual([
        '3.3.0',
        'v3.3.0',
        '3.3',
        'v3.3',
      ])
    },
  )

  it('the spelling of the extracted value decides before the name', () => {
    const filter = { pattern: '^[a-z]-(.*)$' }

    expect(ranked({ order: 'SEMVER', filter }, 'a-v3.3', 'b-3.3', 'c-3.3.0')).toEqual([
      'c-3.3.0',
      'b-3.3',
      'a-v3.3',
    ])
  })

  it('for equal versions and spellings the last name in natural order goes first', () => {
    const filter = { pattern: '^(\\d+\\.\\d+)-' }

    expect(ranked({ order: 'SEMVER', filter }, '3.3-slim', '3.3-alpine', '3.3-Slim')).toEqual([
      '3.3-slim',
      '3.3-alpine',
      '3.3-Slim',
    ])
  })

  it('of builds of one version the last goes first: their numbers are compared as numbers', () => {
    const filter = { pattern: '^(\\d+\\.\\d+\\.\\d+)-' }
    const builds = ['1.2.3-20240101', '1.2.3-20240201', '1.2.3-9', '1.2.3-10', '1.2.3-r10-rc2', '1.2.3-r9']
    const lastFirst = ['1.2.3-r10-rc2', '1.2.3-r9', '1.2.3-20240201', '1.2.3-20240101', '1.2.3-10', '1.2.3-9']

    for (const lowest of [false, true]) {
      expect(ranked({ order: 'SEMVER', filter, lowest }, ...builds)).toEqual(lastFirst)
    }
  })

  it('a single number is not a version, nor is a word', () => {
    for (const tag of ['3', 'v3', '20240101', 'latest', '1.2.3.4', '1.02.3']) {
      expect(reasonOf({ order: 'SEMVER' }, tag)).toBe('NOT_A_VERSION')
    }
  })

  it.each([
    ['^3.3', ['3.3', '3.3.6', '3.9.1'], ['3.2.9', '4.0.0', '2.3']],
    ['~3.3.1', ['3.3.1', '3.3.9'], ['3.3', '3.3.0', '3.4.0']],
    ['3.x', ['3.0', '3.9.9'], ['2.9', '4.0']],
    ['>=3.1 <3.4 || 5.x', ['3.1', '3.3.9', '5.0.1'], ['3.4.0', '4.9.9', '6.0']],
    ['1.2 - 2.3', ['1.2', '2.3.9'], ['1.1.9', '2.4.0']],
    ['*', ['0.0.0', '99.1'], []],
    ['^0.2.3', ['0.2.3', '0.2.9'], ['0.3.0', '0.2.2']],
  ])('the range %s accepts the versions that npm accepts', (range, inside, outside) => {
    for (const tag of inside) expect(reasonOf({ order: 'SEMVER', range }, tag)).toBeNull()
    for (const tag of outside) expect(reasonOf({ order: 'SEMVER', range }, tag)).toBe('OUT_OF_RANGE')
  })

  it('a pre-release counts only if included', () => {
    expect(reasonOf({ order: 'SEMVER' }, '3.4.0-rc1')).toBe('PRERELEASE')
    expect(reasonOf({ order: 'SEMVER', range: '^3.3' }, '3.3.6-slim')).toBe('PRERELEASE')
    expect(reasonOf({ order: 'SEMVER', range: '^3.3', includePrereleases: true }, '3.4.0-rc1')).toBeNull()
    expect(reasonOf({ order: 'SEMVER', includePrereleases: true }, '3.4-rc1')).toBeNull()
  })

  it('a pre-release outside the range is excluded, included or not', () => {
    for (const includePrereleases of [false, true]) {
      const policy = { order: 'SEMVER', range: '^3.3', includePrereleases } as const

      expect(reasonOf(policy, '4.0.0-rc1')).toBe('OUT_OF_RANGE')
      expect(reasonOf(policy, '3.2.9-rc1')).toBe('OUT_OF_RANGE')
    }
  })

  it('a range with a pre-release includes those of the same version, as in npm', () => {
    const policy = { order: 'SEMVER', range: '>=3.3.0-rc.1' } as const

    expect(reasonOf(policy, '3.3.0-rc.2')).toBeNull()
    expect(reasonOf(policy, '3.3.0-beta')).toBe('OUT_OF_RANGE')
    expect(reasonOf(policy, '3.4.0-rc.2')).toBe('PRERELEASE')
  })

  it('a suffix outside the extracted version is not a pre-release', () => {
    const policy = { order: 'SEMVER', range: '^3.3', filter: { pattern: '^(.+)-slim$' } } as const

    expect(ranked(policy, '3.3.6-slim', '3.3.10-slim', '3.4.0', '4.0.0-slim', '3.5.0-rc1-slim')).toEqual([
      '3.3.10-slim',
      '3.3.6-slim',
    ])
  })
})

describe('by numbers', () => {
  it('the highest goes first, whatever its length', () => {
    const long = '9'.repeat(120)

    expect(ranked({ order: 'NUMERICAL' }, '7', '20240131', long, '10', `${long}0`)).toEqual([
      `${long}0`,
      long,
      '20240131',
      '10',
      '7',
    ])
  })

  it('two numbers that are equal as floats are different', () => {
    expect(ranked({ order: 'NUMERICAL' }, '9007199254740992', '9007199254740993')[0]).toBe('9007199254740993')
    expect(ranked({ order: 'NUMERICAL' }, '0.1000000000000000055', '0.1000000000000000056')[0]).toBe(
      '0.1000000000000000056',
    )
  })

  it('a fraction is compared as a fraction, not as a number after a dot', () => {
    expect(ranked({ order: 'NUMERICAL' }, '7.9', '7.10', '7.25', '7')).toEqual(['7.9', '7.25', '7.10', '7'])
  })

  it('leading and trailing zeros change nothing, and the name decides', () => {
    expect(ranked({ order: 'NUMERICAL' }, '7.50', '007.5', '7.5')).toEqual(['7.50', '007.5', '7.5'])
    expect(ranked({ order: 'NUMERICAL' }, '0', '00', '0.0')).toEqual(['0.0', '00', '0'])
  })

  it.each(['1.2.3', '-1', '1e3', '1.', '.5', 'v1', '1_000', '0x10'])('%s is not a number', (tag) => {
    const policy = { order: 'NUMERICAL', filter: { pattern: '.*' } } as const

    expect(reasonOf(policy, tag)).toBe('NOT_A_NUMBER')
  })
})

describe('by the alphabet', () => {
  it('the last in byte order goes first, or the first if the lowest is requested', () => {
    const tags = ['b', 'B', 'a', '_', '1', 'aa']

    expect(ranked({ order: 'ALPHABETICAL' }, ...tags)).toEqual(['b', 'aa', 'a', '_', 'B', '1'])
    expect(ranked({ order: 'ALPHABETICAL', lowest: true }, ...tags)).toEqual(['1', 'B', '_', 'a', 'aa', 'b'])
  })
})

describe('by creation', () => {
  const { rank, compare } = rule({ order: 'NEWEST', filter: { pattern: '^main' } })
  const at = (tag: string, createdAt: number | null) => rank({ tag: tag as TagName, createdAt })

  it('the newest image goes first, and for equal times the last name', () => {
    const images = [at('main-b', 5), at('main-a', 5), at('main-c', 7), at('main-d', -1)].filter(isRanked)

    expect(images.sort((a, b) => compare(b, a)).map(({ tag }) => tag)).toEqual([
      'main-c',
      'main-b',
      'main-a',
      'main-d',
    ])
  })

  it('the value is the time', () => {
    expect(at('main', Date.parse('2024-02-29T01:02:03Z'))).toMatchObject({
      value: '2024-02-29T01:02:03.000Z',
    })
  })

  it('a tag is filtered before its image is considered', () => {
    expect(at('other', null).reason).toBe('FILTERED')
    expect(at('main', null).reason).toBe('NO_CREATION_TIME')
  })

  it('the extracted value is ignored', () => {
    expect(reasonOf({ order: 'NEWEST', filter: { pattern: '^main(x)?' } }, 'main', 1)).toBeNull()
  })
})

describe('an extracted value', () => {
  it('is excluded when it is empty', () => {
    expect(reasonOf({ order: 'ALPHABETICAL', filter: { pattern: '^a(x)?' } }, 'a')).toBe('FILTERED')
  })

  it('is excluded when it is longer than any tag', () => {
    const filter = { pattern: '.*', extract: '$0$0$0' }

    expect(reasonOf({ order: 'ALPHABETICAL', filter }, 'a'.repeat(85))).toBeNull()
    expect(reasonOf({ order: 'ALPHABETICAL', filter }, 'a'.repeat(86))).toBe('FILTERED')
  })
})

describe('the rule of a text', () => {
  it('is compiled once', () => {
    const text = writePolicy(checkPolicy({ order: 'SEMVER', filter: { pattern: 'once' } }))

    expect(ruleOf(text)).toBe(ruleOf(text))
  })

  it('is cached while it is used, and dropped when it is not', () => {
    const text = (number: number): string =>
      writePolicy(checkPolicy({ order: 'SEMVER', filter: { pattern: `a${number}` } }))
    const [used, unused] = [ruleOf(text(1)), ruleOf(text(2))]
    for (let number = 3; number < 240; number++) {
      ruleOf(text(number))
      ruleOf(text(1))
    }

    expect(ruleOf(text(1))).toBe(used)
    expect(ruleOf(text(2))).not.toBe(unused)
    expect(ruleOf(text(2)).policy).toEqual(unused.policy)
  })
})

describe('every rule', () => {
  const anyRanked = fc
    .tuple(
      anyPolicy,
      fc.uniqueArray(anyTag, { minLength: 3, maxLength: 12 }),
      fc.array(fc.nat(3), { minLength: 12 }),
    )
    .map(([policy, tags, times]) => {
      const { rank, compare } = rule(policy)
      const all = tags.map((tag, at) => rank({ tag, createdAt: times[at] ?? null })).filter(isRanked)
      return { compare, all }
    })

  it('has a total and transitive order', () => {
    const sign = (number: number): number => Math.sign(number) + 0
    fc.assert(
      fc.property(anyRanked, ({ compare, all }) => {
        for (const a of all) {
          expect(sign(compare(a, a))).toBe(0)
          for (const b of all) {
            if (a !== b) expect(sign(compare(a, b))).not.toBe(0)
            expect(sign(compare(a, b)) + sign(compare(b, a))).toBe(0)
            const isBetween = (c: Ranked): boolean => compare(a, b) > 0 && compare(b, c) > 0
            for (const c of all.filter(isBetween)) expect(compare(a, c)).toBeGreaterThan(0)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

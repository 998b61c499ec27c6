import fc from 'fast-check'
import semver from 'semver'
import { describe, expect, it } from 'vitest'
import { sortByImportance, sortKeysOf } from '../../src/imagestream/tag/tag-order.ts'
import type { TagName } from '../../src/oci/tag.ts'
import { decide } from '../../src/policy/decide.ts'
import { ruleOf } from '../../src/policy/rule.ts'

const sorted = (...tags: string[]): string[] => sortByImportance(tags as TagName[])
const byVersion = (...tags: string[]): string[] =>
  (tags as TagName[])
    .map((tag) => ({ tag, key: sortKeysOf(tag).version }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ tag }) => tag)

describe('the order of importance', () => {
  it('is latest, minor versions, full versions, then all others', () => {
    expect(sorted('other', 'v1.2', '1.2.3', 'latest', '1.10', '1.2')).toEqual([
      'latest',
      '1.10',
      '1.2',
      'v1.2',
      '1.2.3',
      'other',
    ])
  })

  it('has newer versions first, by number and not by letter', () => {
    expect(sorted('1.9.0', '1.10.0', '10.0.0', '2.0.0')).toEqual(['10.0.0', '2.0.0', '1.10.0', '1.9.0'])
    expect(sorted('3.1', '3.10', '3.9')).toEqual(['3.10', '3.9', '3.1'])
  })

  it('has a release before its pre-releases', () => {
    expect(sorted('5.1-rc1', '5.1', '5.1-rc2', '5.0')).toEqual(['5.1', '5.1-rc2', '5.1-rc1', '5.0'])
    expect(sorted('1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-1', '1.0.0', '1.0.0-alpha.beta')).toEqual([
      '1.0.0',
      '1.0.0-alpha.beta',
      '1.0.0-alpha.1',
      '1.0.0-alpha',
      '1.0.0-1',
    ])
  })

  it('has "" before "v" at the same version', () => {
    expect(sorted('v5.1.3', '5.1.3', 'v5.1', '5.1')).toEqual(['5.1', 'v5.1', '5.1.3', 'v5.1.3'])
  })

  it('has other tags in byte order', () => {
    expect(sorted('b', 'a', 'B', '1', 'v1', '1.2.3.4', '01.2', 'nightly', '_x')).toEqual(
      ['b', 'a', 'B', '1', 'v1', '1.2.3.4', '01.2', 'nightly', '_x'].sort(),
    )
  })
})

describe('the order of versions', () => {
  it('has all versions newest first, of equal ones the more exact first, then all others', () => {
    expect(byVersion('latest', '1.2.0', '1.2', '1.3', 'v1.2', '1.2.9', 'edge')).toEqual([
      '1.3',
      '1.2.9',
      '1.2.0',
      '1.2',
      'v1.2',
      'edge',
      'latest',
    ])
  })
})

const number = fc.oneof(fc.nat(20), fc.nat(2 ** 31))
const identifier = fc.oneof(fc.nat(20).map(String), fc.stringMatching(/^[a-zA-Z-]{1,3}[0-9A-Za-z-]{0,2}$/))
const prerelease = fc
  .array(identifier, { maxLength: 3 })
  .map((all) => (all.length > 0 ? `-${all.join('.')}` : ''))
const full = fc.tuple(number, number, number, prerelease).map(([a, b, c, pre]) => `${a}.${b}.${c}${pre}`)
const minor = fc.tuple(number, number, prerelease).map(([a, b, pre]) => `${a}.${b}${pre}`)
const anyTag = fc
  .oneof(
    fc.tuple(fc.constantFrom('', 'v'), fc.oneof(full, minor)).map((parts) => parts.join('')),
    fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/),
    fc.constant('latest'),
  )
  .map((text) => text as TagName)

it('the order of versions is the one by which a policy chooses', () => {
  const rule = ruleOf(JSON.stringify({ order: 'SEMVER', includePrereleases: true }))
  // few numbers, so that many versions are equal
  const few = fc.integer({ min: 0, max: 1 }).map(String)
  const version = fc
    .tuple(
      fc.constantFrom('', 'v'),
      fc.array(few, { minLength: 2, maxLength: 3 }),
      fc.constantFrom('', '-rc1', '-rc2'),
    )
    .map(([prefix, numbers, suffix]) => `${prefix}${numbers.join('.')}${suffix}` as TagName)
  fc.assert(
    fc.property(fc.uniqueArray(version, { maxLength: 20 }), (tags) => {
      const { ranked } = decide(
        rule,
        tags.map((tag) => ({ tag, createdAt: null })),
        { shown: 20 },
      )
      expect(byVersion(...tags)).toEqual(ranked.map(({ tag }) => tag))
    }),
    { numRuns: 1000 },
  )
})

describe('both orders', () => {
  it('agree with semver on full versions', () => {
    fc.assert(
      fc.property(full, full, (a, b) => {
        fc.pre(a !== b)
        const expected = [a, b].sort((x, y) => semver.rcompare(x, y) || (x < y ? -1 : 1))

        expect(sorted(a, b)).toEqual(expected)
        expect(byVersion(a, b)).toEqual(expected)
      }),
      { numRuns: 3000 },
    )
  })

  it('agree with semver on minor versions', () => {
    fc.assert(
      fc.property(minor, minor, (a, b) => {
        const [x, y] = [a, b].map((text) => text.replace(/^(\d+\.\d+)/, '$1.0'))
        fc.pre(semver.compare(x ?? '', y ?? '') !== 0)

        expect(sorted(a, b)[0]).toBe(semver.gt(x ?? '', y ?? '') ? a : b)
      }),
      { numRuns: 2000 },
    )
  })

  it('are total for any tags in any order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyTag, { maxLength: 12 }), fc.nat(), (tags, seed) => {
        const shuffled = [...tags].sort((a, b) => ((a.length * seed) % 7) - ((b.length * seed) % 7))

        expect(sorted(...shuffled)).toEqual(sorted(...tags))
        expect(byVersion(...shuffled)).toEqual(byVersion(...tags))
        expect(new Set(tags.map((tag) => sortKeysOf(tag).importance)).size).toBe(tags.length)
        expect(new Set(tags.map((tag) => sortKeysOf(tag).version)).size).toBe(tags.length)
      }),
      { numRuns: 1000 },
    )
  })

  it('keep each kind of tag together: latest, minor versions, full versions, all others', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyTag, { maxLength: 12 }), (tags) => {
        const classes = sorted(...tags).map((tag) => {
          if (tag === 'latest') return 0
          if (semver.valid(tag) && /^v?\d/.test(tag)) return 2
          return semver.valid(tag.replace(/^(v?\d+\.\d+)(-|$)/, '$1.0$2')) && /^v?\d+\.\d+(-|$)/.test(tag)
            ? 1
            : 3
        })

        expect(classes).toEqual([...classes].sort())
      }),
      { numRuns: 1000 },
    )
  })
})

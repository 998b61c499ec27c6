import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TagName } from '../../src/oci/tag.ts'
import { checkPolicy } from '../../src/policy/check-policy.ts'
import { type DecideOptions, type Decision, decide } from '../../src/policy/decide.ts'
import { type TagPolicyInput, writePolicy } from '../../src/policy/policy.ts'
import { type Rule, ruleOf } from '../../src/policy/rule.ts'
import { anyPolicy, anyTag, choose } from './policy-model.ts'

const rule = (input: TagPolicyInput): Rule => ruleOf(writePolicy(checkPolicy(input)))

const decided = (
  input: TagPolicyInput,
  tags: readonly string[],
  options: Partial<DecideOptions> = {},
): Decision =>
  decide(
    rule(input),
    (tags as TagName[]).map((tag) => ({ tag, createdAt: null })),
    { shown: 10, ...options },
  )

describe('a decision', () => {
  it('contains the chosen tag, and why each other ranks below it', () => {
    const tags = ['3.3.5', '3.3', '3.3.6', 'v3.3.6', '4.0.0', '3.4.0-rc1', '3', 'latest']

    expect(decided({ order: 'SEMVER', range: '^3.3' }, tags)).toEqual({
      chosen: '3.3.6',
      rankedCount: 4,
      excludedCount: 4,
      ranked: [
        { tag: '3.3.6', value: '3.3.6', message: 'the highest of 4 versions in ^3.3' },
        {
          tag: 'v3.3.6',
          value: 'v3.3.6',
          message: 'the same version as 3.3.6, which is spelled in full or without "v"',
        },
        { tag: '3.3.5', value: '3.3.5', message: '3.3.5 is lower than 3.3.6' },
        { tag: '3.3', value: '3.3', message: '3.3 is lower than 3.3.6' },
      ],
      excluded: [
        {
          tag: '3.4.0-rc1',
          value: '3.4.0-rc1',
          reason: 'PRERELEASE',
          message: '"3.4.0-rc1" is a pre-release, which the policy does not include',
        },
        { tag: '4.0.0', value: '4.0.0', reason: 'OUT_OF_RANGE', message: '"4.0.0" is not in ^3.3' },
        {
          tag: '3',
          value: '3',
          reason: 'NOT_A_VERSION',
          message: '"3" is not a version: it has no minor number',
        },
        {
          tag: 'latest',
          value: 'latest',
          reason: 'NOT_A_VERSION',
          message: '"latest" is not a version, such as 1.2.3, v1.2 or 1.2.3-rc1',
        },
      ],
    })
  })

  it('contains the compared values that a filter extracts', () => {
    const policy = { order: 'NUMERICAL', filter: { pattern: '^main-[a-f0-9]+-(\\d+)$' } } as const
    const { chosen, ranked, excluded } = decided(policy, ['main-ab-7', 'main-ff-42', 'main-aa-42', 'main'])

    expect(chosen).toBe('main-ff-42')
    expect(ranked).toEqual([
      { tag: 'main-ff-42', value: '42', message: 'the highest of 3 numbers' },
      { tag: 'main-aa-42', value: '42', message: 'the same as main-ff-42, whose name comes last' },
      { tag: 'main-ab-7', value: '7', message: '7 is lower than 42' },
    ])
    expect(excluded).toEqual([
      {
        tag: 'main',
        value: null,
        reason: 'FILTERED',
        message: 'the pattern "^main-[a-f0-9]+-(\\d+)$" is not found in it',
      },
    ])
  })

  it('explains each order in its own terms', () => {
    const messages = (input: TagPolicyInput, ...candidates: [string, number | null][]): string[] => {
      const all = candidates.map(([tag, createdAt]) => ({ tag: tag as TagName, createdAt }))
      const { ranked, excluded } = decide(rule(input), all, { shown: 10 })
      return [...ranked, ...excluded].map(({ message }) => message)
    }

    expect(messages({ order: 'ALPHABETICAL' }, ['a', 0], ['b', 0])).toEqual([
      'the last of 2 texts',
      'a comes before b',
    ])
    expect(messages({ order: 'ALPHABETICAL', lowest: true }, ['a', 0], ['b', 0])).toEqual([
      'the first of 2 texts',
      'b comes after a',
    ])
    expect(messages({ order: 'NEWEST' }, ['a', 1000], ['b', 2000], ['c', 2000], ['d', null])).toEqual([
      'the newest of 3 images',
      'created at the same time as c, whose name comes last',
      '1970-01-01T00:00:01.000Z is older than 1970-01-01T00:00:02.000Z',
      'its image does not say when it was created',
    ])
    expect(messages({ order: 'NEWEST', lowest: true }, ['a', 1000], ['b', 2000])).toEqual([
      'the oldest of 2 images',
      '1970-01-01T00:00:02.000Z is newer than 1970-01-01T00:00:01.000Z',
    ])
    expect(messages({ order: 'SEMVER', lowest: true }, ['1.0', 0], ['2.0', 0])).toEqual([
      'the lowest of 2 versions',
      '2.0 is higher than 1.0',
    ])
    expect(messages({ order: 'SEMVER', range: '3.x' }, ['3.1', 0])).toEqual([
      'the only one of the versions in 3.x',
    ])
    expect(messages({ order: 'NUMERICAL' }, ['a1', 0])).toEqual([
      '"a1" is not a number, such as 20240131 or 7.25',
    ])
    expect(messages({ order: 'ALPHABETICAL', filter: { pattern: '^a(b)?' } }, ['a', 0])).toEqual([
      'the pattern is found in it, and what is extracted is empty',
    ])
    expect(
      messages({ order: 'ALPHABETICAL', filter: { pattern: '.*', extract: '$0$0$0' } }, ['a'.repeat(100), 0]),
    ).toEqual(['the pattern is found in it, and what is extracted is too long to be compared'])
    expect(messages({ order: 'SEMVER', filter: { pattern: '^(.*)-' } }, ['3.3-b', 0], ['3.3-a', 0])).toEqual([
      'the highest of 2 versions',
      'the same version as 3.3-b, whose name comes last',
    ])
  })

  it('chooses nothing when nothing can be chosen', () => {
    expect(decided({ order: 'SEMVER' }, [])).toEqual({
      chosen: null,
      rankedCount: 0,
      excludedCount: 0,
      ranked: [],
      excluded: [],
    })
    expect(decided({ order: 'SEMVER' }, ['latest'])).toMatchObject({ chosen: null, excludedCount: 1 })
  })

  it('counts and lists tags that were excluded before', () => {
    const { chosen, excluded, excludedCount } = decided({ order: 'ALPHABETICAL' }, ['a', 'b'], {
      excludedAlready: [
        { tag: 'c' as TagName, reason: 'FOLLOWS' },
        { tag: 'd' as TagName, reason: 'NO_IMAGE', message: 'docker.io answered 404' },
        { tag: 'e' as TagName, reason: 'NO_IMAGE' },
      ],
    })

    expect(chosen).toBe('b')
    expect(excludedCount).toBe(3)
    expect(excluded).toEqual([
      { tag: 'd', value: null, reason: 'NO_IMAGE', message: 'docker.io answered 404' },
      { tag: 'e', value: null, reason: 'NO_IMAGE', message: 'it has no image' },
      {
        tag: 'c',
        value: null,
        reason: 'FOLLOWS',
        message: 'it follows another tag, or has a policy of its own',
      },
    ])
  })

  it('lists the nearest excluded tags first: out of range before not a version', () => {
    const tags = ['edge', '2.0', '9.0', '10.0-rc1', '10.0', 'alpha']
    const { excluded } = decided({ order: 'SEMVER', range: '3.x' }, tags)

    expect(excluded.map(({ tag }) => tag)).toEqual(['10.0', '10.0-rc1', '9.0', '2.0', 'alpha', 'edge'])
  })

  it('lists at most the requested number, and counts all', () => {
    const tags = Array.from({ length: 3000 }, (_, at) => (at % 3 === 0 ? `word-${at}` : `1.${at}`))
    const { chosen, ranked, excluded, rankedCount, excludedCount } = decided({ order: 'SEMVER' }, tags, {
      shown: 2,
    })

    expect(chosen).toBe('1.2999')
    expect(ranked.map(({ tag }) => tag)).toEqual(['1.2999', '1.2998'])
    expect(excluded.map(({ tag }) => tag)).toEqual(['word-0', 'word-1002'])
    expect([rankedCount, excludedCount]).toEqual([2000, 1000])
    expect(decided({ order: 'SEMVER' }, tags, { shown: 0 })).toEqual({
      chosen: '1.2999',
      rankedCount: 2000,
      excludedCount: 1000,
      ranked: [],
      excluded: [],
    })
  })
})

describe('every decision', () => {
  const candidates = fc
    .uniqueArray(anyTag, { maxLength: 40 })
    .chain((tags) =>
      fc.tuple(...tags.map((tag) => fc.option(fc.nat(5)).map((createdAt) => ({ tag, createdAt })))),
    )

  it('equals a filter and sort of all candidates, best first', () => {
    fc.assert(
      fc.property(anyPolicy, candidates, (policy, all) => {
        const model = choose(policy, all).map(({ tag }) => tag)
        const decision = decide(rule(policy), all, { shown: 100 })

        expect(decision.chosen).toBe(model[0] ?? null)
        expect(decision.ranked.map(({ tag }) => tag)).toEqual(model)
        expect(decision.rankedCount).toBe(model.length)
        expect(decision.excludedCount).toBe(all.length - model.length)
      }),
      { numRuns: 2000 },
    )
  })

  it('does not depend on the order of candidates, and is a prefix for any number of listed tags', () => {
    fc.assert(
      fc.property(anyPolicy, candidates, fc.nat(6), fc.nat(100), (policy, all, shown, seed) => {
        const shuffled = [...all].sort((a, b) => ((a.tag.length * seed) % 7) - ((b.tag.length * seed) % 7))
        const whole = decide(rule(policy), all, { shown: 100 })

        expect(decide(rule(policy), shuffled, { shown })).toEqual({
          ...whole,
          ranked: whole.ranked.slice(0, shown),
          excluded: whole.excluded.slice(0, shown),
        })
      }),
      { numRuns: 1000 },
    )
  })
})

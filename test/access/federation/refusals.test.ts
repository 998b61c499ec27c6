import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkClaims, valuesOf } from '../../../src/access/federation/claim-patterns.ts'
import { claimsOf } from '../../../src/access/federation/presented-token.ts'
import { expandPreset } from '../../../src/access/federation/presets.ts'
import { type Claims, refusalsOf } from '../../../src/access/federation/refusals.ts'
import type { TokenRequirements } from '../../../src/access/federation/rule.ts'
import { warningsOf } from '../../../src/access/federation/warnings.ts'
import { InvalidInputError } from '../../../src/input/errors.ts'

const NOW = Date.UTC(2026, 10, 30)
const SECONDS = NOW / 1000
const { issuer = '', claims: githubClaims } = expandPreset({
  github: { repositoryOwnerId: '456', repositoryId: '123' },
})

const rule = (changes: Partial<TokenRequirements> = {}): TokenRequirements => ({
  issuer,
  audience: 'https://streams.example.org',
  claims: checkClaims(githubClaims, 'claims'),
  maxLifetime: 3600,
  allowsPullRequests: false,
  ...changes,
})

/** A token of GitHub Actions. */
const github = (changes: Claims = {}): Claims => ({
  iss: issuer,
  aud: 'https://streams.example.org',
  sub: 'repo:octocat/app:ref:refs/heads/main',
  repository: 'octocat/app',
  repository_id: '123',
  repository_owner_id: '456',
  event_name: 'push',
  ref: 'refs/heads/main',
  iat: SECONDS - 10,
  nbf: SECONDS - 10,
  exp: SECONDS + 300,
  ...changes,
})

const reasons = (claims: Claims, changes: Partial<TokenRequirements> = {}): string[] =>
  refusalsOf(rule(changes), claims, NOW).map(({ reason, claim }) => `${reason} ${claim}`)

describe('a federation rule', () => {
  it('accepts a token with its issuer, audience and claims', () => {
    expect(reasons(github())).toEqual([])
    expect(reasons(github({ aud: ['other', 'https://streams.example.org'] }))).toEqual([])
    expect(reasons(github({ repository_id: 123 }))).toEqual([])
  })

  it.each<[string, Claims, string[]]>([
    ['another audience', { aud: 'https://other.example.org' }, ['AUDIENCE aud']],
    ['no audience', { aud: undefined }, ['AUDIENCE aud']],
    ['another repository', { repository_id: '124' }, ['CLAIM repository_id']],
    ['no owner', { repository_owner_id: undefined }, ['CLAIM repository_owner_id']],
    ['an object as a claim', { repository_id: { '123': true } }, ['CLAIM repository_id']],
    ['a pull request', { event_name: 'pull_request' }, ['PULL_REQUEST event_name']],
    ['a pull request with secrets', { event_name: 'pull_request_target' }, ['PULL_REQUEST event_name']],
    ['the ref of a pull request', { ref: 'refs/pull/7/merge' }, ['PULL_REQUEST ref']],
    ['the subject of a pull request', { sub: 'repo:octocat/app:pull_request' }, ['PULL_REQUEST sub']],
    ['a merge request', { pipeline_source: 'merge_request_event' }, ['PULL_REQUEST pipeline_source']],
    ['the ref of a merge request', { ref_path: 'refs/merge-requests/7/head' }, ['PULL_REQUEST ref_path']],
    ['an old token', { iat: SECONDS - 3700 }, ['LIFETIME iat']],
    ['an expired token', { exp: SECONDS - 31 }, ['EXPIRED exp']],
    ['a token without expiry', { exp: undefined }, ['EXPIRED exp']],
    ['a token without time of issue', { iat: undefined }, ['LIFETIME iat']],
    [
      'a token of the future',
      { nbf: SECONDS + 60, iat: SECONDS + 60 },
      ['NOT_YET_VALID nbf', 'NOT_YET_VALID iat'],
    ],
    ['texts as times', { exp: '9e9', iat: 'x' }, ['EXPIRED exp', 'LIFETIME iat']],
    [
      'all at once',
      { aud: 'x', repository_id: '9', exp: 1 },
      ['AUDIENCE aud', 'CLAIM repository_id', 'EXPIRED exp'],
    ],
    ['another issuer, and nothing else', { iss: `${issuer}/`, aud: 'x' }, ['ISSUER iss']],
  ])('refuses %s', (_, changes, expected) => {
    expect(reasons(github(changes))).toEqual(expected)
  })

  it('accepts clocks that differ by half a minute', () => {
    expect(reasons(github({ exp: SECONDS - 29, iat: SECONDS - 3629, nbf: SECONDS + 29 }))).toEqual([])
  })

  it('accepts pull requests if it allows them', () => {
    const claims = github({ event_name: 'pull_request', ref: 'refs/pull/7/merge' })
    expect(reasons(claims, { allowsPullRequests: true })).toEqual([])
  })

  it('says what GitHub changed when its new sub does not match', () => {
    const old = { claims: { sub: ['repo:octocat/app:ref:refs/heads/*'] } }
    const [refusal] = refusalsOf(
      rule(old),
      github({ sub: 'repo:octocat@456/app@123:ref:refs/heads/main' }),
      NOW,
    )
    expect(refusal).toEqual({
      reason: 'CLAIM',
      claim: 'sub',
      message:
        'sub is "repo:octocat@456/app@123:ref:refs/heads/main": the rule requires "repo:octocat/app:ref:refs/heads/*"; ' +
        'GitHub has added identifiers to sub: pin repository_id and repository_owner_id instead',
    })
  })

  it('matches claims inside of others, and no inherited properties', () => {
    const claims = { 'kubernetes.io': { serviceaccount: { uid: 'u-1' } }, 'a/b': 1 }
    expect(valuesOf(claims, '/kubernetes.io/serviceaccount/uid')).toEqual(['u-1'])
    expect(valuesOf(claims, '/a~1b')).toEqual(['1'])
    for (const name of ['constructor', '/constructor/name', '__proto__', '/kubernetes.io/x/y']) {
      expect(valuesOf(claims, name)).toEqual([])
    }
  })

  it.each([
    ['no claim', []],
    ['claims that match everything', [{ name: 'sub', patterns: ['x', '*'] }]],
    ['a claim without patterns', [{ name: 'sub', patterns: [] }]],
    ['a claim twice', [1, 2].map(() => ({ name: 'sub', patterns: ['x'] }))],
    ['a line break', [{ name: 'sub', patterns: ['a\nb'] }]],
    ['too many claims', Array.from({ length: 33 }, (_, at) => ({ name: `c${at}`, patterns: ['x'] }))],
  ])('is refused with %s', (_, claims) => {
    expect(() => checkClaims(claims, 'claims')).toThrow(InvalidInputError)
  })

  it('has presets that pin what cannot be assigned again', () => {
    expect(expandPreset({ gitlab: { projectId: '7', refProtected: true } })).toEqual({
      issuer: 'https://gitlab.com',
      claims: [
        { name: 'project_id', patterns: ['7'] },
        { name: 'ref_protected', patterns: ['true'] },
      ],
    })
    expect(expandPreset({ kubernetes: { serviceAccount: 'ci/builder', serviceAccountUid: 'u-1' } })).toEqual({
      issuer: undefined,
      claims: [
        { name: 'sub', patterns: ['system:serviceaccount:ci:builder'] },
        { name: '/kubernetes.io/serviceaccount/uid', patterns: ['u-1'] },
      ],
    })
    for (const preset of [
      { github: { repositoryOwnerId: 'octocat' } },
      { gitlab: { projectId: 'group/app', refProtected: true } },
      { kubernetes: { serviceAccount: 'ci:builder' } },
      { kubernetes: { serviceAccount: '*/builder' } },
      { github: { repositoryOwnerId: '1' }, gitlab: { projectId: '1', refProtected: true } },
    ]) {
      expect(() => expandPreset(preset)).toThrow(InvalidInputError)
    }
  })

  it.each<[string, TokenRequirements['claims'], number]>([
    ['identifiers', { repository_id: ['123'] }, 0],
    ['names', { repository: ['octocat/app'], ref: ['refs/heads/main'] }, 1],
    ['a glob of identifiers', { project_id: ['1*'] }, 1],
    ['a subject with names', { sub: ['repo:octocat/app:*'] }, 2],
    ['a subject with identifiers', { sub: ['repo:octocat@456/app@123:*'] }, 0],
    ['a service account', { sub: ['system:serviceaccount:ci:builder'] }, 0],
    ['service accounts of all namespaces', { sub: ['system:serviceaccount:*:builder'] }, 1],
    ['the number of an account', { sub: ['110248495921238986420'] }, 0],
    ['one name among identifiers', { sub: ['1', 'alice'] }, 1],
    ['a claim of an own issuer', { team_uid: ['t-1'] }, 0],
  ])('with %s has the warnings that it deserves', (_, claims, count) => {
    expect(warningsOf(rule({ claims }))).toHaveLength(count)
  })

  it('has an answer for 10,000 sets of claims', () => {
    const names = fc.constantFrom(
      'iss',
      'aud',
      'sub',
      'exp',
      'nbf',
      'iat',
      'ref',
      'repository_id',
      '__proto__',
    )
    const values = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.double(), fc.constant(issuer))
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values)), (entries) => {
        const refusals = refusalsOf(rule(), { iss: issuer, ...Object.fromEntries(entries) }, NOW)
        expect(refusals.every(({ message }) => message.length < 1500)).toBe(true)
        expect(refusals).not.toEqual([])
      }),
      { numRuns: 10_000 },
    )
  })

  it('has an answer for 10,000 texts in place of a token, and repeats none of them', () => {
    const part = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const token = parts.join('.')
        try {
          expect(typeof claimsOf(token).iss).toBe('string')
        } catch (error) {
          expect(error).toMatchObject({ name: 'InvalidInputError' })
          if (token.length > 70) expect(String(error)).not.toContain(token)
        }
      }),
      { numRuns: 10_000 },
    )
  })
})

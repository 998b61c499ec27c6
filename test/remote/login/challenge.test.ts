import { describe, expect, test } from 'vitest'
import { parseChallenges, requirementOf } from '../../../src/remote/login/challenge.ts'
import { cpuTime } from '../../fixtures/cpu-time.ts'

const read = (header: string | string[] | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, ...Object.fromEntries(parameters) }))

describe('a WWW-Authenticate header (RFC 7235)', () => {
  test.each<[string, string | string[] | undefined, unknown]>([
    ['is nothing when absent', undefined, []],
    ['is nothing when empty', '', []],
    ['holds one challenge', 'Basic realm="r"', [{ scheme: 'basic', realm: 'r' }]],
    [
      "holds two challenges, as Codeberg's does",
      'Bearer realm="https://codeberg.org/v2/token",service="container_registry",scope="*",Basic realm="https://codeberg.org/v2",service="container_registry",scope="*"',
      [
        {
          scheme: 'bearer',
          realm: 'https://codeberg.org/v2/token',
          service: 'container_registry',
          scope: '*',
        },
        { scheme: 'basic', realm: 'https://codeberg.org/v2', service: 'container_registry', scope: '*' },
      ],
    ],
    [
      'may be sent twice',
      ['Negotiate', 'Basic realm=r'],
      [{ scheme: 'negotiate' }, { scheme: 'basic', realm: 'r' }],
    ],
    ['holds schemes without parameters', 'Negotiate, Basic', [{ scheme: 'negotiate' }, { scheme: 'basic' }]],
    [
      'may contain a token68 before the next challenge',
      'Negotiate YWJj/+==, Basic realm="r"',
      [{ scheme: 'negotiate' }, { scheme: 'basic', realm: 'r' }],
    ],
    [
      'may quote commas, quotes and equal signs',
      'Bearer realm="https://a/?x=1,2", scope="repository:a:pull,push", error="say \\"no\\""',
      [{ scheme: 'bearer', realm: 'https://a/?x=1,2', scope: 'repository:a:pull,push', error: 'say "no"' }],
    ],
    [
      'may contain any spaces',
      ' ,, BEARER  Realm = "r" ,  Service=s ,',
      [{ scheme: 'bearer', realm: 'r', service: 's' }],
    ],
    ['keeps the first of two realms', 'Bearer realm="a",realm="b"', [{ scheme: 'bearer', realm: 'a' }]],
    ['ends at a syntax error', 'Basic realm="r", ="x", Bearer realm="y"', [{ scheme: 'basic', realm: 'r' }]],
    ['may end within a quote', 'Basic realm="never closed', [{ scheme: 'basic', realm: '' }]],
  ])('%s', (_, header, challenges) => {
    expect(read(header)).toEqual(challenges)
  })

  test('of 32 KiB of arbitrary bytes is parsed in linear time', () => {
    const took = cpuTime(() => {
      for (const piece of ['a', ',', '"', 'a=', 'a="\\', ' ', 'a b '])
        parseChallenges(piece.repeat(32768 / piece.length))
    })
    expect(took).toBeLessThan(1000)
  })
})

describe('the requirement of challenges', () => {
  test('is a token when a Bearer realm is a URL, whichever challenge precedes it', () => {
    expect(
      requirementOf(parseChallenges('Basic realm="r", Bearer realm="https://a/t",service="s",scope="x y"')),
    ).toEqual({
      scheme: 'bearer',
      realm: new URL('https://a/t'),
      service: 's',
      scopes: ['x', 'y'],
    })
  })

  test.each([
    'Bearer realm="Artifactory Realm", Basic realm="Artifactory Realm"',
    'Bearer realm="file:///x", Basic',
  ])('is Basic when the Bearer realm is not a URL: %s', (header) => {
    expect(requirementOf(parseChallenges(header))).toEqual({ scheme: 'basic' })
  })

  test('is undefined for unsupported schemes', () => {
    expect(requirementOf(parseChallenges('Negotiate, Digest realm="r", nonce="n"'))).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { algorithmOf, digestOf, isDigest, matchesDigest, parseDigest } from '../../src/oci/digest.ts'

const HELLO = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'

describe('a digest', () => {
  it('is the hash of the bytes', () => {
    expect(digestOf('hello')).toBe(HELLO)
    expect(digestOf(Buffer.from('hello'))).toBe(HELLO)
    expect(digestOf('hello', 'sha512')).toMatch(/^sha512:9b71d224bd62f378[0-9a-f]{112}$/)
  })

  it('matches only unchanged bytes, with its own algorithm', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const digest = digestOf('hello', algorithm)

      expect(algorithmOf(digest)).toBe(algorithm)
      expect(matchesDigest(Buffer.from('hello'), digest)).toBe(true)
      expect(matchesDigest(Buffer.from('hello\n'), digest)).toBe(false)
    }
  })

  it.each([
    ['upper case', HELLO.toUpperCase()],
    ['one digit too few', HELLO.slice(0, -1)],
    ['one digit too many', `${HELLO}0`],
    ['the other length', `sha512:${'0'.repeat(64)}`],
    ['another algorithm', `md5:${'0'.repeat(32)}`],
    ['a path', 'sha256:../../../etc/passwd'],
    ['a line break behind it', `${HELLO}\n`],
    ['no text', undefined],
  ])('is not %s, which is malformed', (_what, text) => {
    expect(isDigest(text)).toBe(false)
    expect(parseDigest(text)).toBeUndefined()
  })
})

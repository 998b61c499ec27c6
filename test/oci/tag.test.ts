import { describe, expect, it } from 'vitest'
import { isReferrersTag, isTagName, subjectOfTag, type TagName } from '../../src/oci/tag.ts'

describe('a tag', () => {
  it.each(['latest', '_', '3.3', 'V1', '1-rc.1', 'a_b', 't'.repeat(128)])('can be %s', (text) => {
    expect(isTagName(text)).toBe(true)
  })

  it.each([
    '',
    '.x',
    '-x',
    'a/b',
    'a:b',
    'a@b',
    'a b',
    'ä',
    'x\n',
    'x\0',
    '1.0+build',
    't'.repeat(129),
    null,
  ])('cannot be %j', (text) => {
    expect(isTagName(text)).toBe(false)
  })

  it('that holds referrers of another image is recognized', () => {
    const sha256 = `sha256-${'a'.repeat(64)}`
    const names = [sha256, `${sha256}.sig`, `${sha256}.att`, `sha512-${'a'.repeat(64)}`] as TagName[]

    expect(names.every(isReferrersTag)).toBe(true)
    expect(names.map(subjectOfTag)).toEqual([...Array(3).fill(`sha256:${'a'.repeat(64)}`), undefined])
    expect(subjectOfTag('latest' as TagName)).toBeUndefined()
    expect(['latest', 'sha256-abc', `x${sha256}`].some((name) => isReferrersTag(name as TagName))).toBe(false)
  })
})

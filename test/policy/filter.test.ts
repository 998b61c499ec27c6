import { describe, expect, it } from 'vitest'
import type { TagName } from '../../src/oci/tag.ts'
import { createFilter } from '../../src/policy/filter.ts'
import { refusal } from './refusal.ts'

const filtered = (pattern: string, extract: string | null, tag: string): string | null =>
  createFilter({ pattern, extract })(tag as TagName)
const refused = (pattern: string, extract: string) => refusal(() => createFilter({ pattern, extract }))

describe('a filter', () => {
  it('matches its pattern anywhere in the name, unless it is anchored', () => {
    expect(filtered('slim', null, '3.3-slim-bookworm')).not.toBeNull()
    expect(filtered('^slim', null, '3.3-slim-bookworm')).toBeNull()
    expect(filtered('slim$', null, '3.3-slim-bookworm')).toBeNull()
  })

  it('compares the whole name when the pattern has no group', () => {
    expect(filtered('^3\\.', null, '3.3-slim')).toBe('3.3-slim')
    expect(filtered('^(?:3|4)\\.', null, '3.3-slim')).toBe('3.3-slim')
  })

  it('compares the first group', () => {
    expect(filtered('^(\\d+\\.\\d+)-(slim)$', null, '3.3-slim')).toBe('3.3')
    expect(filtered('^main-.*-(?P<time>\\d+)$', null, 'main-abc-42')).toBe('42')
  })

  it('has an empty value when the first group takes no part', () => {
    expect(filtered('^(?:a(\\d)|b)$', null, 'a1')).toBe('1')
    expect(filtered('^(?:a(\\d)|b)$', null, 'b')).toBe('')
  })

  it.each([
    ['$1.$2', '3.7'],
    ['$minor', '7'],
    [`\${minor}x`, '7x'],
    [`\${1}0`, '30'],
    ['$0', 'v3_7'],
    ['$$$1', '$3'],
    ['$3', ''],
    ['-$2-$1-', '-7-3-'],
  ])('compares the value that extract builds: %s', (extract, value) => {
    expect(filtered('v(\\d)_(?P<minor>\\d)(x)?', extract, 'a-v3_7-b')).toBe(value)
  })

  it('returns the same value each time', () => {
    const filter = createFilter({ pattern: '^(\\d+)(-slim)?$', extract: '$1$2' })
    const look = (tag: string): string | null => filter(tag as TagName)

    expect(['1-slim', '2', 'x', '', '1-slim', '2'].map(look)).toEqual([
      '1-slim',
      '2',
      null,
      null,
      '1-slim',
      '2',
    ])
  })
})

describe('an extract', () => {
  it.each([
    ['$2', 'the pattern has no group "2": there is $0 for all that matches, $1'],
    ['$1x', 'the pattern has no group "1x"'],
    [`\${year}`, 'the pattern has no group "year"'],
    [`\${}`, 'the pattern has no group ""'],
    ['$99999999999999999999', 'the pattern has no group "99999999999999999999"'],
    ['$toString', 'the pattern has no group "toString"'],
    ['$1.$', '"$" stands before a group, and for itself is "$$"'],
    ['${1', '"$" stands before a group'],
    ['3.3', '"3.3" names no group, so all tags would be equal'],
    ['$$', 'names no group'],
    ['', 'names no group'],
    [`$1${'x'.repeat(254)}`, 'extract has at most 255 characters'],
  ])('is refused when it is %s', (extract, message) => {
    const error = refused('(a)', extract)

    expect(error).toMatchObject({ field: 'filter.extract', code: 'INVALID' })
    expect(error.message).toContain(message)
  })

  it('is refused with a list of the existing groups', () => {
    expect(refused('(?P<major>a)(b)(c)', '$4').message).toContain(
      `there is $0 for all that matches, $1 to $3, \${major}`,
    )
    expect(refused('a', '$1').message).toMatch(/: there is \$0 for all that matches$/)
  })
})

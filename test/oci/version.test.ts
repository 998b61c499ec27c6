import { describe, expect, it } from 'vitest'
import { parseVersion } from '../../src/oci/version.ts'

describe('a version in a tag', () => {
  it.each([
    ['1.2.3', '1.2.3', '', true],
    ['v1.2.3', '1.2.3', 'v', true],
    ['1.2', '1.2.0', '', false],
    ['v1.2', '1.2.0', 'v', false],
    ['1.2.3-rc.1', '1.2.3-rc.1', '', true],
    ['1.2-rc.1', '1.2.0-rc.1', '', false],
    ['3.3.6-slim-bookworm', '3.3.6-slim-bookworm', '', true],
    ['0.0.0', '0.0.0', '', true],
  ])('%s is %s', (text, version, prefix, full) => {
    const parsed = parseVersion(text)

    expect(parsed).toMatchObject({ prefix, full })
    expect(parsed?.parsed.version).toBe(version)
  })

  it.each([
    '3',
    'v3',
    '20240101',
    '1.2.3.4',
    '01.2',
    '1.02.3',
    'V1.2',
    'latest',
    '1.2.',
    '1.2-',
    '1.2_3',
    `1.${'9'.repeat(20)}`,
    'a1.2',
    '',
  ])('is not %j', (text) => {
    expect(parseVersion(text)).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { formatPlatform } from '../../src/oci/descriptor.ts'
import { normalizePlatform, parsePlatformName, platformKey, spellingsOf } from '../../src/oci/platforms.ts'

const platform = (name: string) => {
  const parsed = parsePlatformName(name)
  if (!parsed) throw new Error(`${name} is not a platform`)
  return parsed
}

describe('a platform', () => {
  it.each([
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm/v7', 'linux/arm'],
    ['linux/arm/7', 'linux/arm'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/s390x', 'linux/s390x'],
    ['windows/amd64', 'windows/amd64'],
  ])('%s is the same as %s', (spelled, normal) => {
    expect(formatPlatform(normalizePlatform(platform(spelled)))).toBe(normal)
    expect(platformKey({ platform: platform(spelled) })).toBe(platformKey({ platform: platform(normal) }))
  })

  it.each<[string, readonly string[], boolean]>([
    ['linux/arm64', ['linux/arm64', 'linux/arm64/v8'], false],
    ['linux/arm64/v8', ['linux/arm64/v8', 'linux/arm64'], true],
    ['linux/arm/v6', ['linux/arm/v6'], true],
    ['linux/x86_64', ['linux/x86_64', 'linux/amd64', 'linux/amd64/v1'], false],
    ['linux/s390x', ['linux/s390x'], false],
  ])('%s is spelled %j', (name, names, hasVariant) => {
    expect(spellingsOf(name)).toEqual({ names, hasVariant })
  })

  it('that an index does not declare has an empty key', () => {
    expect(platformKey({})).toBe('')
  })
})

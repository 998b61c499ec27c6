import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  changedPlatforms,
  type PlatformImage,
  readPlatforms,
  reindexedPlatforms,
} from '../../src/imagestream/image/changed-platforms.ts'
import { formatPlatform, type Platform } from '../../src/oci/descriptor.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { type Manifest, parseManifest } from '../../src/oci/manifest.ts'
import { attestation, type Image, type Index, image, index } from '../fixtures/random-image.ts'

const digest = (seed: number): Digest => digestOf(Buffer.from(String(seed)))
const child = (platform: string | null, seed: number): PlatformImage => ({
  digest: digest(seed),
  platform: platform === null ? undefined : platformOf(platform),
})
const platformOf = (text: string): Platform => {
  const [os = '', architecture = '', variant] = text.split('/')
  return { os, architecture, ...(variant && { variant }) }
}
const changed = (from: readonly PlatformImage[], to: readonly PlatformImage[]) =>
  changedPlatforms(from, to)?.map(formatPlatform) ?? null

describe('changed platforms', () => {
  it('are those whose image is different, added or removed', () => {
    const before = [child('linux/amd64', 1), child('linux/arm64', 2), child('linux/s390x', 3)]
    const after = [child('linux/amd64', 1), child('linux/arm64', 4), child('linux/riscv64', 5)]

    expect(changed(before, after)).toEqual(['linux/arm64', 'linux/riscv64', 'linux/s390x'])
    expect(changed(before, before.toReversed())).toEqual([])
  })

  it('are the same where only one side names the default variant', () => {
    expect(changed([child('linux/arm64', 1)], [child('linux/arm64/v8', 1)])).toEqual([])
    expect(changed([child('linux/arm/v7', 1)], [child('linux/arm', 2)])).toEqual(['linux/arm'])
    expect(changed([child('linux/arm/v7', 1)], [child('linux/arm/v6', 1)])).toEqual([
      'linux/arm/v6',
      'linux/arm/v7',
    ])
  })

  it('are listed once, where there are several images for one, in any order', () => {
    const windows = [child('windows/amd64', 1), child('windows/amd64', 2)]

    expect(changed(windows, windows.toReversed())).toEqual([])
    expect(changed(windows, [child('windows/amd64', 2), child('windows/amd64', 3)])).toEqual([
      'windows/amd64',
    ])
  })

  it('are null if a changed image has no platform, but not if an unchanged one has none', () => {
    expect(changed([child(null, 1)], [child(null, 2)])).toBeNull()
    expect(changed([child(null, 1), child('linux/amd64', 2)], [child(null, 1)])).toEqual(['linux/amd64'])
  })

  it('are empty for the same image, and the same in both directions', () => {
    const platform = fc.constantFrom('linux/amd64', 'linux/arm64', 'linux/arm64/v8', 'linux/arm/v7', 'a/b')
    const images = fc.array(fc.tuple(platform, fc.nat(2)).map(([name, seed]) => child(name, seed)))
    fc.assert(
      fc.property(images, images, (one, other) => {
        expect(changed(one, one)).toEqual([])
        expect(changed(one, other)?.length).toBe(changed(other, one)?.length)
        const plain = (all: readonly PlatformImage[]) =>
          [
            ...new Set(
              all.map((each) => `${changed([each], [])?.[0]?.replace(/arm64\/v8$/, 'arm64')} ${each.digest}`),
            ),
          ].sort()
        expect(changed(one, other)?.length === 0).toBe(String(plain(one)) === String(plain(other)))
      }),
    )
  })
})

describe('an index with the same image for the platform', () => {
  const manifestOf = ({ bytes, mediaType }: Image | Index): Manifest => parseManifest(bytes, mediaType)
  const amd64 = image({ seed: 1 })
  const on = (architecture: string, seed: number) => image({ seed, platform: { os: 'linux', architecture } })
  const stored = (...all: readonly (Image | Index)[]) => ({
    storedManifest(digest: Digest) {
      const found = all.find((one) => one.digest === digest)
      return found && { bytes: found.bytes, manifest: manifestOf(found) }
    },
  })
  const reindexed = (from: Image | Index, to: Image | Index) =>
    reindexedPlatforms(stored(from, to), from.digest, to.digest)

  it('has the platforms whose images differ, without attestations', () => {
    const before = index([amd64, on('arm64', 1), on('s390x', 1)])
    const after = index([attestation(amd64), amd64, on('arm64', 2), on('s390x', 2)])

    expect(reindexed(before, after)).toBe('linux/arm64 linux/s390x')
    expect(readPlatforms('linux/arm64/v8 linux/s390x')).toEqual([
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
      { os: 'linux', architecture: 's390x' },
    ])
  })

  it('has none where only an attestation changed the digest of the index (Diun compares the platform digest)', () => {
    expect(reindexed(index([amd64]), index([amd64, attestation(amd64)]))).toBe('')
    expect(readPlatforms('')).toEqual([])
  })

  it('has null if one of the two is not an index, or not stored', () => {
    expect(reindexed(amd64, index([amd64]))).toBeNull()
    expect(reindexedPlatforms(stored(), index([]).digest, manifestOf(index([amd64])))).toBeNull()
  })

  it('has null if the platforms cannot be written, or are too many', () => {
    const many = Array.from({ length: 300 }, (_, at) => on(`architecture${at}`, 1))

    expect(reindexed(index([amd64]), index([amd64, on('a b', 1)]))).toBeNull()
    expect(reindexed(index([amd64]), index([amd64, ...many]))).toBeNull()
  })
})

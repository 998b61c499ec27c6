import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../src/oci/media-types.ts'
import { createManifestCache } from '../../src/registry/content/manifest-cache.ts'

const KIBIBYTE = 1024

/** A cache of manifests of these sizes, and the ids that were read from the database, in order. */
function manifests(sizes: readonly number[], capacity: number) {
  const reads: number[] = []
  const served = createManifestCache(
    {
      manifestBytes(imageId) {
        reads.push(imageId)
        return Buffer.alloc(sizes[imageId] ?? 0, imageId)
      },
    },
    capacity,
  )
  const read = (imageId: number) =>
    served({ imageId, digest: digestOf(`${imageId}`), mediaType: OCI_MANIFEST, confirmedAt: 0 })
  return { reads, read }
}

describe('the cache of manifests', () => {
  it('reads a manifest once, and returns the same object', () => {
    const { reads, read } = manifests([10, 100 * KIBIBYTE], 1024 * KIBIBYTE)

    expect(read(0)).toBe(read(0))
    expect(read(1)).toBe(read(1))
    expect(reads).toEqual([0, 1])
  })

  it('evicts the least recently used manifest when it is full', () => {
    const { reads, read } = manifests([9 * KIBIBYTE, 9 * KIBIBYTE, 9 * KIBIBYTE], 20 * KIBIBYTE)

    for (const imageId of [0, 1, 0, 2, 0, 1]) read(imageId)
    // 2 evicted 1, which then evicted 2
    expect(reads).toEqual([0, 1, 2, 1])
  })

  it('does not keep a manifest that is larger than its capacity', () => {
    const { reads, read } = manifests([5 * KIBIBYTE, KIBIBYTE], 4 * KIBIBYTE)

    read(0)
    read(0)
    read(1)
    read(1)
    expect(reads).toEqual([0, 0, 1])
  })

  it('returns all byte values unchanged', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at))
    const served = createManifestCache({ manifestBytes: () => bytes })
    const { body, size } = served({
      imageId: 1,
      digest: digestOf(bytes),
      mediaType: OCI_MANIFEST,
      confirmedAt: 0,
    })

    expect(size).toBe(256)
    expect(Buffer.from(String(body), 'latin1').equals(bytes)).toBe(true)
  })
})

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isDigest } from '../../src/oci/digest.ts'
import { isReferrersTag, isTagName } from '../../src/oci/tag.ts'
import type { VendorPage } from '../../src/oci/vendor-listing.ts'
import { VendorListingError } from '../../src/vendors/listing/errors.ts'
import { VENDORS } from '../contracts/vendors.ts'
import { image } from '../fixtures/random-image.ts'
import { VendorRegistry } from '../fixtures/vendors/vendor-registry.ts'
import { ListingClient } from './world.ts'

const RUNS = 150

/** Values that a vendor might put where another is expected. */
const anything = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1e300, '', 'latest', '.bad', [], {}, [[]], [null], {
    tags: null,
  }),
  fc.constantFrom(
    '2026-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '9999-99-99T99:99:99Z',
    '12345678901234567890',
  ),
  fc.constantFrom(
    `sha256:${'0'.repeat(64)}`,
    `SHA256:${'0'.repeat(64)}`,
    'sha256:../../x',
    `md5:${'0'.repeat(32)}`,
  ),
  fc.jsonValue({ maxDepth: 2 }),
)

/** The value with one of its parts replaced, picked by the number; the whole where it has no parts. */
function withOnePart(value: unknown, pick: number, part: unknown): unknown {
  if (typeof value !== 'object' || value === null || pick % 7 === 0) return part
  const names = Object.keys(value)
  const name = names[pick % names.length]
  if (name === undefined) return part
  const copy = structuredClone(value) as Record<string, unknown>
  copy[name] = withOnePart(copy[name], Math.floor(pick / 3) + 1, part)
  return copy
}

describe.each(VENDORS)('$name, with any value in its responses', ({ name, side, client: asWhom }) => {
  let registry: VendorRegistry
  let client: ListingClient
  beforeAll(async () => {
    registry = await VendorRegistry.start(side(), { log: false })
    client = new ListingClient({
      configuration: registry.configuration,
      vendorLimits: { requests: 20 },
      ...asWhom,
    })
    registry.push('team/app', 'one', image({ seed: 'one' }))
    registry.push('team/app', 'two', image({ seed: 'two' }))
    registry.push('team/app', 'two', image({ seed: 'one' }))
  })
  afterAll(async () => {
    await client[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
  })

  test('has valid pages, or throws VendorListingError', async () => {
    const property = fc.asyncProperty(fc.nat(1_000_000), anything, async (pick, part) => {
      registry.listingHook = (page) => {
        if (page.status !== 200) return undefined
        const body = JSON.stringify(withOnePart(JSON.parse(page.body.toString()), pick, part)) ?? ''
        // with an ETag, the response for the next page would have no body
        const { etag: _etag, ...headers } = page.headers
        return { ...page, headers, body }
      }
      let pages: readonly VendorPage[]
      try {
        pages = (await client.read(`${registry.host}/team/app`)).pages
      } catch (error) {
        expect(error).toBeInstanceOf(VendorListingError)
        expect((error as VendorListingError).vendor).toBe(name)
        expect((error as VendorListingError).reason).not.toBe('InternalError')
        return
      }
      const claims = pages.flatMap((page) => page.claims)
      expect(new Set(claims.map(({ tag }) => tag)).size).toBe(claims.length)
      for (const { tag, digest, changedAt } of claims) {
        expect(isTagName(tag) && !isReferrersTag(tag)).toBe(true)
        expect(digest === null || isDigest(digest)).toBe(true)
        expect(changedAt === null || changedAt > 0).toBe(true)
      }
      for (const { tag, digest, from, until } of pages.flatMap((page) => page.moves)) {
        expect(isTagName(tag) && isDigest(digest)).toBe(true)
        expect(until === null || until >= from).toBe(true)
      }
      const last = pages.at(-1)
      expect(pages.slice(0, -1).some(({ isComplete }) => isComplete)).toBe(false)
      expect(last?.isComplete && claims.length === 0).not.toBe(true)
    })

    await fc.assert(property, { numRuns: RUNS })
  })
})

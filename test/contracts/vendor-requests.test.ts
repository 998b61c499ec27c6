import { describe, expect, test } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { NO_LISTING, WatchedRepository } from '../fixtures/vendors/watched-repository.ts'
import { VENDORS } from './vendors.ts'

// The requests of an import after the first. vendor-listing.test.ts counts those of each vendor's listing.

const TAGS = 5000
/** One whose pages come newest first, and one whose listing is read completely. */
const VENDOR_PAGES: ReadonlyMap<string, number> = new Map([
  ['GitLab', 1],
  ['Amazon ECR', 5],
])

describe.each(VENDORS.filter(({ name }) => VENDOR_PAGES.has(name)))(
  'an import of 5,000 tags at $name',
  ({ name, side, client }) => {
    test('requests the listing, a HEAD for a moved tag, and no manifests of other tags', async () => {
      await using watched = await WatchedRepository.start({ side: side(), client, tags: TAGS })
      const { registry } = watched

      const unchanged = await watched.poll()
      expect(unchanged.imported).toMatchObject({ state: 'SUCCEEDED', total: TAGS, unchanged: TAGS })
      expect(unchanged.requests).toMatchObject({ tags: 0, head: 0, manifest: 0, blob: 0 })

      registry.push('team/app', '1.0.7', image({ seed: 'moved' }))
      const moved = await watched.poll()
      expect(moved.imported).toMatchObject({ state: 'SUCCEEDED', imported: 1, unchanged: TAGS - 1 })
      const { vendor, tags, head, token, other } = moved.requests
      expect({ vendor, tags, head, token, other }).toEqual({
        vendor: VENDOR_PAGES.get(name),
        tags: 0,
        head: 1,
        token: 0,
        other: 0,
      })
      // the new image
      expect(moved.requests).toMatchObject({ manifest: 1, blob: 1 })
    })
  },
)

test('an import of 1,500 tags without a listing requests the tag list, and a HEAD for each tag', async () => {
  await using watched = await WatchedRepository.start({ side: NO_LISTING, client: {}, tags: 1500 })
  const { imported, requests } = await watched.poll()

  expect(imported).toMatchObject({ state: 'SUCCEEDED', unchanged: 1500 })
  expect(requests).toMatchObject({ vendor: 0, tags: 2, head: 1500, manifest: 0, blob: 0 })
})

import { describe, expect, test } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { NO_LISTING, WatchedRepository } from '../fixtures/vendors/watched-repository.ts'
import { VENDORS } from './vendors.ts'

// What an import costs at each vendor's registry, once it has seen all tags: requests, and GETs that count as pulls.

const TAGS = 5000

describe.each(VENDORS)('an import of 5,000 tags at $name', ({ name, side, client, newestFirst }) => {
  test('finds one that moved by its listing and one HEAD, and pulls nothing while none does', async () => {
    await using watched = await WatchedRepository.start({ side: side(), client, tags: TAGS })
    const { registry } = watched

    const unchanged = await watched.poll()
    expect(unchanged.imported).toMatchObject({ state: 'SUCCEEDED', total: TAGS, unchanged: TAGS })
    expect(unchanged.requests).toMatchObject({ tags: 0, head: 0, manifest: 0, blob: 0 })

    registry.push('team/app', '1.0.7', image({ seed: 'moved' }))
    const moved = await watched.poll()
    expect(moved.imported).toMatchObject({ state: 'SUCCEEDED', imported: 1, unchanged: TAGS - 1 })
    const { vendor, tags, head, token, other } = moved.requests
    const pages = { 'Google Artifact Registry': 1, 'Amazon ECR': 5, zot: 1 }[name] ?? 0
    expect({ vendor, tags, head, token, other }).toEqual({
      vendor: newestFirst ? 1 : pages,
      tags: 0,
      head: 1,
      token: 0,
      other: 0,
    })
    // the new image itself
    expect(moved.requests).toMatchObject({ manifest: 1, blob: 1 })
  })
})

test('without a vendor’s listing an import of 5,000 tags costs the list and a HEAD for each', async () => {
  await using watched = await WatchedRepository.start({ side: NO_LISTING, client: {}, tags: TAGS })
  const { imported, requests } = await watched.poll()

  expect(imported).toMatchObject({ state: 'SUCCEEDED', unchanged: TAGS })
  expect(requests).toMatchObject({ vendor: 0, tags: 5, head: TAGS, manifest: 0, blob: 0 })
})

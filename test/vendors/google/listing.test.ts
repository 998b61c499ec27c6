import { expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { googleSide } from '../../fixtures/vendors/google.ts'
import { startVendor } from '../world.ts'

const REPOSITORY = 'team/app'
const one = image({ seed: 'one' })
const two = image({ seed: 'two' })

test('one request returns 5,000 tags, with digests and times of the push in timeUploadedMs', async () => {
  await using google = await startVendor(googleSide())
  const { registry, client, name } = google
  registry.push(REPOSITORY, null, two)
  for (let at = 0; at < 5000; at += 1) registry.push(REPOSITORY, `v${at}`, one)

  const { claims, isComplete, pages } = await client.read(name)

  expect(claims).toHaveLength(5000)
  expect(claims[0]).toMatchObject({ tag: 'v0', digest: one.digest })
  expect(claims[0]?.changedAt).toBeGreaterThan(0)
  expect(isComplete).toBe(true)
  expect(registry.requests).toMatchObject({ vendor: 1, tags: 0, head: 0 })
  // handed over in pieces, so that other work gets its turn
  expect(pages.map((page) => [page.claims.length, page.isComplete])).toEqual([
    ...Array(4).fill([1000, false]),
    [1000, true],
  ])
})

test('a timeUploadedMs of 0 is not a time', async () => {
  await using google = await startVendor(googleSide())
  const manifest = {
    [one.digest]: { tag: ['a'], timeUploadedMs: '1700000100000' },
    [two.digest]: { tag: ['b'], timeUploadedMs: '0' },
  }
  google.registry.hook = () => json(200, { manifest, tags: ['a', 'b'] })

  expect((await google.client.read(google.name)).claims).toEqual([
    { tag: 'a', digest: one.digest, changedAt: 1_700_000_100_000 },
    { tag: 'b', digest: two.digest, changedAt: null },
  ])
})

test('a list as long as the page size may be truncated: it is not complete', async () => {
  await using google = await startVendor(googleSide())
  const tags = Array.from({ length: 10_000 }, (_, at) => `v${at}`)
  google.registry.hook = () => json(200, { manifest: { [one.digest]: { tag: tags } }, tags })

  const { claims, isComplete } = await google.client.read(google.name)

  expect(claims).toHaveLength(10_000)
  expect(isComplete).toBe(false)
})

test('a tag without a manifest is a claim without a digest', async () => {
  await using google = await startVendor(googleSide())
  google.registry.hook = () => json(200, { manifest: { [one.digest]: { tag: ['a'] } }, tags: ['a', 'b'] })

  expect((await google.client.read(google.name)).claims).toMatchObject([
    { tag: 'a', digest: one.digest },
    { tag: 'b', digest: null },
  ])
})

test('a tag of two manifests is a claim without a digest', async () => {
  await using google = await startVendor(googleSide())
  const manifest = { [one.digest]: { tag: ['a'] }, [two.digest]: { tag: ['a'] } }
  google.registry.hook = () => json(200, { manifest, tags: ['a'] })

  expect((await google.client.read(google.name)).claims).toMatchObject([{ tag: 'a', digest: null }])
})

test('a response without manifests is an odd shape', async () => {
  await using google = await startVendor(googleSide())
  google.registry.hook = () => json(200, { name: REPOSITORY, tags: ['a'] })

  expect(await google.client.refusal(google.name)).toMatchObject({
    reason: 'InvalidListing',
    message: expect.stringContaining('its map of manifests is not an object'),
  })
})

test('a Link is followed at the registry itself, not at the host that it names', async () => {
  await using google = await startVendor(googleSide())
  const { registry, client, name } = google
  registry.hook = ({ query }) =>
    query.get('page_token') === 'next'
      ? json(200, { manifest: { [two.digest]: { tag: ['b'] } }, tags: ['b'] })
      : json(
          200,
          { manifest: { [one.digest]: { tag: ['a'] } }, tags: ['a'] },
          { link: '<https://elsewhere.test/v2/other/tags/list?n=10000&page_token=next>; rel="next"' },
        )

  const { claims, isComplete } = await client.read(name)

  expect(claims).toMatchObject([{ tag: 'a' }, { tag: 'b' }])
  expect(isComplete).toBe(true)
  expect(registry.log.map(({ path }) => path)).toEqual(Array(2).fill('/v2/team/app/tags/list'))
})

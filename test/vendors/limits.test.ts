import { describe, expect, test } from 'vitest'
import { MAX_DEPTH } from '../../src/oci/json.ts'
import { parseResponse } from '../../src/vendors/listing/response.ts'
import { image } from '../fixtures/random-image.ts'
import { gitlabSide } from '../fixtures/vendors/gitlab.ts'
import { quaySide } from '../fixtures/vendors/quay.ts'
import { startVendor } from './world.ts'

const one = image({ seed: 'one' })

const nested = (depth: number): Uint8Array => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)
const responseOf = (body: Uint8Array) => ({ status: 200, headers: {}, body })

describe('a listing fails with TooLong', () => {
  test('when it needs more requests than allowed', async () => {
    await using quay = await startVendor(quaySide(), { vendorLimits: { requests: 2 } })
    const { registry, client, name } = quay
    for (let at = 0; at < 200; at += 1) registry.push('team/app', `v${at}`, one)
    expect(await client.read(name)).toMatchObject({ isComplete: true })

    registry.push('team/app', 'v200', one)
    registry.reset()
    const error = await client.refusal(name)

    expect(error).toMatchObject({ reason: 'ListingTooLong' })
    expect(error.message).toContain('it takes more than 2 requests')
    expect(registry.requests.vendor).toBe(2)
  })

  test('when it takes longer than allowed, including the time of its reader between pages', async () => {
    await using quay = await startVendor(quaySide(), { vendorLimits: { listingTime: 60_000 } })
    const { registry, client, name } = quay
    for (let at = 0; at < 300; at += 1) registry.push('team/app', `v${at}`, one)
    const { clock } = client.client
    const read = async (pause: number): Promise<number> => {
      let pages = 0
      for await (const _page of (await client.listing(name)).pages()) {
        pages += 1
        clock.time += pause
      }
      return pages
    }

    expect(await read(30_000)).toBe(3)
    await expect(read(30_001)).rejects.toMatchObject({ reason: 'ListingTooLong' })
  })

  test.each(['tags', 'moves'])('when it has more %s than allowed', async (what) => {
    await using quay = await startVendor(quaySide(), { vendorLimits: { tags: 5 } })
    const { registry, client, name } = quay
    const push = (at: number) => registry.push('team/app', what === 'tags' ? `v${at}` : 'latest', one)
    for (let at = 0; at < 5; at += 1) push(at)
    await client.read(name)

    push(5)
    expect(await client.refusal(name)).toMatchObject({ reason: 'ListingTooLong' })
  })
})

describe('JSON of a response', () => {
  test('may be nested 64 levels deep', () => {
    expect(() => parseResponse(responseOf(nested(MAX_DEPTH)))).not.toThrow()
    expect(() => parseResponse(responseOf(nested(MAX_DEPTH + 1)))).toThrow('has more than 64 levels')
  })

  test('may have any number of brackets in strings', () => {
    const json = { a: `"\\${'['.repeat(100)}`, ['{'.repeat(100)]: '\\' }

    expect(parseResponse(responseOf(Buffer.from(JSON.stringify(json))))).toEqual(json)
  })
})

test('a Link that cannot be parsed is an odd shape', async () => {
  await using gitlab = await startVendor(gitlabSide())
  gitlab.registry.push('team/app', 'latest', one)
  gitlab.registry.hook = (_request, response) => ({
    ...response,
    headers: { ...response.headers, link: '<<<' },
  })

  expect(await gitlab.client.refusal(gitlab.name)).toMatchObject({
    reason: 'InvalidListing',
    message: expect.stringContaining('its Link to the next page cannot be parsed'),
  })
})

import { describe, expect, test } from 'vitest'
import { ExpiringCache } from '../../src/concurrency/cache.ts'
import { parseJson } from '../../src/vendors/listing/json.ts'
import { Learned } from '../../src/vendors/listing/learned.ts'
import { image } from '../fixtures/random-image.ts'
import { gitlabSide } from '../fixtures/vendors/gitlab.ts'
import { quaySide } from '../fixtures/vendors/quay.ts'
import { startVendor } from './world.ts'

const one = image({ seed: 'one' })
const MAX_DEPTH = 32

const nested = (depth: number): Uint8Array => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)
const answerOf = (body: Uint8Array) => ({ status: 200, headers: {}, body })

describe('what one listing may cost', () => {
  test('in requests: one more ends it', async () => {
    await using quay = await startVendor(quaySide(), { vendorLimits: { requests: 2 } })
    const { registry, client, name } = quay
    for (let at = 0; at < 200; at += 1) registry.push('team/app', `v${at}`, one)
    expect(await client.read(name)).toMatchObject({ isComplete: true })

    registry.push('team/app', 'v200', one)
    registry.reset()
    const error = await client.refusal(name)

    expect(error).toMatchObject({ reason: 'TooLong' })
    expect(error.message).toContain('it takes more than 2 requests')
    expect(registry.requests.vendor).toBe(2)
  })

  test('in time, what its reader does between the pages included', async () => {
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
    await expect(read(30_001)).rejects.toMatchObject({ reason: 'TooLong' })
  })

  test.each(['tags', 'moves'])('in %s', async (what) => {
    await using quay = await startVendor(quaySide(), { vendorLimits: { tags: 5 } })
    const { registry, client, name } = quay
    const push = (at: number) => registry.push('team/app', what === 'tags' ? `v${at}` : 'latest', one)
    for (let at = 0; at < 5; at += 1) push(at)
    await client.read(name)

    push(5)
    expect(await client.refusal(name)).toMatchObject({ reason: 'TooLong' })
  })

  test('in depth', () => {
    expect(() => parseJson(answerOf(nested(MAX_DEPTH)))).not.toThrow()
    expect(() => parseJson(answerOf(nested(MAX_DEPTH + 1)))).toThrow('nested deeper than 32')
  })
})

test('brackets in text are no depth', () => {
  const text = { a: `"\\${'['.repeat(100)}`, ['{'.repeat(100)]: '\\' }

  expect(parseJson(answerOf(Buffer.from(JSON.stringify(text))))).toEqual(text)
})

test('a Link that cannot be read makes no sense', async () => {
  await using gitlab = await startVendor(gitlabSide())
  gitlab.registry.push('team/app', 'latest', one)
  gitlab.registry.hook = (_request, answer) => ({
    ...answer,
    headers: { ...answer.headers, link: '<<<' },
  })

  expect(await gitlab.client.refusal(gitlab.name)).toMatchObject({
    reason: 'OddShape',
    message: expect.stringContaining('its Link to the next page cannot be read'),
  })
})

test('of what is remembered the oldest is forgotten first, and all of it in its time', () => {
  const remembered = new ExpiringCache<string>(2)
  remembered.set('a', 'first', 100)
  remembered.set('b', 'second', 100)
  remembered.set('a', 'again', 100)
  remembered.set('c', 'third', 50)

  expect(['a', 'b', 'c'].map((key) => remembered.get(key, 49))).toEqual(['again', undefined, 'third'])
  expect(['a', 'c'].map((key) => remembered.get(key, 50))).toEqual(['again', undefined])
})

test('what could not be learned is learned anew by the next', async () => {
  const learned = new Learned<number>(10)
  const learner = { signal: new AbortController().signal, now: () => 0 }
  const fail = async () => {
    throw new Error('not now')
  }

  await expect(learned.get('key', learner, fail)).rejects.toThrow('not now')
  expect(await learned.get('key', learner, async () => ({ value: 1, until: 10 }))).toBe(1)
  expect(await learned.get('key', learner, fail)).toBe(1)
})

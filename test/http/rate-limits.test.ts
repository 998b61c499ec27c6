import { describe, expect, it } from 'vitest'
import { RateLimit } from '../../src/http/request/rate-limit.ts'
import { startApi } from './api.ts'
import { eventStream, post, RawClient } from './clients.ts'

const limited = {
  message: expect.stringMatching(
    /^at most 3 points are allowed in a minute: repeat this request after \d+ seconds$/,
  ),
  extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) },
}

/** A server whose clients may use three points a minute, after one of them has. */
async function startUsed() {
  const api = await startApi({ costPerMinute: 3 })
  for (let at = 0; at < 3; at++) await post(api.url, '{ version }')
  return api
}

describe('a client that has used its points', () => {
  it('gets a 429 with RATE_LIMITED and the seconds to wait', async () => {
    await using api = await startUsed()
    const { status, headers, body } = await post(api.url, '{ version }')

    expect(status).toBe(429)
    expect(body).toEqual({ errors: [limited] })
    expect(headers.get('retry-after')).toBe(String(body.errors[0].extensions.retryAfterSeconds))
    expect(headers.get('ratelimit')).toMatch(/^"operations";r=0;t=\d+$/)
  })

  it('gets the error for one operation on a WebSocket, which stays open', async () => {
    await using api = await startUsed()
    const client = await RawClient.open(api.wsUrl)
    for (const id of ['a', 'b']) {
      client.subscribe(id, '{ version }')
      expect(await client.next()).toMatchObject({ id, type: 'error', payload: [limited] })
    }
    client.socket.close()
  })

  it('gets no event stream', async () => {
    await using api = await startUsed()
    const { status } = await eventStream(api.url, 'subscription { imagePushed { tag } }')

    expect(status).toBe(429)
  })
})

it('responses say in standard headers what a client may use, and what is left', async () => {
  await using api = await startApi({ costPerMinute: 6000 })
  const { headers } = await post(api.url, '{ version }')

  expect(headers.get('ratelimit-policy')).toBe('"operations";q=6000;qu="points";w=60')
  expect(headers.get('ratelimit')).toMatch(/^"operations";r=(?:5\d{3}|6000);t=\d+$/)
})

it('without a limit there are no headers', async () => {
  await using api = await startApi()
  const { headers } = await post(api.url, '{ version }')

  expect([headers.get('ratelimit-policy'), headers.get('ratelimit')]).toEqual([null, null])
})

describe('a rate limit', () => {
  const policy = { name: 'operations', unit: 'points', perMinute: 60 }

  it('counts cost, and makes a client wait until what it used beyond its limit is refilled', () => {
    let now = 0
    const limit = new RateLimit(policy, () => now)
    limit.admit('one')
    limit.charge('one', 70)
    expect(() => limit.admit('one')).toThrow('after 12 seconds')
    now = 12_000
    limit.admit('one')
    expect(() => limit.admit('one')).toThrow('after 1 seconds')
  })

  it('is that of one party', () => {
    const limit = new RateLimit(policy, () => 0)
    limit.charge('user:1 192.0.2.1', 60)
    expect(() => limit.admit('user:1 192.0.2.1')).toThrow('60 points')
    limit.admit('user:2 192.0.2.1')
    limit.admit('user:1 192.0.2.2')
  })

  it('tells when all of it is available again', () => {
    const limit = new RateLimit(policy, () => 0)
    limit.charge('one', 30.5)
    expect(limit.headers('one').get('RateLimit')).toBe('"operations";r=29;t=31')
  })
})

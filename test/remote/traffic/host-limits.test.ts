import { describe, expect, test } from 'vitest'
import type { HostLimits } from '../../../src/remote/traffic/host-traffic.ts'
import { image } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'

const app = image({ seed: 'app' })

/** A registry and its client, whose requests are limited by `limits`. */
async function start(first: Partial<HostLimits> = {}) {
  const upstream = await startUpstream()
  upstream.push('team/app', '1', app)
  const limits = { concurrency: null, requestsPerSecond: null, ...first } as {
    -readonly [Key in keyof HostLimits]: HostLimits[Key]
  }
  const lookups: string[] = []
  const client = new TestClient({
    limits: { requestsPerHost: 4 },
    limitsOf: (host) => {
      lookups.push(host)
      return limits
    },
  })
  const repository = client.repository(`${upstream.host}/team/app`)
  const resolve = () => repository.resolveTag(tag('1'), null)
  await resolve()
  return {
    ...{ upstream, client, limits, lookups, resolve },
    standing: () => client.remote.hostStatuses()[0],
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('a host with configured limits', () => {
  test('receives that many requests at a time, by its name in references', async () => {
    await using it = await start({ concurrency: 2 })
    const gate = it.upstream.hold()
    const all = Array.from({ length: 6 }, it.resolve)
    await gate.arrived(2)
    expect(it.standing()).toMatchObject({ inFlight: 2, waiting: 4, concurrency: 2 })
    gate.open()
    await Promise.all(all)
    expect(new Set(it.lookups)).toEqual(new Set([it.upstream.host]))
  })

  test('receives more or fewer as soon as the limit changes, also of waiting requests', async () => {
    await using it = await start({ concurrency: 1 })
    const gate = it.upstream.hold()
    const all = Array.from({ length: 4 }, it.resolve)
    await gate.arrived(1)
    it.limits.concurrency = 3
    all.push(it.resolve())
    await gate.arrived(3)
    expect(it.standing()).toMatchObject({ inFlight: 3, waiting: 2 })
    it.limits.concurrency = 1
    all.push(it.resolve())
    gate.release(2)
    await Promise.all([all[0], all[1]])
    expect(it.standing()).toMatchObject({ inFlight: 1, waiting: 3, concurrency: 1 })
    it.limits.concurrency = null
    gate.open()
    await Promise.all(all)
    await it.resolve()
    expect(it.standing()).toMatchObject({ inFlight: 0, waiting: 0, concurrency: 4 })
  })

  test('receives that many attempts per second', async () => {
    await using it = await start({ requestsPerSecond: 2 })
    const { clock } = it.client
    const begun = clock.time
    await Promise.all(Array.from({ length: 9 }, it.resolve))
    // the two attempts of the first second discovered that it has no TLS
    expect(clock.time - begun).toBeGreaterThanOrEqual(4500)
    expect(clock.time - begun).toBeLessThan(4600)
    let refusals = 2
    it.upstream.hook = () => (refusals-- > 0 ? errorResponse(500, 'NO') : undefined)
    it.upstream.reset()
    const again = clock.time
    await it.resolve()
    expect(it.upstream.log).toHaveLength(3)
    expect(clock.time - again).toBeGreaterThanOrEqual(1500)
  })

  test('has requests wait for the rate without a slot, and the most urgent is first', async () => {
    await using it = await start({ requestsPerSecond: 0.5 })
    const order: string[] = []
    const allWait = expect.poll(() => it.standing()?.waiting).toBe(3)
    it.client.clock.sleep = async (milliseconds) => {
      await allWait
      it.client.clock.time += milliseconds
    }
    const resolveIn = (lane: 'schedule' | 'person' | 'webhook') =>
      it.client
        .repository(`${it.upstream.host}/team/app`, { lane, ...(lane !== 'person' && { urgency: lane }) })
        .resolveTag(tag('1'), null)
        .then(() => order.push(lane))
    const all = [resolveIn('schedule'), resolveIn('person'), resolveIn('webhook')]
    await Promise.all(all)
    expect(order).toEqual(['webhook', 'person', 'schedule'])
  })

  test('is no longer waited for after an abort', async () => {
    await using it = await start({ requestsPerSecond: 0.001 })
    const impatient = new AbortController()
    const sleeping = new Promise<void>((resolve) => {
      it.client.clock.sleep = (_, signal) => {
        resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
    })
    const gone = it.client
      .repository(`${it.upstream.host}/team/app`, { signal: impatient.signal })
      .resolveTag(tag('1'), null)
    await sleeping
    expect(it.standing()).toMatchObject({ inFlight: 0, waiting: 1 })
    impatient.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    expect(it.standing()).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  test('receives waiting requests at once when the rate is raised', async () => {
    await using it = await start({ requestsPerSecond: 0.001 })
    const { sleep } = it.client.clock
    const sleeping = new Promise<void>((resolve) => {
      it.client.clock.sleep = (_, signal) => {
        resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
    })
    const first = it.resolve()
    await sleeping
    it.client.clock.sleep = sleep
    it.limits.requestsPerSecond = null
    await it.resolve()
    expect((await first).digest).toBe(app.digest)
  })
})

describe('a host that refuses requests for load', () => {
  test.each([429, 503])('with %d receives half as many at a time, then more again', async (status) => {
    await using it = await start()
    expect(it.standing()).toMatchObject({ concurrency: 4 })
    it.upstream.hook = () => errorResponse(status, 'TOOMANYREQUESTS')
    await refusalOf(it.resolve())
    expect(it.standing()).toMatchObject({ concurrency: 1 })
    it.upstream.hook = undefined
    for (let times = 0; times < 12; times += 1) await it.resolve()
    expect(it.standing()).toMatchObject({ concurrency: 4 })
  })

  test('does not receive fewer after a 500 or a missing tag', async () => {
    await using it = await start()
    for (const status of [500, 404]) {
      it.upstream.hook = () => errorResponse(status, 'NO')
      await refusalOf(it.resolve())
    }
    expect(it.standing()).toMatchObject({ concurrency: 4 })
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { RUNNING_IMPORTS } from '../../src/imagestream/import/import.ts'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorResponse } from '../fixtures/upstream-response.ts'
import { createStream, importImage } from '../flows/operations.ts'

// A slow, huge or hostile repository does not delay others. The tests count requests, not time.

describe('a registry that does not respond', () => {
  let domain: TestDomain
  beforeEach(() => {
    domain = new TestDomain()
    domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
  })
  afterEach(() => domain[Symbol.asyncDispose]())

  it('does not prevent imports of another registry from starting, regardless of its number of waiting imports', async () => {
    const held = domain.remote.hold(({ repository }) => repository.startsWith('slow.test/'))
    for (let at = 0; at < 2 * RUNNING_IMPORTS; at += 1) {
      domain.writer.create(SYSTEM, {
        ...{ namespace: 'default', name: `slow-${at}` },
        spec: { dockerImageRepository: `slow.test/app-${at}` },
      })
    }
    await held.reached
    const { imported } = await domain.create()
    expect(imported?.state).toBe('SUCCEEDED')
    held.release()
  })
})

const app = image({ seed: 'app' })
const HUGE = 900

/** Starts a registry with a huge repository and a small one, and a server that imports both. */
async function start() {
  const upstream = await startUpstream()
  for (let at = 0; at < HUGE; at += 1) upstream.push('team/huge', `v${at}`, app)
  for (const name of ['a', 'b', 'c']) upstream.push('team/small', name, app)
  const server = await startApp()
  const repository = (name: string) => ({ dockerImageRepository: `${upstream.host}/team/${name}` })
  await createStream(server.client, { name: 'huge', spec: repository('huge') })
  await createStream(server.client, { name: 'small', spec: repository('small') })
  upstream.reset()
  return {
    ...{ upstream, server },
    /** Requests to the huge repository between the requests to the small one. */
    between() {
      const isOf = (name: string) => upstream.log.map(({ path }) => path.includes(`/team/${name}/`))
      const small = isOf('small')
      const during = isOf('huge').slice(small.indexOf(true), small.lastIndexOf(true))
      return { requests: during.filter(Boolean).length, isAll: small.filter(Boolean).length === 4 }
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('a huge repository', () => {
  it('gets one request for each request of a small repository of the same registry, and no more', async () => {
    await using it = await start()
    const gate = it.upstream.hold(({ path }) => path.includes('/team/huge/'))
    const huge = importImage(it.server.client, { imageStream: 'huge' })
    // its tag list; after it ten requests at a time
    await gate.arrived(1)
    gate.release(1)
    await gate.arrived(11)
    const small = importImage(it.server.client, { imageStream: 'small' })
    gate.open()
    expect((await small).unchanged).toBe(3)
    const { requests, isAll } = it.between()
    expect(isAll).toBe(true)
    // a tag list and three HEADs: before each of them at most the running requests and one more
    expect(requests).toBeLessThan(4 * 11)
    expect((await huge).unchanged).toBe(HUGE)
  })

  it('with a rate limit (429) does not delay a small repository of another registry', async () => {
    await using it = await start()
    await using other = await startUpstream()
    other.push('team/app', 'latest', app)
    it.upstream.hook = () => errorResponse(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' })
    const limited = importImage(it.server.client, { imageStream: 'huge' })
    const { import: imported } = await createStream(it.server.client, {
      ...{ name: 'other' },
      spec: { dockerImageRepository: `${other.host}/team/app` },
    })
    expect(imported?.state).toBe('SUCCEEDED')
    expect((await limited).state).toBe('FAILED')
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RUNNING_IMPORTS } from '../../src/imagestream/import/import.ts'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorAnswer } from '../fixtures/upstream-answer.ts'
import { createStream, importImage } from '../flows/operations.ts'

// One slow, huge or hostile repository delays no other. What is counted here is turns, never time.

describe('a registry that does not answer', () => {
  let domain: TestDomain
  beforeEach(() => {
    domain = new TestDomain()
    domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
  })
  afterEach(() => domain[Symbol.asyncDispose]())

  it('does not keep the imports of another from beginning, however many of its own wait', async () => {
    const held = domain.remote.hold(({ repository }) => repository.startsWith('slow.test/'))
    for (let at = 0; at < 2 * RUNNING_IMPORTS; at += 1) {
      domain.writer.create({
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

/** A registry with a huge repository and a small one, and the real server, which asks it as many at a time as it does. */
async function start() {
  const upstream = await startUpstream()
  for (let at = 0; at < HUGE; at += 1) upstream.push('team/huge', `v${at}`, app)
  for (const name of ['a', 'b', 'c']) upstream.push('team/small', name, app)
  const server = await startApp()
  const repository = (name: string) => ({ dockerImageRepository: `${upstream.host}/team/${name}` })
  await createStream(server.client, { name: 'huge', spec: repository('huge'), waitSeconds: 60 })
  await createStream(server.client, { name: 'small', spec: repository('small'), waitSeconds: 60 })
  upstream.reset()
  return {
    ...{ upstream, server },
    /** Requests to the huge repository that came while the small one was asked. */
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
  it('has a turn for each turn of a small one of the same registry, and no more', async () => {
    await using it = await start()
    const gate = it.upstream.hold(({ path }) => path.includes('/team/huge/'))
    const huge = importImage(it.server.client, { imageStream: 'huge', waitSeconds: 60 })
    // its listing; from then on ten at a time
    await gate.arrived(1)
    gate.release(1)
    await gate.arrived(11)
    const small = importImage(it.server.client, { imageStream: 'small', waitSeconds: 60 })
    gate.open()
    expect((await small).unchanged).toBe(3)
    const { requests, isAll } = it.between()
    expect(isAll).toBe(true)
    // a listing and three HEADs: before each at most those under way and one turn
    expect(requests).toBeLessThan(4 * 11)
    expect((await huge).unchanged).toBe(HUGE)
  })

  it('that is limited (429) does not keep a small one of another registry waiting', async () => {
    await using it = await start()
    await using other = await startUpstream()
    other.push('team/app', 'latest', app)
    it.upstream.hook = () => errorAnswer(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' })
    const limited = importImage(it.server.client, { imageStream: 'huge', waitSeconds: 60 })
    const { import: imported } = await createStream(it.server.client, {
      ...{ name: 'other', waitSeconds: 60 },
      spec: { dockerImageRepository: `${other.host}/team/app` },
    })
    expect(imported?.state).toBe('SUCCEEDED')
    expect((await limited).state).toBe('FAILED')
  })
})

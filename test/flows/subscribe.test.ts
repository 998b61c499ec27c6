import { describe, expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { eventStream, take } from '../http/clients.ts'
import { Follower } from './follower.ts'
import { endOfLog, follow, importImage, PUSH, type Push, pushLog } from './operations.ts'

const build = (seed: string | number) => image({ seed })
const briefly = (pushes: readonly Push[]): readonly string[] =>
  pushes.map(({ imageStreamName, tag }) => `${imageStreamName}:${tag}`)

/** Starts a server with a stream `app` of three tags, and a function that moves one of them and imports it. */
async function startWithStream() {
  const upstream = await startUpstream()
  for (const tag of ['latest', '1.1', '1.0']) upstream.push('team/app', tag, build('first'))
  const app = await startApp()
  await follow(app.client, `${upstream.host}/team/app`)
  return {
    app,
    upstream,
    async move(tag: string, seed: string | number) {
      upstream.push('team/app', tag, build(seed))
      await importImage(app.client)
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('imagePushed', () => {
  test('reports each push as it happens, with the previous image, and no earlier push', async () => {
    await using it = await startWithStream()
    using follower = await Follower.start(it.app.app.url)

    await it.move('latest', 'second')
    await it.move('latest', 'third')
    await it.move('new', 'third')

    const pushes = await follower.take(3)
    expect(pushes.map(({ tag, image, previousImage }) => [tag, image.digest, previousImage?.digest])).toEqual(
      [
        ['latest', build('second').digest, build('first').digest],
        ['latest', build('third').digest, build('second').digest],
        ['new', build('third').digest, undefined],
      ],
    )
    expect(pushes).toEqual((await pushLog(it.app.client)).slice(3))
  })

  test('reports nothing for an import without changes', async () => {
    await using it = await startWithStream()
    using follower = await Follower.start(it.app.app.url)

    await importImage(it.app.client)
    it.upstream.untag('team/app', '1.0')
    await importImage(it.app.client)
    await it.move('latest', 'second')

    expect(briefly(await follower.take(1))).toEqual(['app:latest'])
  })

  test('reports everything after a cursor, then later pushes', async () => {
    await using it = await startWithStream()
    const [first, ...missed] = await pushLog(it.app.client)

    using follower = await Follower.start(it.app.app.url, { since: first?.cursor ?? '' })
    const caughtUp = await follower.take(2)
    await it.move('latest', 'second')
    const [next] = await follower.take(1)

    expect(caughtUp).toEqual(missed)
    expect(next).toEqual((await pushLog(it.app.client)).at(-1))
  })

  test('has no gap and no repetition for a client that reconnects, also after a restart of the server', async () => {
    await using it = await startWithStream()
    const seen: Push[] = []
    let since = await endOfLog(it.app.client)

    for (let turn = 0; turn < 6; turn++) {
      await it.move('latest', `away ${turn}`)
      if (turn % 2 === 1) await it.app.restart()
      using follower = await Follower.start(it.app.app.url, { since })
      await it.move('1.0', `there ${turn}`)
      seen.push(...(await follower.take(2)))
      since = seen.at(-1)?.cursor ?? ''
    }

    expect(seen).toEqual((await pushLog(it.app.client)).slice(3))
    expect(seen).toHaveLength(12)
  })

  test('ends when the server stops', async () => {
    await using it = await startWithStream()
    using follower = await Follower.start(it.app.app.url)

    await it.app.restart()

    expect(await follower.next()).toEqual({ done: true, value: undefined })
  })
})

describe('imagePushed over server-sent events', () => {
  const PUSHED = `subscription ($since: String, $tag: String) { imagePushed(since: $since, tag: $tag) { ${PUSH} } }`
  const pushesOf = (events: readonly { data?: string }[]): Push[] =>
    events.map(({ data = '' }) => JSON.parse(data).data.imagePushed)

  test('reports missed pushes first, then later ones, with the cursor as event id', async () => {
    await using it = await startWithStream()
    const [first] = await pushLog(it.app.client)

    const stream = await eventStream(`${it.app.app.url}/graphql`, PUSHED, {
      variables: { since: first?.cursor },
    })
    const caughtUp = await take(stream.events, 2)
    await it.move('latest', 'second')
    const [next] = await take(stream.events, 1)
    stream.body.destroy()

    const log = await pushLog(it.app.client)
    expect(pushesOf([...caughtUp, next ?? {}])).toEqual(log.slice(1))
    expect(next?.id).toBe(log.at(-1)?.cursor)
  })

  test('misses nothing over a restart for a client that reconnects with Last-Event-ID, as browsers do', async () => {
    await using it = await startWithStream()
    const first = await eventStream(`${it.app.app.url}/graphql`, PUSHED)
    await it.move('latest', 'second')
    const [seen] = await take(first.events, 1)

    await it.app.restart()
    await it.move('1.1', 'third')
    const again = await eventStream(`${it.app.app.url}/graphql`, PUSHED, {
      headers: { 'Last-Event-ID': seen?.id ?? '' },
    })
    const [missed] = pushesOf(await take(again.events, 1))
    again.body.destroy()

    expect(missed).toMatchObject({ tag: '1.1', image: { digest: build('third').digest } })
  })

  test('can be filtered by a glob', async () => {
    await using it = await startWithStream()
    const since = await endOfLog(it.app.client)
    const { events, body } = await eventStream(`${it.app.app.url}/graphql`, PUSHED, {
      variables: { since, tag: '1.*' },
    })

    await it.move('latest', 'second')
    await it.move('1.0', 'second')

    expect(pushesOf(await take(events, 1))).toMatchObject([{ tag: '1.0' }])
    body.destroy()
  })
})

describe('a filter of pushes', () => {
  const LOG_OF_TWO = ['app:1.0', 'app:1.1', 'app:latest', 'app-web:1.0', 'app-web:edge']

  async function startWithTwo(): Promise<
    { upstream: Upstream } & AsyncDisposable & Awaited<ReturnType<typeof startWithStream>>
  > {
    const it = await startWithStream()
    for (const tag of ['1.0', 'edge']) it.upstream.push('team/web', tag, build('web'))
    await follow(it.app.client, `${it.upstream.host}/team/web`, 'app-web')
    return it
  }

  test.each([
    [{}, LOG_OF_TWO],
    [{ imageStream: 'app' }, LOG_OF_TWO.slice(0, 3)],
    [{ imageStream: 'app*' }, LOG_OF_TWO],
    [{ imageStream: '*-web', tag: 'e*e' }, ['app-web:edge']],
    [{ tag: '1.*' }, ['app:1.0', 'app:1.1', 'app-web:1.0']],
    [{ tag: '1.0' }, ['app:1.0', 'app-web:1.0']],
    [{ namespace: 'default', imageStream: 'app', tag: '*' }, LOG_OF_TWO.slice(0, 3)],
  ])('%j selects the same pushes in the subscription and in imagePushes', async (filter, named) => {
    await using it = await startWithTwo()
    const [first] = await pushLog(it.app.client)
    const sorted = (pushes: readonly Push[]) => [...briefly(pushes)].sort()

    expect(sorted(await pushLog(it.app.client, filter))).toEqual([...named].sort())
    using follower = await Follower.start(it.app.app.url, { ...filter, since: first?.cursor ?? '' })
    const after = (await pushLog(it.app.client, filter)).filter(({ id }) => id !== first?.id)
    expect(await follower.take(after.length)).toEqual(after)
  })

  test('for another namespace selects nothing', async () => {
    await using it = await startWithTwo()
    using follower = await Follower.start(it.app.app.url, { namespace: 'elsewhere' })
    using everything = await Follower.start(it.app.app.url)

    await it.move('latest', 'second')
    await everything.take(1)
    const received = await Promise.race([follower.next(), Promise.resolve('nothing')])

    expect(received).toBe('nothing')
  })
})

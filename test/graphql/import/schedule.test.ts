import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { watchStatements } from '../../fixtures/statements.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { Follower } from '../../flows/follower.ts'
import { createStream, endOfLog, importImage } from '../../flows/operations.ts'

const MINUTE = 60_000
const INTERVAL = 20 * MINUTE

let now: number
let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  now = Date.UTC(2026, 0, 1)
  upstream = await startUpstream()
  for (const tag of ['latest', '3.3']) upstream.push('team/app', tag, image({ seed: tag }))
  app = await startApp({ scheduleMinutes: 20, scheduledImportsPerMinute: 6000 }, { now: () => now })
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface Schedule {
  readonly tag: string | null
  readonly dueAt: string
  readonly succeededAt: string | null
  readonly failedAt: string | null
  readonly reason: string | null
  readonly message: string | null
}

const FIELDS = 'tag dueAt succeededAt failedAt reason message'
const at = (time: number): string => new Date(time).toISOString()

async function schedules(name = 'app'): Promise<Schedule[]> {
  const { imageStream } = await app.client.request<{ imageStream: { schedules: { nodes: Schedule[] } } }>(
    `query ($name: String!) { imageStream(name: $name) { schedules { nodes { ${FIELDS} } } } }`,
    { name },
  )
  return imageStream.schedules.nodes
}

const repository = () => `${upstream.host}/team/app`
const tag = (name: string, from: string, more: object = {}) => ({
  name,
  from: { kind: 'DOCKER_IMAGE', name: `${repository()}:${from}` },
  importPolicy: { scheduled: true },
  ...more,
})
const createScheduled = (name = 'app', ...tags: object[]) =>
  createStream(app.client, {
    name,
    spec: { dockerImageRepository: repository(), importPolicy: { scheduled: true }, tags },
  })

describe('the schedules of a stream', () => {
  test('contain for each source its due time, last success and last failure', async () => {
    await createScheduled('app', tag('3.3', '3.3'), tag('4', 'missing'))

    const good = {
      dueAt: at(now + INTERVAL),
      succeededAt: at(now),
      failedAt: null,
      reason: null,
      message: null,
    }
    expect(await schedules()).toEqual([
      { tag: null, ...good },
      { tag: '3.3', ...good },
      {
        tag: '4',
        dueAt: at(now + INTERVAL),
        succeededAt: null,
        failedAt: at(now),
        reason: 'NOT_FOUND',
        message: expect.stringContaining('the tag "missing" of team/app'),
      },
    ])
  })

  test('are postponed by an import on request', async () => {
    await createScheduled('app', tag('3.3', '3.3'))
    now += 5 * MINUTE
    await importImage(app.client, { tag: '3.3' })

    expect(await schedules()).toMatchObject([
      { tag: null, dueAt: at(now - 5 * MINUTE + INTERVAL) },
      { tag: '3.3', dueAt: at(now + INTERVAL) },
    ])
  })

  test('are empty where nothing is scheduled', async () => {
    await createStream(app.client, {
      spec: {
        dockerImageRepository: repository(),
        tags: [
          tag('3.3', '3.3', { importPolicy: { scheduled: false } }),
          tag('4', '3.3', { reference: true }),
        ],
      },
    })

    expect(await schedules()).toEqual([])
  })

  test('are also at the spec tags', async () => {
    await createScheduled('app', tag('3.3', '3.3'), tag('4', '3.3', { reference: true }))
    const { imageStream } = await app.client.request<{ imageStream: object }>(
      `{ imageStream(name: "app") { spec { tags { nodes { name schedule { ${FIELDS} } } } } tag(name: "3.3") { spec { schedule { tag } } } } }`,
    )

    expect(imageStream).toMatchObject({
      spec: {
        tags: {
          nodes: [
            { name: '3.3', schedule: { tag: '3.3', dueAt: at(now + INTERVAL), succeededAt: at(now) } },
            { name: '4', schedule: null },
          ],
        },
      },
      tag: { spec: { schedule: { tag: '3.3' } } },
    })
  })

  test('of many streams are read by one statement, at the streams and at their tags', async () => {
    for (let stream = 0; stream < 5; stream++) {
      await createScheduled(`app-${stream}`, tag('a', 'latest'), tag('b', '3.3'))
    }
    const query = `query ($size: Int!) { imageStreams(matching: "app-*", first: $size) { nodes {
      name schedules { nodes { ${FIELDS} } } spec { tags { nodes { schedule { ${FIELDS} } } } } } } }`
    await app.client.request(query, { size: 5 })
    using statements = watchStatements()
    const { imageStreams } = await app.client.request<{
      imageStreams: { nodes: { schedules: { nodes: Schedule[] } }[] }
    }>(query, { size: 5 })

    expect(imageStreams.nodes.map(({ schedules }) => schedules.nodes.map((one) => one.tag))).toEqual(
      Array.from({ length: 5 }, () => [null, 'a', 'b']),
    )
    expect(statements.run.filter((text) => text.includes('import_schedules'))).toHaveLength(2)
  })
})

describe('a scheduled source', () => {
  test('is imported when it is due, and subscribers receive its pushes', async () => {
    await createScheduled()
    const since = await endOfLog(app.client)
    using follower = await Follower.start(app.app.url, { since })
    upstream.push('team/app', '3.3', image({ seed: 'new' }))
    now += INTERVAL
    // the test's clock jumped, which a timer does not notice: any change of a schedule reads the clock
    await createStream(app.client, { name: 'other', spec: { tags: [tag('x', 'latest')] } })

    const pushes = await follower.take(2)
    expect(pushes.map(({ imageStreamName, tag }) => `${imageStreamName}:${tag}`).sort()).toEqual([
      'app:3.3',
      'other:x',
    ])
    expect(pushes.find(({ tag }) => tag === '3.3')?.image.digest).toBe(image({ seed: 'new' }).digest)
  })

  test('continues after a restart, with the sources that became due in the meantime', async () => {
    await createScheduled()
    const before = await schedules()
    const since = await endOfLog(app.client)
    await app.restart()
    expect(await schedules()).toEqual(before)

    upstream.push('team/app', '3.3', image({ seed: 'new' }))
    now += 10 * INTERVAL
    await app.restart()
    // overdue sources are imported from the start
    now += 1000
    using follower = await Follower.start(app.app.url, { since })

    expect(await follower.take(1)).toMatchObject([
      { tag: '3.3', image: { digest: image({ seed: 'new' }).digest } },
    ])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { SenderKind } from '../../src/vendors/senders.ts'
import { startApp } from '../fixtures/app.ts'
import { available, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { closedPort } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { createReceiver, deliveriesTo, deliveryOf, type IssuedReceiver, send } from '../fixtures/receiver.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { Follower } from './follower.ts'
import { createStream, follow, history, type Push, pushLog } from './operations.ts'

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]
const nameOf = ({ imageStreamName, tag, image }: Push): string => `${imageStreamName}:${tag} ${image.digest}`

async function deliver(kind: SenderKind, receiver: IssuedReceiver, upstream: Upstream, tag: string) {
  const change = { registry: upstream.host, repository: 'team/app', tag, digest: two.digest }
  return send(receiver.url, deliveryOf(kind, receiver, change))
}

describe('a push to another registry', () => {
  test('is sent to subscribers and recorded in the log', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', one)
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    const receiver = await createReceiver(app.client, { sender: 'GITHUB', registry: upstream.host })
    using follower = await Follower.start(app.app.url)

    upstream.push('team/app', 'v1', two)
    upstream.reset()
    const response = await deliver('GITHUB', receiver, upstream, 'v1')

    expect(response).toMatchObject({ status: 202, body: { outcome: 'ACCEPTED', hints: 1 } })
    expect((await follower.take(1)).map(nameOf)).toEqual([`app:v1 ${two.digest}`])
    expect(await history(app.client, 'app:v1')).toEqual([two.digest, one.digest])
    // only this tag, without a tag list
    expect(upstream.requests).toMatchObject({ listing: 0, head: 1 })
    await expect
      .poll(() => deliveriesTo(app.client, receiver))
      .toMatchObject([
        {
          outcome: 'ACCEPTED',
          message: null,
          hints: [{ tag: 'v1', targets: [{ tag: 'v1', state: 'FINISHED', imageStream: { name: 'app' } }] }],
        },
      ])
  })

  test('of a new tag is imported if the stream follows the repository', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', one)
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    await createStream(app.client, {
      name: 'pinned',
      spec: { tags: [{ name: 'v1', from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app:v1` } }] },
    })
    const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: upstream.host })
    using follower = await Follower.start(app.app.url)

    upstream.push('team/app', 'v2', two)
    await deliver('GENERIC', receiver, upstream, 'v2')

    expect((await follower.take(1)).map(nameOf)).toEqual([`app:v2 ${two.digest}`])
    expect((await pushLog(app.client, { imageStream: 'pinned' })).map(({ tag }) => tag)).toEqual(['v1'])
  })
})

describe('an acknowledged delivery', () => {
  test('is processed after kill -9, without a repeated delivery', async () => {
    const build = await buildServer()
    const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-receiver-'))
    await using upstream = await startUpstream()
    const tags = ['v0', 'v1']
    for (const tag of tags) upstream.push('team/app', tag, one)
    const expected = tags.map((tag) => `app:${tag} ${image({ seed: tag }).digest}`).sort()
    let receiver: IssuedReceiver
    {
      await using app = await startApp({ dataFolder })
      await follow(app.client, `${upstream.host}/team/app`)
      receiver = await createReceiver(app.client, { sender: 'QUAY', registry: upstream.host })
    }
    for (const tag of tags) upstream.push('team/app', tag, image({ seed: tag }))
    for (const tag of tags) {
      // the registry sends no response: the request is running when the server is killed
      upstream.hook = () => 'silence'
      await using server = await build.start({ DATA: dataFolder })
      const url = server.url + new URL(receiver.url).pathname
      const change = {
        registry: upstream.host,
        repository: 'team/app',
        tag,
        digest: image({ seed: tag }).digest,
      }
      expect((await send(url, deliveryOf('QUAY', receiver, change))).status).toBe(202)
      server.kill('SIGKILL')
      await server.ended
    }
    upstream.hook = undefined

    await using app = await startApp({ dataFolder })
    await expect
      .poll(async () => (await pushLog(app.client)).slice(tags.length).map(nameOf).sort())
      .toEqual(expected)
    const processed = { outcome: 'ACCEPTED', hints: [{ targets: [{ state: 'FINISHED' }] }] }
    await expect.poll(() => deliveriesTo(app.client, receiver)).toMatchObject([processed, processed])
    rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
  })
})

const missing = available()
describe.skipIf(missing !== undefined)(
  `docker-registry that notifies a receiver${missing ? `: ${missing}` : ''}`,
  () => {
    test('reports each push, and its notifications of pulls are ignored', async () => {
      // the registry must know the URL before the receiver exists: its key is in the data folder
      const port = Number((await closedPort()).split(':').at(-1))
      const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-receiver-'))
      const settings = { port, dataFolder }
      let receiver: IssuedReceiver
      const registryPort = (await closedPort()).split(':').at(-1)
      {
        await using app = await startApp(settings)
        receiver = await createReceiver(app.client, {
          sender: 'DISTRIBUTION',
          registry: `127.0.0.1:${registryPort}`,
        })
      }
      const url = `http://127.0.0.1:${port}${new URL(receiver.url).pathname}`
      await using registry = await startDockerRegistry('open', {
        deletable: true,
        notifications: { url, secret: receiver.secret },
      })
      await registry.push('team/app', 'v1', one)
      await using app = await startApp(settings)
      const { id } = receiver
      await app.client.request(
        'mutation ($input: UpdateReceiverInput!) { updateReceiver(input: $input) { receiver { id } } }',
        { input: { id, registry: registry.host } },
      )
      await follow(app.client, `${registry.host}/team/app`)
      using follower = await Follower.start(app.app.url)

      await registry.push('team/app', 'v1', two)
      await registry.push('team/app', 'v2', three)

      expect((await follower.take(2)).map(nameOf)).toEqual([`app:v1 ${two.digest}`, `app:v2 ${three.digest}`])
      const deliveries = await deliveriesTo(app.client, receiver)
      expect(deliveries.filter(({ outcome }) => outcome === 'ACCEPTED').length).toBeGreaterThanOrEqual(2)
      expect(deliveries.filter(({ outcome }) => outcome === 'IGNORED').length).toBeGreaterThan(2)
      expect(deliveries.filter(({ outcome }) => outcome === 'FAILED')).toEqual([])
      rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
    })
  },
)

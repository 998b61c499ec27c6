import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { connect, type GraphQLClient } from '../fixtures/graphql-client.ts'
import { CutOffError, PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { startTriggerReceiver, type TriggerReceiver } from '../fixtures/trigger-receiver.ts'

const KILLS = repeats(6, 30, 40)
const TAGS = ['a', 'b', 'c', 'd', 'e', 'f']
const REPOSITORY = 'shop/web'
/** Most acknowledged pushes and received requests before the server is killed. */
const STEPS = 40

const CREATE = `mutation ($url: String!, $name: String!) { createTrigger(input: {
  namespace: "shop", name: $name, imageStreams: "web", action: { http: { url: $url } } }) { trigger { id } } }`
const TARGETS = `{ triggers(namespace: "shop", first: 2) { nodes { targets(first: 20) { nodes {
  state isDelivered tagName deliveredImage { digest } lastDelivery { id } } } } } }`
const RETRY = 'mutation ($delivery: ID!) { retryDeliveries(input: { delivery: $delivery }) { __typename } }'

interface ShownTarget {
  readonly state: string
  readonly isDelivered: boolean
  readonly tagName: string
  readonly deliveredImage: { readonly digest: string } | null
  readonly lastDelivery: { readonly id: string } | null
}

/** A delivery as a receiver accepts it. */
interface Received {
  readonly id: string
  readonly tag: string
  readonly digest: string
}

/** A receiver that stops and returns at the same address. It keeps what it has accepted. */
class Receiver implements AsyncDisposable {
  readonly accepted: Received[] = []
  readonly #onRequest: () => void
  #running: TriggerReceiver | undefined
  #port = 0

  constructor(onRequest: () => void) {
    this.#onRequest = onRequest
  }

  /** Starts the receiver. Returns its URL. */
  async start(): Promise<string> {
    this.#running ??= await startTriggerReceiver(this.#port)
    const { url } = this.#running
    this.#port = Number(new URL(url).port)
    this.#running.answer = ({ body }) => {
      const { id, data } = JSON.parse(body)
      this.accepted.push({ id, tag: data.tag, digest: data.digest })
      // a kill here loses the response: the server cannot know that the delivery was accepted
      this.#onRequest()
      return { status: 204 }
    }
    return url
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]()
    this.#running = undefined
  }
}

const targetsOf = async (client: GraphQLClient): Promise<readonly ShownTarget[]> => {
  const { triggers } = await client.request<{
    triggers: { nodes: { targets: { nodes: ShownTarget[] } }[] }
  }>(TARGETS)
  return triggers.nodes.flatMap(({ targets }) => targets.nodes)
}

/** Retries what waits for its next attempt, and waits until nothing is left to deliver. */
async function retryAll(client: GraphQLClient): Promise<readonly ShownTarget[]> {
  await expect
    .poll(async () => (await targetsOf(client)).map(({ state }) => state), { timeout: 20_000 })
    .toSatisfy((states: string[]) => states.every((state) => ['IDLE', 'RETRYING'].includes(state)))
  for (const { state, lastDelivery } of await targetsOf(client)) {
    if (state === 'RETRYING') await client.request(RETRY, { delivery: lastDelivery?.id })
  }
  await expect
    .poll(async () => new Set((await targetsOf(client)).map(({ state }) => state)), { timeout: 20_000 })
    .toEqual(new Set(['IDLE']))
  return targetsOf(client)
}

test(`every tag's newest image is delivered, none under two ids and none out of order, while a receiver stops and the server is killed ${KILLS} times`, async () => {
  const random = randomNumbers(seedOf('trigger crash'))
  const dataFolder = await mkdtemp(join(tmpdir(), 'imagestreams-trigger-crash-'))
  let kill = (): void => {}
  let stepsLeft = 0
  const step = (): void => {
    if (--stepsLeft === 0) kill()
  }
  await using steady = new Receiver(step)
  await using stopping = new Receiver(step)
  /** Digests of each tag in the order of their pushes, whether or not they were acknowledged. */
  const pushed = new Map(TAGS.map((tag): [string, string[]] => [tag, []]))

  /** Pushes one image after the other until the server is killed. */
  const pushImages = async (client: PushClient, tag: string): Promise<void> => {
    const digests = pushed.get(tag) ?? []
    for (;;) {
      const content = image({ seed: `${tag} ${digests.length}` })
      digests.push(content.digest)
      await client.push({ repository: REPOSITORY, tag }, content, 'one POST')
      step()
    }
  }

  // given a server with two triggers
  {
    await using app = await startApp({ dataFolder })
    await app.client.request(CREATE, { name: 'steady', url: await steady.start() })
    await app.client.request(CREATE, { name: 'stopping', url: await stopping.start() })
  }

  // when images are pushed, one receiver is away half of the time, and the server is killed
  const build = await buildServer()
  for (let kills = 0; kills < KILLS; kills++) {
    if (random() < 0.5) await stopping[Symbol.asyncDispose]()
    else await stopping.start()
    stepsLeft = 1 + Math.floor(random() * STEPS)
    await using server = await build
      .start({ DATA: dataFolder }, (killServer) => {
        kill = killServer
      })
      .catch(() => undefined)
    // killed by what it still had to deliver, before it printed its address
    if (!server) continue
    const client = new PushClient(server.url)
    const ends = await Promise.allSettled(TAGS.map((tag) => pushImages(client, tag)))
    for (const end of ends) expect(end).toMatchObject({ reason: expect.any(CutOffError) })
    expect(await server.ended).toMatchObject({ end: 'SIGKILL' })
  }

  // then both receivers get the newest image of each tag once they respond
  await steady.start()
  await stopping.start()
  stepsLeft = 0
  await using server = await build.start({ DATA: dataFolder })
  await using client = connect(server.url)
  const targets = await retryAll(client)
  expect(targets).toHaveLength(2 * TAGS.length)
  for (const { isDelivered } of targets) expect(isDelivered).toBe(true)
  const { imageStream } = await client.request<{
    imageStream: { tags: { nodes: { tag: string; image: { digest: string } }[] } }
  }>('{ imageStream(name: "shop/web") { tags(first: 20) { nodes { tag image { digest } } } } }')
  const newest = new Map(imageStream.tags.nodes.map(({ tag, image: { digest } }) => [tag, digest]))
  for (const { accepted } of [steady, stopping]) {
    expect(new Map(accepted.map(({ tag, digest }) => [tag, digest]))).toEqual(newest)
    const ids = new Set(accepted.map(({ id, tag, digest }) => `${tag} ${digest} ${id}`))
    const images = new Set(accepted.map(({ tag, digest }) => `${tag} ${digest}`))
    expect(ids.size, 'ids of deliveries').toBe(images.size)
    for (const tag of TAGS) {
      const order = accepted
        .filter((one) => one.tag === tag)
        .map(({ digest }) => pushed.get(tag)?.indexOf(digest) ?? -1)
      expect(order, `order of ${tag}`).toEqual(order.toSorted((a, b) => a - b))
    }
  }
  // the server still writes to it
  await rm(dataFolder, { recursive: true, force: true, maxRetries: 5 })
}, 600_000)

import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { testConfig } from '../fixtures/app.ts'
import { connect, type GraphQLClient } from '../fixtures/graphql-client.ts'
import { spawnUpstream, type UpstreamProcess } from '../fixtures/spawn-upstream.ts'
import { startCompiledServer } from './compiled-server.ts'

// Many streams of one registry are imported at the same time: the time until the last one finishes, compared with a bare loop
// that sends the same requests, and the delay that one huge repository causes for the small ones.

const STREAMS = 200
const TAGS = 20
const HUGE_TAGS = 20_000
const IMAGES = 100
const WARM_UP_ROUNDS = 1
const ROUNDS = 5

const CREATE = `mutation ($name: String!, $repository: String!) {
  createImageStream(input: { name: $name, spec: { dockerImageRepository: $repository }, waitSeconds: 300 }) {
    import { state message }
  }
}`
const IMPORT = `mutation ($name: String!, $waitSeconds: Int!) {
  importImage(input: { imageStream: $name, waitSeconds: $waitSeconds }) { import { id state message } }
}`

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
const small = Array.from({ length: STREAMS }, (_, at) => `small-${at}`)

interface ImportPayload {
  readonly import: { readonly state: string; readonly message: string | null }
}

async function create(client: GraphQLClient, { host }: UpstreamProcess, name: string): Promise<void> {
  const { createImageStream } = await client.request<{ createImageStream: ImportPayload }>(CREATE, {
    ...{ name, repository: `${host}/${name}` },
  })
  if (createImageStream.import.state !== 'SUCCEEDED') throw new Error(JSON.stringify(createImageStream))
}

/** Imports all of them at the same time; returns the durations in milliseconds, in ascending order. */
async function importTogether(client: GraphQLClient, names: readonly string[]): Promise<number[]> {
  const began = performance.now()
  const done: number[] = []
  await Promise.all(
    names.map(async (name) => {
      const { importImage } = await client.request<{ importImage: ImportPayload }>(IMPORT, {
        name,
        waitSeconds: 300,
      })
      if (importImage.import.state !== 'SUCCEEDED') throw new Error(JSON.stringify(importImage))
      done.push(performance.now() - began)
    }),
  )
  return done
}

/** Sends the same requests as fast as undici can, all repositories at the same time; returns the duration in milliseconds. */
async function sendBare({ url }: UpstreamProcess, names: readonly string[]): Promise<number> {
  await using pool = disposable(
    new Pool(url, { connections: testConfig().requestsPerRegistry, pipelining: 1 }),
  )
  const send = async (method: 'GET' | 'HEAD', path: string): Promise<string> => {
    const { body } = await pool.request({ method, path, reset: false, headers: HEADERS })
    return body.text()
  }
  const began = performance.now()
  await Promise.all(
    names.map(async (name) => {
      const { tags }: { tags: string[] } = JSON.parse(await send('GET', `/v2/${name}/tags/list?n=1000`))
      await Promise.all(tags.map((tag) => send('HEAD', `/v2/${name}/manifests/${tag}`)))
    }),
  )
  return performance.now() - began
}

const HEADERS = {
  accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
}

const disposable = (pool: Pool): Pool & AsyncDisposable =>
  Object.assign(pool, { [Symbol.asyncDispose]: () => pool.close() })

/** Imports 200 equal streams at the same time. */
async function benchEqual(client: GraphQLClient, upstream: UpstreamProcess): Promise<void> {
  const lasts: number[] = []
  const middles: number[] = []
  const bares: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const done = await importTogether(client, small)
    const bare = await sendBare(upstream, small)
    if (round < 0) continue
    lasts.push(done.at(-1) ?? 0)
    middles.push(median(done))
    bares.push(bare)
  }
  const [last, middle, bare] = [median(lasts), median(middles), median(bares)]
  console.log(
    `fairness: ${STREAMS} streams of ${TAGS} tags from one registry at the same time, median of ${ROUNDS}\n` +
      `  the last one finishes after ${last.toFixed(0)} ms to ${bare.toFixed(0)} ms of a bare undici loop = ${(last / bare).toFixed(2)}; ` +
      `the goal is an equal share for each stream until all finish`,
  )
  console.log(
    `  last and median stream: ${last.toFixed(0)} and ${middle.toFixed(0)} ms, ratio ${(last / middle).toFixed(2)} (2 if imported one after the other)`,
  )
}

/** Imports the small repositories while a huge one is imported. */
async function benchHuge(client: GraphQLClient, upstream: UpstreamProcess): Promise<void> {
  await upstream.send({ do: 'release', repository: 'huge', tags: HUGE_TAGS, images: IMAGES })
  await create(client, upstream, 'huge')
  const others = small.slice(1)
  const alone: number[] = []
  const beside: number[] = []
  const huges: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const without = await importTogether(client, others)
    const huge = await hugeUnderWay(client)
    const withHuge = await importTogether(client, others)
    const isHugeDone = huge.isDone()
    await huge.done
    if (isHugeDone) throw new Error('the huge import finished before the small ones: use more tags')
    if (round < 0) continue
    alone.push(without.at(-1) ?? 0)
    beside.push(withHuge.at(-1) ?? 0)
    huges.push(huge.ms())
  }
  const [without, withHuge] = [median(alone), median(beside)]
  console.log(
    `  ${others.length} of them beside a stream of ${HUGE_TAGS} tags that takes ${(median(huges) / 1000).toFixed(1)} s: ` +
      `the last one finishes after ${withHuge.toFixed(0)} ms, and after ${without.toFixed(0)} ms without that stream = ${(withHuge / without).toFixed(2)} ` +
      `(1.01 with an equal share of the requests, at least ${(median(huges) / without).toFixed(1)} in order of arrival)`,
  )
}

/** Starts the huge import and waits until it has processed its first tag. */
async function hugeUnderWay(client: GraphQLClient) {
  const began = performance.now()
  const { importImage } = await client.request<{ importImage: { import: { id: string } } }>(IMPORT, {
    ...{ name: 'huge', waitSeconds: 0 },
  })
  const { id } = importImage.import
  const progress = 'subscription ($id: ID!) { importProgressed(id: $id) { total unchanged finishedAt } }'
  const reports = client.follow<{
    importProgressed: { total: number | null; unchanged: number; finishedAt: string | null }
  }>(progress, { id })
  let ended = 0
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const done = (async () => {
    for await (const { importProgressed } of reports) if (importProgressed.unchanged > 0) begin()
    ended = performance.now()
  })()
  await begun
  return { done, isDone: () => ended > 0, ms: () => ended - began }
}

/** Prints times as ratios. */
export async function bench(): Promise<void> {
  await using upstream = await spawnUpstream()
  await using server = await startCompiledServer()
  await using client = connect(server.url)
  for (const repository of small) {
    await upstream.send({ do: 'release', repository, tags: TAGS })
    await create(client, upstream, repository)
  }
  await benchEqual(client, upstream)
  await benchHuge(client, upstream)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

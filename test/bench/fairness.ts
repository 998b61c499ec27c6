import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { testConfig } from '../fixtures/app.ts'
import { connect, type GraphQLClient } from '../fixtures/graphql-client.ts'
import { spawnUpstream, type UpstreamProcess } from '../fixtures/spawn-upstream.ts'
import { startCompiledServer } from './compiled-server.ts'

// Many streams of one registry at once: how long the last one waits, against a bare loop that sends the same requests,
// and what one huge repository among them costs the small ones.

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

interface Answer {
  readonly import: { readonly state: string; readonly message: string | null }
}

async function create(client: GraphQLClient, { host }: UpstreamProcess, name: string): Promise<void> {
  const { createImageStream } = await client.ask<{ createImageStream: Answer }>(CREATE, {
    ...{ name, repository: `${host}/${name}` },
  })
  if (createImageStream.import.state !== 'SUCCEEDED') throw new Error(JSON.stringify(createImageStream))
}

/** Imports all of them at once; the milliseconds after which each was done, in the order in which they were. */
async function importTogether(client: GraphQLClient, names: readonly string[]): Promise<number[]> {
  const began = performance.now()
  const done: number[] = []
  await Promise.all(
    names.map(async (name) => {
      const { importImage } = await client.ask<{ importImage: Answer }>(IMPORT, { name, waitSeconds: 300 })
      if (importImage.import.state !== 'SUCCEEDED') throw new Error(JSON.stringify(importImage))
      done.push(performance.now() - began)
    }),
  )
  return done
}

/** The same requests as fast as undici sends them, all repositories at once; milliseconds until the last is done. */
async function askBare({ url }: UpstreamProcess, names: readonly string[]): Promise<number> {
  await using pool = disposable(
    new Pool(url, { connections: testConfig().requestsPerRegistry, pipelining: 1 }),
  )
  const ask = async (method: 'GET' | 'HEAD', path: string): Promise<string> => {
    const { body } = await pool.request({ method, path, reset: false, headers: HEADERS })
    return body.text()
  }
  const began = performance.now()
  await Promise.all(
    names.map(async (name) => {
      const { tags }: { tags: string[] } = JSON.parse(await ask('GET', `/v2/${name}/tags/list?n=1000`))
      await Promise.all(tags.map((tag) => ask('HEAD', `/v2/${name}/manifests/${tag}`)))
    }),
  )
  return performance.now() - began
}

const HEADERS = {
  accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
}

const disposable = (pool: Pool): Pool & AsyncDisposable =>
  Object.assign(pool, { [Symbol.asyncDispose]: () => pool.close() })

/** 200 equal streams at once. */
async function benchEqual(client: GraphQLClient, upstream: UpstreamProcess): Promise<void> {
  const lasts: number[] = []
  const middles: number[] = []
  const bares: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const done = await importTogether(client, small)
    const bare = await askBare(upstream, small)
    if (round < 0) continue
    lasts.push(done.at(-1) ?? 0)
    middles.push(median(done))
    bares.push(bare)
  }
  const [last, middle, bare] = [median(lasts), median(middles), median(bares)]
  console.log(
    `fairness: ${STREAMS} streams of ${TAGS} tags of one registry at once, median of ${ROUNDS}\n` +
      `  the last is done after ${last.toFixed(0)} ms to ${bare.toFixed(0)} ms of a bare undici loop = ${(last / bare).toFixed(2)}; ` +
      `even share: an equal part for each until all are done`,
  )
  console.log(
    `  the last to the middle one: ${last.toFixed(0)} to ${middle.toFixed(0)} ms = ${(last / middle).toFixed(2)} (one after the other it is 2)`,
  )
}

/** One huge repository under way, and the others beside it. */
async function benchHuge(client: GraphQLClient, upstream: UpstreamProcess): Promise<void> {
  await upstream.tell({ do: 'release', repository: 'huge', tags: HUGE_TAGS, images: IMAGES })
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
    if (isHugeDone) throw new Error('the huge one was done before the small ones: it is not huge enough')
    if (round < 0) continue
    alone.push(without.at(-1) ?? 0)
    beside.push(withHuge.at(-1) ?? 0)
    huges.push(huge.ms())
  }
  const [without, withHuge] = [median(alone), median(beside)]
  console.log(
    `  ${others.length} of them beside one of ${HUGE_TAGS} tags, which takes ${(median(huges) / 1000).toFixed(1)} s: ` +
      `the last is done after ${withHuge.toFixed(0)} ms to ${without.toFixed(0)} ms without it = ${(withHuge / without).toFixed(2)} ` +
      `(its even share of the requests makes it 1.01, in the order of arrival it is ${(median(huges) / without).toFixed(1)} and more)`,
  )
}

/** The huge import, begun and at its tags. */
async function hugeUnderWay(client: GraphQLClient) {
  const began = performance.now()
  const { importImage } = await client.ask<{ importImage: { import: { id: string } } }>(IMPORT, {
    ...{ name: 'huge', waitSeconds: 0 },
  })
  const { id } = importImage.import
  const progress = 'subscription ($id: ID!) { importProgressed(import: $id) { total unchanged finishedAt } }'
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
    await upstream.tell({ do: 'release', repository, tags: TAGS })
    await create(client, upstream, repository)
  }
  await benchEqual(client, upstream)
  await benchHuge(client, upstream)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

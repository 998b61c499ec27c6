import { fileURLToPath } from 'node:url'
import { TAGS_IN_FLIGHT } from '../../src/imagestream/import/import-run.ts'
import { testConfig } from '../fixtures/app.ts'
import { connect, type GraphQLClient } from '../fixtures/graphql-client.ts'
import { spawnUpstream, type UpstreamProcess } from '../fixtures/spawn-upstream.ts'
import { bareImport } from './bare-import.ts'
import { startCompiledServer } from './compiled-server.ts'
import { peakMemory } from './process-usage.ts'

// An import, compared with a bare undici loop that sends the same requests with the same concurrency; and its requests and memory.

const TAGS = 2000
const WARM_UP_ROUNDS = 2
const ROUNDS = 7
const LONG_LISTING = 100_000
const LONG_LISTING_IMAGES = 1000
const MEBIBYTE = 1024 * 1024

const CREATE = `mutation ($name: String!, $repository: String!) {
  createImageStream(input: { name: $name, spec: { dockerImageRepository: $repository }, waitSeconds: 300 }) {
    import { state imported unchanged failed message }
  }
}`
const IMPORT = `mutation ($name: String!) {
  importImage(input: { imageStream: $name, waitSeconds: 300 }) { import { state imported unchanged failed message } }
}`

interface ImportPayload {
  readonly state: string
  readonly imported: number
  readonly unchanged: number
}

const timed = async <Result>(work: () => Promise<Result>): Promise<{ ms: number; result: Result }> => {
  const began = performance.now()
  const result = await work()
  return { ms: performance.now() - began, result }
}
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

async function importOurs(
  client: GraphQLClient,
  upstream: UpstreamProcess,
  repository: string,
  first: boolean,
) {
  const variables = { name: repository, repository: `${upstream.host}/${repository}` }
  const data = await client.request<Record<string, { import: ImportPayload }>>(
    first ? CREATE : IMPORT,
    variables,
  )
  const imported = Object.values(data)[0]?.import
  if (imported?.state !== 'SUCCEEDED') throw new Error(JSON.stringify(imported))
  return imported
}

async function requestsOf(upstream: UpstreamProcess): Promise<number> {
  const { requests } = await upstream.send({ do: 'count' })
  await upstream.send({ do: 'reset' })
  return Object.values(requests).reduce((sum, count) => sum + count, 0)
}

async function benchTime(): Promise<void> {
  await using upstream = await spawnUpstream()
  await using server = await startCompiledServer()
  await using client = connect(server.url)
  const concurrency = { connections: testConfig().requestsPerRegistry, inFlight: TAGS_IN_FLIGHT }
  const times: Record<'first' | 'again', { ours: number[]; bare: number[] }> = {
    first: { ours: [], bare: [] },
    again: { ours: [], bare: [] },
  }
  const requests = { first: [0, 0], again: [0, 0] }
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const repository = `app-${round + WARM_UP_ROUNDS}`
    await upstream.send({ do: 'release', repository, tags: TAGS })
    await upstream.send({ do: 'reset' })
    for (const kind of ['first', 'again'] as const) {
      const first = kind === 'first'
      const ours = await timed(() => importOurs(client, upstream, repository, first))
      const sent = await requestsOf(upstream)
      const bare = await timed(() => bareImport(upstream.url, repository, { ...concurrency, first }))
      await upstream.send({ do: 'reset' })
      if (round < 0) continue
      times[kind].ours.push(ours.ms)
      times[kind].bare.push(bare.ms)
      requests[kind] = [sent, bare.result]
    }
  }
  console.log(`import: ${TAGS} tags, median of ${ROUNDS}, ${concurrency.connections} requests at a time`)
  for (const kind of ['first', 'again'] as const) {
    const [ours, bare] = [median(times[kind].ours), median(times[kind].bare)]
    console.log(
      `  ${kind}: ${ours.toFixed(0)} ms to ${bare.toFixed(0)} ms of a bare undici loop = ${(ours / bare).toFixed(2)} (goal 1.3); ` +
        `requests ${requests[kind][0]}, minimum ${requests[kind][1]}`,
    )
  }
}

async function benchMemory(): Promise<void> {
  await using upstream = await spawnUpstream()
  await using server = await startCompiledServer()
  await using client = connect(server.url)
  await upstream.send({ do: 'release', repository: 'small', tags: 10 })
  await upstream.send({ do: 'release', repository: 'large', tags: LONG_LISTING, images: LONG_LISTING_IMAGES })
  await importOurs(client, upstream, 'small', true)
  const idle = peakMemory(server.pid)
  const first = await timed(() => importOurs(client, upstream, 'large', true))
  const peak = peakMemory(server.pid)
  console.log(
    `  ${LONG_LISTING} tags: ${(first.ms / 1000).toFixed(1)} s, memory ${((peak - idle) / MEBIBYTE).toFixed(0)} MiB over idle (goal 150)`,
  )
}

/** Prints times, requests and memory. */
export async function bench(): Promise<void> {
  await benchTime()
  await benchMemory()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

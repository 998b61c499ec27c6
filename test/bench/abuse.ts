import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { startCompiledServer } from './compiled-server.ts'
import { seed } from './seed.ts'

// The latency of a client that sends a small query now and then, idle and beside a flood of the most expensive operations that
// the server accepts, over 8 connections from another address; at the end also from the same address, of which each connection
// has a ninth of the time.

const FLOOD_CONNECTIONS = 8
const DURATION = 6_000
const LOOPBACK = '127.0.0.1'
/** Address of the small client. */
const OTHER_ADDRESS = '127.0.0.2'
/** Milliseconds between two queries of the small client. */
const PAUSE = 15
const SIZE = { streams: 500, tags: 50, events: 4 }

const SMALL = `query ($name: String!) { imageStream(name: $name) {
  name tags(first: 5) { nodes { tag image { digest size } } } } }`

const FLOOD: Readonly<Record<string, string>> = {
  'pages of pages':
    '{ imageStreams(first: 500) { nodes { name tags(first: 50) { nodes { tag image { digest size } } } } } }',
  histories:
    '{ imageStreams(first: 20) { nodes { tags(first: 50) { nodes { items(first: 10) { nodes { created image { digest platform { os } } } } } } } } }',
  'documents as YAML': '{ imageStreams(first: 400) { document(format: YAML) } }',
  'documents as JSON': '{ imageStreams(first: 100) { nodes { document(format: JSON) } } }',
  'scans of all streams': `{ ${Array.from({ length: 40 }, (_, at) => `s${at}: imageStreams(matching: "*-x${at}", platform: "linux/s390x", first: 1) { totalCount }`).join(' ')} }`,
  'scans of all tags': `{ ${Array.from({ length: 10 }, (_, at) => `t${at}: imageStreamTags(matching: "*x${at}", first: 1) { totalCount }`).join(' ')} }`,
}

async function post(pool: Pool, query: string, variables = {}): Promise<string> {
  const { body } = await pool.request({
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  return body.text()
}

/** Returns the latencies of the small client in milliseconds, sorted. */
async function latencies(url: string, localAddress = OTHER_ADDRESS): Promise<number[]> {
  await using pool = poolOf(url, 1, localAddress)
  const times: number[] = []
  const until = performance.now() + DURATION
  for (let turn = 0; performance.now() < until; turn++) {
    const since = performance.now()
    const text = await post(pool, SMALL, { name: `app-${(turn * 37) % SIZE.streams}` })
    times.push(performance.now() - since)
    if (text.includes('errors')) throw new Error(text)
    await delay(PAUSE)
  }
  return times.sort((a, b) => a - b)
}

const poolOf = (url: string, connections: number, localAddress: string): Pool & AsyncDisposable => {
  const pool = new Pool(url, { connections, localAddress, headersTimeout: 0, bodyTimeout: 0 })
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.destroy() })
}

/** Sends these operations over all connections of the flood until the signal is aborted. Returns how many succeeded. */
async function flood(url: string, queries: readonly string[], signal: AbortSignal): Promise<number> {
  await using pool = poolOf(url, FLOOD_CONNECTIONS, LOOPBACK)
  let responses = 0
  const client = async (_: unknown, at: number): Promise<void> => {
    while (!signal.aborted) {
      await post(pool, queries[at % queries.length] ?? '')
      responses++
    }
  }
  const ended = Promise.all(Array.from({ length: FLOOD_CONNECTIONS }, client)).catch(() => {})
  await Promise.race([ended, new Promise((resolve) => signal.addEventListener('abort', resolve))])
  return responses
}

const at = (times: readonly number[], part: number): number =>
  times[Math.floor(times.length * part)] ?? Number.NaN

/** Prints the latencies and their ratio for each kind of operation, and for all of them together. */
export async function bench(): Promise<void> {
  console.log(
    `abuse: ${SIZE.streams} streams × ${SIZE.tags} tags × ${SIZE.events} events, a flood over ${FLOOD_CONNECTIONS} connections of one address, and a client with another`,
  )
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  seed(folder, SIZE)
  await using server = await startCompiledServer(folder)
  await latencies(server.url)
  const idle = await latencies(server.url)
  console.log(`  idle: p50 ${at(idle, 0.5).toFixed(1)} ms, p99 ${at(idle, 0.99).toFixed(1)} ms`)
  const all = Object.values(FLOOD)
  for (const [name, queries, address = OTHER_ADDRESS] of [
    ...Object.entries(FLOOD).map(([key, query]) => [key, [query]] as const),
    ['all of them', all] as const,
    ['all of them, from one address', all, LOOPBACK] as const,
  ]) {
    const end = new AbortController()
    const flooding = flood(server.url, queries, end.signal)
    const times = await latencies(server.url, address)
    end.abort()
    const ratio = at(times, 0.99) / at(idle, 0.99)
    const goal = address === OTHER_ADDRESS ? ' (goal 5)' : ''
    console.log(
      `  ${name}: p50 ${at(times, 0.5).toFixed(1)} ms, p99 ${at(times, 0.99).toFixed(1)} ms, ratio ${ratio.toFixed(1)}${goal}; ${await flooding} operations of the flood`,
    )
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { type ServerProcess, startCompiledServer } from './compiled-server.ts'
import { processorTime } from './process-usage.ts'
import { seed } from './seed.ts'

// Requests per second of two queries, compared with bare node:http with one prepared statement that produces the same bytes.

const CONNECTIONS = 8
const WARM_UP = 1_500
const DURATION = 4_000
/** This server and the limit alternate, so that a slower machine affects both. */
const TURNS = 2
const SIZE = { streams: 2000, tags: 50, events: 10 }

const CASES = {
  'one stream, 50 tags': {
    goal: 0.2,
    body: (turn: number) => ({
      query: `query ($namespace: String!, $name: String!) { imageStream(namespace: $namespace, name: $name) {
        name tags(first: 50) { nodes {
          tag dockerImageReference items(first: 1) { nodes { created generation } }
          image { digest size platform { os architecture } } } } } }`,
      variables: { namespace: 'default', name: `app-${(turn * 37) % SIZE.streams}` },
    }),
  },
  '100 streams × 5 tags': {
    goal: 0.3,
    body: () => ({
      query: `query ($namespace: String!) { imageStreams(namespace: $namespace, first: 100) { nodes {
        namespace name tags(first: 5) { nodes { tag dockerImageReference image { digest size } } } } } }`,
      variables: { namespace: 'default' },
    }),
  },
}
type Case = (typeof CASES)[keyof typeof CASES]

async function startLimit(dataFolder: string): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL('query-limit.ts', import.meta.url)), [dataFolder], {
    execArgv: ['--import', 'tsx'],
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

interface Measured {
  readonly perSecond: number
  /** Microseconds of the server's processor time per request. */
  readonly cpu: number
}

async function measure(server: ServerProcess, { body }: Case, duration: number): Promise<Measured> {
  const pool = new Pool(server.url, { connections: CONNECTIONS })
  let requests = 0
  const before = processorTime(server.pid)
  const began = performance.now()
  const client = async (): Promise<void> => {
    while (performance.now() - began < duration) {
      const response = await pool.request({
        method: 'POST',
        path: '/graphql',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(body(requests++)),
      })
      await response.body.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  const seconds = (performance.now() - began) / 1000
  const cpu = processorTime(server.pid) - before
  await pool.close()
  return { perSecond: requests / seconds, cpu: cpu / requests }
}

async function responseOf(server: ServerProcess, { body }: Case): Promise<string> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body(1)),
  })
  return response.text()
}

const best = (measured: readonly Measured[]): Measured => ({
  perSecond: Math.max(...measured.map(({ perSecond }) => perSecond)),
  cpu: Math.min(...measured.map(({ cpu }) => cpu)),
})

/** Prints a line per query. The database belongs to one process, so this server and the limit have a copy each. */
export async function bench(): Promise<void> {
  const folders = {
    ours: mkdtempSync(join(tmpdir(), 'bench-')),
    limit: mkdtempSync(join(tmpdir(), 'bench-')),
  }
  try {
    console.log(
      `query: ${SIZE.streams} streams × ${SIZE.tags} tags × ${SIZE.events} events, ${CONNECTIONS} connections`,
    )
    seed(folders.ours, SIZE)
    copyFileSync(join(folders.ours, 'imagestreams.db'), join(folders.limit, 'imagestreams.db'))
    await using ours = await startCompiledServer(folders.ours)
    await using limit = await startLimit(folders.limit)
    for (const [name, one] of Object.entries(CASES)) {
      const [got, wanted] = [await responseOf(ours, one), await responseOf(limit, one)]
      if (got !== wanted) throw new Error(`different bytes:\n${got.slice(0, 500)}\n${wanted.slice(0, 500)}`)
      const turns: { ours: Measured[]; limit: Measured[] } = { ours: [], limit: [] }
      await measure(ours, one, WARM_UP)
      await measure(limit, one, WARM_UP)
      for (let turn = 0; turn < TURNS; turn++) {
        turns.ours.push(await measure(ours, one, DURATION))
        turns.limit.push(await measure(limit, one, DURATION))
      }
      const [our, least] = [best(turns.ours), best(turns.limit)]
      console.log(
        `  ${name}: ${our.perSecond.toFixed(0)}/s of ${least.perSecond.toFixed(0)}/s = ${(our.perSecond / least.perSecond).toFixed(2)}` +
          `; processor time ${our.cpu.toFixed(0)} µs to ${least.cpu.toFixed(0)} µs = ${(least.cpu / our.cpu).toFixed(2)} (goal ${one.goal})`,
      )
    }
  } finally {
    for (const folder of Object.values(folders)) rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

import { startCompiledServer } from './compiled-server.ts'
import { peakMemory } from './process-usage.ts'
import { startClient } from './registry-processes.ts'
import { MEBIBYTE, type Measured } from './registry-protocol.ts'

/** A small GraphQL query on an idle server, and during four pushes. */
export interface QueryLoad {
  readonly idle: Measured
  readonly busy: Measured
  /** MiB per second that were pushed meanwhile. */
  readonly pushed: number
}

const LAYER = 2048 * MEBIBYTE
const PUSHED = 64 * MEBIBYTE
const PUSHES = 4
/** Milliseconds between two queries, so that they wait for pushes and not for each other. */
const REST = 2

const REPOSITORY = 'bench/load'

/** Returns the bytes of memory for pushing and pulling a 2 GiB layer, minus those of a server that transferred a small one. */
export async function measureMemory(): Promise<number> {
  await using server = await startCompiledServer()
  await using client = startClient()
  const one = { port: portOf(server), repository: REPOSITORY, atOnce: 1, count: 1 }
  for (const command of ['push blobs', 'pull blobs'] as const)
    await client.run({ do: command, ...one, size: MEBIBYTE })
  const idle = peakMemory(server.pid)
  for (const command of ['push blobs', 'pull blobs'] as const)
    await client.run({ do: command, ...one, size: LAYER })
  return peakMemory(server.pid) - idle
}

export async function measureQueries(): Promise<QueryLoad> {
  await using server = await startCompiledServer()
  await using pusher = startClient()
  await using querier = startClient()
  const to = { port: portOf(server), repository: REPOSITORY }
  await pusher.run({ do: 'push image', ...to })
  const query = { do: 'query', ...to, atOnce: 1, rest: REST } as const
  await querier.run({ ...query, seconds: 1 })
  const idle = await querier.run({ ...query, seconds: 1 })
  const pushing = pusher.run({ do: 'push blobs', ...to, size: PUSHED, atOnce: PUSHES, seconds: 4 })
  // the queries end before the pushes
  const [busy, { count, ms }] = await Promise.all([querier.run({ ...query, seconds: 3.5 }), pushing])
  return { idle, busy, pushed: (count * PUSHED) / MEBIBYTE / (ms / 1000) }
}

const portOf = ({ url }: { readonly url: string }): number => Number(new URL(url).port)

import { startCompiledServer } from './compiled-server.ts'
import { peakMemory } from './process-usage.ts'
import { startClient } from './registry-processes.ts'
import { MEBIBYTE, type Measured } from './registry-protocol.ts'

/** A small GraphQL query, with nothing else to do and with four pushes running. */
export interface QueryLoad {
  readonly idle: Measured
  readonly busy: Measured
  /** MiB a second that were pushed meanwhile. */
  readonly pushed: number
}

const LAYER = 2048 * MEBIBYTE
const PUSHED = 64 * MEBIBYTE
const PUSHES = 4
/** Milliseconds between two queries: they shall wait for the pushes, not for each other. */
const REST = 2

const REPOSITORY = 'bench/load'

/** Bytes of memory while a 2 GiB layer was pushed and pulled, over those of a server that had served a small one. */
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
  // they end before the pushes do
  const [busy, { count, ms }] = await Promise.all([querier.run({ ...query, seconds: 3.5 }), pushing])
  return { idle, busy, pushed: (count * PUSHED) / MEBIBYTE / (ms / 1000) }
}

const portOf = ({ url }: { readonly url: string }): number => Number(new URL(url).port)

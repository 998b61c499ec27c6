/**
 * One push, and a burst of pushes, to thousands of subscribers of one operation until the last one has received it, compared with
 * a limit: a bare server that sends the same bytes, prepared, to the same clients.
 * `npx tsx test/bench/subscribe.ts [--connections 1000,10000]`
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Command, Subject } from './subscribe-protocol.ts'

/** Measurements of one server; milliseconds until the last subscriber has received the last push. */
export interface Fanout {
  readonly one: number
  readonly burst: number
  /** The server's processor time per push and subscriber in a burst, in microseconds. */
  readonly burstCpu: number
  /** Memory per subscriber in bytes. */
  readonly memory: number
}

export interface SubscribeFigure {
  readonly transport: 'graphql-ws' | 'SSE'
  readonly connections: number
  readonly ours: Fanout
  readonly limit: Fanout
}

const BURST = 20
/** Number of rounds; the median counts. */
const ROUNDS = { one: 25, burst: 7 }
const WARM_UP = 10
const WARM_UP_CONNECTIONS = 100

const LIMITS = { 'graphql-ws': 'bare ws', SSE: 'bare node:http' } as const

/** Measures both transports with each number of connections. */
export async function bench(connections: readonly number[] = [1_000, 10_000]): Promise<SubscribeFigure[]> {
  const figures: SubscribeFigure[] = []
  for (const count of connections) {
    for (const transport of ['graphql-ws', 'SSE'] as const) {
      const limit = await measure(LIMITS[transport], count)
      const ours = await measure(transport, count)
      figures.push({ transport, connections: count, ours, limit })
    }
  }
  return figures
}

async function measure(subject: Subject, connections: number): Promise<Fanout> {
  const [server, clients] = [spawn('subscribe-server.ts', subject), spawn('subscribe-clients.ts')]
  try {
    const [{ port = 0 }] = await Promise.all([replyOf(server), replyOf(clients)])
    const connect = (count: number): Promise<Reply> =>
      send(clients, { command: 'connect', subject, port, count })
    let first = 1
    const deliver = async (count: number): Promise<number> => {
      await send(clients, { command: 'expect', first, count })
      const done = replyOf(clients)
      const { startedAt } = await send(server, { command: 'push', first, count })
      first += count
      return (number((await done).doneAt) - number(startedAt)) / 1e6
    }
    // the first subscribers load code, which is not memory per subscriber
    await connect(WARM_UP_CONNECTIONS)
    for (let round = 0; round < WARM_UP; round++) await deliver(1)
    await connect(0)
    const before = await send(server, { command: 'usage' })
    await connect(connections)
    await deliver(1)
    const subscribed = await send(server, { command: 'usage' })
    const median = async (rounds: number, count: number): Promise<number> => {
      const times: number[] = []
      for (let round = 0; round < rounds; round++) times.push(await deliver(count))
      return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
    }
    const one = await median(ROUNDS.one, 1)
    const idle = await send(server, { command: 'usage' })
    const burst = await median(ROUNDS.burst, BURST)
    const end = await send(server, { command: 'usage' })
    return {
      one,
      burst,
      burstCpu: (number(end.cpu) - number(idle.cpu)) / (ROUNDS.burst * BURST * connections),
      memory: (number(subscribed.rss) - number(before.rss)) / connections,
    }
  } finally {
    server.kill()
    clients.kill()
  }
}

type Reply = Readonly<Record<string, number>>

const number = (value: number | undefined): number => value ?? Number.NaN

function spawn(file: string, ...args: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ['--import', 'tsx', '--expose-gc'],
  })
}

async function replyOf(child: ChildProcess): Promise<Reply> {
  const settled = new AbortController()
  const { signal } = settled
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a process of the bench ended with ${code}`)
  })
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), ended])
    return message
  } finally {
    ended.catch(() => {})
    settled.abort()
  }
}

function send(child: ChildProcess, command: Command): Promise<Reply> {
  const reply = replyOf(child)
  child.send(command)
  return reply
}

/** Returns three lines: this server, the limit, and the ratio of their times. */
export function describe({ transport, connections, ours, limit }: SubscribeFigure): string {
  const line = (name: string, { one, burst, burstCpu, memory }: Fanout): string =>
    `${name.padEnd(24)} one ${one.toFixed(1).padStart(8)} ms   burst of ${BURST} ${burst.toFixed(1).padStart(8)} ms` +
    `   ${burstCpu.toFixed(2).padStart(5)} µs of CPU per delivery   ${(memory / 1_000).toFixed(1).padStart(5)} kB per subscriber`
  return [
    line(`${LIMITS[transport]} × ${connections}`, limit),
    line(`${transport} × ${connections}`, ours),
    `${'ratio'.padEnd(24)} one ${(ours.one / limit.one).toFixed(2).padStart(8)}      burst of ${BURST} ${(ours.burst / limit.burst).toFixed(2).padStart(8)}`,
  ].join('\n')
}

/** Returns the numbers of connections that this process's limit of open files permits. */
function affordable(connections: readonly number[]): number[] {
  const report = process.report?.getReport() as { userLimits?: { open_files?: { soft?: string | number } } }
  const soft = Number(report.userLimits?.open_files?.soft ?? Number.POSITIVE_INFINITY)
  return connections.filter((count) => {
    const fits = Number.isNaN(soft) || count + 100 <= soft
    if (!fits) console.error(`${count} connections need "ulimit -n ${count + 100}", it is ${soft}: skipped`)
    return fits
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { connections: { type: 'string', default: '1000,10000' } } })
  const figures = await bench(affordable(values.connections.split(',').map(Number)))
  for (const figure of figures) console.log(`${describe(figure)}\n`)
}

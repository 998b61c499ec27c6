/**
 * One push, and a burst of pushes, to thousands of subscribers of one operation until the last has it, each beside its
 * limit: a bare server that sends the same bytes, ready made, to the same clients.
 * `npx tsx test/bench/subscribe.ts [--connections 1000,10000]`
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Command, Subject } from './subscribe-protocol.ts'

/** What one server took; milliseconds, until the last subscriber has the last push. */
export interface Fanout {
  readonly one: number
  readonly burst: number
  /** The server's processor time for one push to one subscriber, in a burst; microseconds. */
  readonly burstCpu: number
  /** Memory of a subscriber; bytes. */
  readonly memory: number
}

export interface SubscribeFigure {
  readonly transport: 'graphql-ws' | 'SSE'
  readonly connections: number
  readonly ours: Fanout
  readonly limit: Fanout
}

const BURST = 20
/** Of each, the median counts. */
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
    const [{ port = 0 }] = await Promise.all([answer(server), answer(clients)])
    const connect = (count: number): Promise<Answer> =>
      ask(clients, { command: 'connect', subject, port, count })
    let first = 1
    const deliver = async (count: number): Promise<number> => {
      await ask(clients, { command: 'expect', first, count })
      const done = answer(clients)
      const { startedAt } = await ask(server, { command: 'push', first, count })
      first += count
      return (number((await done).doneAt) - number(startedAt)) / 1e6
    }
    // what the first subscribers cost is code, not memory for each
    await connect(WARM_UP_CONNECTIONS)
    for (let round = 0; round < WARM_UP; round++) await deliver(1)
    await connect(0)
    const before = await ask(server, { command: 'usage' })
    await connect(connections)
    await deliver(1)
    const subscribed = await ask(server, { command: 'usage' })
    const median = async (rounds: number, count: number): Promise<number> => {
      const times: number[] = []
      for (let round = 0; round < rounds; round++) times.push(await deliver(count))
      return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
    }
    const one = await median(ROUNDS.one, 1)
    const idle = await ask(server, { command: 'usage' })
    const burst = await median(ROUNDS.burst, BURST)
    const end = await ask(server, { command: 'usage' })
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

type Answer = Readonly<Record<string, number>>

const number = (value: number | undefined): number => value ?? Number.NaN

function spawn(file: string, ...args: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ['--import', 'tsx', '--expose-gc'],
  })
}

async function answer(child: ChildProcess): Promise<Answer> {
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

function ask(child: ChildProcess, command: Command): Promise<Answer> {
  const answered = answer(child)
  child.send(command)
  return answered
}

/** Two lines for each figure: ours and the limit, with the ratio of their times. */
export function describe({ transport, connections, ours, limit }: SubscribeFigure): string {
  const line = (name: string, { one, burst, burstCpu, memory }: Fanout): string =>
    `${name.padEnd(24)} one ${one.toFixed(1).padStart(8)} ms   burst of ${BURST} ${burst.toFixed(1).padStart(8)} ms` +
    `   ${burstCpu.toFixed(2).padStart(5)} µs of CPU a delivery   ${(memory / 1_000).toFixed(1).padStart(5)} kB a subscriber`
  return [
    line(`${LIMITS[transport]} × ${connections}`, limit),
    line(`${transport} × ${connections}`, ours),
    `${'ratio'.padEnd(24)} one ${(ours.one / limit.one).toFixed(2).padStart(8)}      burst of ${BURST} ${(ours.burst / limit.burst).toFixed(2).padStart(8)}`,
  ].join('\n')
}

/** As many connections as this process's limit of open files leaves room for. */
function affordable(connections: readonly number[]): number[] {
  const report = process.report?.getReport() as { userLimits?: { open_files?: { soft?: string | number } } }
  const soft = Number(report.userLimits?.open_files?.soft ?? Number.POSITIVE_INFINITY)
  return connections.filter((count) => {
    const fits = Number.isNaN(soft) || count + 100 <= soft
    if (!fits) console.error(`${count} connections need "ulimit -n ${count + 100}", it is ${soft}: left out`)
    return fits
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { connections: { type: 'string', default: '1000,10000' } } })
  const figures = await bench(affordable(values.connections.split(',').map(Number)))
  for (const figure of figures) console.log(`${describe(figure)}\n`)
}

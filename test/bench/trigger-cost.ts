import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerProcess, startCompiledServer } from './compiled-server.ts'
import { processorTime } from './process-usage.ts'
import { at, createPusher, type Pusher, type Receivers, startReceivers } from './trigger-load.ts'
import { insertTriggers, openIn, type SourceOfTrigger } from './trigger-seed.ts'

// The server's processor time for a push with its delivery, with ten triggers and with very many, of which one reacts to it.

const PUSHES = 200
const ROUNDS = 5
const FEW = 10

interface Shape {
  readonly many: number
  readonly source: (number: number) => SourceOfTrigger
}

/** The first trigger reacts to `default/app-0:t0`. */
const SHAPES: Readonly<Record<string, Shape>> = {
  '10,000 triggers, each of another stream': {
    many: 10_000,
    source: (number) => ({ streams: `app-${number}`, tags: '*' }),
  },
  '10,000 triggers, each of another tag of one stream': {
    many: 10_000,
    source: (number) => ({ streams: 'app-0', tags: `t${number}` }),
  },
  '500 triggers, each of a pattern of streams': {
    many: 500,
    source: (number) => ({ streams: number === 0 ? 'app-*' : `other-${number}-*`, tags: '*' }),
  },
}

interface Measured extends AsyncDisposable {
  readonly server: ServerProcess
  readonly pusher: Pusher
}

async function start({ source }: Shape, count: number, [url = '']: readonly string[]): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  {
    using db = openIn(folder)
    insertTriggers(
      db,
      url,
      Array.from({ length: count }, (_, number) => source(number)),
    )
  }
  const server = await startCompiledServer(folder)
  const pusher = await createPusher(server.url, 'default/app-0')
  return {
    server,
    pusher,
    async [Symbol.asyncDispose]() {
      await pusher[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Returns microseconds of processor time for a push with its delivery. */
async function costOf({ server, pusher }: Measured, { arrival }: Receivers): Promise<number> {
  const before = processorTime(server.pid)
  for (let turn = 0; turn < PUSHES; turn++) {
    const { digest } = await pusher.push('t0')
    await arrival(digest)
  }
  return (processorTime(server.pid) - before) / PUSHES
}

/** Prints a line per shape. */
export async function benchCost(): Promise<void> {
  await using receivers = await startReceivers(1)
  for (const [name, shape] of Object.entries(SHAPES)) {
    await using few = await start(shape, FEW, receivers.urls)
    await using many = await start(shape, shape.many, receivers.urls)
    for (const one of [few, many]) await costOf(one, receivers)
    const pairs: { few: number; many: number }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      pairs.push({ few: await costOf(few, receivers), many: await costOf(many, receivers) })
    }
    const median = (value: (pair: (typeof pairs)[number]) => number): number => at(pairs.map(value), 0.5)
    console.log(
      `  ${name}: a push costs ${median((pair) => pair.many).toFixed(0)} µs of processor time, with ${FEW} of them ${median((pair) => pair.few).toFixed(0)} µs, ratio ${median((pair) => pair.many / pair.few).toFixed(2)} (goal 1.1)`,
    )
  }
}

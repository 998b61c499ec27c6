/** The client of the registry's benchmark, in its own process: runs each received command and sends a reply. */
import { setTimeout as delay } from 'node:timers/promises'
import { openConnection } from './registry-connection.ts'
import { type Operation, Repository } from './registry-operations.ts'
import type { Amount, Command, Measured, Reply } from './registry-protocol.ts'

const repositories = new Map<string, Repository>()

function repositoryOf({ port, repository: name }: Command): Repository {
  const key = `${port}/${name}`
  const repository = repositories.get(key) ?? new Repository(name, port)
  repositories.set(key, repository)
  return repository
}

async function run(command: Command): Promise<Measured> {
  const amount = 'atOnce' in command ? command : { atOnce: 1, count: 1 }
  return measure(command.port, amount, repositoryOf(command).operation(command))
}

async function measure(port: number, amount: Amount, operation: Operation): Promise<Measured> {
  const { atOnce, count = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY, rest } = amount
  const connections = await Promise.all(Array.from({ length: atOnce }, () => openConnection(port)))
  const times: number[] = []
  let started = 0
  const began = performance.now()
  const until = began + seconds * 1000
  try {
    await Promise.all(
      connections.map(async (connection) => {
        for (let at = performance.now(); at < until && started < count; at = performance.now()) {
          started++
          await operation(connection)
          times.push(performance.now() - at)
          if (rest !== undefined) await delay(rest)
        }
      }),
    )
    return { ...spreadOf(times), ms: performance.now() - began }
  } finally {
    for (const connection of connections) connection[Symbol.dispose]()
  }
}

function spreadOf(times: readonly number[]): Omit<Measured, 'ms'> {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN
  return { count: times.length, median: at(0.5), p99: at(0.99), longest: at(1) }
}

const send = (reply: Reply): void => void process.send?.(reply)

process.on('message', (command: Command) => {
  run(command).then(
    (measured) => send({ measured }),
    (error: unknown) => send({ error: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

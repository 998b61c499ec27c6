import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Command, Measured, Reply } from './registry-protocol.ts'

/** A client in its own process, which does not use the event loop of a server. */
export interface ClientProcess extends AsyncDisposable {
  /** Runs one command at a time. Rejects with the error, including the server's error body. */
  run(command: Command): Promise<Measured>
}

export function startClient(): ClientProcess {
  const child = start('registry-client.ts')
  return {
    async run(command) {
      const replied = messageOf<Reply>(child)
      child.send(command)
      const reply = await replied
      if ('error' in reply) throw new Error(`${command.do}: ${reply.error}`)
      return reply.measured
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

/** Starts the limit for all servers. */
export async function startBareServer(): Promise<{ readonly port: number } & AsyncDisposable> {
  const child = start('registry-bare.ts')
  const { port } = await messageOf<{ port: number }>(child)
  return { port, [Symbol.asyncDispose]: () => end(child) }
}

const start = (script: string): ChildProcess =>
  fork(fileURLToPath(new URL(script, import.meta.url)), { execArgv: ['--import', 'tsx'] })

async function messageOf<Message>(child: ChildProcess): Promise<Message> {
  const settled = new AbortController()
  const { signal } = settled
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a process of the benchmark ended with ${code}`)
  })
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), ended])
    return message
  } finally {
    ended.catch(() => {})
    settled.abort()
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}

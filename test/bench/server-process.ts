import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A server of a benchmark in a process of its own, as production runs it. */
export interface ServerProcess<Usage> extends AsyncDisposable {
  readonly url: string
  usage(): Promise<Usage>
}

/** `script` stands beside this file; it sends `{ url }`, and answers each message with its usage. */
export async function startServer<Usage>(
  script: string,
  args: readonly string[] = [],
): Promise<ServerProcess<Usage>> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    async usage() {
      child.send('usage')
      const [usage] = await once(child, 'message')
      return usage
    },
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

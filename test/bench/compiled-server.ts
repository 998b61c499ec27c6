import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A server for a benchmark in its own process. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string
  readonly pid: number
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let isBuilt = false

/** Source files at the start of the benchmark's first server. */
function build(): void {
  if (isBuilt) return
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'ignore'] })
  isBuilt = true
}

/** Starts the server compiled from the current sources, as in production. Its data folder is removed with it. */
export async function startCompiledServer(
  dataFolder = mkdtempSync(join(tmpdir(), 'bench-')),
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  build()
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      IMAGESTREAMS_PORT: '0',
      IMAGESTREAMS_DATA: dataFolder,
      IMAGESTREAMS_LOG_LEVEL: 'silent',
      // the load of a benchmark is that of many clients
      IMAGESTREAMS_COST_PER_MINUTE: '0',
      IMAGESTREAMS_REQUESTS_PER_MINUTE: '0',
      IMAGESTREAMS_FAILED_SIGN_INS_PER_MINUTE: '0',
      ...settings,
    },
  })
  const exited = once(child, 'exit')
  return {
    url: await urlIn(child.stderr),
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill()
      await exited
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

/** Reads the URL from the lines that a server prints at its start. */
async function urlIn(greeting: NodeJS.ReadableStream): Promise<string> {
  const lines: string[] = []
  for await (const line of createInterface({ input: greeting })) {
    lines.push(line)
    const url = /"url":"(http:[^"]+)"/.exec(line)?.[1]
    if (url !== undefined) {
      greeting.resume()
      return url
    }
  }
  throw new Error(`the server did not start: ${lines.join('\n')}`)
}

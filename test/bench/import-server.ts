import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The server as production runs it: compiled, in a process of its own. */
export interface CompiledServer extends AsyncDisposable {
  readonly url: string
  /** Bytes of memory at its highest so far; told by /proc, so only on Linux. */
  peakMemory(): number
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const KIBIBYTE = 1024

/** Compiles what is here. */
export async function startCompiledServer(): Promise<CompiledServer> {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'ignore'] })
  const dataFolder = mkdtempSync(join(tmpdir(), 'bench-'))
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      IMAGESTREAMS_PORT: '0',
      IMAGESTREAMS_DATA: dataFolder,
      IMAGESTREAMS_LOG_LEVEL: 'silent',
    },
  })
  const exited = once(child, 'exit')
  return {
    url: await urlIn(child.stderr),
    peakMemory() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * KIBIBYTE
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await exited
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

/** From the lines that a server greets with. */
async function urlIn(greeting: NodeJS.ReadableStream): Promise<string> {
  const lines: string[] = []
  for await (const line of createInterface({ input: greeting })) {
    lines.push(line)
    const url = /(http:\S+)\/graphql/.exec(line)?.[1]
    if (url !== undefined) {
      greeting.resume()
      return url
    }
  }
  throw new Error(`the server did not start: ${lines.join('\n')}`)
}

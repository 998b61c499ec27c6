import { fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DatabaseReport } from './check.ts'

const PROCESS = fileURLToPath(new URL('./check-process.ts', import.meta.url))
/** As `nice`: other work of the machine comes first. */
const LOW_PRIORITY = 10

/**
 * Checks all of a database as `checkDatabase`, in a process of its own: a check of a large table cannot be interrupted, and a crash
 * of SQLite over a damaged page must not end the server. Rejects with the signal's reason once it is aborted.
 */
export function checkDatabaseApart(file: string, signal: AbortSignal): Promise<DatabaseReport> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const isCompiled = extname(import.meta.url) === '.js'
    const child = fork(isCompiled ? PROCESS.replace(/ts$/, 'js') : PROCESS, [file], {
      execArgv: isCompiled ? [] : ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      signal,
      killSignal: 'SIGKILL',
    })
    let errors = ''
    child.stderr?.on('data', (text) => {
      errors = `${errors}${text}`.slice(-2_000)
    })
    child.once('spawn', () => child.pid && setPriority(child.pid, LOW_PRIORITY))
    child.once('message', (report) => resolve(report as DatabaseReport))
    child.once('error', (error) => reject(signal.aborted ? signal.reason : error))
    child.once('close', (code, by) =>
      reject(new Error(`the check of the database ended with ${by ?? code}: ${errors.trim()}`)),
    )
  })
}

import type { Server } from 'node:http'
import type { Logger } from 'pino'

interface WatchOptions {
  /** Called for each connection that could not be accepted. */
  readonly refused: (limit: 'all' | 'descriptors') => void
  readonly log: Pick<Logger, 'warn' | 'error'>
}

/** Milliseconds between two lines about the same. */
const QUIET = 10_000

/** Counts and logs connections that the server cannot accept: it goes on with those that it has. */
export function watchConnections(server: Server, { refused, log }: WatchOptions): void {
  let loggedAt = Number.NEGATIVE_INFINITY
  const isQuiet = (): boolean => {
    if (performance.now() - loggedAt < QUIET) return true
    loggedAt = performance.now()
    return false
  }
  server.on('drop', () => {
    refused('all')
    if (!isQuiet())
      log.warn({ connections: server.maxConnections }, 'connection refused: as many as may be are open')
  })
  // without a listener the process would end
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (!server.listening) return
    refused('descriptors')
    if (!isQuiet()) log.error({ err: error }, 'cannot accept a connection')
  })
}

import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { Draining } from './request/draining.ts'
import type { StreamingConnections } from './request/streaming-connections.ts'

interface ClosedParts {
  readonly connections: StreamingConnections
  readonly draining: Draining
  /** Milliseconds for requests and pushes that run. */
  readonly timeout: number
  readonly log: Logger
}

/** Milliseconds for the last responses to reach their clients. */
const LAST_RESPONSES = 50

/** Closes the streams, drains for a bounded time, stops to listen, and cuts what still runs. */
export async function closeServer(
  server: Server,
  { connections, draining, timeout, log }: ClosedParts,
): Promise<void> {
  connections.goAway()
  // a connection whose request ends from now on would be kept for another request
  using _closeIdle = startPeriodic({
    intervalMs: 20,
    now: () => performance.now(),
    run: () => server.closeIdleConnections(),
    onError: (error) => log.error({ err: error }, 'cannot close idle connections'),
  })
  await draining.run(timeout)
  const closed = server.listening ? once(server, 'close') : Promise.resolve()
  server.close()
  const waiting = new AbortController()
  const isLate = await Promise.race([
    closed.then(() => false),
    delay(LAST_RESPONSES, true, { signal: waiting.signal, ref: false }).catch(() => true),
  ])
  waiting.abort()
  if (!isLate) return
  connections.destroy()
  server.closeAllConnections()
  await closed
}

import type { Logger } from 'pino'
import type { Authentication } from '../../access/authentication.ts'
import { RateLimitedError } from '../../access/right/errors.ts'
import { isAnonymous, type Viewer } from '../../access/right/viewer.ts'
import { startPeriodic } from '../../concurrency/periodic.ts'
import { MAX_PENDING_BYTES, MAX_PENDING_BYTES_OF_ALL } from './limits.ts'

/** Seconds until a client that has too many connections should open another one. */
const RETRY_AFTER = 5

/** A connection whose client may not read: an event stream, a WebSocket or a long response. */
export interface StreamingConnection {
  /** Id of the request that opened it. */
  readonly requestId: string
  /** Who reads it, with its rights now. */
  viewer: Viewer
  /** Bytes that were written and that the network has not accepted yet. */
  readonly pendingBytes: number
  /** Sends a keep-alive, or closes the connection if the client did not respond to the previous one. */
  keepAlive(): void
  /** Closes it because its client does not read. */
  closeSlowReader(): void
  /** Closes it because the credential of its viewer is no longer valid. */
  closeUnauthenticated(): void
  /** Closes it because the server stops. */
  goAway(): void
  /** Closes it without a close message. */
  destroy(): void
}

interface StreamingConnectionsOptions {
  readonly authentication: Authentication
  readonly log: Logger
  /** Milliseconds between keep-alives of an idle connection. */
  readonly keepAlive: number
  /** Milliseconds without progress after which a connection is closed. */
  readonly slowReaderTimeout: number
  /** Connections of one principal at a time. */
  readonly perPrincipal: number
}

/** The request that opens a stream, and the register of streams. */
export interface StreamingScope {
  readonly requestId: string
  readonly viewer: Viewer
  readonly connections: StreamingConnections
}

interface Progress {
  /** Id of the viewer for whom the connection is counted. */
  principal: string
  pending: number
  progressAt: number
  keptAliveAt: number
  isClosing: boolean
}

/** All such connections of the server. One timer checks all of them: a timer for each would cost more. */
export class StreamingConnections implements Disposable {
  readonly #connections = new Map<StreamingConnection, Progress>()
  readonly #options: StreamingConnectionsOptions
  readonly #checks: Disposable
  readonly #ignoreChanges: () => void
  /** Numbers of open connections by principal. */
  readonly #counts = new Map<string, number>()
  /** Unread bytes of all connections when they were last counted, and all bytes that were written since. */
  #pendingAtMost = 0

  constructor(options: StreamingConnectionsOptions) {
    const { authentication, log, keepAlive, slowReaderTimeout } = options
    this.#options = options
    this.#ignoreChanges = authentication.onChange(() => this.#renewViewers())
    this.#checks = startPeriodic({
      intervalMs: Math.min(1_000, keepAlive / 4, slowReaderTimeout / 4),
      now: () => performance.now(),
      run: () => this.#check(performance.now()),
      onError: (error) => log.error({ err: error }, 'cannot check streaming connections'),
    })
  }

  /** Number of open connections. */
  get size(): number {
    return this.#connections.size
  }

  add(connection: StreamingConnection): void {
    const now = performance.now()
    const principal = connection.viewer.id
    this.#connections.set(connection, {
      ...{ principal, pending: 0, progressAt: now, keptAliveAt: now, isClosing: false },
    })
    this.#count(principal, 1)
  }

  /**
   * Throws RateLimitedError where the principal of the viewer has as many connections as it may have, from whatever addresses.
   * Clients without a credential are limited by address alone.
   */
  admit(viewer: Viewer): void {
    const { perPrincipal } = this.#options
    if (isAnonymous(viewer) || (this.#counts.get(viewer.id) ?? 0) < perPrincipal) return
    const most = `at most ${perPrincipal} WebSockets and event streams of one principal may be open at a time`
    throw new RateLimitedError(most, RETRY_AFTER)
  }

  /** Sets the viewer of a connection that has presented a credential since it was opened. Throws as `admit`. */
  identify(connection: StreamingConnection, viewer: Viewer): void {
    const progress = this.#connections.get(connection)
    if (progress && progress.principal !== viewer.id) {
      this.admit(viewer)
      this.#count(progress.principal, -1)
      this.#count(viewer.id, 1)
      progress.principal = viewer.id
    }
    connection.viewer = viewer
  }

  delete(connection: StreamingConnection): void {
    const progress = this.#connections.get(connection)
    if (this.#connections.delete(connection) && progress) this.#count(progress.principal, -1)
  }

  /**
   * Reports whether a connection may write so many bytes: it may not, and is closed, when its client has not read the bytes
   * before them. Disconnects the clients with the most unread bytes when all of them have too many.
   */
  mayWrite(connection: StreamingConnection, bytes: number): boolean {
    const progress = this.#connections.get(connection)
    if (!progress || progress.isClosing) return false
    if (connection.pendingBytes > MAX_PENDING_BYTES) {
      this.#close(connection, progress)
      return false
    }
    this.#pendingAtMost += bytes
    if (this.#pendingAtMost > MAX_PENDING_BYTES_OF_ALL) this.#makeRoom(bytes)
    return true
  }

  goAway(): void {
    for (const connection of this.#connections.keys()) connection.goAway()
  }

  destroy(): void {
    for (const connection of this.#connections.keys()) connection.destroy()
  }

  [Symbol.dispose](): void {
    this.#ignoreChanges()
    this.#checks[Symbol.dispose]()
  }

  #count(principal: string, change: 1 | -1): void {
    const count = (this.#counts.get(principal) ?? 0) + change
    if (count > 0) this.#counts.set(principal, count)
    else this.#counts.delete(principal)
  }

  /** Gives each connection the rights that its viewer has now, and closes those of viewers that have none any more. */
  #renewViewers(): void {
    for (const [connection, progress] of this.#connections) {
      if (progress.isClosing) continue
      const viewer = this.#options.authentication.renew(connection.viewer)
      if (viewer) {
        connection.viewer = viewer
      } else {
        progress.isClosing = true
        connection.closeUnauthenticated()
      }
    }
  }

  #check(now: number): void {
    const { keepAlive, slowReaderTimeout } = this.#options
    // credentials expire without an event
    this.#renewViewers()
    for (const [connection, progress] of this.#connections) {
      if (progress.isClosing) continue
      const pending = connection.pendingBytes
      if (pending === 0 || pending < progress.pending) progress.progressAt = now
      progress.pending = pending
      if (now - progress.progressAt >= slowReaderTimeout) {
        this.#close(connection, progress)
      } else if (pending === 0 && now - progress.keptAliveAt >= keepAlive) {
        // a keep-alive behind unread bytes would not reach the client
        progress.keptAliveAt = now
        connection.keepAlive()
      }
    }
  }

  #close(connection: StreamingConnection, progress: Progress): void {
    const { requestId, pendingBytes: pending } = connection
    progress.isClosing = true
    this.#options.log.warn({ requestId, pending }, 'slow reader closed')
    connection.closeSlowReader()
  }

  /** Counts the unread bytes, and disconnects the clients with the most of them. */
  #makeRoom(bytes: number): void {
    const all = [...this.#connections.keys()].map(
      (connection) => [connection.pendingBytes, connection] as const,
    )
    let total = all.reduce((sum, [pending]) => sum + pending, bytes)
    for (const [pending, connection] of all.sort(([a], [b]) => b - a)) {
      if (total <= MAX_PENDING_BYTES_OF_ALL) break
      total -= pending
      this.#options.log.warn({ requestId: connection.requestId, pending }, 'slow reader disconnected')
      // at once: a closing handshake would keep the bytes
      connection.destroy()
    }
    this.#pendingAtMost = total
  }
}

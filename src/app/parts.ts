import type { Logger } from 'pino'
import type { AuditLog } from '../access/audit/audit-log.ts'
import type { Database } from '../db/open.ts'
import type { Config } from './config.ts'

/** Milliseconds. */
export const MINUTE = 60 * 1000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** What all parts of the server share. */
export interface SharedParts {
  readonly config: Config
  readonly db: Database
  readonly audit: AuditLog
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** Receives what the parts open, and closes it. */
  readonly opened: Opened
  /** Returns `localhost:4000`, under which clients on this machine reach the server. Throws before it listens. */
  readonly ownHost: () => string
}

/** Resources that are closed in reverse order of opening; Node.js 20 has no AsyncDisposableStack. */
export class Opened implements AsyncDisposable {
  readonly #closing: (() => unknown)[] = []

  /** Returns the resource, which is closed later. */
  use<Resource extends Disposable | AsyncDisposable>(resource: Resource): Resource {
    this.defer(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    )
    return resource
  }

  defer(close: () => unknown): void {
    this.#closing.push(close)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let close = this.#closing.pop(); close; close = this.#closing.pop()) await close()
  }
}

/** `host:port` under which clients on this machine reach the server: known once it listens. */
export class OwnHost {
  #host: string | undefined

  /** Throws before the server listens. */
  readonly get = (): string => {
    if (this.#host === undefined) throw new Error('the port of the server is not known before it listens')
    return this.#host
  }

  listensOn(port: number): void {
    this.#host = `localhost:${port}`
  }
}

import { ConnectionError, TlsError } from '../../egress/errors.ts'
import { BASE_REQUEST } from './registry-request.ts'
import type { Session } from './session.ts'

/** Topic of requests to interfaces of vendors. */
export const LISTING = { what: "the vendor's listing", unreadable: 'InvalidManifest' } as const

/** The sessions for one repository, by the scope of their tokens. */
export class ScopedSessions {
  readonly #session: Session
  readonly #openSession: (scope: string) => Session
  readonly #sessions = new Map<string, Session>()

  /** `session` has the scope to pull the repository. */
  constructor(session: Session, openSession: (scope: string) => Session) {
    this.#session = session
    this.#openSession = openSession
  }

  /** Returns the session of a scope; by default the one to pull the repository. */
  of(scope: string | undefined): Session {
    if (scope === undefined) return this.#session
    const session = this.#sessions.get(scope) ?? this.#openSession(scope)
    this.#sessions.set(scope, session)
    return session
  }

  /** Returns the registry's scheme and host. Requests `/v2/` when there was no request to it before. */
  async origin(): Promise<URL> {
    const { hints } = this.#session.options
    if (!hints.firstResponseHeaders) await this.#requestBase()
    return hints.origin
  }

  /** Returns the URL with the registry's present scheme. Throws `failure` when it is the same, or not of the registry. */
  async currentUrl(url: URL, failure: unknown): Promise<URL> {
    const { hints, context } = this.#session.options
    const mayHaveMoved = failure instanceof ConnectionError || failure instanceof TlsError
    if (!mayHaveMoved || url.origin !== hints.origin.origin) throw failure
    await this.#requestBase().catch(() => context.signal.throwIfAborted())
    if (url.origin === hints.origin.origin) throw failure
    const current = new URL(url)
    current.protocol = hints.origin.protocol
    return current
  }

  async #requestBase(): Promise<void> {
    await this.of('').requestSignedIn({ ...BASE_REQUEST, ...LISTING })
  }
}

import type { Clock } from '../../concurrency/clock.ts'
import type { EgressResponse, ResponseHeaders } from '../../egress/exchange.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import type { Credential } from '../login/credentials.ts'
import {
  forbiddenApiError,
  type RequestSubject,
  requestError,
  responseError,
} from '../login/registry-errors.ts'
import type { HostRequest } from '../traffic/host-client.ts'
import { isLoopbackHost } from '../traffic/host-names.ts'
import type { RegistryRequest } from './registry-request.ts'
import { LISTING, ScopedSessions } from './scoped-sessions.ts'
import type { Session } from './session.ts'

/** A request to the registry itself, with the repository's credential. */
export interface RegistryApiRequest
  extends Pick<RegistryRequest, 'method' | 'path' | 'headers' | 'body' | 'maxBytes'> {
  /** Scope of the token; pulling the repository by default. */
  readonly scope?: string
}

/** A response with its whole body. */
export type ApiResponse = EgressResponse
/** Names in lower case. */
export type ApiHeaders = ResponseHeaders

/** A request to a URL of the vendor, sent without changes. */
export type UrlRequest = Pick<HostRequest, 'method' | 'headers' | 'body' | 'maxBytes' | 'account'>

export interface VendorApiOptions {
  /** The session for the repository. */
  readonly session: Session
  /** Opens another session, whose tokens have the scope. */
  readonly openSession: (scope: string) => Session
  /** Whether tags are read from the registry itself: it has no mirrors for them, and is not blocked. */
  readonly servesTags: boolean
}

/**
 * Access to the interfaces of a repository's vendor beside the registry protocol, through the same queues, circuit breakers
 * and checks, with credentials for the hosts that the caller names only. Requests throw RegistryError, or the signal's
 * reason once it is aborted.
 */
export class VendorApi {
  readonly registry: string
  readonly repository: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Whether certificates of the registry need not verify: knowledge from such requests is cached separately. */
  readonly insecure: boolean
  /** Whether tags are read from the registry itself; where they are read from mirrors, its listing is not useful. */
  readonly servesTags: boolean
  readonly #session: Session
  readonly #sessions: ScopedSessions

  constructor({ session, openSession, servesTags }: VendorApiOptions) {
    const { registry, repository, clock, context } = session.options
    this.registry = registry
    this.repository = repository
    this.clock = clock
    this.signal = context.signal
    this.insecure = context.insecure
    this.servesTags = servesTags
    this.#session = session
    this.#sessions = new ScopedSessions(session, openSession)
  }

  /** The headers of the registry's first response; undefined before any request. */
  get firstResponseHeaders(): ApiHeaders | undefined {
    return this.#session.options.hints.firstResponseHeaders
  }

  /** Returns the registry's scheme and host. Requests `/v2/` when there was no request to it before. */
  origin(): Promise<URL> {
    return this.#sessions.origin()
  }

  /** Returns the repository's credential; null for anonymous access. */
  credential(): Promise<Credential | null> {
    return this.#session.credential.find().catch((error: unknown) => {
      throw requestError(this.#subject(this.registry), error, [])
    })
  }

  /** Returns the response of the registry itself, also a 404. */
  requestRegistry({ scope, ...request }: RegistryApiRequest): Promise<ApiResponse> {
    return this.#sessions.of(scope).request({ ...LISTING, ...request })
  }

  /**
   * Returns the response of a URL, with any status; redirects are not followed. Without TLS a request is refused, unless
   * the registry itself is read without or the host is this machine. Only the registry's own host may have a certificate
   * that does not verify, where the context accepts that.
   */
  async requestUrl(url: URL, request: UrlRequest): Promise<ApiResponse> {
    const { client, context, hints } = this.#session.options
    context.signal.throwIfAborted()
    const insecure = context.insecure && url.host === hints.host
    const isUnprotected = url.protocol !== 'https:' && !insecure && !isLoopbackHost(url.host)
    try {
      if (isUnprotected) throw forbiddenApiError(this.#subject(url.host))
      if (request.account !== undefined) (await this.#session.credential.find())?.onUsed?.()
      const send = (target: URL) => client.request(target, request, { ...context, insecure })
      return await send(url).catch(async (error: unknown) =>
        send(await this.#sessions.currentUrl(url, error)),
      )
    } catch (error) {
      context.signal.throwIfAborted()
      throw requestError(this.#subject(url.host), error, await this.#session.credential.secrets())
    }
  }

  /** Returns the error for a URL's response whose status is not the expected one; `sent` is removed from its message. */
  async responseError(url: URL, response: ApiResponse, sent: readonly string[] = []): Promise<RegistryError> {
    const secrets = [...sent, ...(await this.#session.credential.secrets())]
    return responseError(this.#subject(url.host), response, { signedIn: sent.length > 0, secrets })
  }

  #subject(registry: string): RequestSubject {
    return { ...LISTING, registry, repository: this.repository }
  }
}

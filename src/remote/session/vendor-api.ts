import type { Clock } from '../../concurrency/clock.ts'
import { ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse, ResponseHeaders } from '../../egress/exchange.ts'
import type { Reference } from '../../oci/reference.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import type { CloudLogins } from '../login/cloud-logins.ts'
import type { Credential, Credentials } from '../login/credentials.ts'
import { failure, type Question, refusal } from '../login/refusal.ts'
import { isLoopbackHost, type RegistryHost } from '../login/registry-host.ts'
import type { HostClient, HostRequest, RequestContext } from '../traffic/host-client.ts'
import type { Ask, Session } from './session.ts'

/** A question to the registry itself, as whoever may read the repository. */
export interface RegistryApiRequest extends Pick<Ask, 'method' | 'path' | 'headers' | 'body' | 'maxBytes'> {
  /** What a token must allow; reading the repository unless given. */
  readonly scope?: string
}

/** An answer with its whole body. */
export type ApiResponse = EgressResponse
/** Names in lower case. */
export type ApiHeaders = ResponseHeaders

/** A question to an address of the vendor's, sent exactly as it stands. */
export type UrlRequest = Pick<HostRequest, 'method' | 'headers' | 'body' | 'maxBytes' | 'account'>

export interface VendorApiOptions extends Pick<Reference, 'registry' | 'repository'> {
  readonly host: RegistryHost
  /** Whether the registry itself is asked what tags mean: not mirrors, and not nobody. */
  readonly servesTags: boolean
  /** A session whose tokens allow the scope. */
  readonly openFor: (scope: string) => Session
  readonly client: HostClient
  readonly credentials: Credentials
  readonly logins: CloudLogins
  readonly clock: Clock
  readonly context: RequestContext
}

/** What is asked for, in the words of an error; an answer that cannot be read is told from one that did not come. */
const WHAT = { what: 'the listing of its vendor', unreadable: 'InvalidManifest' } as const

/**
 * What a vendor offers for one repository beside the registries' protocol: through the same queues, breakers and
 * guards, and with credentials only for whom the caller names. Every method that asks throws RegistryError, or the
 * signal's reason once it is aborted.
 */
export class VendorApi {
  readonly registry: string
  readonly repository: string
  readonly clock: Clock
  readonly #options: VendorApiOptions
  readonly #sessions = new Map<string, Session>()
  #found: Promise<Credential | null> | undefined

  constructor(options: VendorApiOptions) {
    this.registry = options.registry
    this.repository = options.repository
    this.clock = options.clock
    this.#options = options
  }

  get signal(): AbortSignal {
    return this.#options.context.signal
  }

  /** Whether any certificate will do for the registry, so that what is learned there is kept apart. */
  get insecure(): boolean {
    return this.#options.context.insecure
  }

  /** Whether the registry itself is asked what tags mean: where mirrors are, its own listing is no news. */
  get servesTags(): boolean {
    return this.#options.servesTags
  }

  /** The headers of the first answer that the registry ever gave; undefined while it was not asked for anything. */
  get firstResponseHeaders(): ApiHeaders | undefined {
    return this.#options.host.firstResponseHeaders
  }

  /** Where the registry answers. Asks for its base when it was never asked for anything. */
  async origin(): Promise<URL> {
    const { host } = this.#options
    if (!host.firstResponseHeaders) {
      await this.#session('').askSignedIn({
        ...WHAT,
        method: 'GET',
        path: '/v2/',
        headers: {},
        maxBytes: 64 * 1024,
      })
    }
    return host.origin
  }

  /** Which credential reads the repository; null for anybody. */
  async credential(): Promise<Credential | null> {
    const { credentials, context } = this.#options
    this.#found ??= credentials.find(this.registry, this.repository, context.namespace)
    return this.#found.catch((error: unknown) => {
      throw failure(this.#question(this.registry), error, [])
    })
  }

  /** What the registry itself answers, with its own tokens; 404 and its like are answers. */
  requestRegistry({
    scope = `repository:${this.repository}:pull`,
    ...request
  }: RegistryApiRequest): Promise<ApiResponse> {
    return this.#session(scope).ask({ ...WHAT, ...request })
  }

  /**
   * What the address answers, whatever it is; a redirect is not followed. A credential among the headers is shown over
   * TLS only, unless the registry itself is read without or the address is on this machine; and only the registry's own
   * host is believed without a certificate that verifies, where that was asked for.
   */
  async requestUrl(url: URL, request: UrlRequest): Promise<ApiResponse> {
    const { client, context, host } = this.#options
    context.signal.throwIfAborted()
    const insecure = context.insecure && url.host === host.name
    const isOpen = url.protocol !== 'https:' && !insecure && !isLoopbackHost(url.host)
    try {
      if (isOpen) throw new ForbiddenTargetError()
      if (request.account !== undefined) (await this.#found)?.onUsed?.()
      return await client.request(url, request, { ...context, insecure })
    } catch (error) {
      context.signal.throwIfAborted()
      throw failure(this.#question(url.host), error, await this.#secrets())
    }
  }

  /** The error for an answer of the address that is not what was asked for; `shown` never appears in it. */
  async refusal(url: URL, answer: ApiResponse, shown: readonly string[] = []): Promise<RegistryError> {
    const secrets = [...shown, ...(await this.#secrets())]
    return refusal({ ...this.#question(url.host), signedIn: shown.length > 0, secrets }, answer)
  }

  #session(scope: string): Session {
    const session = this.#sessions.get(scope) ?? this.#options.openFor(scope)
    this.#sessions.set(scope, session)
    return session
  }

  async #secrets(): Promise<readonly string[]> {
    const credential = await this.#found?.catch(() => null)
    return credential ? this.#options.logins.secretsOf(credential, this.registry) : []
  }

  #question(registry: string): Question {
    return { ...WHAT, registry, repository: this.repository }
  }
}

import type { Clock } from '../../concurrency/clock.ts'
import { ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse, ResponseHeaders } from '../../egress/exchange.ts'
import type { Reference } from '../../oci/reference.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import type { CloudLogins } from '../login/cloud-logins.ts'
import type { Credential, Credentials } from '../login/credentials.ts'
import { failure, type Question, refusal } from '../login/refusal.ts'
import { isLoopbackHost, type RegistryHost } from '../login/registry-host.ts'
import type { Dialer, DialRequest, Errand } from '../traffic/dialer.ts'
import type { Ask, Session } from './session.ts'

/** A question to the registry itself, as whoever may read the repository. */
export interface ApiAsk extends Pick<Ask, 'method' | 'path' | 'headers' | 'body' | 'maxBytes'> {
  /** What a token must allow; reading the repository unless given. */
  readonly scope?: string
}

/** An answer with its whole body. */
export type ApiAnswer = EgressResponse
/** Names in lower case. */
export type ApiHeaders = ResponseHeaders

/** A question to an address of the vendor's, sent exactly as it stands. */
export type ApiRequest = Pick<DialRequest, 'method' | 'headers' | 'body' | 'maxBytes' | 'account'>

export interface ApiAccessOptions extends Pick<Reference, 'registry' | 'repository'> {
  readonly host: RegistryHost
  /** Whether the registry itself is asked what tags mean: not mirrors, and not nobody. */
  readonly isAskedForTags: boolean
  /** A session whose tokens allow the scope. */
  readonly openFor: (scope: string) => Session
  readonly dialer: Dialer
  readonly credentials: Credentials
  readonly logins: CloudLogins
  readonly clock: Clock
  readonly errand: Errand
}

/** What is asked for, in the words of an error; an answer that cannot be read is told from one that did not come. */
const WHAT = { what: 'the listing of its vendor', unreadable: 'InvalidManifest' } as const

/**
 * What a vendor offers for one repository beside the registries' protocol: through the same queues, breakers and
 * guards, and with credentials only for whom the caller names. Every method that asks throws RegistryError, or the
 * signal's reason once it is aborted.
 */
export class ApiAccess {
  readonly registry: string
  readonly repository: string
  readonly clock: Clock
  readonly #options: ApiAccessOptions
  readonly #sessions = new Map<string, Session>()
  #found: Promise<Credential | null> | undefined

  constructor(options: ApiAccessOptions) {
    this.registry = options.registry
    this.repository = options.repository
    this.clock = options.clock
    this.#options = options
  }

  get signal(): AbortSignal {
    return this.#options.errand.signal
  }

  /** Whether any certificate will do for the registry, so that what is learned there is kept apart. */
  get insecure(): boolean {
    return this.#options.errand.insecure
  }

  /** Whether the registry itself is asked what tags mean: where mirrors are, its own listing is no news. */
  get isAskedForTags(): boolean {
    return this.#options.isAskedForTags
  }

  /** The headers of the first answer that the registry ever gave; undefined while it was not asked for anything. */
  get greeting(): ApiHeaders | undefined {
    return this.#options.host.greeting
  }

  /** Where the registry answers. Asks for its base when it was never asked for anything. */
  async origin(): Promise<URL> {
    const { host } = this.#options
    if (!host.greeting) {
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
    const { credentials, errand } = this.#options
    this.#found ??= credentials.find(this.registry, this.repository, errand.namespace)
    return this.#found.catch((error: unknown) => {
      throw failure(this.#question(this.registry), error, [])
    })
  }

  /** What the registry itself answers, with its own tokens; 404 and its like are answers. */
  ask({ scope = `repository:${this.repository}:pull`, ...request }: ApiAsk): Promise<ApiAnswer> {
    return this.#session(scope).ask({ ...WHAT, ...request })
  }

  /**
   * What the address answers, whatever it is; a redirect is not followed. A credential among the headers is shown over
   * TLS only, unless the registry itself is read without or the address is on this machine; and only the registry's own
   * host is believed without a certificate that verifies, where that was asked for.
   */
  async dial(url: URL, request: ApiRequest): Promise<ApiAnswer> {
    const { dialer, errand, host } = this.#options
    errand.signal.throwIfAborted()
    const insecure = errand.insecure && url.host === host.name
    const isOpen = url.protocol !== 'https:' && !insecure && !isLoopbackHost(url.host)
    try {
      if (isOpen) throw new ForbiddenTargetError()
      if (request.account !== undefined) (await this.#found)?.onUsed?.()
      return await dialer.dial(url, request, { ...errand, insecure })
    } catch (error) {
      errand.signal.throwIfAborted()
      throw failure(this.#question(url.host), error, await this.#secrets())
    }
  }

  /** The error for an answer of the address that is not what was asked for; `shown` never appears in it. */
  async refusal(url: URL, answer: ApiAnswer, shown: readonly string[] = []): Promise<RegistryError> {
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

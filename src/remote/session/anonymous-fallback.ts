import type { Clock } from '../../concurrency/clock.ts'
import { CloudLoginError } from '../login/cloud-token-endpoint.ts'
import type { Credential } from '../login/credentials.ts'
import {
  isDenied,
  type RegistryRequest,
  type RegistryResponse,
  type SessionOptions,
} from './registry-request.ts'
import type { HintedRequests } from './retry-without-hints.ts'

/** Milliseconds for which a refused credential is not sent: repeated bad logins get this server's address blocked. */
const REFUSAL_LIFETIME = 60_000

/** The credential for one repository, looked up once. */
export class RepositoryCredential {
  readonly #options: SessionOptions
  #found: Promise<Credential | null> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** Returns the credential, null for anonymous access. Throws CredentialsError. */
  find(): Promise<Credential | null> {
    const { credentials, registry, repository, context } = this.#options
    const { namespace, usesServerLogins } = context
    this.#found ??= credentials.find(registry, repository, namespace, usesServerLogins)
    return this.#found
  }

  /** Returns the texts that must be removed from messages; none unless the credential was looked up. */
  async secrets(): Promise<readonly string[]> {
    const credential = await this.#found?.catch(() => null)
    const { logins, registry } = this.#options
    return credential ? logins.secretsOf(credential, registry) : []
  }
}

/**
 * Requests that are sent with the repository's credential, and anonymously when that is refused: a credential without
 * access must not make a public repository unreadable.
 */
export class AnonymousFallback {
  readonly #requests: HintedRequests
  readonly #credential: RepositoryCredential
  /** Set once anonymous access has worked where the credential had not. */
  #isAnonymous = false
  readonly #clock: Clock
  readonly #isAllowed: boolean
  /** The refusal of the credential, which is not sent again meanwhile; `until` in milliseconds since 1970. */
  #refused: { readonly refusal: RegistryResponse | CloudLoginError; readonly until: number } | undefined

  constructor(
    requests: HintedRequests,
    credential: RepositoryCredential,
    { clock, isPush = false }: Pick<SessionOptions, 'clock' | 'isPush'>,
  ) {
    this.#requests = requests
    this.#credential = credential
    this.#clock = clock
    this.#isAllowed = !isPush
  }

  /** Returns the response; when both are denied, the one for the credential. */
  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const credential = this.#isAnonymous ? null : await this.#credential.find()
    const result = await this.#sendAs(credential, request)
    if (!result.signedIn || !isDenied(result.response)) return result
    if (result.response.status === 401) this.#refuse(result)
    if (!this.#isAllowed) return result
    const anonymous = await this.#requests.send(request, null)
    if (isDenied(anonymous.response)) return result
    this.#isAnonymous = true
    this.#refused = undefined
    return anonymous
  }

  async #sendAs(credential: Credential | null, request: RegistryRequest): Promise<RegistryResponse> {
    const { refusal, until = 0 } = this.#refused ?? {}
    if (refusal && until > this.#clock.now()) {
      if (refusal instanceof CloudLoginError) throw refusal
      return refusal
    }
    try {
      return await this.#requests.send(request, credential)
    } catch (error) {
      // the cloud refused its key
      if (!(error instanceof CloudLoginError && error.isRefusal)) throw error
      const anonymous = this.#isAllowed ? await this.#requests.send(request, null) : undefined
      if (!anonymous || isDenied(anonymous.response)) {
        this.#refuse(error)
        throw error
      }
      this.#isAnonymous = true
      return anonymous
    }
  }

  #refuse(refusal: RegistryResponse | CloudLoginError): void {
    this.#refused = { refusal, until: this.#clock.now() + REFUSAL_LIFETIME }
  }
}

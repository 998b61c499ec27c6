import { CloudLoginError } from '../login/cloud-token-endpoint.ts'
import type { Credential } from '../login/credentials.ts'
import { isDenied, type RegistryRequest, type RegistryResponse } from './registry-request.ts'
import type { RepositoryCredential } from './repository-credential.ts'
import type { HintedRequests } from './retry-without-hints.ts'

/**
 * Requests that are sent with the repository's credential, and anonymously when that is refused: a credential without
 * access must not make a public repository unreadable.
 */
export class AnonymousFallback {
  readonly #requests: HintedRequests
  readonly #credential: RepositoryCredential
  /** Set once anonymous access has worked where the credential had not. */
  #isAnonymous = false
  /** The refusal of the credential. It is not sent again: repeated bad logins get this server's address blocked. */
  #refusal: RegistryResponse | CloudLoginError | undefined

  constructor(requests: HintedRequests, credential: RepositoryCredential) {
    this.#requests = requests
    this.#credential = credential
  }

  /** Returns the response; when both are denied, the one for the credential. */
  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const credential = this.#isAnonymous ? null : await this.#credential.find()
    const result = await this.#sendAs(credential, request)
    if (!result.signedIn || !isDenied(result.response)) return result
    if (result.response.status === 401) this.#refusal = result
    const anonymous = await this.#requests.send(request, null)
    if (isDenied(anonymous.response)) return result
    this.#isAnonymous = true
    this.#refusal = undefined
    return anonymous
  }

  async #sendAs(credential: Credential | null, request: RegistryRequest): Promise<RegistryResponse> {
    if (this.#refusal instanceof CloudLoginError) throw this.#refusal
    if (this.#refusal) return this.#refusal
    try {
      return await this.#requests.send(request, credential)
    } catch (error) {
      // the cloud refused its key
      if (!(error instanceof CloudLoginError && error.isRefusal)) throw error
      const anonymous = await this.#requests.send(request, null)
      if (isDenied(anonymous.response)) {
        this.#refusal = error
        throw error
      }
      this.#isAnonymous = true
      return anonymous
    }
  }
}

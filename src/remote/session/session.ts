import type { EgressResponse } from '../../egress/exchange.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import { type RequestSubject, requestError, responseError } from '../login/registry-errors.ts'
import { errorText } from '../login/response-text.ts'
import { AnonymousFallback, RepositoryCredential } from './anonymous-fallback.ts'
import type { RegistryRequest, RegistryResponse, RequestTopic, SessionOptions } from './registry-request.ts'
import { HintedRequests } from './retry-without-hints.ts'

/** The requests to one repository, or to a registry itself, by one caller. Errors are RegistryError. */
export class Session {
  readonly options: SessionOptions
  readonly credential: RepositoryCredential
  readonly #requests: HintedRequests
  readonly #fallback: AnonymousFallback

  constructor(options: SessionOptions) {
    this.options = options
    this.credential = new RepositoryCredential(options)
    this.#requests = new HintedRequests(options)
    this.#fallback = new AnonymousFallback(this.#requests, this.credential, options)
  }

  get repository(): string {
    return this.options.repository
  }

  /** Aborted when the responses are no longer needed. */
  get signal(): AbortSignal {
    return this.options.context.signal
  }

  /** Describes a request for the messages of its errors. */
  subject({ what, absent, unreadable, isPush = false }: RequestTopic): RequestSubject {
    const { registry, repository } = this.options
    return { registry, repository, what, unreadable, isPush, ...(absent !== undefined && { absent }) }
  }

  /** Returns the error for a request or a stream that failed. */
  async requestError(topic: RequestTopic, cause: unknown): Promise<RegistryError> {
    return requestError(this.subject(topic), cause, await this.credential.secrets())
  }

  /** Returns the error for a response whose status is not the expected one. */
  async responseError(topic: RequestTopic, response: EgressResponse): Promise<RegistryError> {
    return this.#responseError(topic, { response, signedIn: false, withheldFrom: undefined, source: 'it' })
  }

  /**
   * Returns the response, also a 404. Throws RegistryError for a response that denies access, refuses further requests or
   * reports a failing registry, and for a request without a response. Throws the signal's reason once it is aborted.
   */
  async request(request: RegistryRequest): Promise<EgressResponse> {
    return this.#withErrors(request, async () => {
      const result = await this.#fallback.send(request)
      if (isFinal(result.response.status)) throw await this.#responseError(request, result)
      return result.response
    })
  }

  /**
   * Returns the response to a request with the credential of any status, without the anonymous fallback. `text`
   * describes it for a message. Throws RegistryError for a request without a response.
   */
  async requestSignedIn(request: RegistryRequest): Promise<RegistryResponse & { readonly text: string }> {
    return this.#withErrors(request, async () => {
      const result = await this.#requests.send(request, await this.credential.find())
      const text = errorText(result.response, result.source, await this.credential.secrets())
      return { ...result, text }
    })
  }

  async #withErrors<Result>(topic: RequestTopic, send: () => Promise<Result>): Promise<Result> {
    this.signal.throwIfAborted()
    try {
      return await send()
    } catch (error) {
      this.signal.throwIfAborted()
      throw await this.requestError(topic, error)
    }
  }

  async #responseError(
    topic: RequestTopic,
    { response, ...origin }: RegistryResponse,
  ): Promise<RegistryError> {
    return responseError(this.subject(topic), response, {
      ...origin,
      secrets: await this.credential.secrets(),
    })
  }
}

// a 501 concerns the method only: the caller tries another one
const isFinal = (status: number): boolean =>
  status === 401 || status === 403 || status === 408 || status === 429 || (status >= 500 && status !== 501)

import { ConnectionError, EgressTimeoutError, TlsError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { Authorizer } from '../login/authorizer.ts'
import { parseChallenges, requirementOf } from '../login/challenge.ts'
import { isLoopbackHost } from '../traffic/host-names.ts'
import type { RedirectedResponse } from '../traffic/redirect.ts'
import type { RegistryRequest, SessionOptions } from './registry-request.ts'
import { RequestExchange, type SendOptions } from './request-exchange.ts'

/** Sends single requests to one registry host, and discovers its scheme and requirement. */
export class RequestSender {
  readonly #options: SessionOptions
  readonly #exchange: RequestExchange
  /** Whether the host may have http as well as https. */
  readonly #mayLackTls: boolean

  constructor(options: SessionOptions, authorizer: Authorizer) {
    this.#options = options
    this.#exchange = new RequestExchange(options, authorizer)
    this.#mayLackTls = options.context.insecure || isLoopbackHost(options.hints.host)
  }

  /**
   * Returns the response, also that of a redirect's target. When the remembered scheme fails, sends the request once by the
   * other one, and remembers that where it works; else the host is discovered again by the next request.
   */
  async send(request: RegistryRequest, options: SendOptions): Promise<EgressResponse> {
    const { hints, context, clock } = this.#options
    const { origin } = hints
    const first = await this.#exchange.start(origin, request, options).catch((error: unknown) => {
      context.signal.throwIfAborted()
      return { error }
    })
    if (this.#mayLackTls && !request.isOnce && this.#mayHaveOtherScheme(first, origin)) {
      const other = new URL(`${origin.protocol === 'https:' ? 'http:' : 'https:'}//${hints.host}`)
      const second = await this.#exchange
        .start(other, request, { ...options, isTentative: true })
        .catch(() => null)
      context.signal.throwIfAborted()
      if (second && !isForTls(second, other)) {
        hints.origin = other
        return this.#exchange.finish(second, request, options)
      }
      second?.response.stream?.destroy()
      if ('error' in first) hints.drop()
      else hints.confirmScheme(clock.now())
    }
    if ('error' in first) throw first.error
    return this.#exchange.finish(first, request, options)
  }

  /**
   * Sends a request without authorization, once, for a caller that has an alternative. Returns undefined when it fails.
   * Rejects only with the signal's reason once it is aborted. `hasCredential`: a second request follows.
   */
  async sendWithoutHints(
    request: RegistryRequest,
    hasCredential: boolean,
  ): Promise<EgressResponse | undefined> {
    const options = { authorization: undefined, isTentative: true, isDiscovery: hasCredential }
    return this.send(request, options).catch(() => {
      this.#options.context.signal.throwIfAborted()
      return undefined
    })
  }

  /**
   * Sends the first request to a host, without authorization, and stores scheme and requirement in the hints. Falls back to
   * http when insecure requests are accepted or the host is this machine. `hasCredential`: a second request follows.
   */
  async discover(request: RegistryRequest, hasCredential: boolean): Promise<EgressResponse> {
    const { hints, context, repository } = this.#options
    const attempt = async (scheme: 'https:' | 'http:', isTentative: boolean): Promise<EgressResponse> => {
      const origin = new URL(`${scheme}//${hints.host}`)
      const options = { authorization: undefined, isTentative, isDiscovery: hasCredential }
      const exchanged = await this.#exchange.start(origin, request, options)
      const response = await this.#exchange.finish(exchanged, request, options)
      hints.origin = origin
      hints.firstResponseHeaders = response.headers
      return response
    }
    const response = await attempt('https:', this.#mayLackTls).catch((error: unknown) => {
      if (!this.#mayLackTls || !hasNoTls(error, context.insecure)) throw error
      return attempt('http:', false).catch((httpError: unknown) => {
        // the failure of https is reported, unless only http reached the host
        throw error instanceof TlsError ? httpError : error
      })
    })
    const requirement = requirementOf(parseChallenges(response.headers['www-authenticate']))
    const isChallenge = response.status === 401 && requirement !== undefined
    if (isChallenge || (response.status < 500 && response.status !== 429)) {
      hints.requirements.learn(repository, isChallenge ? requirement : 'none')
      hints.isDiscovered = true
    }
    return response
  }

  /** Reports whether the result of a request could be due to the remembered scheme. */
  #mayHaveOtherScheme(first: RedirectedResponse | { readonly error: unknown }, origin: URL): boolean {
    const { context, hints, clock } = this.#options
    if ('error' in first) return hasNoTls(first.error, context.insecure)
    return !hints.isSchemeConfirmed(clock.now()) && first.response.status >= 400 && isForTls(first, origin)
  }
}

const hasNoTls = (error: unknown, insecure: boolean): boolean =>
  error instanceof ConnectionError ||
  (error instanceof TlsError && error.problem === 'protocol') ||
  (insecure && error instanceof EgressTimeoutError && error.phase === 'connect')

/**
 * Reports whether the response to a request by plain HTTP shows that the host has TLS: Go and nginx respond with 400 at a
 * port with TLS, and others redirect to https, which loses the authorization.
 */
const isForTls = ({ response, url }: RedirectedResponse, origin: URL): boolean =>
  origin.protocol === 'http:' &&
  (response.status === 400 || (url.protocol === 'https:' && url.hostname === origin.hostname))

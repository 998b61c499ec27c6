import { ConnectionError, EgressTimeoutError, TlsError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { Authorizer } from '../login/authorizer.ts'
import { parseChallenges, requirementOf } from '../login/challenge.ts'
import type { HostRequest } from '../traffic/host-client.ts'
import { isLoopbackHost } from '../traffic/host-names.ts'
import { RedirectError, requestFollowingRedirects } from '../traffic/redirect.ts'
import type { RegistryRequest, SessionOptions } from './registry-request.ts'

interface SendOptions extends Pick<HostRequest, 'account' | 'isPull' | 'isDiscovery' | 'isTentative'> {
  /** That of the hints by default. */
  readonly origin?: URL
  readonly authorization: string | undefined
}

/** Sends single requests to one registry host, and discovers its scheme and requirement. */
export class RequestSender {
  readonly #options: SessionOptions
  readonly #authorizer: Authorizer

  constructor(options: SessionOptions, authorizer: Authorizer) {
    this.#options = options
    this.#authorizer = authorizer
  }

  /** Returns the response, also that of a redirect's target. Drops the host's hints when it is unreachable. */
  async send(
    { method, path, body, headers, maxBytes, stream }: RegistryRequest,
    { origin = this.#options.hints.origin, ...options }: SendOptions,
  ): Promise<EgressResponse> {
    const { client, hints, context } = this.#options
    const request = {
      method,
      headers,
      maxBytes,
      ...(body !== undefined && { body }),
      ...(stream && { stream }),
      ...options,
    }
    const first = await requestFollowingRedirects(client, new URL(path, origin), request, context).catch(
      (error: unknown) => {
        if (error instanceof ConnectionError || error instanceof TlsError) hints.drop()
        throw error
      },
    )
    if (!first.isOtherOrigin || first.response.status < 400) return first.response
    // another host's 401 is met with an anonymous token at most, never with this registry's credentials
    const authorization = await this.#authorizer.authorizeRedirectTarget(first.url, first.response)
    const { response } = authorization
      ? await requestFollowingRedirects(client, first.url, { ...request, authorization }, context)
      : first
    if (response.status >= 400) throw new RedirectError(`it responded with ${response.status}`)
    return response
  }

  /**
   * Sends the first request to a host, without authorization, and stores scheme and requirement in the hints. Falls back to
   * http when insecure requests are accepted or the host is this machine. `hasCredential`: a second request follows.
   */
  async discover(request: RegistryRequest, hasCredential: boolean): Promise<EgressResponse> {
    const { hints, context } = this.#options
    const mayFallBack = context.insecure || isLoopbackHost(hints.host)
    const attempt = async (scheme: 'https:' | 'http:', isTentative: boolean): Promise<EgressResponse> => {
      const origin = new URL(`${scheme}//${hints.host}`)
      const options = { origin, authorization: undefined, isTentative, isDiscovery: hasCredential }
      const response = await this.send(request, options)
      hints.origin = origin
      hints.firstResponseHeaders = response.headers
      return response
    }
    const response = await attempt('https:', mayFallBack).catch((error: unknown) => {
      if (!mayFallBack || !hasNoTls(error, context.insecure)) throw error
      return attempt('http:', false).catch((httpError: unknown) => {
        // the failure of https is reported, unless only http reached the host
        throw error instanceof TlsError ? httpError : error
      })
    })
    const requirement = requirementOf(parseChallenges(response.headers['www-authenticate']))
    if (response.status === 401 && requirement) hints.requirement = requirement
    else if (response.status < 500 && response.status !== 429) hints.requirement = 'none'
    return response
  }
}

const hasNoTls = (error: unknown, insecure: boolean): boolean =>
  error instanceof ConnectionError ||
  (error instanceof TlsError && error.problem === 'protocol') ||
  (insecure && error instanceof EgressTimeoutError && error.phase === 'connect')

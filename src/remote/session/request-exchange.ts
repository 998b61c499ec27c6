import type { EgressResponse } from '../../egress/exchange.ts'
import type { Authorizer } from '../login/authorizer.ts'
import type { HostRequest } from '../traffic/host-client.ts'
import { RedirectError, type RedirectedResponse, requestFollowingRedirects } from '../traffic/redirect.ts'
import type { RegistryRequest, SessionOptions } from './registry-request.ts'

/** How one request is sent. */
export interface SendOptions extends Pick<HostRequest, 'account' | 'isPull' | 'isDiscovery' | 'isTentative'> {
  /** The `Authorization` header; undefined for none. */
  readonly authorization: string | undefined
}

/** Sends single requests to an origin, and follows redirects, also to hosts that require an anonymous token. */
export class RequestExchange {
  readonly #options: SessionOptions
  readonly #authorizer: Authorizer

  constructor(options: SessionOptions, authorizer: Authorizer) {
    this.#options = options
    this.#authorizer = authorizer
  }

  /** Returns the last response of the redirects, which `finish` completes. */
  start(origin: URL, request: RegistryRequest, options: SendOptions): Promise<RedirectedResponse> {
    return this.#send(request.path, request, { ...options, origin })
  }

  /** Returns the response of an exchange; for a refusal by another host, the response to an anonymous token. */
  async finish(
    { response, url, isOtherOrigin }: RedirectedResponse,
    request: RegistryRequest,
    options: SendOptions,
  ): Promise<EgressResponse> {
    if (!isOtherOrigin) return response
    if (response.status < 400) return withAbsoluteLocation(response, url)
    // another host's 401 is met with an anonymous token at most, never with this registry's credentials
    const authorization = await this.#authorizer.authorizeRedirectTarget(url, response)
    const last = authorization
      ? (await this.#send(url.href, request, { ...options, origin: url, authorization })).response
      : response
    if (last.status >= 400) throw new RedirectError(`it responded with ${last.status}`)
    return last
  }

  #send(
    target: string,
    { what, absent, unreadable, path, ...request }: RegistryRequest,
    options: SendOptions & { readonly origin: URL },
  ): Promise<RedirectedResponse> {
    const { client, context } = this.#options
    return requestFollowingRedirects(client, target, { ...request, ...options }, context)
  }
}

/** The location of an upload at another host is not one of the registry. */
function withAbsoluteLocation(response: EgressResponse, url: URL): EgressResponse {
  const { location } = response.headers
  if (typeof location !== 'string' || !URL.canParse(location, url.href)) return response
  return { ...response, headers: { ...response.headers, location: new URL(location, url).href } }
}

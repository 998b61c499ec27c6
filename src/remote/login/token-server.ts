import type { EgressResponse } from '../../egress/exchange.ts'
import { isObject, parseJson } from '../../oci/json.ts'
import { BudgetError } from '../traffic/budgets.ts'
import type { HostClient } from '../traffic/host-client.ts'
import { requestFollowingRedirects } from '../traffic/redirect.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import { basicAuthorization, type Login } from './credentials.ts'

/** A request for a token. */
export interface TokenRequest {
  readonly realm: URL
  readonly service: string
  /** The most important first: some token servers read only the first. */
  readonly scopes: readonly string[]
  readonly login: Login | null
}

export interface Token {
  readonly value: string
  /** Milliseconds since 1970. */
  readonly issued: number
  readonly expires: number
}

/** A token, or the token server's 401 or 403. */
export type Grant = { readonly token: Token } | { readonly refused: EgressResponse }

/** The token server that a registry named cannot be used; `cause` or `response` holds the failure. */
export class TokenServerError extends Error {
  override readonly name = 'TokenServerError'
  // private: a logger writes all public fields
  readonly #response: EgressResponse | undefined

  constructor(message: string, { response, cause }: { response?: EgressResponse; cause?: unknown } = {}) {
    super(message, { cause })
    this.#response = response
  }

  get response(): EgressResponse | undefined {
    return this.#response
  }

  /** Whether the token server fails or has moved, as opposed to one that refuses further requests for now. */
  get isFailure(): boolean {
    return this.#response?.status !== 429 && !(this.cause instanceof BudgetError)
  }
}

/** Milliseconds. */
const MIN_LIFETIME = 60_000
const MAX_LIFETIME = 24 * 3_600_000
/** Bytes of a response. */
const MAX_RESPONSE = 1024 * 1024
/** Bytes of a token, and of a refusal's body: both are cached. No server accepts a longer header by default. */
const MAX_KEPT = 16 * 1024
const CLIENT_ID = 'imagestreams'
const JSON_ONLY = { accept: 'application/json' }

/**
 * Requests a token. Rejects with TokenServerError, or the signal's reason once it is aborted. `now` in milliseconds since
 * 1970. Source: distribution, token authentication specification and OAuth2.
 */
export async function requestToken(
  client: HostClient,
  request: TokenRequest,
  { context, now }: { readonly context: RequestContext; readonly now: () => number },
): Promise<Grant> {
  const response = await send(client, request, context).catch((cause: unknown) => {
    context.signal.throwIfAborted()
    throw new TokenServerError('it cannot be reached', { cause })
  })
  if (response.status === 401 || response.status === 403) {
    // a copy: a view would keep the memory of the whole body
    return { refused: { ...response, body: new Uint8Array(response.body.subarray(0, MAX_KEPT)) } }
  }
  if (response.status !== 200) throw new TokenServerError('it returned no token', { response })
  return { token: parseToken(response.body, now()) }
}

async function send(
  client: HostClient,
  request: TokenRequest,
  context: RequestContext,
): Promise<EgressResponse> {
  const secret = request.login?.secret
  if (secret?.kind === 'identity') {
    const response = await postRefreshToken(client, request, { token: secret.token, context })
    // by distribution's specification these mark a token server without OAuth2
    if (response.status !== 404 && response.status !== 405) return response
  }
  const url = new URL(request.realm)
  if (request.service !== '') url.searchParams.set('service', request.service)
  for (const scope of request.scopes) url.searchParams.append('scope', scope)
  const authorization = request.login ? basicAuthorization(request.login) : undefined
  const { response } = await requestFollowingRedirects(
    client,
    url.href,
    {
      origin: request.realm,
      headers: JSON_ONLY,
      authorization,
      maxBytes: MAX_RESPONSE,
      ...accountOf(request),
    },
    context,
  )
  return response
}

function postRefreshToken(
  client: HostClient,
  request: TokenRequest,
  { token, context }: { readonly token: string; readonly context: RequestContext },
): Promise<EgressResponse> {
  const { realm, service, scopes } = request
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service,
    client_id: CLIENT_ID,
    refresh_token: token,
    scope: scopes.join(' '),
  })
  const headers = { ...JSON_ONLY, 'content-type': 'application/x-www-form-urlencoded' }
  const post = { method: 'POST', headers, body: form.toString(), maxBytes: MAX_RESPONSE } as const
  return client.request(realm, { ...post, ...accountOf(request) }, context)
}

const accountOf = ({ login }: TokenRequest): { readonly account?: string } =>
  login ? { account: login.id } : {}

/** Parses `token` or `access_token`. A missing or shorter lifetime becomes one minute. Throws TokenServerError. */
function parseToken(body: Uint8Array, now: number): Token {
  const json = parseJson(body)
  if (json === undefined) throw new TokenServerError('its response is not JSON')
  const value = isObject(json) ? json.token || json.access_token : undefined
  // other characters could inject a header
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
    throw new TokenServerError('its response contains no token')
  if (value.length > MAX_KEPT) throw new TokenServerError(`its token has more than ${MAX_KEPT} characters`)
  const seconds = isObject(json) ? Number(json.expires_in) : 0
  const lifetime = Number.isFinite(seconds) ? seconds * 1000 : 0
  return { value, issued: now, expires: now + Math.min(Math.max(lifetime, MIN_LIFETIME), MAX_LIFETIME) }
}

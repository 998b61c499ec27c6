import type { Clock } from '../../concurrency/clock.ts'
import { EgressError, ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { RegistrySecret } from '../../logins/registry-login.ts'
import { isObject, type Json, parseJson } from '../../oci/json.ts'
import type { RegistryErrorDetail, RegistryErrorReason } from '../../oci/registry-error.ts'
import { BudgetError } from '../traffic/budgets.ts'
import type { HostClient } from '../traffic/host-client.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import { BlockedError } from '../traffic/request-context.ts'
import { explain, withRemedy } from './remedies.ts'
import { errorText } from './response-text.ts'

/** A login that a cloud returned for its key. */
export interface CloudLogin {
  readonly secret: RegistrySecret
  /** As `Login.realm`. */
  readonly realm?: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** One request of a login to a cloud. */
export interface CloudTokenRequest {
  /** Message for a refused request: `Amazon refused the access key`. */
  readonly refusal: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Removed from messages. */
  readonly secrets: readonly string[]
}

export interface CloudTokenEndpointOptions {
  readonly client: HostClient
  readonly clock: Clock
  /** Maps the URL of a cloud's endpoint to the URL that requests are sent to. */
  readonly endpointOf: (url: URL) => URL
}

/**
 * A cloud returned no login for its key. The message names the failed step, the host and the failure, and contains
 * nothing of the key or of tokens derived from it.
 */
export class CloudLoginError extends Error {
  override readonly name = 'CloudLoginError'
  readonly code = 'CLOUD_LOGIN'
  readonly reason: RegistryErrorReason
  readonly status: number | undefined

  constructor(
    message: string,
    { reason, status, cause }: Omit<RegistryErrorDetail, 'registry' | 'repository'>,
  ) {
    super(message, { cause })
    this.reason = reason
    this.status = status
  }

  /** Whether the cloud refused the key, as opposed to an unreachable or failing cloud. */
  get isRefusal(): boolean {
    return this.reason === 'Unauthorized' || this.reason === 'Forbidden'
  }
}

/** Bytes of a response. */
const MAX_RESPONSE = 1024 * 1024
const FORM = 'application/x-www-form-urlencoded'

/** Sends the requests of one login to a cloud, through the same client as requests to registries, and always verified. */
export class CloudTokenEndpoint {
  readonly #options: CloudTokenEndpointOptions
  readonly #account: string
  readonly #context: RequestContext

  /** `account` identifies the credential. */
  constructor(options: CloudTokenEndpointOptions, account: string, context: RequestContext) {
    this.#options = options
    this.#account = account
    this.#context = { ...context, insecure: false }
  }

  /** Milliseconds since 1970. */
  get now(): number {
    return this.#options.clock.now()
  }

  /** Returns the URL that requests to this endpoint of a cloud are sent to. */
  urlOf(url: string): URL {
    return this.#options.endpointOf(new URL(url))
  }

  /** Returns the JSON object of a 200. Redirects are not followed. Throws CloudLoginError, or the signal's reason. */
  async post(request: CloudTokenRequest): Promise<Json> {
    const { url, headers, body } = request
    const response = await this.#options.client
      .request(
        url,
        { method: 'POST', headers, body, maxBytes: MAX_RESPONSE, account: this.#account },
        this.#context,
      )
      .catch((cause: unknown) => {
        this.#context.signal.throwIfAborted()
        throw requestError(request, cause)
      })
    if (response.status !== 200) throw responseError(request, response)
    const json = parseJson(response.body)
    if (!isObject(json)) throw this.missingToken(request)
    return json
  }

  /** As `post`, with a form as the body. */
  postForm({
    form,
    ...request
  }: Omit<CloudTokenRequest, 'headers' | 'body'> & {
    readonly form: Readonly<Record<string, string>>
  }): Promise<Json> {
    const headers = { accept: 'application/json', 'content-type': FORM }
    return this.post({ ...request, headers, body: new URLSearchParams(form).toString() })
  }

  /** Returns the error for a 200 without a token. */
  missingToken({ url }: Pick<CloudTokenRequest, 'url'>): CloudLoginError {
    return new CloudLoginError(`the response of ${url.host} contains no token`, {
      reason: 'RegistryUnavailable',
    })
  }
}

/** A registry, and the endpoint at which a key is exchanged for a login there. */
export interface CloudExchangeTarget {
  readonly registry: string
  readonly endpoint: CloudTokenEndpoint
}

/** Returns a token that may be sent in a header; undefined for any other value. */
export const tokenOf = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined

function requestError({ url: { host } }: CloudTokenRequest, cause: unknown): CloudLoginError {
  const unsent = (reason: RegistryErrorReason, error: Error) =>
    new CloudLoginError(`no request was sent to ${host}: ${explain(error)}`, { reason, cause })
  if (cause instanceof ForbiddenTargetError) return unsent('ForbiddenTarget', cause)
  if (cause instanceof BlockedError) return unsent('Blocked', cause)
  if (cause instanceof BudgetError) return unsent(cause.reason, cause)
  return cause instanceof EgressError
    ? new CloudLoginError(`the request to ${host} failed: ${explain(cause)}`, {
        reason: 'RegistryUnavailable',
        cause,
      })
    : new CloudLoginError(`the request to ${host} failed: internal error`, { reason: 'InternalError', cause })
}

function responseError(
  { refusal, url, secrets }: CloudTokenRequest,
  response: EgressResponse,
): CloudLoginError {
  const { status } = response
  const reason = reasonOf(response)
  const text = errorText(response, url.host, secrets)
  const isRefusal = reason === 'Unauthorized' || reason === 'Forbidden'
  const message = isRefusal ? withRemedy(`${refusal}: ${text}`, 'cloudKey') : `no token was returned: ${text}`
  return new CloudLoginError(message, { reason, status })
}

// AWS uses status 400 where others use 401, 403 and 429
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded/
const DENIED = /AccessDenied|unauthorized_client/

function reasonOf({ status, body }: EgressResponse): RegistryErrorReason {
  const json = parseJson(body)
  const type = isObject(json) ? String(json.__type ?? json.error ?? '') : ''
  if (status === 429 || (status === 400 && THROTTLED.test(type))) return 'TooManyRequests'
  if (status === 403 || (status === 400 && DENIED.test(type))) return 'Forbidden'
  return status === 400 || status === 401 ? 'Unauthorized' : 'RegistryUnavailable'
}

import type { Clock } from '../../concurrency/clock.ts'
import { ForbiddenTargetError, isEgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { RegistrySecret } from '../../logins/registry-login.ts'
import { isObject } from '../../oci/descriptor.ts'
import type { RegistryErrorReason } from '../../oci/registry-error.ts'
import { BlockedError } from '../traffic/blocked-error.ts'
import { BudgetError } from '../traffic/budget.ts'
import type { HostClient, RequestContext } from '../traffic/host-client.ts'
import { CloudLoginError } from './cloud-login-error.ts'
import { said } from './refusal.ts'

/** What a cloud gave for its key: something that the registry may be shown. */
export interface CloudLogin {
  readonly secret: RegistrySecret
  /** As `Login.realm`. */
  readonly realm?: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** One step of a login, at one endpoint of a cloud. */
export interface CloudTokenRequest {
  /** `Amazon did not take the access key`, for when the endpoint says so. */
  readonly refusal: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Never to appear in a message. */
  readonly secrets: readonly string[]
}

export interface CloudTokenEndpointOptions {
  readonly client: HostClient
  readonly clock: Clock
  /** Where an endpoint of a cloud is really asked. */
  readonly endpointOf: (url: URL) => URL
}

/** Bytes of an answer. */
const MAX_ANSWER = 1024 * 1024
const FORM = 'application/x-www-form-urlencoded'

/** Where clouds are asked on one context: by the same way out as registries, and never without verification. */
export class CloudTokenEndpoint {
  readonly #options: CloudTokenEndpointOptions
  readonly #account: string
  readonly #context: RequestContext

  /** `account` tells the credential from others. */
  constructor(options: CloudTokenEndpointOptions, account: string, context: RequestContext) {
    this.#options = options
    this.#account = account
    this.#context = { ...context, insecure: false }
  }

  /** Milliseconds since 1970. */
  get now(): number {
    return this.#options.clock.now()
  }

  /** Where the endpoint is really asked. */
  urlOf(url: string): URL {
    return this.#options.endpointOf(new URL(url))
  }

  /** The JSON object of a 200. Redirects are not followed. Throws CloudLoginError, or the signal's reason. */
  async post(step: CloudTokenRequest): Promise<Readonly<Record<string, unknown>>> {
    const { url, headers, body } = step
    const answer = await this.#options.client
      .request(
        url,
        { method: 'POST', headers, body, maxBytes: MAX_ANSWER, account: this.#account },
        this.#context,
      )
      .catch((cause: unknown) => {
        this.#context.signal.throwIfAborted()
        throw notAsked(step, cause)
      })
    if (answer.status !== 200) throw refusalOf(step, answer)
    const json = jsonOf(answer.body)
    if (!isObject(json)) throw this.missingToken(step)
    return json
  }

  /** The same with a form. */
  postForm({
    form,
    ...step
  }: Omit<CloudTokenRequest, 'headers' | 'body'> & {
    readonly form: Readonly<Record<string, string>>
  }): Promise<Readonly<Record<string, unknown>>> {
    const headers = { accept: 'application/json', 'content-type': FORM }
    return this.post({ ...step, headers, body: new URLSearchParams(form).toString() })
  }

  /** The error for a 200 without what was asked for. */
  missingToken({ url }: Pick<CloudTokenRequest, 'url'>): CloudLoginError {
    return new CloudLoginError(`${url.host} gave an answer without a token`, {
      reason: 'RegistryUnavailable',
    })
  }
}

/** Where a key is exchanged, and for which registry. */
export interface CloudExchangeTarget {
  readonly registry: string
  readonly endpoint: CloudTokenEndpoint
}

/** A word that can stand in a header; undefined for anything else. */
export const tokenOf = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined

function notAsked({ url }: CloudTokenRequest, cause: unknown): CloudLoginError {
  const error = (reason: RegistryErrorReason, why: string) =>
    new CloudLoginError(`${url.host} ${why}`, { reason, cause })
  if (cause instanceof ForbiddenTargetError)
    return error('ForbiddenTarget', `was not asked: ${cause.message}`)
  if (cause instanceof BlockedError) return error('Blocked', `was not asked: ${cause.message}`)
  if (cause instanceof BudgetError) return error('TooManyRequests', `was not asked: ${cause.message}`)
  return isEgressError(cause)
    ? error('RegistryUnavailable', `cannot be asked: ${cause.message}`)
    : error('InternalError', 'was not asked: this server failed')
}

function refusalOf({ refusal, url, secrets }: CloudTokenRequest, answer: EgressResponse): CloudLoginError {
  const { status } = answer
  const reason = reasonOf(answer)
  const words = said(answer, url.host, secrets)
  const isRefusal = reason === 'Unauthorized' || reason === 'Forbidden'
  return new CloudLoginError(isRefusal ? `${refusal}: ${words}` : `no token was given: ${words}`, {
    reason,
    status,
  })
}

// AWS says with 400 what others say with 401, 403 and 429
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded/
const DENIED = /AccessDenied|unauthorized_client/

function reasonOf({ status, body }: EgressResponse): RegistryErrorReason {
  const json = jsonOf(body)
  const type = isObject(json) ? String(json.__type ?? json.error ?? '') : ''
  if (status === 429 || (status === 400 && THROTTLED.test(type))) return 'TooManyRequests'
  if (status === 403 || (status === 400 && DENIED.test(type))) return 'Forbidden'
  return status === 400 || status === 401 ? 'Unauthorized' : 'RegistryUnavailable'
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  } catch {
    // no cause: the parser's message quotes what may be a token
    return undefined
  }
}

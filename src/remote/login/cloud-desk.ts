import type { Clock } from '../../concurrency/clock.ts'
import { ForbiddenTargetError, isEgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { ShownSecret } from '../../logins/registry-login.ts'
import { isObject } from '../../oci/descriptor.ts'
import type { RegistryErrorReason } from '../../oci/registry-error.ts'
import { BlockedError } from '../traffic/blocked-error.ts'
import { BudgetError } from '../traffic/budget.ts'
import type { Dialer, Errand } from '../traffic/dialer.ts'
import { CloudLoginError } from './cloud-login-error.ts'
import { said } from './refusal.ts'

/** What a cloud gave for its key: something that the registry may be shown. */
export interface CloudLogin {
  readonly secret: ShownSecret
  /** As `Login.realm`. */
  readonly realm?: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** One step of a login, at one endpoint of a cloud. */
export interface CloudStep {
  /** `Amazon did not take the access key`, for when the endpoint says so. */
  readonly refused: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Never to appear in a message. */
  readonly secrets: readonly string[]
}

export interface CloudDeskOptions {
  readonly dialer: Dialer
  readonly clock: Clock
  /** Where an endpoint of a cloud is really asked. */
  readonly endpointOf: (url: URL) => URL
}

/** Bytes of an answer. */
const MAX_ANSWER = 1024 * 1024
const FORM = 'application/x-www-form-urlencoded'

/** Where clouds are asked on one errand: by the same way out as registries, and never without verification. */
export class CloudDesk {
  readonly #options: CloudDeskOptions
  readonly #account: string
  readonly #errand: Errand

  /** `account` tells the credential from others. */
  constructor(options: CloudDeskOptions, account: string, errand: Errand) {
    this.#options = options
    this.#account = account
    this.#errand = { ...errand, insecure: false }
  }

  /** Milliseconds since 1970. */
  get now(): number {
    return this.#options.clock.now()
  }

  /** Where the endpoint is really asked. */
  endpointOf(url: string): URL {
    return this.#options.endpointOf(new URL(url))
  }

  /** The JSON object of a 200. Redirects are not followed. Throws CloudLoginError, or the signal's reason. */
  async ask(step: CloudStep): Promise<Readonly<Record<string, unknown>>> {
    const { url, headers, body } = step
    const answer = await this.#options.dialer
      .dial(
        url,
        { method: 'POST', headers, body, maxBytes: MAX_ANSWER, account: this.#account },
        this.#errand,
      )
      .catch((cause: unknown) => {
        this.#errand.signal.throwIfAborted()
        throw notAsked(step, cause)
      })
    if (answer.status !== 200) throw refusalOf(step, answer)
    const json = jsonOf(answer.body)
    if (!isObject(json)) throw this.useless(step)
    return json
  }

  /** The same with a form. */
  askForm({
    form,
    ...step
  }: Omit<CloudStep, 'headers' | 'body'> & { readonly form: Readonly<Record<string, string>> }): Promise<
    Readonly<Record<string, unknown>>
  > {
    const headers = { accept: 'application/json', 'content-type': FORM }
    return this.ask({ ...step, headers, body: new URLSearchParams(form).toString() })
  }

  /** The error for a 200 without what was asked for. */
  useless({ url }: Pick<CloudStep, 'url'>): CloudLoginError {
    return new CloudLoginError(`${url.host} gave an answer without a token`, {
      reason: 'RegistryUnavailable',
    })
  }
}

/** A word that can stand in a header; undefined for anything else. */
export const tokenOf = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined

function notAsked({ url }: CloudStep, cause: unknown): CloudLoginError {
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

function refusalOf({ refused, url, secrets }: CloudStep, answer: EgressResponse): CloudLoginError {
  const { status } = answer
  const reason = reasonOf(answer)
  const words = said(answer, url.host, secrets)
  const isRefusal = reason === 'Unauthorized' || reason === 'Forbidden'
  return new CloudLoginError(isRefusal ? `${refused}: ${words}` : `no token was given: ${words}`, {
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

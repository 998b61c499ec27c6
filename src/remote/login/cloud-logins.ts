import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../../concurrency/single-flight.ts'
import { type CloudSecret, isCloudSecret, secretWords } from '../../logins/registry-login.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import {
  type CloudExchangeTarget,
  type CloudLogin,
  CloudLoginError,
  CloudTokenEndpoint,
  type CloudTokenEndpointOptions,
} from './cloud-token-endpoint.ts'
import { basicAuthorization, type Credential, type Login } from './credentials.ts'

/** Milliseconds without a request after a refusal: repeated bad logins get an address blocked. */
const REFUSAL_LIFETIME = 60_000
/** Milliseconds without a request after any other failure. */
const FAILURE_LIFETIME = 10_000
/** Age in milliseconds from which a login that a registry refused is renewed. */
const MIN_RENEWED_AGE = 5 * 60_000
/** Milliseconds before its expiry from which a login is no longer used. */
const EXPIRY_MARGIN = 30_000
/** Milliseconds that a login is used at least before it is renewed, also when it expires earlier. */
const MIN_FRESH_TIME = 30_000
const MAX_LOGINS = 2000

/** A login that could not be renewed. It is used until it expires. */
export interface RenewalFailure {
  readonly registry: string
  /** Milliseconds since 1970. */
  readonly expires: number
  /** The cause; contains no secret. */
  readonly message: string
}

/** Exchange of a cloud's key for a login at one of the cloud's registries, one function for each kind of key. */
export type CloudExchanges = {
  readonly [Kind in CloudSecret['kind']]: (
    secret: CloudSecret & { readonly kind: Kind },
    target: CloudExchangeTarget,
  ) => Promise<CloudLogin>
}

export interface CloudLoginsOptions extends CloudTokenEndpointOptions {
  readonly exchanges: CloudExchanges
  /** Receives the first failure to renew a login. */
  readonly onRenewalFailed?: (failure: RenewalFailure) => void
}

/** The results of exchanging one credential for one registry. Times in milliseconds since 1970. */
interface Exchanged {
  readonly login?: CloudLogin & { readonly issued: number; readonly renewal: number }
  readonly failure?: { readonly error: CloudLoginError; readonly retryAt: number }
}

/**
 * The logins that clouds return for their keys, by key and registry: exchanged once for all concurrent callers, renewed
 * after half of their lifetime, and kept in memory only. A login that cannot be renewed is used until it expires.
 */
export class CloudLogins {
  readonly #options: CloudLoginsOptions
  readonly #exchanged = new LRUCache<string, Exchanged>({ max: MAX_LOGINS })
  readonly #flights = new SingleFlight<void>()

  constructor(options: CloudLoginsOptions) {
    this.#options = options
  }

  /**
   * Returns the login to send to the registry: for a cloud's key the exchanged one, else the credential's own secret. Throws
   * CloudLoginError, or the signal's reason once it is aborted.
   */
  loginFor(credential: Credential, registry: string, context: RequestContext): Login | Promise<Login> {
    const { id, secret } = credential
    if (!isCloudSecret(secret)) return { id, secret }
    const { login } = this.#exchanged.get(keyOf(credential, registry)) ?? {}
    if (login && this.#options.clock.now() < login.renewal) return loginOf(id, login)
    return this.#exchange(id, secret, registry, context)
  }

  /** Records that the registry refused the login: unless it is new, the next request renews it. */
  recordRefusal(credential: Credential, registry: string): void {
    const key = keyOf(credential, registry)
    const exchanged = this.#exchanged.get(key)
    const now = this.#options.clock.now()
    if (exchanged?.login && now - exchanged.login.issued >= MIN_RENEWED_AGE) {
      this.#exchanged.set(key, { ...exchanged, login: { ...exchanged.login, renewal: now } })
    }
  }

  /** Returns the texts of the credential and of its login that must be removed from messages. */
  secretsOf({ id, secret }: Credential, registry: string): readonly string[] {
    const { login } = this.#exchanged.get(keyOf({ id }, registry)) ?? {}
    const sent = isCloudSecret(secret) ? login?.secret : secret
    const encoded = sent && basicAuthorization({ secret: sent })?.replace(/^Basic /, '')
    return [...secretWords(secret), ...(sent ? secretWords(sent) : []), ...(encoded ? [encoded] : [])]
  }

  async #exchange(
    id: string,
    secret: CloudSecret,
    registry: string,
    context: RequestContext,
  ): Promise<Login> {
    const key = keyOf({ id }, registry)
    for (;;) {
      const now = this.#options.clock.now()
      const { login, failure } = this.#exchanged.get(key) ?? {}
      if (login && now < login.renewal) return loginOf(id, login)
      if (failure && now < failure.retryAt) {
        if (login && now < login.expires - EXPIRY_MARGIN) return loginOf(id, login)
        throw failure.error
      }
      const endpoint = new CloudTokenEndpoint(this.#options, id, context)
      const renew = () => this.#renew(key, secret, { registry, endpoint }, context.signal)
      await this.#flights.run(key, renew, context.signal)
    }
  }

  /** Stores the new login, or the failure. Rejects only when the signal is aborted. */
  async #renew(
    key: string,
    secret: CloudSecret,
    target: CloudExchangeTarget,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#options
    try {
      const login = await exchangeBy(this.#options.exchanges, secret, target)
      this.#exchanged.set(key, { login: renewable(login, clock.now()) })
    } catch (error) {
      signal.throwIfAborted()
      this.#recordFailure(key, target.registry, error)
    }
  }

  #recordFailure(key: string, registry: string, cause: unknown): void {
    const error =
      cause instanceof CloudLoginError
        ? cause
        : new CloudLoginError('internal error', { reason: 'InternalError', cause })
    const retryAt = this.#options.clock.now() + (error.isRefusal ? REFUSAL_LIFETIME : FAILURE_LIFETIME)
    const { login, failure: before } = this.#exchanged.get(key) ?? {}
    this.#exchanged.set(key, { ...(login && { login }), failure: { error, retryAt } })
    if (!login || before || retryAt >= login.expires) return
    this.#options.onRenewalFailed?.({ registry, expires: login.expires, message: error.message })
  }
}

const loginOf = (id: string, { secret, realm }: CloudLogin): Login =>
  realm === undefined ? { id, secret } : { id, secret, realm }

const keyOf = ({ id }: Pick<Credential, 'id'>, registry: string): string => `${id} ${registry}`

function exchangeBy(
  exchanges: CloudExchanges,
  secret: CloudSecret,
  target: CloudExchangeTarget,
): Promise<CloudLogin> {
  switch (secret.kind) {
    case 'aws':
      return exchanges.aws(secret, target)
    case 'google':
      return exchanges.google(secret, target)
    case 'azure':
      return exchanges.azure(secret, target)
  }
}

const renewable = (login: CloudLogin, now: number) => ({
  ...login,
  issued: now,
  renewal: now + Math.max((login.expires - now) / 2, MIN_FRESH_TIME),
})

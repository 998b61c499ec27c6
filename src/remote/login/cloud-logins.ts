import { type CachedValue, SharedCache } from '../../concurrency/cache.ts'
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
  /** Exchanges the keys of clouds for logins at their registries. */
  readonly exchanges: CloudExchanges
  /** Receives the first failure to renew a login, which is used until it expires. */
  readonly onRenewalFailed?: ((failure: RenewalFailure) => void) | undefined
}

/** The result of exchanging one credential for one registry: a login, or a failure and the login before it. */
type Exchanged =
  | { readonly login: IssuedLogin; readonly failure?: undefined }
  | { readonly login: IssuedLogin | undefined; readonly failure: CloudLoginError }

interface IssuedLogin extends CloudLogin {
  /** Milliseconds since 1970. */
  readonly issued: number
}

/**
 * The logins that clouds return for their keys, by key and registry: exchanged once for all concurrent callers, renewed
 * after half of their lifetime, and kept in memory only. A login that cannot be renewed is used until it expires.
 */
export class CloudLogins {
  readonly #options: CloudLoginsOptions
  readonly #now: () => number
  readonly #exchanged = new SharedCache<Exchanged>(MAX_LOGINS)

  constructor(options: CloudLoginsOptions) {
    this.#options = options
    this.#now = () => options.clock.now()
  }

  /**
   * Returns the login to send to the registry: for a cloud's key the exchanged one, else the credential's own secret. Throws
   * CloudLoginError, or the signal's reason once it is aborted.
   */
  async loginFor({ id, secret }: Credential, registry: string, context: RequestContext): Promise<Login> {
    if (!isCloudSecret(secret)) return { id, secret }
    const key = keyOf(id, registry)
    const { signal } = context
    const exchange = (): Promise<CachedValue<Exchanged>> => {
      const endpoint = new CloudTokenEndpoint(this.#options, id, context)
      return this.#exchange(secret, { registry, endpoint }).catch((error: unknown) => {
        signal.throwIfAborted()
        return this.#failed(key, registry, error)
      })
    }
    const { login, failure } = await this.#exchanged.get(key, { signal, now: this.#now }, exchange)
    if (!failure) return loginOf(id, login)
    if (!login || this.#now() >= login.expires - EXPIRY_MARGIN) throw failure
    return loginOf(id, login)
  }

  /** Records that the registry refused the login: unless it is new, the next request renews it. */
  recordRefusal({ id }: Credential, registry: string): void {
    const key = keyOf(id, registry)
    const { login, failure } = this.#exchanged.last(key) ?? {}
    if (login && !failure && Math.abs(this.#now() - login.issued) >= MIN_RENEWED_AGE)
      this.#exchanged.expire(key)
  }

  /** Returns the texts of the credential and of its login that must be removed from messages. */
  secretsOf({ id, secret }: Credential, registry: string): readonly string[] {
    const { login } = this.#exchanged.last(keyOf(id, registry)) ?? {}
    const sent = isCloudSecret(secret) ? login?.secret : secret
    const encoded = sent && basicAuthorization({ secret: sent })?.replace(/^Basic /, '')
    return [...secretWords(secret), ...(sent ? secretWords(sent) : []), ...(encoded ? [encoded] : [])]
  }

  async #exchange(secret: CloudSecret, target: CloudExchangeTarget): Promise<CachedValue<Exchanged>> {
    const login = await exchangeBy(this.#options.exchanges, secret, target)
    const issued = this.#now()
    const freshTime = Math.max((login.expires - issued) / 2, MIN_FRESH_TIME)
    return { value: { login: { ...login, issued } }, until: issued + freshTime }
  }

  #failed(key: string, registry: string, cause: unknown): CachedValue<Exchanged> {
    const failure =
      cause instanceof CloudLoginError
        ? cause
        : new CloudLoginError('internal error', { reason: 'InternalError', cause })
    const retryAt = this.#now() + (failure.isRefusal ? REFUSAL_LIFETIME : FAILURE_LIFETIME)
    const { login, failure: before } = this.#exchanged.last(key) ?? {}
    if (login && !before && retryAt < login.expires) {
      this.#options.onRenewalFailed?.({ registry, expires: login.expires, message: failure.message })
    }
    return { value: { login, failure }, until: retryAt }
  }
}

const loginOf = (id: string, { secret, realm }: CloudLogin): Login =>
  realm === undefined ? { id, secret } : { id, secret, realm }

const keyOf = (id: string, registry: string): string => `${id} ${registry}`

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

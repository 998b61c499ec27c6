import { unlessAborted } from '../../concurrency/abort.ts'
import { type CloudSecret, isCloudSecret, secretWords } from '../../logins/registry-login.ts'
import type { RequestContext } from '../traffic/host-client.ts'
import { CloudLoginError } from './cloud-login-error.ts'
import {
  type CloudExchangeTarget,
  type CloudLogin,
  CloudTokenEndpoint,
  type CloudTokenEndpointOptions,
} from './cloud-token-endpoint.ts'
import type { Credential, Login } from './credentials.ts'
import { basicAuthorization } from './token.ts'

/** Milliseconds that a cloud's refusal is believed: repeated bad logins get an address blocked. */
const REFUSAL_LIFETIME = 60_000
/** Milliseconds that any other failure is remembered. */
const FAILURE_LIFETIME = 10_000
/** Milliseconds after which a login that a registry denies is worth a new one. */
const YOUTH = 5 * 60_000
/** Milliseconds before its end from which a login is not shown any more. */
const MARGIN = 30_000
const MAX_KEPT = 2000

/** A login that could not be renewed, and is shown as long as it lives. */
export interface RenewalFailure {
  readonly registry: string
  /** Milliseconds since 1970. */
  readonly expires: number
  /** Why; holds no secret. */
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
  /** Told once for each time that renewing begins to fail. */
  readonly onRenewalFailed?: (login: RenewalFailure) => void
}

/** What is known of one credential at one registry. */
interface Kept {
  readonly login?: CloudLogin & { readonly issued: number; readonly renewal: number }
  readonly failure?: Failure
}

interface Failure {
  readonly error: CloudLoginError
  /** Milliseconds since 1970 until which it is not tried again. */
  readonly until: number
}

/**
 * What registries are shown for the keys of clouds: exchanged once however many ask, each key for each registry apart,
 * renewed at half of its life, and kept in memory only. While it cannot be renewed the old one is shown to its end.
 */
export class CloudLogins {
  readonly #options: CloudLoginsOptions
  readonly #kept = new Map<string, Kept>()
  readonly #flights = new Map<string, Promise<void>>()

  constructor(options: CloudLoginsOptions) {
    this.#options = options
  }

  /**
   * What the registry is to be shown; any credential but a cloud's is that itself. Throws CloudLoginError, or the
   * signal's reason once it is aborted.
   */
  loginFor(credential: Credential, registry: string, context: RequestContext): Login | Promise<Login> {
    const { id, secret } = credential
    if (!isCloudSecret(secret)) return { id, secret }
    const login = this.#freshOf(keyOf(credential, registry))
    return login ? loginOf(id, login) : this.#exchange(id, secret, registry, context)
  }

  /** For when the registry denied what it was shown: something new is worth having where that was not so new. */
  doubt(credential: Credential, registry: string): void {
    const key = keyOf(credential, registry)
    const kept = this.#kept.get(key)
    const now = this.#options.clock.now()
    if (kept?.login && now - kept.login.issued >= YOUTH) {
      this.#kept.set(key, { ...kept, login: { ...kept.login, renewal: now } })
    }
  }

  /** What of the credential, and what it was exchanged for, must appear in no message. */
  secretsOf({ id, secret }: Credential, registry: string): readonly string[] {
    const { login } = this.#kept.get(keyOf({ id }, registry)) ?? {}
    const shown = isCloudSecret(secret) ? login?.secret : secret
    const encoded = shown && basicAuthorization({ id, secret: shown })?.replace(/^Basic /, '')
    return [...secretWords(secret), ...(shown ? secretWords(shown) : []), ...(encoded ? [encoded] : [])]
  }

  #freshOf(key: string): CloudLogin | undefined {
    const { login } = this.#kept.get(key) ?? {}
    return login && this.#options.clock.now() < login.renewal ? login : undefined
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
      const { login, failure } = this.#kept.get(key) ?? {}
      if (login && now < login.renewal) return loginOf(id, login)
      if (failure && now < failure.until) {
        if (login && now < login.expires - MARGIN) return loginOf(id, login)
        throw failure.error
      }
      // whoever began this may go away; then another one begins
      const landing = this.#flights.get(key) ?? this.#depart(id, secret, registry, context)
      await unlessAborted(landing, context.signal)
    }
  }

  #depart(id: string, secret: CloudSecret, registry: string, context: RequestContext): Promise<void> {
    const key = keyOf({ id }, registry)
    const endpoint = new CloudTokenEndpoint(this.#options, id, context)
    const landing = this.#post(secret, { registry, endpoint })
      .then(
        (login) => this.#keep(key, { login: renewable(login, endpoint.now) }),
        (error: unknown) => {
          // whoever began this went away, which says nothing of the cloud
          if (!context.signal.aborted) this.#fail(key, registry, failed(error, endpoint.now))
        },
      )
      .finally(() => this.#flights.delete(key))
    this.#flights.set(key, landing)
    return landing
  }

  #post(secret: CloudSecret, target: CloudExchangeTarget): Promise<CloudLogin> {
    const { exchanges } = this.#options
    switch (secret.kind) {
      case 'aws':
        return exchanges.aws(secret, target)
      case 'google':
        return exchanges.google(secret, target)
      case 'azure':
        return exchanges.azure(secret, target)
    }
  }

  #fail(key: string, registry: string, failure: Failure): void {
    const { login, failure: before } = this.#kept.get(key) ?? {}
    this.#keep(key, login ? { login, failure } : { failure })
    if (!login || before || failure.until >= login.expires) return
    this.#options.onRenewalFailed?.({ registry, expires: login.expires, message: failure.error.message })
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(key, kept)
  }
}

const loginOf = (id: string, { secret, realm }: CloudLogin): Login =>
  realm === undefined ? { id, secret } : { id, secret, realm }

const keyOf = ({ id }: Pick<Credential, 'id'>, registry: string): string => `${id} ${registry}`

const renewable = (login: CloudLogin, now: number) => ({
  ...login,
  issued: now,
  renewal: now + Math.max((login.expires - now) / 2, MIN_LIFETIME),
})

/** Milliseconds that a login counts as fresh at least, whatever its cloud says of its end. */
const MIN_LIFETIME = 30_000

function failed(error: unknown, now: number): Failure {
  const known =
    error instanceof CloudLoginError
      ? error
      : new CloudLoginError('this server failed', { reason: 'InternalError', cause: error })
  return { error: known, until: now + (known.isRefusal ? REFUSAL_LIFETIME : FAILURE_LIFETIME) }
}

import type { RepositoryLocation } from './location/registry-rules.ts'
import { HostHints } from './login/host-hints.ts'
import { TokenCache } from './login/token-cache.ts'
import type { SessionOptions } from './session/registry-request.ts'
import { Session } from './session/session.ts'
import { apiHostOf } from './traffic/host-names.ts'
import { IdleMap } from './traffic/idle-map.ts'
import type { RequestContext } from './traffic/request-context.ts'

/** The options that all sessions share. */
export interface SessionsOptions
  extends Pick<SessionOptions, 'client' | 'credentials' | 'logins' | 'trustedRealms' | 'clock' | 'limits'> {
  /** Receives violations of the protocol at a location. */
  readonly warn: (location: RepositoryLocation, message: string) => void
}

/** Opens sessions at locations; sessions with the same host share its hints. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #hints: IdleMap<HostHints>

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#hints = new IdleMap(options.limits.hosts)
  }

  /** Opens a session for the location's repository, or with the options that are given. */
  open(
    location: RepositoryLocation,
    context: RequestContext,
    options: Partial<
      Pick<SessionOptions, 'repository' | 'scope' | 'hints' | 'credentials' | 'logins' | 'isPush'>
    > = {},
  ): Session {
    const { registry, repository } = location
    return new Session({
      ...this.#options,
      registry,
      repository,
      context,
      hints: options.hints ?? this.#hintsOf(location, context),
      warn: (message) => this.#options.warn(location, message),
      ...options,
    })
  }

  /** Creates hints that are shared with no other session. */
  newHints(registry: string): HostHints {
    return new HostHints(apiHostOf(registry), new TokenCache(this.#options))
  }

  // separate hints: a scheme or token that was found without verification must not serve a verified request, and those
  // found with one namespace's credentials, or through one configuration's route, must not serve another
  #hintsOf({ registry, route }: RepositoryLocation, context: RequestContext): HostHints {
    const { insecure, namespace, usesServerLogins } = context
    const cacheScope = this.#options.credentials.cacheScope?.(registry, namespace, usesServerLogins) ?? ''
    const key = `${apiHostOf(registry)} ${insecure} ${cacheScope} ${route?.id ?? ''}`
    return this.#hints.getOrCreate(key, () => this.newHints(registry))
  }
}

import type { RepositoryLocation } from './location/registry-rules.ts'
import { HostHints } from './login/host-hints.ts'
import { TokenCache } from './login/token-cache.ts'
import { Session, type SessionOptions } from './session/session.ts'
import { apiHostOf } from './traffic/host-names.ts'
import { IdleMap } from './traffic/idle-map.ts'
import type { RequestContext } from './traffic/request-context.ts'

interface SessionsOptions
  extends Pick<SessionOptions, 'client' | 'credentials' | 'logins' | 'trustedRealms' | 'clock'> {
  /** Hosts whose hints are remembered. */
  readonly hosts: number
}

/** A session at a location, and the hints about its host. */
export interface OpenedSession {
  readonly session: Session
  readonly hints: HostHints
}

/** Opens sessions at locations; sessions with the same host share its hints. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #hints: IdleMap<HostHints>

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#hints = new IdleMap(options.hosts)
  }

  /** Opens a session for the location's repository, or for the repository and scope that are given. */
  open(
    location: RepositoryLocation,
    context: RequestContext,
    { repository, scope }: Pick<SessionOptions, 'repository' | 'scope'> = location,
  ): OpenedSession {
    const { registry } = location
    const hints = this.#hintsOf(location, context)
    const session = new Session({
      ...this.#options,
      ...{ registry, repository, hints, context },
      ...(scope !== undefined && { scope }),
    })
    return { session, hints }
  }

  /** Creates hints that are shared with no other session. */
  newHints(registry: string): HostHints {
    return new HostHints(apiHostOf(registry), new TokenCache(this.#options))
  }

  // separate hints: a scheme or token that was found without verification must not serve a verified request, and those
  // found with one namespace's credentials, or through one configuration's route, must not serve another
  #hintsOf({ registry, route }: RepositoryLocation, { insecure, namespace }: RequestContext): HostHints {
    const cacheScope = this.#options.credentials.cacheScope?.(registry, namespace) ?? ''
    const key = `${apiHostOf(registry)} ${insecure} ${cacheScope} ${route?.id ?? ''}`
    return this.#hints.getOrCreate(key, () => this.newHints(registry))
  }
}

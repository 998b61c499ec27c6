import { SharedCache } from '../../concurrency/cache.ts'
import type { Clock } from '../../concurrency/clock.ts'
import type { HostClient } from '../traffic/host-client.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import { type Grant, requestToken, type Token, type TokenRequest } from './token-server.ts'

/** Milliseconds without a request after a refusal: repeated bad logins get an address blocked. */
const REFUSAL_LIFETIME = 60_000
const MAX_GRANTS = 2000

/** The tokens for one registry, by realm, service, scopes and credential: requested once for all concurrent callers. */
export class TokenCache {
  readonly #client: HostClient
  readonly #now: () => number
  readonly #grants = new SharedCache<Grant>(MAX_GRANTS)

  constructor({ client, clock }: { client: HostClient; clock: Clock }) {
    this.#client = client
    this.#now = () => clock.now()
  }

  /**
   * Returns a token, cached or new; a cached token equal to `refusedToken`, which the registry refused, is replaced. Rejects
   * with TokenServerError, or the signal's reason once it is aborted.
   */
  get(request: TokenRequest, context: RequestContext, refusedToken?: string): Promise<Grant> {
    const now = this.#now
    const key = [request.realm.href, request.service, request.login?.id ?? '', ...request.scopes].join('\n')
    const accepts = (grant: Grant) => !('token' in grant && grant.token.value === refusedToken)
    return this.#grants.get(key, { signal: context.signal, now, accepts }, async () => {
      const value = await requestToken(this.#client, request, { context, now })
      return { value, until: 'token' in value ? renewalOf(value.token) : now() + REFUSAL_LIFETIME }
    })
  }
}

// before the expiry: a token must not expire while it is sent
const renewalOf = ({ issued, expires }: Token): number => expires - Math.min(30_000, (expires - issued) / 5)

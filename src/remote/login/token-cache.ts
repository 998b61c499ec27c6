import { ExpiringCache } from '../../concurrency/cache.ts'
import type { Clock } from '../../concurrency/clock.ts'
import { SingleFlight } from '../../concurrency/single-flight.ts'
import type { HostClient } from '../traffic/host-client.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import { type Grant, requestToken, type Token, type TokenRequest } from './token-server.ts'

/** Milliseconds without a request after a refusal: repeated bad logins get an address blocked. */
const REFUSAL_LIFETIME = 60_000
const MAX_GRANTS = 2000

/** The tokens for one registry, by realm, service, scopes and credential: requested once for all concurrent callers. */
export class TokenCache {
  readonly #client: HostClient
  readonly #clock: Clock
  readonly #grants = new ExpiringCache<Grant>(MAX_GRANTS)
  readonly #flights = new SingleFlight<Grant>()

  constructor({ client, clock }: { client: HostClient; clock: Clock }) {
    this.#client = client
    this.#clock = clock
  }

  /**
   * Returns a token, cached or new; a cached token equal to `refusedToken`, which the registry refused, is replaced. Rejects
   * with TokenServerError, or the signal's reason once it is aborted.
   */
  async get(request: TokenRequest, context: RequestContext, refusedToken?: string): Promise<Grant> {
    const key = [request.realm.href, request.service, request.login?.id ?? '', ...request.scopes].join('\n')
    const cached = this.#grants.get(key, this.#clock.now())
    if (cached && !('token' in cached && cached.token.value === refusedToken)) return cached
    return this.#flights.run(key, () => this.#request(key, request, context), context.signal)
  }

  async #request(key: string, request: TokenRequest, context: RequestContext): Promise<Grant> {
    const now = () => this.#clock.now()
    const grant = await requestToken(this.#client, request, { context, now })
    this.#grants.set(key, grant, 'token' in grant ? renewalOf(grant.token) : now() + REFUSAL_LIFETIME)
    return grant
  }
}

// before the expiry: a token must not expire while it is sent
const renewalOf = ({ issued, expires }: Token): number => expires - Math.min(30_000, (expires - issued) / 5)

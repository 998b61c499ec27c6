import { unlessAborted } from '../../concurrency/abort.ts'
import type { Clock } from '../../concurrency/clock.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { basicCredentials } from '../../logins/registry-login.ts'
import { isObject } from '../../oci/descriptor.ts'
import type { HostClient, RequestContext } from '../traffic/host-client.ts'
import { follow } from '../traffic/redirect.ts'
import type { Login } from './credentials.ts'
import { TokenServerError } from './refusal.ts'

/** What a token is asked for. */
export interface TokenRequest {
  readonly realm: URL
  readonly service: string
  /** The most wanted first: some token servers read no further. */
  readonly scopes: readonly string[]
  readonly login: Login | null
}

export interface Token {
  readonly value: string
  /** Milliseconds since 1970. */
  readonly issued: number
  readonly expires: number
}

/** The token, or the token server's 401 or 403. */
export type Grant = { readonly token: Token } | { readonly refused: EgressResponse }

const DEFAULT_LIFETIME = 60_000
const MAX_LIFETIME = 24 * 3_600_000
/** Milliseconds that a refusal is believed: repeated bad logins get an address blocked. */
const REFUSAL_LIFETIME = 60_000
const MAX_TOKEN_ANSWER = 1024 * 1024
const MAX_KEPT = 2000
const CLIENT_ID = 'imagestreams'

interface Flight {
  readonly grant: Promise<Grant>
  readonly leader: AbortSignal
}

/**
 * The tokens for one registry, each for one realm, service, scope set and credential, fetched once however many ask,
 * and renewed before they expire. Source: distribution, token authentication specification and OAuth2.
 */
export class Tokens {
  readonly #client: HostClient
  readonly #clock: Clock
  readonly #kept = new Map<string, { grant: Grant; until: number }>()
  readonly #flights = new Map<string, Flight>()

  constructor({ client, clock }: { client: HostClient; clock: Clock }) {
    this.#client = client
    this.#clock = clock
  }

  /**
   * A token that is not `insteadOf`, which the registry refused. Rejects with TokenServerError, or the signal's reason
   * once it is aborted.
   */
  async get(request: TokenRequest, context: RequestContext, insteadOf?: string): Promise<Grant> {
    const key = [request.realm.href, request.service, request.login?.id ?? '', ...request.scopes].join('\n')
    for (;;) {
      const kept = this.#kept.get(key)
      if (kept && kept.until > this.#clock.now() && !isToken(kept.grant, insteadOf)) return kept.grant
      const flight = this.#flights.get(key) ?? this.#depart(key, request, context)
      try {
        return await unlessAborted(flight.grant, context.signal)
      } catch (error) {
        context.signal.throwIfAborted()
        // whoever began this went away; the others still want their token
        if (!flight.leader.aborted) throw error
      }
    }
  }

  #depart(key: string, request: TokenRequest, context: RequestContext): Flight {
    const grant = this.#fetch(request, context)
      .then((fetched) => {
        this.#keep(key, fetched)
        return fetched
      })
      .finally(() => this.#flights.delete(key))
    // nobody may be left to hear of its failure
    grant.catch(() => {})
    const flight = { grant, leader: context.signal }
    this.#flights.set(key, flight)
    return flight
  }

  #keep(key: string, grant: Grant): void {
    const now = this.#clock.now()
    if (this.#kept.size >= MAX_KEPT) {
      for (const [old, { until }] of this.#kept) if (until <= now) this.#kept.delete(old)
      const [oldest] = this.#kept.keys()
      if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    }
    this.#kept.set(key, { grant, until: 'token' in grant ? renewalOf(grant.token) : now + REFUSAL_LIFETIME })
  }

  async #fetch(request: TokenRequest, context: RequestContext): Promise<Grant> {
    const answer = await this.#ask(request, context).catch((cause: unknown) => {
      context.signal.throwIfAborted()
      throw new TokenServerError('it cannot be asked', { cause })
    })
    if (answer.status === 401 || answer.status === 403) return { refused: answer }
    if (answer.status !== 200) throw new TokenServerError('it gave no token', { answer })
    return { token: parseToken(answer.body, this.#clock.now()) }
  }

  async #ask(request: TokenRequest, context: RequestContext): Promise<EgressResponse> {
    const secret = request.login?.secret
    if (secret?.kind === 'identity') {
      const answer = await this.#refresh(request, secret.token, context)
      // distribution's way to say that a token server knows no OAuth2
      if (answer.status !== 404 && answer.status !== 405) return answer
    }
    const url = new URL(request.realm)
    if (request.service !== '') url.searchParams.set('service', request.service)
    for (const scope of request.scopes) url.searchParams.append('scope', scope)
    const authorization = request.login ? basicAuthorization(request.login) : undefined
    const { answer } = await follow(
      this.#client,
      url,
      { headers: JSON_ONLY, authorization, maxBytes: MAX_TOKEN_ANSWER, ...accountOf(request) },
      context,
    )
    return answer
  }

  #refresh(request: TokenRequest, token: string, context: RequestContext): Promise<EgressResponse> {
    const { realm, service, scopes } = request
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      service,
      client_id: CLIENT_ID,
      refresh_token: token,
      scope: scopes.join(' '),
    })
    return this.#client.request(
      realm,
      {
        method: 'POST',
        headers: { ...JSON_ONLY, 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        maxBytes: MAX_TOKEN_ANSWER,
        ...accountOf(request),
      },
      context,
    )
  }
}

const JSON_ONLY = { accept: 'application/json' }

const accountOf = ({ login }: TokenRequest): { readonly account?: string } =>
  login ? { account: login.id } : {}

const isToken = (grant: Grant, value: string | undefined): boolean =>
  'token' in grant && grant.token.value === value

// early enough that a token does not expire on its way
const renewalOf = ({ issued, expires }: Token): number => expires - Math.min(30_000, (expires - issued) / 5)

/** The `Basic` header for it; undefined for a bearer token, which is not for this. */
export function basicAuthorization({ secret }: Login): string | undefined {
  if (secret.kind === 'registry') return undefined
  const [username, password] =
    secret.kind === 'password'
      ? [secret.username, secret.password]
      : [secret.username || '<token>', secret.token]
  return `Basic ${basicCredentials(username, password)}`
}

/** Reads `token` or `access_token`; a lifetime that is missing or below a minute is a minute. Throws TokenServerError. */
function parseToken(body: Uint8Array, now: number): Token {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  } catch {
    // no cause: the parser's message quotes what may be a token
    throw new TokenServerError('its answer is not JSON')
  }
  const value = isObject(json) ? json.token || json.access_token : undefined
  // what else stood there could add a header of its own
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
    throw new TokenServerError('it gave no token')
  const seconds = isObject(json) ? Number(json.expires_in) : 0
  const lifetime = Number.isFinite(seconds) ? seconds * 1000 : 0
  return { value, issued: now, expires: now + Math.min(Math.max(lifetime, DEFAULT_LIFETIME), MAX_LIFETIME) }
}

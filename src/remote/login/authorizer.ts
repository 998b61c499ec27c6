import { ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { RequestContext } from '../traffic/host-client.ts'
import { type Demand, demandOf, parseChallenges } from './challenge.ts'
import type { CloudLogins } from './cloud-logins.ts'
import type { Credential, Login } from './credentials.ts'
import { TokenServerError } from './refusal.ts'
import type { RegistryHost } from './registry-host.ts'
import { basicAuthorization, type Token } from './token.ts'
import { isTrustedRealm, type TrustedRealms } from './trusted-realm.ts'

/** What a request is sent with. */
export interface Authorization {
  readonly header: string | undefined
  /** Whether it stems from a credential. */
  readonly signedIn: boolean
  readonly token?: Token
  /** The token server that the credential was not shown to, because it is not known to be the registry's. */
  readonly withheldFrom?: string
  /** The token server's refusal; there is no header then. */
  readonly refused?: EgressResponse
}

export const NOBODY: Authorization = { header: undefined, signedIn: false }

export interface AuthorizerOptions {
  readonly registry: string
  readonly repository: string
  /** What a token must allow; reading the repository unless given, and nothing when empty. */
  readonly scope?: string
  readonly host: RegistryHost
  readonly trustedRealms: TrustedRealms
  readonly logins: CloudLogins
  readonly context: RequestContext
}

const MAX_SCOPES = 8

/** Gives what a registry demands for one repository. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  #demand: Demand | undefined
  #scopes: readonly string[]

  constructor(options: AuthorizerOptions) {
    this.#options = options
    this.#scopes = [options.scope ?? `repository:${options.repository}:pull`].filter((scope) => scope !== '')
  }

  /** Remembers what a 401 asks for; `isBase` when that is the registry's, which says nothing of the repository. */
  learn({ status, headers }: EgressResponse, isBase = false): void {
    if (status !== 401) return
    const demand = demandOf(parseChallenges(headers['www-authenticate']))
    if (!demand) return
    this.#demand = demand
    this.#options.host.demand = demand
    if (demand.scheme !== 'bearer' || isBase) return
    // newest first: some registries only look at the first
    const scopes = [...demand.scopes.slice(0, MAX_SCOPES - 1), ...this.#scopes]
    this.#scopes = [...new Set(scopes)].slice(0, MAX_SCOPES)
  }

  /**
   * What the registry wants of whom the credential names, by what it demanded last. The token is not `insteadOf`, which
   * the registry refused. Rejects with TokenServerError, CloudLoginError, or the signal's reason once it is aborted.
   */
  authorize(credential: Credential | null, insteadOf?: string): Authorization | Promise<Authorization> {
    const demand = this.#demand ?? this.#options.host.demand
    if (demand === undefined || demand === 'open') return NOBODY
    if (!credential) return this.#authorizeAs(null, demand, insteadOf)
    const { logins, registry, context } = this.#options
    const login = logins.loginFor(credential, registry, context)
    return login instanceof Promise
      ? login.then((shown) => this.#authorizeAs(shown, demand, insteadOf))
      : this.#authorizeAs(login, demand, insteadOf)
  }

  #authorizeAs(
    login: Login | null,
    demand: Demand,
    insteadOf: string | undefined,
  ): Authorization | Promise<Authorization> {
    if (demand.scheme === 'bearer') return this.#authorizeByToken(demand, login, insteadOf)
    const header = login ? basicAuthorization(login) : undefined
    return { header, signedIn: header !== undefined }
  }

  /** What a host that the registry redirected to gives anybody; undefined when it wants more than that. */
  async authorizeAbroad(url: URL, { status, headers }: EgressResponse): Promise<string | undefined> {
    const demand = status === 401 ? demandOf(parseChallenges(headers['www-authenticate'])) : undefined
    if (demand?.scheme !== 'bearer') return undefined
    const { host, context } = this.#options
    const { realm, service, scopes } = demand
    if (isDowngrade(url, realm, context)) return undefined
    const request = { realm, service, scopes: scopes.slice(0, MAX_SCOPES), login: null }
    const grant = await host.tokens.get(request, context)
    return 'token' in grant ? `Bearer ${grant.token.value}` : undefined
  }

  async #authorizeByToken(
    { realm, service }: Demand & { scheme: 'bearer' },
    login: Login | null,
    insteadOf: string | undefined,
  ): Promise<Authorization> {
    if (login?.secret.kind === 'registry') {
      return { header: `Bearer ${login.secret.token}`, signedIn: true }
    }
    const { host, context, trustedRealms } = this.#options
    if (isDowngrade(host.origin, realm, context)) {
      throw new TokenServerError('it has no TLS', { cause: new ForbiddenTargetError() })
    }
    const isTrusted = isTrustedRealm(host.origin, realm, trustedRealms) || isForRealm(login, realm)
    const shown = isTrusted ? login : null
    const about = {
      signedIn: shown !== null,
      ...(login && !isTrusted && { withheldFrom: realm.host }),
    }
    const request = { realm, service, scopes: this.#scopes, login: shown }
    const grant = await host.tokens.get(request, context, insteadOf)
    if ('refused' in grant) return { ...about, header: undefined, refused: grant.refused }
    return { ...about, header: `Bearer ${grant.token.value}`, token: grant.token }
  }
}

const isForRealm = (login: Login | null, realm: URL): boolean =>
  realm.protocol === 'https:' && login?.realm === realm.host

const isDowngrade = (from: URL, to: URL, { insecure }: RequestContext): boolean =>
  from.protocol === 'https:' && to.protocol === 'http:' && !insecure

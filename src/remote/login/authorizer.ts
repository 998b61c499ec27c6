import { ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import { type AuthRequirement, parseChallenges, requirementOf } from './challenge.ts'
import type { CloudLogins } from './cloud-logins.ts'
import { basicAuthorization, type Credential, type Login } from './credentials.ts'
import type { HostHints } from './host-hints.ts'
import type { Token } from './token-server.ts'
import { TokenServerError } from './token-server.ts'
import { isTrustedRealm, type TrustedRealms } from './trusted-realm.ts'

/** The authorization of a request. */
export interface Authorization {
  /** The `Authorization` header; undefined for an anonymous request, and when the token server refused. */
  readonly header: string | undefined
  /** Whether it is derived from a credential. */
  readonly signedIn: boolean
  readonly token?: Token
  /** The token server that did not receive the credential, because it is not trusted for the registry. */
  readonly withheldFrom?: string
  /** The token server's refusal. */
  readonly refused?: EgressResponse
}

/** Sends no credential. */
export const ANONYMOUS: Authorization = { header: undefined, signedIn: false }

export interface AuthorizerOptions {
  readonly registry: string
  readonly repository: string
  /** Scopes of tokens, separated by spaces: pulling the repository by default, none when empty. */
  readonly scope?: string | undefined
  readonly hints: HostHints
  readonly trustedRealms: TrustedRealms
  readonly logins: CloudLogins
  readonly context: RequestContext
}

const MAX_SCOPES = 8

/** Authorizes the requests for one repository as its registry requires. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  #scopes: readonly string[]

  constructor(options: AuthorizerOptions) {
    this.#options = options
    const { repository, scope = `repository:${repository}:pull` } = options
    this.#scopes = scope.split(' ').filter((one) => one !== '')
  }

  /** Identifies how requests are authorized at present: what the repository requires, and the scopes of its tokens. */
  get state(): readonly unknown[] {
    const { hints, repository } = this.#options
    return [hints.requirements.of(repository), this.#scopes]
  }

  /**
   * Stores the requirement of a 401 for the repository. `isBase`: it is the response of `/v2/`, whose scope is not the
   * repository's. Returns whether the response has a requirement.
   */
  recordChallenge({ status, headers }: EgressResponse, isBase = false): boolean {
    if (status !== 401) return false
    const requirement = requirementOf(parseChallenges(headers['www-authenticate']))
    if (!requirement) return false
    const { hints, repository } = this.#options
    const isNew = hints.requirements.learn(repository, requirement)
    if (isNew) hints.firstResponseHeaders = headers
    if (requirement.scheme !== 'bearer' || isBase) return true
    // newest first: some registries read only the first
    const scopes = [...requirement.scopes.slice(0, MAX_SCOPES - 1), ...this.#scopes]
    const next = [...new Set(scopes)].slice(0, MAX_SCOPES)
    if (next.join() !== this.#scopes.join()) this.#scopes = next
    return true
  }

  /**
   * Authorizes a request by the repository's last known requirement. `refusedToken` is a token that the registry refused, and
   * is not used again. Rejects with TokenServerError, CloudLoginError, or the signal's reason once it is aborted.
   */
  async authorize(credential: Credential | null, refusedToken?: string): Promise<Authorization> {
    const { hints, logins, registry, repository, context } = this.#options
    const requirement = hints.requirements.of(repository)
    if (requirement === undefined || requirement === 'none') return ANONYMOUS
    const login = credential && (await logins.loginFor(credential, registry, context))
    if (requirement.scheme === 'bearer') return this.#authorizeByToken(requirement, login, refusedToken)
    const header = login ? basicAuthorization(login) : undefined
    return { header, signedIn: header !== undefined }
  }

  /** Returns an anonymous `Authorization` for the target of a redirect; undefined when it requires more than that. */
  async authorizeRedirectTarget(url: URL, { status, headers }: EgressResponse): Promise<string | undefined> {
    const requirement =
      status === 401 ? requirementOf(parseChallenges(headers['www-authenticate'])) : undefined
    if (requirement?.scheme !== 'bearer') return undefined
    const { hints, context } = this.#options
    const { realm, service, scopes } = requirement
    if (isDowngrade(url, realm, context)) return undefined
    const request = { realm, service, scopes: scopes.slice(0, MAX_SCOPES), login: null }
    const grant = await hints.tokens.get(request, context)
    return 'token' in grant ? `Bearer ${grant.token.value}` : undefined
  }

  async #authorizeByToken(
    { realm, service }: AuthRequirement & { scheme: 'bearer' },
    login: Login | null,
    refusedToken: string | undefined,
  ): Promise<Authorization> {
    if (login?.secret.kind === 'registry') {
      return { header: `Bearer ${login.secret.token}`, signedIn: true }
    }
    const { hints, context, trustedRealms } = this.#options
    if (isDowngrade(hints.origin, realm, context)) {
      throw new TokenServerError('it has no TLS', { cause: new ForbiddenTargetError('plain') })
    }
    const isTrusted = isTrustedRealm(hints.origin, realm, trustedRealms) || isForRealm(login, realm)
    const sent = isTrusted ? login : null
    const result = {
      signedIn: sent !== null,
      ...(login && !isTrusted && { withheldFrom: realm.host }),
    }
    const request = { realm, service, scopes: this.#scopes, login: sent }
    const grant = await hints.tokens.get(request, context, refusedToken)
    if ('refused' in grant) return { ...result, header: undefined, refused: grant.refused }
    return { ...result, header: `Bearer ${grant.token.value}`, token: grant.token }
  }
}

const isForRealm = (login: Login | null, realm: URL): boolean =>
  realm.protocol === 'https:' && login?.realm === realm.host

const isDowngrade = (from: URL, to: URL, { insecure }: RequestContext): boolean =>
  from.protocol === 'https:' && to.protocol === 'http:' && !insecure

import type { EgressResponse } from '../../egress/exchange.ts'
import type { Authorization, Authorizer } from '../login/authorizer.ts'
import type { Credential } from '../login/credentials.ts'
import type { Requirement } from '../login/requirement-hints.ts'
import { TokenServerError } from '../login/token-server.ts'
import {
  BASE_REQUEST,
  HIDDEN,
  isDenied,
  type RegistryRequest,
  type RegistryResponse,
  type SessionOptions,
} from './registry-request.ts'
import type { RequestSender } from './request-sender.ts'

/** Age in milliseconds from which a refused token may be outdated. A refused newer token means that access is denied. */
const MIN_OUTDATED_AGE = 10_000

/** A request as it was sent, and its response. */
export interface Sent {
  readonly authorization: Authorization
  readonly response: EgressResponse
}

/** The result of a request, or the failure of the token server. */
export interface Attempt {
  readonly outcome: RegistryResponse | TokenServerError
  /** The last request; undefined when the token server returned no token for it. */
  readonly sent?: Sent
}

/**
 * Requests that are authorized by the known requirement of the repository. A request that is denied is repeated once by the
 * requirement of the denial, and with a new token.
 */
export class AuthorizedRequests {
  readonly #options: SessionOptions
  readonly #authorizer: Authorizer
  readonly #sender: RequestSender

  constructor(options: SessionOptions, authorizer: Authorizer, sender: RequestSender) {
    this.#options = options
    this.#authorizer = authorizer
    this.#sender = sender
  }

  /**
   * Sends the request by the known requirement unless `first` is its result, and repeats it when it is denied.
   * `isDoubtful`: it may have failed because the requirement is outdated.
   */
  async send(
    request: RegistryRequest,
    credential: Credential | null,
    first?: Attempt,
  ): Promise<Attempt & { readonly isDoubtful: boolean }> {
    const hint = first ? 'none' : this.#options.hints.requirements.of(this.#options.repository)
    const attempt = first ?? (await this.#sendOnce(request, credential))
    const { sent } = attempt
    if (!sent || !isDenied(sent.response)) {
      return { ...attempt, isDoubtful: isDoubtful(attempt, hint, credential) }
    }
    const { logins, registry } = this.#options
    const isCurrent = this.#authorizer.recordChallenge(sent.response, isBase(request))
    if (credential && sent.authorization.signedIn) logins.recordRefusal(credential, registry)
    const again = await this.#sendOnce(request, credential, sent)
    return { ...again, isDoubtful: !isCurrent && isDoubtful(again, hint, credential) }
  }

  /** Sends the request, after a denial only if it would be authorized in another way. */
  async #sendOnce(request: RegistryRequest, credential: Credential | null, denied?: Sent): Promise<Attempt> {
    const { hints, repository } = this.#options
    let authorization: Authorization
    try {
      authorization = await this.#authorize(credential, denied && this.#outdatedTokenOf(denied))
    } catch (error) {
      if (!(error instanceof TokenServerError)) throw error
      return { outcome: error }
    }
    if (authorization.refused) return { outcome: responseFor(authorization, authorization.refused) }
    const response =
      denied && isSame(authorization, denied.authorization)
        ? denied.response
        : await this.#sendAs(request, credential, authorization)
    if (response.status < 400) hints.requirements.recordSuccess(repository)
    return { outcome: responseFor(authorization, response), sent: { authorization, response } }
  }

  async #authorize(credential: Credential | null, refusedToken?: string): Promise<Authorization> {
    const { logins, registry } = this.#options
    const authorization = await this.#authorizer.authorize(credential, refusedToken)
    if (credential && authorization.signedIn) credential.onUsed?.()
    if (credential && authorization.refused) logins.recordRefusal(credential, registry)
    return authorization
  }

  #sendAs(
    request: RegistryRequest,
    credential: Credential | null,
    { header, signedIn }: Authorization,
  ): Promise<EgressResponse> {
    return this.#sender.send(request, {
      authorization: header,
      isPull: request.isPull ?? false,
      ...(signedIn && credential && { account: credential.id }),
    })
  }

  #outdatedTokenOf({ authorization: { token } }: Sent): string | undefined {
    const isOutdated =
      token !== undefined && Math.abs(this.#options.clock.now() - token.issued) >= MIN_OUTDATED_AGE
    return isOutdated ? token.value : undefined
  }
}

/** Statuses of a refused authorization; some registries respond with 400 to a token that they cannot read. */
const REFUSED: ReadonlySet<number> = new Set([400, 401, 403])

/** Reports whether an attempt may have failed because the requirement is outdated. */
function isDoubtful(
  { outcome, sent }: Attempt,
  hint: Requirement | undefined,
  credential: Credential | null,
): boolean {
  if (outcome instanceof TokenServerError) return outcome.isFailure
  if (!sent) return true
  if (sent.authorization.header !== undefined) return REFUSED.has(sent.response.status)
  // the registry did not request the credential, but may do so now
  return hint === 'none' && credential !== null && HIDDEN.has(sent.response.status)
}

/** Reports whether the request is for `/v2/`. */
export const isBase = ({ path }: RegistryRequest): boolean => path === BASE_REQUEST.path

// two token servers may issue equal tokens
const isSame = (one: Authorization, other: Authorization): boolean =>
  one.header === other.header && one.token === other.token

/** Returns a response as it was obtained. */
export const responseFor = (
  { signedIn, withheldFrom, refused }: Authorization,
  response: EgressResponse,
): RegistryResponse => ({
  response,
  signedIn,
  withheldFrom,
  source: response === refused ? 'its token server' : 'it',
})

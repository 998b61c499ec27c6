import type { Clock } from '../../concurrency/clock.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import {
  ANONYMOUS,
  type Authorization,
  type Authorizer,
  type AuthorizerOptions,
} from '../login/authorizer.ts'
import type { Credential } from '../login/credentials.ts'
import { isDenied, type RegistryRequest, type RegistryResponse } from './registry-request.ts'
import type { RequestSender } from './request-sender.ts'

/** Age in milliseconds from which a refused token may be outdated. A refused newer token means that access is denied. */
const MIN_OUTDATED_AGE = 10_000

interface HintedRequestsOptions extends Pick<AuthorizerOptions, 'registry' | 'hints' | 'logins'> {
  readonly sender: RequestSender
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Requests that are authorized by cached hints: the host's requirement and the token for it. A hint may be outdated, so a
 * request that is denied is repeated once without them: by the requirement of the denial, and with a new token.
 */
export class HintedRequests {
  readonly #options: HintedRequestsOptions

  constructor(options: HintedRequestsOptions) {
    this.#options = options
  }

  /** Returns the registry's response, with any status, or its token server's refusal. */
  async send(request: RegistryRequest, credential: Credential | null): Promise<RegistryResponse> {
    const { hints, sender, signal } = this.#options
    const discovered =
      hints.requirement === undefined
        ? await hints.discover(() => sender.discover(request, credential !== null), signal)
        : undefined
    const authorization = discovered ? ANONYMOUS : await this.#authorize(credential)
    if (authorization.refused) return responseFor(authorization, authorization.refused)
    const response = discovered ?? (await this.#sendAs(request, credential, authorization))
    if (!isDenied(response)) return responseFor(authorization, response)
    return this.#retryWithoutHints(request, credential, { authorization, response })
  }

  /** Repeats a denied request, unless it would be authorized in the same way. */
  async #retryWithoutHints(
    request: RegistryRequest,
    credential: Credential | null,
    denied: { readonly authorization: Authorization; readonly response: EgressResponse },
  ): Promise<RegistryResponse> {
    const { authorizer, logins, clock, registry } = this.#options
    const { token, signedIn, header } = denied.authorization
    authorizer.recordChallenge(denied.response, request.path === '/v2/')
    if (credential && signedIn) logins.recordRefusal(credential, registry)
    const isOutdated = token !== undefined && clock.now() - token.issued >= MIN_OUTDATED_AGE
    const authorization = await this.#authorize(credential, isOutdated ? token.value : undefined)
    if (authorization.refused) return responseFor(authorization, authorization.refused)
    if (authorization.header === header) return responseFor(authorization, denied.response)
    return responseFor(authorization, await this.#sendAs(request, credential, authorization))
  }

  async #authorize(credential: Credential | null, refusedToken?: string): Promise<Authorization> {
    const { authorizer, logins, registry } = this.#options
    const authorization = await authorizer.authorize(credential, refusedToken)
    if (credential && authorization.signedIn) credential.onUsed?.()
    if (credential && authorization.refused) logins.recordRefusal(credential, registry)
    return authorization
  }

  #sendAs(
    request: RegistryRequest,
    credential: Credential | null,
    { header, signedIn }: Authorization,
  ): Promise<EgressResponse> {
    return this.#options.sender.send(request, {
      authorization: header,
      isPull: request.isPull ?? false,
      ...(signedIn && credential && { account: credential.id }),
    })
  }
}

const responseFor = (
  { signedIn, withheldFrom, refused }: Authorization,
  response: EgressResponse,
): RegistryResponse => ({
  response,
  signedIn,
  withheldFrom,
  source: response === refused ? 'its token server' : 'it',
})

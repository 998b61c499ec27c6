import type { EgressResponse } from '../../egress/exchange.ts'
import { ANONYMOUS, type Authorization, Authorizer } from '../login/authorizer.ts'
import type { Credential } from '../login/credentials.ts'
import {
  isDenied,
  type RegistryRequest,
  type RegistryResponse,
  type SessionOptions,
} from './registry-request.ts'
import { RequestSender } from './request-sender.ts'

/** Age in milliseconds from which a refused token may be outdated. A refused newer token means that access is denied. */
const MIN_OUTDATED_AGE = 10_000

/**
 * Requests that are authorized by cached hints: the host's requirement and the token for it. A hint may be outdated, so a
 * request that is denied is repeated once without them: by the requirement of the denial, and with a new token.
 */
export class HintedRequests {
  readonly #options: SessionOptions
  readonly #authorizer: Authorizer
  readonly #sender: RequestSender

  constructor(options: SessionOptions) {
    this.#options = options
    this.#authorizer = new Authorizer(options)
    this.#sender = new RequestSender(options, this.#authorizer)
  }

  /** Returns the registry's response, with any status, or its token server's refusal. */
  async send(request: RegistryRequest, credential: Credential | null): Promise<RegistryResponse> {
    const { hints, context } = this.#options
    const discover = () => this.#sender.discover(request, credential !== null)
    const discovered =
      hints.requirement === undefined ? await hints.discover(discover, context.signal) : undefined
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
    const { logins, clock, registry } = this.#options
    const { token, signedIn, header } = denied.authorization
    this.#authorizer.recordChallenge(denied.response, request.path === '/v2/')
    if (credential && signedIn) logins.recordRefusal(credential, registry)
    const isOutdated = token !== undefined && clock.now() - token.issued >= MIN_OUTDATED_AGE
    const authorization = await this.#authorize(credential, isOutdated ? token.value : undefined)
    if (authorization.refused) return responseFor(authorization, authorization.refused)
    if (authorization.header === header) return responseFor(authorization, denied.response)
    return responseFor(authorization, await this.#sendAs(request, credential, authorization))
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

import type { EgressResponse } from '../../egress/exchange.ts'
import { ANONYMOUS, Authorizer } from '../login/authorizer.ts'
import type { Credential } from '../login/credentials.ts'
import { TokenServerError } from '../login/token-server.ts'
import { type Attempt, AuthorizedRequests, isBase, responseFor, type Sent } from './authorized-requests.ts'
import {
  BASE_REQUEST,
  HIDDEN,
  type RegistryRequest,
  type RegistryResponse,
  type SessionOptions,
} from './registry-request.ts'
import { RequestSender } from './request-sender.ts'

/**
 * Requests that are authorized by cached hints: the repository's requirement and the token for it. A hint may be outdated, so
 * a request that is denied is repeated once by the requirement of the denial, and with a new token. When the token server
 * fails, or the registry refuses without a requirement, the requirement is requested again, without authorization.
 */
export class HintedRequests {
  readonly #options: SessionOptions
  readonly #authorizer: Authorizer
  readonly #sender: RequestSender
  readonly #requests: AuthorizedRequests

  constructor(options: SessionOptions) {
    this.#options = options
    this.#authorizer = new Authorizer(options)
    this.#sender = new RequestSender(options, this.#authorizer)
    this.#requests = new AuthorizedRequests(options, this.#authorizer, this.#sender)
  }

  /**
   * Returns the registry's response, with any status, or its token server's refusal. Rejects with TokenServerError for a token
   * server that fails.
   */
  async send(request: RegistryRequest, credential: Credential | null): Promise<RegistryResponse> {
    const { hints, repository, context, clock } = this.#options
    const probe = probeOf(request)
    const discover = () => this.#sender.discover(probe, credential !== null)
    const found = hints.isDiscovered ? undefined : await hints.discover(discover, context.signal)
    const response = probe === request ? found : undefined
    const hint = response ? 'none' : hints.requirements.of(repository)
    const first = response && {
      outcome: responseFor(ANONYMOUS, response),
      sent: { authorization: ANONYMOUS, response },
    }
    const { state } = this.#authorizer
    const { isDoubtful, ...attempt } = await this.#requests.send(request, credential, first)
    if (!isDoubtful || hints.requirements.isConfirmed(repository, clock.now())) return resultOf(attempt)

    let accepted: EgressResponse | undefined
    const isKnown = () => this.#authorizer.state.every((part, at) => part === state[at])
    const rediscover = async () => {
      accepted = await this.#rediscover(request, credential, hint === 'none' ? attempt.sent : undefined)
    }
    // another request may have found the requirement out meanwhile
    if (isKnown()) await hints.requirements.rediscover(repository, rediscover, context.signal)
    const isCurrent = isKnown()
    if (isCurrent) hints.requirements.confirm(repository, clock.now())
    if (accepted) return responseFor(ANONYMOUS, accepted)
    return resultOf(isCurrent ? attempt : await this.#requests.send(request, credential))
  }

  /**
   * Requests the repository's requirement again: by the request without authorization, or by `/v2/` where the registry may
   * hide the repository from anonymous clients. Returns the response when it is the result of the request. `sent` is the
   * request if it was already sent without authorization. Rejects only with the signal's reason once it is aborted.
   */
  async #rediscover(
    request: RegistryRequest,
    credential: Credential | null,
    sent: Sent | undefined,
  ): Promise<EgressResponse | undefined> {
    const { requirements } = this.#options.hints
    const { repository } = this.#options
    const send = (one: RegistryRequest) => this.#sender.sendWithoutHints(one, credential !== null)
    const probe = probeOf(request)
    const response = sent?.response ?? (await send(probe))
    if (!response || this.#authorizer.recordChallenge(response, isBase(probe))) return undefined
    if (probe !== request) return undefined
    if (response.status < 400) {
      requirements.learn(repository, 'none')
      return response
    }
    if (isBase(request) || !HIDDEN.has(response.status)) return undefined
    const base = await send(BASE_REQUEST)
    if (!base || this.#authorizer.recordChallenge(base, true)) return undefined
    if (base.status >= 400 || response.status !== 404) return undefined
    requirements.learn(repository, 'none')
    return response
  }
}

/** Returns the request that is sent without authorization in place of another one: content is never pushed so. */
const probeOf = (request: RegistryRequest): RegistryRequest => (request.isPush ? BASE_REQUEST : request)

function resultOf({ outcome }: Attempt): RegistryResponse {
  if (outcome instanceof TokenServerError) throw outcome
  return outcome
}

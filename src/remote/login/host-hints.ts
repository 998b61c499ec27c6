import { SingleFlight } from '../../concurrency/single-flight.ts'
import type { EgressResponse, ResponseHeaders } from '../../egress/exchange.ts'
import { HeadHints } from './head-hints.ts'
import { RequirementHints } from './requirement-hints.ts'
import type { TokenCache } from './token-cache.ts'
import { UploadHints } from './upload-hints.ts'

/** Milliseconds for which the scheme is not doubted again after the other one was tried. */
const SCHEME_CONFIRMED_FOR = 60_000

/**
 * Cached knowledge about one registry host: its scheme, what its repositories require, its tokens, where HEAD is useful,
 * and the size of uploads. All of it is a hint, which may be outdated: a request that fails with a hint is repeated once without it. Secure
 * and insecure requests never share hints.
 */
export class HostHints {
  /** `host[:port]` that requests are sent to. */
  readonly host: string
  readonly tokens: Pick<TokenCache, 'get'>
  readonly requirements = new RequirementHints()
  readonly heads = new HeadHints()
  readonly uploads = new UploadHints()
  /** Scheme and host of the last response. */
  origin: URL
  /** Whether scheme and requirement were discovered, and the host has been reachable since. */
  isDiscovered = false
  /** The headers of the first response, and of a later new challenge, which identify the registry's software. */
  firstResponseHeaders: ResponseHeaders | undefined
  #schemeConfirmedUntil = 0
  readonly #discovery = new SingleFlight<EgressResponse>()

  constructor(host: string, tokens: Pick<TokenCache, 'get'>) {
    this.host = host
    this.tokens = tokens
    this.origin = new URL(`https://${host}`)
  }

  /** Whether no discovery is in flight, so that dropping these hints costs requests only. */
  get idle(): boolean {
    return this.#discovery.inFlight.length === 0 && this.requirements.idle
  }

  /** Makes the next request discover the host again: a host that was unreachable may return with another scheme. */
  drop(): void {
    this.isDiscovered = false
  }

  /** Records that the other scheme was tried in vain. `now` in milliseconds since 1970. */
  confirmScheme(now: number): void {
    this.#schemeConfirmedUntil = now + SCHEME_CONFIRMED_FOR
  }

  /** Reports whether the other scheme was tried in vain recently. */
  isSchemeConfirmed(now: number): boolean {
    return this.#schemeConfirmedUntil > now
  }

  /**
   * Lets one request discover scheme and requirement while the others wait. Returns the response of `discover` to the
   * caller whose request it was; undefined to the others when the requirement is known then. A discovery that failed, or
   * left the requirement unknown, is the result of all waiting callers: they do not repeat it.
   */
  async discover(
    discover: () => Promise<EgressResponse>,
    signal: AbortSignal,
  ): Promise<EgressResponse | undefined> {
    if (this.isDiscovered) return undefined
    let isOwn = false
    const start = () => {
      isOwn = true
      return discover()
    }
    const response = await this.#discovery.run('', start, signal)
    return isOwn || !this.isDiscovered ? response : undefined
  }
}

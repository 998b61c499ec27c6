import type { EgressResponse } from '../../egress/exchange.ts'

/** The token server that a registry named cannot be used; `cause` or `response` holds the failure. */
export class TokenServerError extends Error {
  override readonly name = 'TokenServerError'
  // private: a logger writes all public fields
  readonly #response: EgressResponse | undefined

  constructor(message: string, { response, cause }: { response?: EgressResponse; cause?: unknown } = {}) {
    super(message, { cause })
    this.#response = response
  }

  get response(): EgressResponse | undefined {
    return this.#response
  }
}

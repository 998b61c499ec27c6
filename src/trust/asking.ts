import { RegistryError } from '../oci/registry-error.ts'
import type { ArtifactSource, ArtifactSources, Place } from './artifact-source.ts'

/** Why a registry could not be asked: words of its errors, or of this server's. */
export interface Failure {
  readonly reason: string
  readonly message: string
}

export interface AskingOptions {
  readonly sources: ArtifactSources
  /** Told of what no registry can be blamed for. */
  readonly onInternalError: (error: unknown) => void
  /** Milliseconds for all that is asked of a registry about one image. */
  readonly timeout?: number
}

const TIMEOUT = 30_000

/** Asks registries within a time, the same question once at a time, and makes data of failures. */
export class Asking implements Disposable {
  readonly #options: AskingOptions
  readonly #closing = new AbortController()
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: AskingOptions) {
    this.#options = options
  }

  /** What `ask` gives, or why it did not; who asks for the same at the same time shares it. */
  async once<Answer>(
    key: string,
    place: Place,
    ask: (source: ArtifactSource) => Promise<Answer>,
  ): Promise<Answer | { readonly failure: Failure }> {
    const underWay = this.#underWay.get(key)
    if (underWay) return underWay as Promise<Answer>
    const answer = this.#ask(place, ask).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, answer)
    return answer
  }

  async #ask<Answer>(place: Place, ask: (source: ArtifactSource) => Promise<Answer>) {
    const { sources, timeout = TIMEOUT, onInternalError } = this.#options
    const late = AbortSignal.timeout(timeout)
    try {
      return await ask(sources.open(place, AbortSignal.any([late, this.#closing.signal])))
    } catch (error) {
      const { reason, message } = this.#failureOf(error, place, late)
      if (reason === 'InternalError' && !this.#closing.signal.aborted) onInternalError(error)
      return { failure: { reason, message } }
    }
  }

  #failureOf(error: unknown, { registry }: Place, late: AbortSignal): Failure {
    if (error instanceof RegistryError) return error
    if (this.#closing.signal.aborted) return { reason: 'InternalError', message: 'this server is stopping' }
    if (late.aborted) {
      return {
        reason: 'RegistryUnavailable',
        message: `${registry} did not say in time what it has about the image`,
      }
    }
    return { reason: 'InternalError', message: `${registry} was not asked: this server failed` }
  }

  /** Ends what is under way. */
  [Symbol.dispose](): void {
    this.#closing.abort()
  }
}

/** Whether it is why a registry could not be asked, and no answer. */
export const isFailure = (answer: unknown): answer is { readonly failure: Failure } =>
  typeof answer === 'object' && answer !== null && 'failure' in answer

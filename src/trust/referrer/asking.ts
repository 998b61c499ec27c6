import { RegistryError } from '../../oci/registry-error.ts'
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

/** Asks registries within a time, does the same work once at a time, and makes data of failures. */
export class Asking implements Disposable {
  readonly #options: AskingOptions
  readonly #closing = new AbortController()
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: AskingOptions) {
    this.#options = options
  }

  /** What the work comes to, for all who want the same while it is done. */
  once<Result>(key: readonly unknown[], work: () => Promise<Result>): Promise<Result> {
    const name = JSON.stringify(key)
    const underWay = this.#underWay.get(name) as Promise<Result> | undefined
    if (underWay) return underWay
    const result = work().finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, result)
    return result
  }

  /** What `ask` gives, or why it did not. Never rejects. */
  async ask<Answer>(
    place: Place,
    ask: (source: ArtifactSource) => Promise<Answer>,
  ): Promise<Answer | { readonly failure: Failure }> {
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

  /** Keeps what was learnt, if that can be done: it is told all the same where the disk is full. */
  keep(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#options.onInternalError(error)
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

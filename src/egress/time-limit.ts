import { onAbort } from '../concurrency/abort.ts'
import { EgressTimeoutError } from './errors.ts'

/** The time limit of an exchange, which also ends when its signal is aborted. */
export class TimeLimit {
  readonly #onEnd: (error: unknown) => void
  #timer: NodeJS.Timeout
  #unwatch = (): void => {}

  /** `timeout` in milliseconds. */
  constructor(timeout: number, signal: AbortSignal, onEnd: (error: unknown) => void) {
    this.#onEnd = onEnd
    this.#timer = this.#start(timeout)
    if (!signal.aborted) this.#unwatch = onAbort(signal, () => onEnd(signal.reason))
  }

  restart(timeout: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#start(timeout)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#unwatch()
  }

  // undici's own timeouts restart with each byte: only this one ends a slow trickle
  #start(timeout: number): NodeJS.Timeout {
    return setTimeout(() => this.#onEnd(new EgressTimeoutError('total')), timeout)
  }
}

import { unlessAborted } from './clock.ts'

interface Flight<Result> {
  readonly result: Promise<Result>
  /** Signal of the caller whose work this is. */
  readonly leader: AbortSignal | undefined
}

/** Work of one key that runs once at a time: callers that arrive meanwhile wait for the same result. */
export class SingleFlight<Result> {
  readonly #flights = new Map<string, Flight<Result>>()

  /** Results that are still awaited. */
  get inFlight(): readonly Promise<Result>[] {
    return [...this.#flights.values()].map(({ result }) => result)
  }

  /**
   * Resolves or rejects as the work that is in flight for the key, which is started where there is none. A caller whose
   * signal is aborted rejects with its reason, and the work goes on for the others; when the caller that started it is
   * aborted and the work fails, another caller starts it again.
   */
  async run(key: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    for (;;) {
      const flight = this.#flights.get(key) ?? this.#start(key, work, signal)
      try {
        return await (signal ? unlessAborted(flight.result, signal) : flight.result)
      } catch (error) {
        signal?.throwIfAborted()
        if (!flight.leader?.aborted) throw error
      }
    }
  }

  #start(key: string, work: () => Promise<Result>, leader: AbortSignal | undefined): Flight<Result> {
    const result = work().finally(() => this.#flights.delete(key))
    // all callers may have left before it fails
    result.catch(() => {})
    const flight = { result, leader }
    this.#flights.set(key, flight)
    return flight
  }
}

import { unlessAborted } from './abort.ts'

interface Flight<Result> {
  readonly result: Promise<Result>
  /** Signal of the caller that started the work. */
  readonly leader: AbortSignal | undefined
}

/** Work that runs once at a time for each key: callers that arrive meanwhile receive the same result or error. */
export class SingleFlight<Result> {
  readonly #flights = new Map<string, Flight<Result>>()

  /** Results of the work that is in progress. */
  get inFlight(): readonly Promise<Result>[] {
    return [...this.#flights.values()].map(({ result }) => result)
  }

  /**
   * Settles as the work in progress for the key, which it starts if there is none. Rejects with the signal's reason once
   * it is aborted; the work continues for the other callers. When the caller that started the work is aborted and the
   * work fails, another caller starts it again.
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
    // no caller may be left to handle the rejection
    result.catch(() => {})
    const flight = { result, leader }
    this.#flights.set(key, flight)
    return flight
  }
}

/** Permission to send one request; ends with one of `succeed`, `fail`, `pause`, `backOff` and `release`. */
export interface Permit {
  /** The only request of a half-open circuit. */
  readonly isProbe: boolean
}

/** The permit of a closed circuit. */
export const CLOSED_PERMIT: Permit = { isProbe: false }
const PROBE: Permit = { isProbe: true }

/** The probe of a half-open circuit: one request at a time. */
export class ProbeSlot {
  #end: (() => void) | undefined
  #ended: Promise<void> = Promise.resolve()

  /** Resolves when the probe in flight has ended; at once when there is none. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Returns the permit of a probe; undefined while one is in flight. */
  take(): Permit | undefined {
    if (this.#end) return undefined
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
    return PROBE
  }

  /** Ends the probe in flight, if there is one. */
  free(): void {
    this.#end?.()
    this.#end = undefined
  }
}

/** Why a delivery did not succeed. */
export interface Failure {
  /**
   * LATER: the same request may succeed later. NEVER: it will not, whatever the attempt. GONE: the receiver wants no requests
   * any more.
   */
  readonly kind: 'LATER' | 'NEVER' | 'GONE'
  /** What went wrong, and what to do: `it responded with status 404: …`. */
  readonly message: string
  /** Milliseconds for which the receiver asks to wait. */
  readonly retryAfter?: number
}

/** How an attempt of a delivery ended. */
export interface Answer {
  /** Status of the response; null without one. */
  readonly status: number | null
  /** The first characters of the response, or what was done. */
  readonly text: string
  /** Address at which people see the work that began; null if the receiver gave none. */
  readonly link: string | null
  /** Address to ask for that link later; null when there is nothing to ask. */
  readonly follow?: string | null
  /** Null for a delivery that was accepted. */
  readonly failure: Failure | null
}

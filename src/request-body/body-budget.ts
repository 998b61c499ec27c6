/** Limit on the bytes of bodies that are held in memory at a time, shared by all requests of one endpoint. */
export class BodyBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Reserves bytes until they are given back. Reports whether there were enough. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  give(bytes: number): void {
    this.#left += bytes
  }
}

/** Share of a budget that the requests of one client may hold: the others always get the rest. */
const SHARE_OF_CLIENT = 1 / 2

/** Memory of one request for its body. */
export interface BodyMemory {
  /** Holds `bytes` for this request in place of those that it held before. Reports whether there was room for them. */
  hold(bytes: number): boolean
  /** Returns everything. */
  release(): void
}

/** Limit on the bytes of request bodies in memory at a time, shared by all requests to all endpoints. */
export class BodyBudget {
  readonly #limit: number
  readonly #heldBy = new Map<string, number>()
  #held = 0

  constructor(bytes: number) {
    this.#limit = bytes
  }

  /** Bytes that all requests hold. */
  get held(): number {
    return this.#held
  }

  /** Opens the memory of one request. `client` names the client that sends it. */
  open(client: string): BodyMemory {
    let own = 0
    const hold = (bytes: number): boolean => {
      const more = bytes - own
      if (more > 0 && !this.#hasRoom(client, more)) return false
      this.#add(client, more)
      own = bytes
      return true
    }
    return { hold, release: () => void hold(0) }
  }

  #hasRoom(client: string, more: number): boolean {
    const ofClient = (this.#heldBy.get(client) ?? 0) + more
    return this.#held + more <= this.#limit && ofClient <= this.#limit * SHARE_OF_CLIENT
  }

  #add(client: string, bytes: number): void {
    if (bytes === 0) return
    this.#held += bytes
    const ofClient = (this.#heldBy.get(client) ?? 0) + bytes
    if (ofClient === 0) this.#heldBy.delete(client)
    else this.#heldBy.set(client, ofClient)
  }
}

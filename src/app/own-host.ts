/** `host:port` under which clients on this machine reach the server: known once it listens. */
export class OwnHost {
  #host: string | undefined

  /** Throws before the server listens. */
  readonly get = (): string => {
    if (this.#host === undefined) throw new Error('the port of the server is not known before it listens')
    return this.#host
  }

  listensOn(port: number): void {
    this.#host = `localhost:${port}`
  }
}

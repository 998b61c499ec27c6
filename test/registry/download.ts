import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage } from 'node:http'

/** A GET whose body is watched while it arrives. */
export class Download implements Disposable {
  readonly response: Promise<IncomingMessage>
  /** Whether the answer came whole, once it has ended either way. */
  readonly isWhole: Promise<boolean>
  readonly #request: ClientRequest
  readonly #chunks: Buffer[] = []
  #received = 0
  #arrived = (): void => {}

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = get(url, { headers, agent: false })
    this.response = once(this.#request, 'response').then(([response]) => response)
    this.isWhole = this.#read()
    // who only wants to leave does not ask how it ended
    this.response.catch(() => {})
    this.isWhole.catch(() => {})
  }

  get received(): number {
    return this.#received
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Resolves when so many bytes of the body are here. */
  async until(bytes: number): Promise<void> {
    while (this.#received < bytes) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
  }

  async #read(): Promise<boolean> {
    const response = await this.response
    response.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#received += chunk.length
      this.#arrived()
    })
    response.on('error', () => {})
    await new Promise((resolve) => response.once('close', resolve))
    return response.complete
  }

  [Symbol.dispose](): void {
    this.#request.on('error', () => {})
    this.#request.destroy()
  }
}

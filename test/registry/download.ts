import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage } from 'node:http'

/** A GET request with its response body while it arrives. */
export class Download implements Disposable {
  readonly response: Promise<IncomingMessage>
  /** Whether the response was complete, after its end. */
  readonly isWhole: Promise<boolean>
  readonly #request: ClientRequest
  readonly #chunks: Buffer[] = []
  #received = 0
  #arrived = (): void => {}

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = get(url, { headers, agent: false })
    this.response = once(this.#request, 'response').then(([response]) => response)
    this.isWhole = this.#read()
    // a caller that disconnects does not await the end
    this.response.catch(() => {})
    this.isWhole.catch(() => {})
  }

  get received(): number {
    return this.#received
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Resolves when so many bytes of the body have arrived. */
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

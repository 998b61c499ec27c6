import type { Socket } from 'node:net'
import { networkOf } from '../../access/identity/network.ts'
import type { IsProxy } from './client-address.ts'

/** Seconds until a refused client should connect again. */
export const RETRY_AFTER = 5

/** Message for a client that has as many connections as it may have. */
export const TOO_MANY_CONNECTIONS = 'too many connections from this address: close some'
const REFUSAL = [
  'HTTP/1.1 503 Service Unavailable',
  'Connection: close',
  `Retry-After: ${RETRY_AFTER}`,
  'Content-Type: text/plain',
  `Content-Length: ${TOO_MANY_CONNECTIONS.length}`,
  '',
  TOO_MANY_CONNECTIONS,
].join('\r\n')

/** What ends: a socket, or a response. */
interface Ending {
  once(event: 'close', listener: () => void): unknown
}

/** Limits the connections of each address at the same time; of a client behind a proxy, its requests and WebSockets. */
export class ConnectionLimit {
  readonly #counts = new Map<string, number>()
  readonly #maximum: number
  readonly #isProxy: IsProxy
  readonly #onRefused: () => void
  #open = 0

  constructor(maximum: number, isProxy: IsProxy, onRefused: () => void = () => {}) {
    this.#maximum = maximum
    this.#isProxy = isProxy
    this.#onRefused = onRefused
  }

  /** Number of open connections. */
  get open(): number {
    return this.#open
  }

  /** Refuses a connection of an address that has too many open ones. A proxy has the connections of all its clients. */
  readonly onConnection = (socket: Socket): void => {
    const { remoteAddress = '' } = socket
    this.#open++
    socket.once('close', () => {
      this.#open--
    })
    if (this.#isProxy(remoteAddress) || this.#begin(remoteAddress, socket)) return
    socket.on('error', () => socket.destroy())
    socket.end(REFUSAL, () => socket.destroy())
  }

  /**
   * Counts what a proxy sends for a client, until it ends. Returns false for a client that has too much of it. What a proxy sends
   * without the name of a client is not limited.
   */
  admits(
    { remoteAddress = '' }: Pick<Socket, 'remoteAddress'>,
    client: string | null,
    ending: Ending,
  ): boolean {
    const isForClient = client !== null && this.#isProxy(remoteAddress) && !this.#isProxy(client)
    return !isForClient || this.#begin(client, ending)
  }

  #begin(address: string, ending: Ending): boolean {
    const network = networkOf(address)
    const count = this.#counts.get(network) ?? 0
    if (count >= this.#maximum) {
      this.#onRefused()
      return false
    }
    this.#counts.set(network, count + 1)
    ending.once('close', () => {
      const left = (this.#counts.get(network) ?? 1) - 1
      if (left === 0) this.#counts.delete(network)
      else this.#counts.set(network, left)
    })
    return true
  }
}

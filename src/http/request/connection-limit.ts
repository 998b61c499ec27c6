import type { Socket } from 'node:net'
import { networkOf } from '../../access/identity/network.ts'
import type { IsProxy } from './client-address.ts'

/** Seconds until a refused client should connect again. */
const RETRY_AFTER = 5

const MESSAGE = 'too many connections from this address: close some'
const REFUSAL = [
  'HTTP/1.1 503 Service Unavailable',
  'Connection: close',
  `Retry-After: ${RETRY_AFTER}`,
  'Content-Type: text/plain',
  `Content-Length: ${MESSAGE.length}`,
  '',
  MESSAGE,
].join('\r\n')

/**
 * Returns a listener for the `connection` event, which refuses connections of an address that has `maximum` open ones. A proxy has
 * the connections of all its clients, and no such limit.
 */
export function limitConnections(maximum: number, isProxy: IsProxy): (socket: Socket) => void {
  const counts = new Map<string, number>()
  return (socket) => {
    const { remoteAddress = '' } = socket
    if (isProxy(remoteAddress)) return
    const address = networkOf(remoteAddress)
    const count = counts.get(address) ?? 0
    if (count >= maximum) {
      socket.on('error', () => socket.destroy())
      socket.end(REFUSAL, () => socket.destroy())
      return
    }
    counts.set(address, count + 1)
    socket.once('close', () => {
      const left = (counts.get(address) ?? 1) - 1
      if (left === 0) counts.delete(address)
      else counts.set(address, left)
    })
  }
}

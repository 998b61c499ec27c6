import type { IncomingMessage } from 'node:http'
import { bodyLength } from './read-body.ts'

/** Closes the connection of a request whose body has not arrived completely after so many milliseconds. */
export function limitBodyTime(request: IncomingMessage, timeout: number): void {
  if (bodyLength(request) === 0) return
  const deadline = setTimeout(() => request.destroy(new Error('the body took too long')), timeout)
  endWithBody(request, () => clearTimeout(deadline))
}

/** The slowest body that is received to its end. */
export interface BodyRate {
  /** Milliseconds. */
  readonly period: number
  /** Bytes that must arrive in each period. */
  readonly bytes: number
}

/** Closes the connection of a request whose body arrives more slowly, however long it is. */
export function limitBodyRate(request: IncomingMessage, { period, bytes }: BodyRate): void {
  if (bodyLength(request) === 0) return
  const { socket } = request
  let before = socket.bytesRead
  const timer = setInterval(() => {
    if (socket.bytesRead - before < bytes) request.destroy(new Error('the body arrived too slowly'))
    before = socket.bytesRead
  }, period)
  endWithBody(request, () => clearInterval(timer))
}

function endWithBody(request: IncomingMessage, end: () => void): void {
  request.once('end', end).once('close', end)
}

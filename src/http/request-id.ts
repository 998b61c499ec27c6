import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/

const PROCESS = `r${randomBytes(8).toString('hex')}`
let issued = 0

/**
 * No other request of any process has it. Not a UUID for each: long streams would keep the thirty pieces of text that
 * Node joins one from.
 */
export const newRequestId = (): string => `${PROCESS}-${(issued++).toString(36)}`

/** The client's own `X-Request-Id` where it is harmless in a log, else a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId()
}

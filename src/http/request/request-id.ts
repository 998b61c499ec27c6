import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/

const PROCESS = `r${randomBytes(8).toString('hex')}`
let issued = 0

/**
 * Returns an id that no other request of any process has. Not a UUID: Node.js joins one from thirty pieces of text, and
 * each long-lived stream would keep them.
 */
export const newRequestId = (): string => `${PROCESS}-${(issued++).toString(36)}`

/** Returns the client's `X-Request-Id` if it is harmless in a log, else a new id. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId()
}

import type { IncomingMessage } from 'node:http'
import type { Viewer } from '../graphql/kit/context.ts'

/** Everybody, until there is sign-in. */
const ANYBODY: Viewer = { id: 'anybody' }

/** Who sends a request: decided here alone, for the API, its WebSockets and the registry. */
export const principalOf = (_request: IncomingMessage): Viewer => ANYBODY

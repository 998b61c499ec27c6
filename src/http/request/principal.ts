import type { IncomingMessage } from 'node:http'
import type { Viewer } from '../../graphql/kit/context.ts'

/** The only principal, as long as there is no sign-in. */
const ANONYMOUS: Viewer = { id: 'anonymous' }

/** Returns the principal that sends a request, for the API, its WebSockets and the registry alike. */
export const principalOf = (_request: IncomingMessage): Viewer => ANONYMOUS

import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Authentication } from '../../access/authentication.ts'
import { networkOf } from '../../access/identity/network.ts'
import { ForbiddenError } from '../../access/right/errors.ts'
import type { Client, Viewer } from '../../access/right/viewer.ts'
import { type HostPolicy, isAddressOf } from './host.ts'

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

/**
 * Returns the key under which the use of the server is counted and divided: the principal and the address of the client.
 * All clients behind one address are one party until they sign in.
 */
export const partyOf = ({ id, address }: Pick<Viewer, 'id' | 'address'>): string =>
  `${id} ${networkOf(address)}`

/** Pages of other sites that may use the API, and names under which this server may be addressed. */
export interface OriginPolicy extends HostPolicy {
  /** Origins (`https://console.example.org`) whose pages may use the API. */
  readonly allowedOrigins: readonly string[]
  /** Origin under which browsers reach this server; a proxy may pass its requests on with another `Host`. Undefined if it is that of `Host`. */
  readonly ownOrigin: string | undefined
}

/** Message for a request that a browser may have sent for a page of another site. */
const NOT_OUR_PAGE =
  'a request with a cookie needs the Origin of this server, which is --public-url behind a proxy, or of --allowed-origins: other programs send an access token instead'
/** Message for a page of another site. */
export const NOT_OUR_ORIGIN = 'pages of other sites need --allowed-origins'

/** Reports whether the request comes from no page, from a page of this server, or from one of an allowed origin. */
export function mayConnect(
  { headers }: IncomingMessage,
  { allowedOrigins, ownOrigin }: Pick<OriginPolicy, 'allowedOrigins' | 'ownOrigin'>,
): boolean {
  const { origin, host } = headers
  if (origin === undefined || origin === ownOrigin || allowedOrigins.includes(origin)) return true
  return isAddressOf(origin, host)
}

/** Reports whether a browser uses TLS, which ends at a proxy: as the proxy says it, or the origin of the page. */
export const isOverTls = ({ headers }: IncomingMessage): boolean =>
  headers['x-forwarded-proto'] === 'https' || headers.origin?.startsWith('https:') === true

/** Values of `Sec-Fetch-Site` for a request of this server's own page, for an address that the user entered, and for programs. */
const OWN_SITE: readonly unknown[] = ['same-origin', 'none', undefined]

/**
 * Reports whether a request that causes work is none of a page of another site, or of one of an allowed origin. A browser sends
 * `Sec-Fetch-Site` also where it sends no `Origin`: for an image, a script or a link. Source: W3C Fetch Metadata.
 */
export const mayCauseWork = (request: IncomingMessage, origins: OriginPolicy): boolean =>
  mayConnect(request, origins) &&
  (OWN_SITE.includes(request.headers['sec-fetch-site']) || request.headers.origin !== undefined)

/**
 * Returns who sends a request. Throws, or rejects with, UnauthenticatedError for a credential that is not valid, and ForbiddenError
 * for a cookie in a request that changes something, or opens a WebSocket, and may come from a page of another site.
 */
export function viewerOf(
  request: IncomingMessage,
  client: Client,
  { authentication, origins }: { readonly authentication: Authentication; readonly origins: OriginPolicy },
): Viewer | Promise<Viewer> {
  const { method, headers } = request
  const isRead = (method === 'GET' || method === 'HEAD') && headers.upgrade === undefined
  const isFromPage = headers.origin !== undefined && mayConnect(request, origins)
  if (!isRead && !isFromPage && authentication.usesCookie(headers)) throw new ForbiddenError(NOT_OUR_PAGE)
  return authentication.viewerOf(headers, client)
}

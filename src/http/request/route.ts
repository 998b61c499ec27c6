import { UnauthenticatedError } from '../../access/right/errors.ts'
import { ANY } from '../../access/right/rights.ts'
import { isAnonymous, requireInNamespace, type Viewer } from '../../access/right/viewer.ts'
import type { HttpExchange, ViewerExchange } from './response.ts'

/** What a route requires of its client. */
export type RouteAccess =
  /** Nothing: it reveals nothing of the content and changes nothing. */
  | 'anyone'
  /** A secret in the request, which the endpoint verifies. */
  | 'secret'
  /** The rights of the viewer in what the request names, which the domain checks. */
  | 'viewer'
  /** The right `view` in all namespaces; a server with sign-in refuses clients without a credential. */
  | 'view-everything'

/** Returns the viewer of the request, as `Authentication.viewerOf`. */
export type ViewerOfRequest = () => Viewer | Promise<Viewer>

/** A route, which can only be made with what it requires. */
export interface HttpRoute {
  readonly access: RouteAccess
  /** Limits the time of its bodies itself. */
  readonly hasOwnDeadline?: true
  /** Its clients read errors in the form of the OCI registry, not in GraphQL's. */
  readonly isOfRegistry?: true
  /** Its clients are senders, which deliver again what is refused while the server stops. */
  readonly isForSenders?: true
  /** May be requested under any `Host`: it reveals nothing, or its client proves that it knows a secret. */
  readonly anyHost?: true
  respond(exchange: HttpExchange, viewer: ViewerOfRequest): unknown
}

/** Returns a route that anyone may request. A credential is not looked at, so that an invalid one does no harm. */
export const forAnyone = (respond: (exchange: HttpExchange) => unknown): HttpRoute => ({
  access: 'anyone',
  respond,
})

/** Returns a route whose requests contain a secret of their own. */
export const forSecret = (respond: (exchange: HttpExchange) => unknown): HttpRoute => ({
  access: 'secret',
  respond,
})

/** Returns a route whose endpoint passes the viewer to the domain. */
export const forViewer = (respond: (exchange: ViewerExchange) => unknown): HttpRoute => ({
  access: 'viewer',
  respond: async (exchange, viewer) => respond({ ...exchange, viewer: await viewer() }),
})

/** Returns a route for those who may view every stream. */
export const forViewerOfEverything = (respond: (exchange: HttpExchange) => unknown): HttpRoute => ({
  access: 'view-everything',
  async respond(exchange, viewer) {
    const known = await viewer()
    if (isAnonymous(known) && !known.rights.isServerAdmin) throw new UnauthenticatedError()
    requireInNamespace(known, 'view', ANY)
    return respond(exchange)
  },
})

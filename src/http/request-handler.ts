import type { IncomingMessage, RequestListener } from 'node:http'
import type { Logger } from 'pino'
import { networkOf } from '../access/identity/network.ts'
import { setCookie } from '../access/identity/session-cookie.ts'
import { ForbiddenError, RateLimitedError, UnauthenticatedError } from '../access/right/errors.ts'
import { unavailability } from '../graphql/kit/unavailability.ts'
import { limitBodyTime } from '../request-body/arrival.ts'
import type { BodyBudget } from '../request-body/body-budget.ts'
import { UnreadBodyError } from '../request-body/errors.ts'
import { respondToDelivery } from './endpoints/receiver-delivery.ts'
import { GRAPHQL_PATH } from './pipeline/pipeline.ts'
import { clientAddress } from './request/client-address.ts'
import { RETRY_AFTER, TOO_MANY_CONNECTIONS } from './request/connection-limit.ts'
import { hasSeveralHosts, isOurHost, NOT_OUR_HOST, SEVERAL_HOSTS } from './request/host.ts'
import {
  type HttpExchange,
  refuse,
  refuseRate,
  refuseToRegistryClient,
  refuseUnread,
} from './request/response.ts'
import { requestIdOf, viewerOf } from './request/sender.ts'
import { countResponse, createRoutes, type RouteOptions, type Routes, routeOf } from './routes.ts'

interface RequestHandlerOptions extends RouteOptions {
  /** Milliseconds for a body to arrive, except in the registry. */
  readonly bodyTimeout: number
  /** Memory for the bodies of all requests. */
  readonly bodies: BodyBudget
}

/** Handles every request, and logs one line for each, without secrets. */
export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { log, bodies, isProxy, connectionLimit } = options
  const routed = { ...options, routes: createRoutes(options) }
  return (request, response) => {
    const requestId = requestIdOf(request)
    response.setHeader('X-Request-Id', requestId)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    logRequest(log, { request, response, requestId })
    const address = clientAddress(request, isProxy)
    if (!connectionLimit.admits(request.socket, address, response)) {
      refuse(response, 503, 'UNAVAILABLE', TOO_MANY_CONNECTIONS, {
        'Retry-After': RETRY_AFTER,
        Connection: 'close',
      })
      return
    }
    const memory = bodies.open(networkOf(address))
    const exchange = { request, response, requestId, address, memory }
    respond(routed, exchange)
      .catch((error: unknown) => respondError(options, exchange, error))
      .finally(memory.release)
  }
}

/** Seconds until a sender should repeat what could not be stored: an operator has to free space first. */
const STORAGE_RETRY_AFTER = 60

/** Responds to a request that failed, unless its client has disconnected. */
function respondError(
  { log, authentication, endpoints: { signIn } }: RequestHandlerOptions,
  { request, response, requestId }: HttpExchange,
  error: unknown,
): void {
  if (response.destroyed) return
  if (error instanceof UnreadBodyError) {
    refuseUnread(response, error)
  } else if (error instanceof RateLimitedError) {
    refuseRate(response, error)
  } else if (error instanceof UnauthenticatedError) {
    // a browser would send the cookie of an ended session until it expires
    const isCookie = signIn && authentication.usesCookie(request.headers)
    const headers = {
      'WWW-Authenticate': 'Bearer',
      ...(isCookie && { 'Set-Cookie': setCookie(signIn.cookie) }),
    }
    refuse(response, 401, error.code, error.message, headers)
  } else if (error instanceof ForbiddenError) {
    refuse(response, 403, error.code, error.message)
  } else {
    const unavailable = unavailability(error)
    log.error({ requestId, err: error }, 'cannot handle request')
    if (response.headersSent) response.destroy()
    else if (unavailable)
      refuse(response, 503, 'UNAVAILABLE', unavailable, { 'Retry-After': STORAGE_RETRY_AFTER })
    else refuse(response, 500, 'INTERNAL', `internal error: the server's log explains it under ${requestId}`)
  }
}

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? url

function logRequest(
  log: Logger,
  { request, response, requestId }: Pick<HttpExchange, 'request' | 'response' | 'requestId'>,
): void {
  const since = performance.now()
  response.once('close', () => {
    const { method } = request
    const isCut = !response.writableFinished
    const path = pathOf(request).slice(0, 200)
    const ms = Math.round((performance.now() - since) * 10) / 10
    log.info({ requestId, method, path, status: response.statusCode, ms, ...(isCut && { isCut }) }, 'request')
  })
}

async function respond(
  options: RequestHandlerOptions & { readonly routes: Routes },
  exchange: HttpExchange,
): Promise<void> {
  const { authentication, origins, bodyTimeout, endpoints, routes } = options
  const { request, response, requestId, address } = exchange
  const path = pathOf(request)
  const route = routeOf(routes, path)
  const refuseHost = (status: number, code: string, message: string): void =>
    route?.isOfRegistry
      ? refuseToRegistryClient(response, status, message)
      : refuse(response, status, code, message)
  if (hasSeveralHosts(request)) return refuseHost(400, 'BAD_REQUEST', SEVERAL_HOSTS)
  // before the check of the host: the sender may know this server by any name, and its path is a secret
  const delivery = endpoints.deliveries?.open(path, networkOf(address))
  if (delivery) {
    countResponse(endpoints.metrics, delivery.sender, response)
    limitBodyTime(request, bodyTimeout)
    return respondToDelivery(delivery, exchange)
  }
  if (!route?.anyHost && !isOurHost(request, origins)) return refuseHost(421, 'FORBIDDEN', NOT_OUR_HOST)
  if (!route) return refuse(response, 404, 'NOT_FOUND', `unknown path: the API is at ${GRAPHQL_PATH}`)
  if (!route.hasOwnDeadline) limitBodyTime(request, bodyTimeout)
  await route.respond(exchange, () => viewerOf(request, { address, requestId }, { authentication, origins }))
}

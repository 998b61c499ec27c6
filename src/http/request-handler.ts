import type { RequestListener, ServerResponse } from 'node:http'
import { networkOf } from '../access/identity/network.ts'
import { setCookie } from '../access/identity/session-cookie.ts'
import { ForbiddenError, RateLimitedError, UnauthenticatedError } from '../access/right/errors.ts'
import { unavailability } from '../graphql/kit/unavailability.ts'
import { limitBodyTime } from '../request-body/arrival.ts'
import type { BodyBudget } from '../request-body/body-budget.ts'
import { UnreadBodyError } from '../request-body/errors.ts'
import { respondEarly } from '../request-body/respond.ts'
import { respondToDelivery } from './endpoints/receiver-delivery.ts'
import { GRAPHQL_PATH } from './pipeline/pipeline.ts'
import { clientAddress } from './request/client-address.ts'
import { RETRY_AFTER, TOO_MANY_CONNECTIONS } from './request/connection-limit.ts'
import { COME_BACK_AFTER, STOPPING } from './request/draining.ts'
import { hasSeveralHosts, isOurHost, NOT_OUR_HOST, SEVERAL_HOSTS } from './request/host.ts'
import { knownPath, logRequest, pathOf, unknownPath } from './request/request-log.ts'
import type { RequestRecord } from './request/request-record.ts'
import {
  type HttpExchange,
  refuse,
  refuseRate,
  refuseToRegistryClient,
  refuseUnread,
} from './request/response.ts'
import { requestIdOf, viewerOf } from './request/sender.ts'
import { patternOf } from './route-patterns.ts'
import { countResponse, createRoutes, type RouteOptions, type Routes, routeOf } from './routes.ts'

interface RequestHandlerOptions extends RouteOptions {
  /** Milliseconds for a body to arrive, except in the registry. */
  readonly bodyTimeout: number
  /** Memory for the bodies of all requests. */
  readonly bodies: BodyBudget
}

/** Handles every request, and logs one line for each, without secrets. */
export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { log, bodies, isProxy, connectionLimit, draining } = options
  const { metrics } = options.endpoints
  const routed = { ...options, routes: createRoutes(options) }
  return (request, response) => {
    const requestId = requestIdOf(request)
    response.setHeader('X-Request-Id', requestId)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    const address = clientAddress(request, isProxy)
    const record: RequestRecord = { route: 'unknown', path: unknownPath(pathOf(request)) }
    logRequest(log, { request, response, requestId, address, record }, (seconds) => {
      const { route, isStream, operation } = record
      const { method = '' } = request
      if (!isStream) metrics?.responded({ route, method, status: response.statusCode, seconds })
      if (operation) options.onOperation(operation)
    })
    if (!connectionLimit.admits(request.socket, address, response)) {
      refuse(response, 503, 'UNAVAILABLE', TOO_MANY_CONNECTIONS, {
        'Retry-After': RETRY_AFTER,
        Connection: 'close',
      })
      return
    }
    draining.add(request, response)
    const memory = bodies.open(networkOf(address))
    const exchange = { request, response, requestId, address, memory, record }
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

/** Has a sender deliver again, once the server is back. */
const refuseWhileStopping = (response: ServerResponse): Promise<void> =>
  respondEarly(response, 503, { error: STOPPING }, { 'Retry-After': COME_BACK_AFTER })

/** What is recorded of a delivery, whose path is a secret. */
const RECEIVER = { route: '/webhooks/{key}', path: '/webhooks/…' }

async function respond(
  options: RequestHandlerOptions & { readonly routes: Routes },
  exchange: HttpExchange,
): Promise<void> {
  const { authentication, origins, bodyTimeout, endpoints, routes, draining } = options
  const { request, response, requestId, address, record } = exchange
  const path = pathOf(request)
  const route = routeOf(routes, path)
  const pattern = patternOf(routes, path)
  if (pattern !== undefined) Object.assign(record, { route: pattern, path: knownPath(path) })
  const refuseHost = (status: number, code: string, message: string): void =>
    route?.isOfRegistry
      ? refuseToRegistryClient(response, status, message)
      : refuse(response, status, code, message)
  if (hasSeveralHosts(request)) return refuseHost(400, 'BAD_REQUEST', SEVERAL_HOSTS)
  // before the check of the host: the sender may know this server by any name, and its path is a secret
  const delivery = endpoints.deliveries?.open(path, networkOf(address))
  if (delivery) {
    Object.assign(record, RECEIVER)
    countResponse(endpoints.metrics, delivery.sender, response)
    if (draining.isOn) return refuseWhileStopping(response)
    limitBodyTime(request, bodyTimeout)
    return respondToDelivery(delivery, exchange)
  }
  if (!route?.anyHost && !isOurHost(request, origins)) return refuseHost(421, 'FORBIDDEN', NOT_OUR_HOST)
  if (!route) return refuse(response, 404, 'NOT_FOUND', `unknown path: the API is at ${GRAPHQL_PATH}`)
  if (draining.isOn) {
    if (route.isForSenders) return refuseWhileStopping(response)
    // a lost connection is what the clients of a stream resume from
    if (request.headers.accept?.includes('text/event-stream')) return void request.socket.destroy()
  }
  if (!route.hasOwnDeadline) limitBodyTime(request, bodyTimeout)
  await route.respond(exchange, () => viewerOf(request, { address, requestId }, { authentication, origins }))
}

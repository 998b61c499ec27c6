import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { UnauthenticatedError } from '../access/right/errors.ts'
import type { Registry } from '../registry/registry.ts'
import { limitBodyTime } from '../request-body/arrival.ts'
import type { BodyBudget, BodyMemory } from '../request-body/body-budget.ts'
import { UnreadBodyError } from '../request-body/errors.ts'
import { respondJson } from '../request-body/respond.ts'
import { type GraphiQL, wantsGraphiQL } from './endpoints/graphiql.ts'
import { respondGraphQL } from './endpoints/graphql.ts'
import { type DeliveryEndpoint, respondToDelivery } from './endpoints/receiver-delivery.ts'
import type { Metrics } from './metrics/metrics.ts'
import { GRAPHQL_PATH, type GraphQLEntry } from './pipeline/pipeline.ts'
import { type HttpExchange, refuse, refuseUnread, type ViewerExchange } from './request/response.ts'
import {
  addressOf,
  clientOf,
  hasSeveralHosts,
  isOurHost,
  mayConnect,
  NOT_OUR_HOST,
  NOT_OUR_ORIGIN,
  requestIdOf,
  SEVERAL_HOSTS,
} from './request/sender.ts'

/** The endpoints of other rooms, each undefined where it is not enabled. */
export interface HttpEndpoints {
  /** The integrated registry: handles every request below `/v2/`. */
  readonly registry?: Pick<Registry, 'handle'> | undefined
  /** Receives notifications of an external registry. */
  readonly notifications?: NotificationListener | undefined
  /** Receives deliveries of webhooks. */
  readonly deliveries?: DeliveryEndpoint | undefined
  readonly metrics?: Pick<Metrics, 'contentType' | 'text' | 'deliveryAnswered'> | undefined
}

interface RequestHandlerOptions extends GraphQLEntry {
  readonly endpoints: HttpEndpoints
  /** Reports whether the server can serve requests (`/readyz`). */
  readonly isReady: () => boolean
  /** Milliseconds for a body to arrive, except in the registry. */
  readonly bodyTimeout: number
  /** Memory for the bodies of all requests. */
  readonly bodies: BodyBudget
  readonly graphiql: GraphiQL
  /** Version of the program, for `/healthz`. */
  readonly version: string | undefined
}

/** Handles the notifications that an external registry sends about pushes. */
export type NotificationListener = (
  request: IncomingMessage,
  response: ServerResponse,
  memory: BodyMemory,
) => Promise<void>

/** Path of the metrics. */
const METRICS_PATH = '/metrics'
/** Path to which an external registry sends its notifications. */
export const NOTIFICATIONS_PATH = '/webhooks/registry'

/** Handles every request, and logs one line for each, without secrets. */
export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { log, bodies } = options
  return (request, response) => {
    const requestId = requestIdOf(request)
    response.setHeader('X-Request-Id', requestId)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    logRequest(log, { request, response, requestId })
    const memory = bodies.open(addressOf(request.socket))
    const exchange = { request, response, requestId, memory }
    route(options, exchange)
      .catch((error: unknown) => respondError(exchange, error, log))
      .finally(memory.release)
  }
}

/** Responds to a request that failed, unless its client has disconnected. */
function respondError({ response, requestId }: HttpExchange, error: unknown, log: Logger): void {
  if (response.destroyed) return
  if (error instanceof UnreadBodyError) {
    refuseUnread(response, error)
  } else if (error instanceof UnauthenticatedError) {
    refuse(response, 401, error.code, error.message, { 'WWW-Authenticate': 'Bearer' })
  } else {
    log.error({ requestId, err: error }, 'cannot handle request: internal error')
    if (response.headersSent) response.destroy()
    else refuse(response, 500, 'INTERNAL', `internal error: the server's log explains it under ${requestId}`)
  }
}

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? url

function logRequest(log: Logger, { request, response, requestId }: Omit<HttpExchange, 'memory'>): void {
  const since = performance.now()
  response.once('close', () => {
    const { method } = request
    const isCut = !response.writableFinished
    const path = pathOf(request).slice(0, 200)
    const ms = Math.round((performance.now() - since) * 10) / 10
    log.info({ requestId, method, path, status: response.statusCode, ms, ...(isCut && { isCut }) }, 'request')
  })
}

async function route(options: RequestHandlerOptions, exchange: HttpExchange): Promise<void> {
  const { authentication, origins, bodyTimeout, endpoints } = options
  const { registry, deliveries, metrics } = endpoints
  const { request, response, requestId, memory } = exchange
  const path = pathOf(request)
  if (hasSeveralHosts(request)) return refuse(response, 400, 'BAD_REQUEST', SEVERAL_HOSTS)
  // before the check of the host: the sender may know this server by any name, and its path is a secret
  const endpoint = deliveries?.open(path, addressOf(request.socket))
  if (endpoint) {
    countResponse(metrics, endpoint.sender, response)
    limitBodyTime(request, bodyTimeout)
    return respondToDelivery(endpoint, exchange)
  }
  if (!isOurHost(request, origins)) {
    return refuse(response, 421, 'FORBIDDEN', NOT_OUR_HOST)
  }
  const viewer = () => authentication.viewerOf(request.headers, clientOf(request, requestId))
  if (registry && (path.startsWith('/v2/') || path === '/v2')) {
    // registry clients send no Origin: a page of another site must not push through the browser of its reader
    if (!mayConnect(request, origins)) {
      return refuse(response, 403, 'FORBIDDEN', NOT_OUR_ORIGIN)
    }
    return registry.handle(request, response, { viewer: await viewer(), requestId, memory })
  }
  limitBodyTime(request, bodyTimeout)
  return respondAt(path, options, { ...exchange, viewer: await viewer() })
}

async function respondAt(
  path: string,
  options: RequestHandlerOptions,
  exchange: ViewerExchange,
): Promise<void> {
  const { isReady, endpoints, graphiql, version } = options
  const { notifications, metrics } = endpoints
  const { request, response, memory } = exchange
  switch (path) {
    case NOTIFICATIONS_PATH:
      if (!notifications) break
      countResponse(metrics, 'registry', response)
      return notifications(request, response, memory)
    case METRICS_PATH:
      if (metrics) return respondMetrics(metrics, request, response)
      break
    case GRAPHQL_PATH:
      return wantsGraphiQL(request)
        ? graphiql.respondPage(request, response)
        : respondGraphQL(options, exchange)
    case '/':
      return respondJson(response, 302, { location: GRAPHQL_PATH }, { Location: GRAPHQL_PATH })
    case '/healthz':
      return respondJson(response, 200, { status: 'ok', version })
    case '/readyz':
      return isReady()
        ? respondJson(response, 200, { status: 'ready' })
        : respondJson(response, 503, { status: 'not ready' })
  }
  if (await graphiql.respondFile(path, request, response)) return
  refuse(response, 404, 'NOT_FOUND', `unknown path: the API is at ${GRAPHQL_PATH}`)
}

function countResponse(metrics: HttpEndpoints['metrics'], sender: string, response: ServerResponse): void {
  response.once('finish', () => metrics?.deliveryAnswered(sender, response.statusCode))
}

/** Responds with the metrics in the text format of Prometheus. */
async function respondMetrics(
  { contentType, text }: Pick<Metrics, 'contentType' | 'text'>,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return refuse(response, 405, 'INVALID', 'method not allowed: read metrics with GET')
  }
  const body = Buffer.from(await text())
  response.writeHead(200, {
    'Content-Type': contentType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  })
  response.end(method === 'HEAD' ? undefined : body)
}

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { GraphQLContext, Viewer } from '../graphql/kit/context.ts'
import { MAX_BODY_BYTES } from '../graphql/kit/limits.ts'
import { limitBodyTime, readBody } from '../request-body/read-body.ts'
import { answerJson, headersOf, isEventStream, refuse, send } from './answer.ts'
import { streamPushes } from './event-stream.ts'
import { answerGraphiQL, wantsGraphiQL } from './graphiql.ts'
import { isOurHost, mayConnect, type OriginPolicy } from './origin.ts'
import { GRAPHQL_PATH, type Pipeline, type RequestContext } from './pipeline.ts'
import { principalOf } from './principal.ts'
import { requestIdOf } from './request-id.ts'
import type { Streams } from './streams.ts'
import { answerDelivery, type DeliveryEndpoint, sourceOf } from './webhook-delivery.ts'

export interface RequestHandlerOptions {
  readonly pipeline: Pipeline
  readonly streams: Streams
  readonly log: Logger
  readonly origins: OriginPolicy
  /** Whether requests can be served now. */
  readonly isReady: () => boolean
  readonly createContext: (requestId: string, viewer: Viewer) => GraphQLContext
  readonly registry: RegistryEndpoint | undefined
  readonly webhook: WebhookEndpoint | undefined
  readonly deliveries: DeliveryEndpoint | undefined
  readonly metrics: MetricsEndpoint | undefined
  /** Milliseconds for a body to arrive, but the registry's. */
  readonly bodyTimeout: number
}

/** The integrated registry: answers every request below `/v2/`. */
export interface RegistryEndpoint {
  handle(request: IncomingMessage, response: ServerResponse, caller: RegistryCaller): Promise<void>
}

export interface RegistryCaller {
  readonly principal: Viewer
  readonly requestId: string
}

/** What this server does, in the text format of Prometheus. */
export interface MetricsEndpoint {
  readonly contentType: string
  text(): Promise<string>
  /** A webhook was answered with this status; `sender` is a kind of sender, of which there are few. */
  webhookAnswered(sender: string, status: number): void
}

/** Answers what another registry sends to tell of its pushes. */
export type WebhookEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Where an external registry sends its notifications. */
export const WEBHOOK_PATH = '/webhooks/registry'

/** Where Prometheus asks. */
export const METRICS_PATH = '/metrics'

/** Answers every request: the API and its page, health, and 404. One line of log each, without anything secret. */
export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { log, origins, isReady, registry, webhook, deliveries, metrics, bodyTimeout } = options

  const countAnswer = (sender: string, response: ServerResponse): void => {
    response.once('finish', () => metrics?.webhookAnswered(sender, response.statusCode))
  }

  async function route(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const path = pathOf(request)
    // by whatever name its sender reaches us: nobody gets here by guessing, and where nothing is nothing shows
    const endpoint = deliveries?.open(path, sourceOf(request))
    if (endpoint) {
      countAnswer(endpoint.sender, response)
      limitBodyTime(request, bodyTimeout)
      return answerDelivery(endpoint, request, response)
    }
    if (!isOurHost(request, origins)) {
      return refuse(response, 421, 'FORBIDDEN', 'this server has another name than the request says')
    }
    if (registry && (path.startsWith('/v2/') || path === '/v2')) {
      // what no registry client sends: a page of another site may not push through its reader's browser
      if (!mayConnect(request, origins)) {
        return refuse(response, 403, 'FORBIDDEN', 'pages of other sites may not use the registry')
      }
      return registry.handle(request, response, { principal: principalOf(request), requestId })
    }
    limitBodyTime(request, bodyTimeout)
    switch (path) {
      case WEBHOOK_PATH:
        if (!webhook) break
        countAnswer('registry', response)
        return webhook(request, response)
      case METRICS_PATH:
        if (metrics) return answerMetrics(metrics, request, response)
        break
      case GRAPHQL_PATH:
        return wantsGraphiQL(request)
          ? answerGraphiQL(request, response)
          : answerGraphQL(options, request, response, requestId)
      case '/':
        return answerJson(response, 302, { location: GRAPHQL_PATH }, { Location: GRAPHQL_PATH })
      case '/healthz':
        return answerJson(response, 200, { status: 'ok' })
      case '/readyz':
        return isReady()
          ? answerJson(response, 200, { status: 'ready' })
          : answerJson(response, 503, { status: 'not ready' })
    }
    refuse(response, 404, 'NOT_FOUND', `there is nothing here: the API is at ${GRAPHQL_PATH}`)
  }

  return (request, response) => {
    const requestId = requestIdOf(request)
    const since = performance.now()
    response.setHeader('X-Request-Id', requestId)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.once('close', () => {
      const { method } = request
      const isCut = !response.writableFinished
      const path = pathOf(request).slice(0, 200)
      const ms = Math.round((performance.now() - since) * 10) / 10
      log.info(
        { requestId, method, path, status: response.statusCode, ms, ...(isCut && { isCut }) },
        'request',
      )
    })
    route(request, response, requestId).catch((error: unknown) => {
      // the client has gone: there is nobody to tell, and nothing is wrong
      if (response.destroyed) return
      log.error({ requestId, err: error }, 'unforeseen error')
      if (response.headersSent) response.destroy()
      else
        refuse(
          response,
          500,
          'INTERNAL',
          `something went wrong inside the server; its log has it under ${requestId}`,
        )
    })
  }
}

async function answerMetrics(
  { contentType, text }: MetricsEndpoint,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return refuse(response, 405, 'INVALID', 'metrics are read by GET')
  }
  const body = Buffer.from(await text())
  response.writeHead(200, {
    'Content-Type': contentType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  })
  response.end(method === 'HEAD' ? undefined : body)
}

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? url

const NO_BODY = Buffer.alloc(0)

async function answerGraphQL(
  { pipeline, streams, createContext }: RequestHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
  const body = hasBody ? await readBody(request, MAX_BODY_BYTES) : NO_BODY
  if (body === undefined) {
    return refuse(response, 413, 'TOO_COMPLEX', `Limit of ${MAX_BODY_BYTES} bytes for a request exceeded.`)
  }
  const { method = 'GET', url = GRAPHQL_PATH, headers } = request
  const lastEventId = headers['last-event-id']
  const taken: RequestContext['taken'] = {}
  const answer = await pipeline.handleRequest(
    // the host does not matter here, and what clients send for it need not be one
    new pipeline.fetchAPI.Request(`http://localhost${url}`, {
      method,
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body: body.toString() }),
    }),
    {
      ...createContext(requestId, principalOf(request)),
      lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : undefined,
      taken,
    },
  )
  if (taken.pushes && isEventStream(answer) && !response.destroyed) {
    streamPushes(response, taken.pushes, { headers: headersOf(answer), requestId, streams })
  } else {
    await send(response, answer, { requestId, streams })
  }
}

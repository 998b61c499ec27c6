import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import type { Domain, GraphQLContext, Viewer } from '../graphql/kit/context.ts'
import {
  BODY_TIMEOUT,
  INIT_TIMEOUT,
  KEEP_ALIVE,
  MAX_CONNECTIONS,
  SLOW_READER_TIMEOUT,
} from '../graphql/kit/limits.ts'
import { createPushHub, type PushHubOptions } from '../graphql/live/push-hub.ts'
import { createPipeline } from './pipeline.ts'
import {
  createRequestHandler,
  type MetricsEndpoint,
  type RegistryEndpoint,
  type WebhookEndpoint,
} from './request-handler.ts'
import { newRequestId } from './request-id.ts'
import { Streams } from './streams.ts'
import type { DeliveryEndpoint } from './webhook-delivery.ts'
import { webSocketUpgrades } from './websocket/websocket.ts'
import { createWebSocketProtocol } from './websocket/websocket-protocol.ts'

/** All in milliseconds. */
export interface ServerTimings {
  /** Between signs of life on idle streams. */
  readonly keepAlive: number
  /** Without progress, before a stream is closed. */
  readonly slowReaderTimeout: number
  /** For `connection_init` on a WebSocket. */
  readonly initTimeout: number
  /** For a request's body to arrive, but the registry's. */
  readonly bodyTimeout: number
  /** For what still runs when the server ends. */
  readonly shutdownTimeout: number
}

export interface ServerOptions {
  readonly schema: GraphQLSchema
  readonly domain: Domain
  /** The pushes that arguments of `imagePushed` ask for. */
  readonly filterOf: PushHubOptions['filterOf']
  readonly log: Logger
  /** Whether requests can be served now; what `/readyz` tells. */
  readonly isReady?: () => boolean
  /** Origins of other sites whose pages may use the API; none by default. */
  readonly allowedOrigins?: readonly string[]
  /** Names under which the server may be addressed; any by default. On loopback hand in LOOPBACK_HOSTS. */
  readonly allowedHosts?: readonly string[] | undefined
  /** Whether clients may ask for the schema. Yes by default: it is published. */
  readonly introspection?: boolean
  /** Answers under `/v2/`; without it there is no integrated registry. */
  readonly registry?: RegistryEndpoint | undefined
  /** Answers what an external registry sends; without it there is none. */
  readonly webhook?: WebhookEndpoint | undefined
  /** Answers what senders of webhooks deliver; without it there are none. */
  readonly deliveries?: DeliveryEndpoint | undefined
  /** Answers `/metrics`; without it there are none. */
  readonly metrics?: MetricsEndpoint | undefined
  readonly timings?: Partial<ServerTimings>
}

/** The server on its one port. Disposing it ends its streams, waits a bounded time for requests, and closes. */
export interface Server extends AsyncDisposable {
  /** Rejects when the address cannot be had. Port 0 takes any free one. */
  listen(address: { readonly host: string; readonly port: number }): Promise<AddressInfo>
  /** Connections that stay, and subscriptions to pushes over them. */
  subscribers(): { readonly connections: number; readonly subscriptions: number }
}

const TIMINGS: ServerTimings = {
  keepAlive: KEEP_ALIVE,
  slowReaderTimeout: SLOW_READER_TIMEOUT,
  initTimeout: INIT_TIMEOUT,
  bodyTimeout: BODY_TIMEOUT,
  shutdownTimeout: 5_000,
}

export function createServer({
  schema,
  domain,
  filterOf,
  log,
  isReady = () => true,
  allowedOrigins = [],
  allowedHosts,
  introspection = true,
  registry,
  webhook,
  deliveries,
  metrics,
  timings: givenTimings,
}: ServerOptions): Server {
  const timings = { ...TIMINGS, ...givenTimings }
  const origins = { allowedOrigins, allowedHosts }
  const createContext = (requestId: string, viewer: Viewer): GraphQLContext => ({
    requestId,
    viewer,
    ...domain,
  })
  const hub = createPushHub({
    pushes: domain.pushes,
    filterOf,
    createContext: (viewer) => createContext(newRequestId(), viewer),
    log,
  })
  const streams = new Streams({ ...timings, log })
  const pipeline = createPipeline({ schema, hub, log, allowedOrigins, introspection })
  const protocol = createWebSocketProtocol({
    pipeline,
    hub,
    log,
    createContext,
    initTimeout: timings.initTimeout,
  })
  const server = createHttpServer(
    {
      headersTimeout: 10_000,
      // a layer may take hours: whoever reads a body says how long it may take
      requestTimeout: 0,
      keepAliveTimeout: 10_000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 16 * 1024,
    },
    createRequestHandler({
      pipeline,
      streams,
      log,
      origins,
      isReady,
      createContext,
      registry,
      webhook,
      deliveries,
      metrics,
      bodyTimeout: timings.bodyTimeout,
    }),
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('upgrade', webSocketUpgrades({ protocol, streams, log, origins }))

  return {
    async listen({ host, port }) {
      server.listen(port, host)
      // rejects on the event "error"
      await once(server, 'listening')
      return server.address() as AddressInfo
    },

    subscribers: () => ({ connections: streams.size, subscriptions: hub.size }),

    async [Symbol.asyncDispose]() {
      const closed = server.listening ? once(server, 'close') : Promise.resolve()
      server.close()
      streams.goAway()
      // a connection whose request ends from now on would be kept for another
      const sweep = setInterval(() => server.closeIdleConnections(), 20)
      const timeout = new AbortController()
      const isLate = await Promise.race([
        closed.then(() => false),
        delay(timings.shutdownTimeout, true, { signal: timeout.signal, ref: false }).catch(() => true),
      ])
      timeout.abort()
      if (isLate) {
        streams.destroy()
        server.closeAllConnections()
        await closed
      }
      clearInterval(sweep)
      streams[Symbol.dispose]()
      hub[Symbol.dispose]()
      await pipeline.dispose()
    },
  }
}

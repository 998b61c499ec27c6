import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import type { Authentication } from '../access/authentication.ts'
import type { Viewer } from '../access/right/viewer.ts'
import { FairThread } from '../concurrency/fair-thread.ts'
import type { ChangeLog } from '../events/change-log.ts'
import { createExecutor } from '../graphql/execute/executor.ts'
import type { GraphQLContext, SharedContext } from '../graphql/kit/context.ts'
import { type ChangeHubOptions, createChangeHub } from '../graphql/live/change-hub.ts'
import { OperationWork } from '../graphql/work/operation-work.ts'
import { type Problem, problemOf } from '../health/problem.ts'
import { BodyBudget } from '../request-body/body-budget.ts'
import { closeServer } from './close-server.ts'
import { createGraphiQL } from './endpoints/graphiql.ts'
import { createPipeline } from './pipeline/pipeline.ts'
import type { IsProxy } from './request/client-address.ts'
import { ConnectionLimit } from './request/connection-limit.ts'
import { Draining } from './request/draining.ts'
import { MAX_BODY_MEMORY, MAX_CONNECTIONS, MAX_RESULT_MEMORY } from './request/limits.ts'
import { RateLimit } from './request/rate-limit.ts'
import type { OperationRecord } from './request/request-record.ts'
import { newRequestId, partyOf } from './request/sender.ts'
import { StreamingConnections } from './request/streaming-connections.ts'
import { watchConnections } from './request/watch-connections.ts'
import { createRequestHandler } from './request-handler.ts'
import type { HttpEndpoints } from './routes.ts'
import { createWebSocketProtocol } from './websocket/protocol.ts'
import { webSocketUpgrades } from './websocket/upgrade.ts'

/** Time limits in milliseconds. */
const TIMINGS = {
  /** Between keep-alives of an idle stream; a WebSocket that does not respond before the next one is closed. */
  keepAlive: 12_000,
  /**
   * For a client to read some of the data that waits for it; then its stream is closed, a WebSocket with 1013. With
   * CLOSE_TIMEOUT the connection is gone after 30 s.
   */
  slowReaderTimeout: 20_000,
  /** For `connection_init` to arrive; then the WebSocket is closed with 4408. */
  initTimeout: 3_000,
  /** For a request's body to arrive, except in the registry; then its connection is closed. */
  bodyTimeout: 30_000,
  /** For requests and pushes that still run when the server stops. */
  shutdownTimeout: 8_000,
  /** Without a further request of a push, after which it does not delay the end of the server. */
  pushPause: 2_000,
}

/** What the server serves, to which clients, and for how long it waits. */
export interface ServerOptions extends HttpEndpoints {
  readonly schema: GraphQLSchema
  readonly domain: SharedContext & { readonly changeLog: ChangeLog }
  readonly authentication: Authentication
  /** The root fields that subscribe to the log. */
  readonly subscriptions: ChangeHubOptions['fields']
  readonly log: Logger
  /** Version of the program, for `/healthz`. */
  readonly version?: string
  /** Returns why the server cannot serve all requests (`/readyz`); none by default. */
  readonly problems?: () => readonly Problem[]
  /** Origins of other sites whose pages may use the API; none by default. */
  readonly allowedOrigins?: readonly string[]
  /** Origin under which browsers reach this server, as in OriginPolicy. */
  readonly ownOrigin?: string | undefined
  /** Reports whether an address is that of a reverse proxy in front of the server; none by default. */
  readonly isProxy?: IsProxy
  /** Names under which the server may be addressed, as in HostPolicy; by default names of the local network. */
  readonly allowedHosts?: readonly string[]
  readonly localNames?: boolean
  /** Whether clients may introspect the schema. True by default: it is published. */
  readonly introspection?: boolean
  /** Connections of one address at the same time; those of all by default. */
  readonly connectionsPerAddress?: number
  /** Connections at the same time: fewer where this process may open only few files. */
  readonly maximumConnections?: number
  /** WebSockets and event streams of one principal at the same time; those of all by default. */
  readonly connectionsPerPrincipal?: number
  /** Points that the operations of one party may cost in a minute; 0, the default, for no limit. */
  readonly costPerMinute?: number
  /** Requests of one party to the registry and for sign-in in a minute; 0, the default, for no limit. */
  readonly requestsPerMinute?: number
  /** Bytes of the bodies of all requests in memory at a time. */
  readonly bodyMemory?: number
  readonly timings?: Partial<typeof TIMINGS>
}

const HTTP_OPTIONS = {
  headersTimeout: 10_000,
  // a layer may take hours: each endpoint limits the time of its bodies
  requestTimeout: 0,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
}

/** Creates the server on its one port. Disposing it closes its streams, waits a bounded time for requests, and closes. */
export function createServer({
  schema,
  domain,
  authentication,
  subscriptions,
  log,
  version,
  problems = () => [],
  allowedOrigins = [],
  ownOrigin,
  isProxy = () => false,
  allowedHosts = [],
  localNames = true,
  introspection = true,
  bodyMemory = MAX_BODY_MEMORY,
  maximumConnections = MAX_CONNECTIONS,
  connectionsPerAddress = maximumConnections,
  connectionsPerPrincipal: perPrincipal = MAX_CONNECTIONS,
  costPerMinute = 0,
  requestsPerMinute = 0,
  timings: givenTimings,
  ...endpoints
}: ServerOptions) {
  const timings = { ...TIMINGS, ...givenTimings }
  const origins = { allowedOrigins, ownOrigin, allowedHosts, localNames }
  const thread = new FairThread()
  const costs = new RateLimit({ name: 'operations', unit: 'points', perMinute: costPerMinute })
  const results = new BodyBudget(MAX_RESULT_MEMORY)
  const createContext = (requestId: string, viewer: Viewer, connection: object): GraphQLContext => {
    const party = partyOf(viewer)
    const charge = (points: number): void => costs.charge(party, points)
    const work = new OperationWork(thread, { party, connection, charge, memory: results.open(party) })
    return { requestId, viewer, renew: authentication.renew, work, ...domain }
  }
  const execute = createExecutor(
    ({ work }: GraphQLContext) =>
      () =>
        work.nextTurn(),
  )
  const hub = createChangeHub({
    changeLog: domain.changeLog,
    authentication,
    fields: subscriptions,
    onDelivered: (seconds) => endpoints.metrics?.changeDelivered(seconds),
    createContext: (viewer, connection) => createContext(newRequestId(), viewer, connection),
    execute,
    log,
  })
  const connections = new StreamingConnections({ ...timings, perPrincipal, authentication, log })
  const pipeline = createPipeline({ schema, execute, hub, log, origins, introspection })
  const connectionLimit = new ConnectionLimit(connectionsPerAddress, isProxy, () =>
    endpoints.metrics?.connectionRefused('address'),
  )
  const draining = new Draining(timings.pushPause)
  const transport = { draining, connections, connectionLimit, origins, isProxy, log }
  const onOperation = (operation: OperationRecord): void => endpoints.metrics?.operationEnded(operation)
  const entry = { ...transport, pipeline, hub, authentication, costs, createContext, onOperation }
  const server = createHttpServer(
    HTTP_OPTIONS,
    createRequestHandler({
      ...entry,
      endpoints,
      requests: new RateLimit({ name: 'requests', unit: 'requests', perMinute: requestsPerMinute }),
      problems: () => (draining.isOn ? [problemOf('STOPPING'), ...problems()] : problems()),
      bodyTimeout: timings.bodyTimeout,
      bodies: new BodyBudget(bodyMemory),
      version,
      graphiql: createGraphiQL({ schema, introspection }),
    }),
  )
  server.maxConnections = maximumConnections
  server.prependListener('connection', connectionLimit.onConnection)
  const refused = endpoints.metrics?.connectionRefused ?? (() => {})
  watchConnections(server, { refused, log })
  server.on('upgrade', webSocketUpgrades(entry, createWebSocketProtocol(entry, timings.initTimeout)))

  return {
    /** Rejects when the address is not available. Port 0 takes any free port. */
    async listen({ host, port }: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
      server.listen(port, host)
      // rejects on the event "error"
      await once(server, 'listening')
      return server.address() as AddressInfo
    },

    /** Returns the connections that are open, and that may be. */
    connections: (): { readonly open: number; readonly maximum: number } => ({
      open: connectionLimit.open,
      maximum: maximumConnections,
    }),

    /** Counts long-lived connections, and the subscriptions to the change log over them. */
    subscribers: (): { readonly connections: number; readonly subscriptions: number } => ({
      connections: connections.size,
      subscriptions: hub.size,
    }),

    async [Symbol.asyncDispose]() {
      await closeServer(server, { connections, draining, timeout: timings.shutdownTimeout, log })
      connections[Symbol.dispose]()
      hub[Symbol.dispose]()
      await pipeline.dispose()
    },
  }
}

import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql'
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { Authentication } from '../../access/authentication.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Execute } from '../../graphql/execute/executor.ts'
import type { GraphQLContext } from '../../graphql/kit/context.ts'
import { maskError } from '../../graphql/kit/errors.ts'
import type { ChangeHub } from '../../graphql/live/change-hub.ts'
import type { IsProxy } from '../request/client-address.ts'
import type { ConnectionLimit } from '../request/connection-limit.ts'
import type { Draining } from '../request/draining.ts'
import { DOCUMENT_CACHE_LENGTH } from '../request/limits.ts'
import type { RateLimit } from '../request/rate-limit.ts'
import type { OperationRecord } from '../request/request-record.ts'
import type { OriginPolicy } from '../request/sender.ts'
import type { StreamingConnections } from '../request/streaming-connections.ts'
import type { OperationContext } from './operation-context.ts'
import { operationLimits } from './operation-limits.ts'
import { operationReports } from './operation-reports.ts'
import {
  checkedParameters,
  crossSiteProtection,
  documentLimits,
  errorMasking,
  hiddenSchema,
  truncationReports,
} from './plugins.ts'

/** All steps between a request and its result, the same for HTTP, event streams and WebSockets. */
export type Pipeline = YogaServerInstance<OperationContext, object>

/** What all entry points of the API share. */
export interface GraphQLEntry {
  readonly pipeline: Pipeline
  readonly hub: ChangeHub
  readonly connections: StreamingConnections
  readonly draining: Draining
  readonly authentication: Authentication
  readonly origins: OriginPolicy
  readonly isProxy: IsProxy
  readonly connectionLimit: ConnectionLimit
  /** `connection` is the one over which the operation came: connections of one client get the thread in turns. */
  readonly createContext: (requestId: string, viewer: Viewer, connection: object) => GraphQLContext
  /** Points that the operations of each party may cost. */
  readonly costs: RateLimit
  readonly log: Logger
  /** Counts an operation that has ended. */
  readonly onOperation: (operation: OperationRecord) => void
}

interface PipelineOptions extends Pick<GraphQLEntry, 'hub' | 'origins' | 'log'> {
  readonly schema: GraphQLSchema
  readonly execute: Execute
  readonly introspection: boolean
}

/** Path of the GraphQL API. */
export const GRAPHQL_PATH = '/graphql'

/** Creates the pipeline. */
export function createPipeline({
  schema,
  execute,
  hub,
  origins,
  log,
  introspection,
}: PipelineOptions): Pipeline {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: DOCUMENT_CACHE_LENGTH,
    sizeCalculation: (_document, text) => Math.max(text.length, 1),
  })
  return createYoga<OperationContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    graphiql: false,
    landingPage: false,
    logging: false,
    batching: false,
    multipart: false,
    // the request handler has limited the body
    maxRequestBodySize: false,
    // `errorMasking` masks errors: it knows the request
    maskedErrors: false,
    parserAndValidationCache: {
      documentCache: documents,
      // invalid documents are not cached
      errorCache: { get: () => undefined, set: () => {} },
    },
    cors: (request) => {
      const origin = request.headers.get('origin')
      if (origin === null || !origins.allowedOrigins.includes(origin)) return false
      return {
        origin: [origin],
        credentials: false,
        methods: ['GET', 'POST'],
        exposedHeaders: ['X-Request-Id', 'RateLimit-Policy', 'RateLimit', 'Retry-After'],
        maxAge: 600,
      }
    },
    plugins: [
      ...documentLimits(documents),
      ...(introspection ? [] : [hiddenSchema()]),
      crossSiteProtection(),
      checkedParameters(),
      logSubscriptions(hub, log),
      compiledExecution(execute),
      operationLimits(),
      errorMasking(log),
      operationReports(),
      truncationReports(),
    ],
  })
}

/** Executes operations as graphql-js does, compiled, with the text of their data as the result. */
const compiledExecution = (execute: Execute): Plugin<OperationContext, OperationContext> => ({
  onExecute({ setExecuteFn }) {
    setExecuteFn(execute)
  },
})

const EVENT_STREAM = 'text/event-stream'

/** A stream without results, for what is sent beside it. */
export const NO_RESULTS: AsyncIterableIterator<ExecutionResult> = {
  [Symbol.asyncIterator]: () => NO_RESULTS,
  next: () => Promise.resolve({ done: true, value: undefined }),
}

/** Passes subscriptions to the change log to the hub. Yoga only decides whether the client accepts an event stream. */
const logSubscriptions = (hub: ChangeHub, log: Logger): Plugin<OperationContext, OperationContext> => ({
  onSubscribe({ args, setResultAndStopExecution }) {
    const context: OperationContext = args.contextValue
    try {
      const accepted = hub.subscribe({
        operation: args,
        viewer: context.viewer,
        resumeFrom: context.lastEventId,
      })
      if (!accepted) return
      if (context.taken) context.taken.changes = accepted
      setResultAndStopExecution(NO_RESULTS)
    } catch (error) {
      setResultAndStopExecution({ errors: [maskError(error, { requestId: context.requestId, log })] })
    }
  },
  onResultProcess({ resultProcessor, setResultProcessor, serverContext }) {
    if (!serverContext.taken?.changes || !resultProcessor) return
    // Yoga chose a processor for a stream of results: the client accepts an event stream
    const head = { headers: { 'Content-Type': EVENT_STREAM } }
    setResultProcessor((_result, { Response }) => new Response(null, head), EVENT_STREAM)
  },
})

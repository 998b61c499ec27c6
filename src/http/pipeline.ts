import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { type ExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql'
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { GraphQLContext } from '../graphql/kit/context.ts'
import { type ErrorReport, maskError, maskResult } from '../graphql/kit/errors.ts'
import { DOCUMENT_CACHE_LENGTH } from '../graphql/kit/limits.ts'
import type { PushHub, PushSubscription } from '../graphql/live/push-hub.ts'
import { DocumentCache } from './document-cache.ts'
import { documentLimits, hiddenSchema } from './document-limits.ts'

/** What an operation that came by HTTP knows beside the resolvers' context. */
export interface RequestContext extends GraphQLContext {
  /** `Last-Event-ID`: where a broken event stream had come to. */
  readonly lastEventId?: string | undefined
  /** Filled when the operation is a subscription to pushes: whoever answers the request reads it. */
  readonly taken?: { pushes?: PushSubscription }
}

/** Everything between a request and its result, the same for HTTP, event streams and WebSockets. */
export type Pipeline = YogaServerInstance<RequestContext, object>

export interface PipelineOptions {
  readonly schema: GraphQLSchema
  readonly hub: PushHub
  readonly log: Logger
  readonly allowedOrigins: readonly string[]
  readonly introspection: boolean
}

/** The path that answers GraphQL. */
export const GRAPHQL_PATH = '/graphql'

export function createPipeline({
  schema,
  hub,
  log,
  allowedOrigins,
  introspection,
}: PipelineOptions): Pipeline {
  const documents = new DocumentCache(DOCUMENT_CACHE_LENGTH)
  return createYoga<RequestContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    graphiql: false,
    landingPage: false,
    logging: false,
    batching: false,
    multipart: false,
    // the body has been measured when it gets here
    maxRequestBodySize: false,
    // `masking` does it: it knows the request
    maskedErrors: false,
    parserAndValidationCache: {
      documentCache: documents,
      // broken documents are not worth the memory
      errorCache: { get: () => undefined, set: () => {} },
    },
    cors: (request) => {
      const origin = request.headers.get('origin')
      if (origin === null || !allowedOrigins.includes(origin)) return false
      return {
        origin: [origin],
        credentials: false,
        methods: ['GET', 'POST'],
        exposedHeaders: ['X-Request-Id'],
        maxAge: 600,
      }
    },
    plugins: [
      ...documentLimits(documents),
      ...(introspection ? [] : [hiddenSchema()]),
      crossSiteProtection(),
      readableParameters(),
      pushSubscriptions(hub, log),
      masking(log),
    ],
  })
}

const PREFLIGHT_HEADERS = ['x-graphql-csrf', 'graphql-require-preflight', 'apollo-require-preflight']

/** GET changes nothing, and other sites cannot read its answer; what else they can send unasked is refused. */
function crossSiteProtection(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: PREFLIGHT_HEADERS })
  return {
    onRequestParse(payload) {
      if (payload.request.method === 'GET') return
      try {
        return onRequestParse?.(payload)
      } catch {
        throw new GraphQLError(
          `any site could send this: use Content-Type application/json, or a header ${PREFLIGHT_HEADERS[0]}`,
          { extensions: { code: 'FORBIDDEN', http: { status: 403 } } },
        )
      }
    },
  }
}

/** Yoga lets what is no JSON in a query string fail as if the server were broken. */
const readableParameters = (): Plugin => ({
  onRequestParse({ request, url }) {
    if (request.method !== 'GET') return
    for (const name of ['variables', 'extensions']) {
      try {
        JSON.parse(url.searchParams.get(name) || '{}')
      } catch {
        throw new GraphQLError(`"${name}" is no JSON`, {
          extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
        })
      }
    }
  },
})

const EVENT_STREAM = 'text/event-stream'

const NOTHING: AsyncIterableIterator<ExecutionResult> = {
  [Symbol.asyncIterator]: () => NOTHING,
  next: () => Promise.resolve({ done: true, value: undefined }),
}

/** Takes subscriptions to pushes out of Yoga's hands; it only says whether the client accepts an event stream. */
const pushSubscriptions = (hub: PushHub, log: Logger): Plugin<RequestContext, RequestContext> => ({
  onSubscribe({ args, setResultAndStopExecution }) {
    const context: RequestContext = args.contextValue
    try {
      const accepted = hub.subscribe({
        operation: args,
        viewer: context.viewer,
        resumeFrom: context.lastEventId,
      })
      if (!accepted) return
      if (context.taken) context.taken.pushes = accepted
      setResultAndStopExecution(NOTHING)
    } catch (error) {
      setResultAndStopExecution({ errors: [maskError(error, { requestId: context.requestId, log })] })
    }
  },
  onResultProcess({ resultProcessor, setResultProcessor, serverContext }) {
    if (!serverContext.taken?.pushes || !resultProcessor) return
    // of what can be a stream of results, the client accepts an event stream
    const head = { headers: { 'Content-Type': EVENT_STREAM } }
    setResultProcessor((_result, { Response }) => new Response(null, head), EVENT_STREAM)
  },
})

/** Masks what executions report, and whatever went wrong around them. */
function masking(log: Logger): Plugin<RequestContext, RequestContext> {
  const reportOf = ({ requestId }: GraphQLContext): ErrorReport => ({ requestId, log })
  return {
    onExecute: () => ({
      onExecuteDone({ args, result, setResult }) {
        if (!isAsyncIterable(result)) setResult(maskResult(result, reportOf(args.contextValue)))
      },
    }),
    onSubscribe: ({ args }) => ({
      onSubscribeResult({ result, setResult }) {
        if (!isAsyncIterable(result)) setResult(maskResult(result, reportOf(args.contextValue)))
        return {
          onNext: ({ result, setResult }) => setResult(maskResult(result, reportOf(args.contextValue))),
        }
      },
      onSubscribeError: ({ error, setError }) => setError(maskError(error, reportOf(args.contextValue))),
    }),
    onResultProcess({ result, setResult, serverContext }) {
      if (isAsyncIterable(result) || Array.isArray(result)) return
      setResult(maskResult(result, reportOf(serverContext)))
    },
  }
}

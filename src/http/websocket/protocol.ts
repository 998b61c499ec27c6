import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql'
import { makeServer, type OperationResult, type Server, type SubscribePayload } from 'graphql-ws'
import { RateLimitedError, UnauthenticatedError } from '../../access/right/errors.ts'
import { resultText } from '../../graphql/execute/data-text.ts'
import { type ErrorReport, formatError, formatResult, maskError } from '../../graphql/kit/errors.ts'
import type {
  ChangeMember,
  ChangePage,
  ChangeReader,
  ChangeSubscription,
} from '../../graphql/live/change-hub.ts'
import type { OperationContext } from '../pipeline/operation-context.ts'
import { addCodes, describe } from '../pipeline/operation-reports.ts'
import { type GraphQLEntry, NO_RESULTS } from '../pipeline/pipeline.ts'
import { tooComplex } from '../pipeline/plugins.ts'
import { MAX_OPERATIONS_PER_SOCKET } from '../request/limits.ts'
import { encodedParts } from '../request/long-result.ts'
import { newOperation, type OperationRecord, operationFields } from '../request/request-record.ts'
import { partyOf } from '../request/sender.ts'
import type { WebSocketConnection } from './connection.ts'

/** Runs a prepared operation. graphql-ws passes it on as the root value, which the schema does not use. */
type Run = () => OperationResult

interface PreparedOperation {
  readonly payload: SubscribePayload
  readonly operation: OperationRecord
}

/** The error that Yoga returns for an HTTP request without an operation, or with several and no name of one. */
const UNRESOLVED = new GraphQLError('Could not determine what operation to execute.', {
  extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
})

/** Creates the protocol graphql-transport-ws over the same pipeline as HTTP. `initTimeout` as in the server's timings. */
export function createWebSocketProtocol(
  { pipeline, hub, log, authentication, connections, costs, createContext, onOperation }: GraphQLEntry,
  initTimeout: number,
): Server<WebSocketConnection> {
  /** Logs an operation that has ended, a subscription that has begun. */
  const ended = ({ requestId, viewer }: WebSocketConnection, operation: OperationRecord): void => {
    const { seconds = 0 } = operation
    const ms = Math.round(seconds * 10_000) / 10
    const { address } = viewer
    log.info({ requestId, address, transport: 'websocket', ...operationFields(operation), ms }, 'operation')
    onOperation(operation)
  }
  const reportOf = ({ requestId }: WebSocketConnection): ErrorReport => ({ requestId, log })

  async function prepare(
    connection: WebSocketConnection,
    id: string,
    { payload: { query, variables, operationName }, operation: record }: PreparedOperation,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    costs.admit(partyOf(connection.viewer))
    const created = createContext(connection.requestId, connection.viewer, connection)
    const context: OperationContext = { ...created, operation: record }
    const { work } = context
    // also the parser and the validation run in this client's turn
    await work.nextTurn()
    const enveloped = pipeline.getEnveloped(context)
    const schema = enveloped.schema
    const document = parseWith(enveloped.parse, query)
    const errors = enveloped.validate(schema, document)
    if (errors.length > 0) return errors
    const definition = getOperationAST(document, operationName)
    if (!definition) return [UNRESOLVED]
    const operation = { schema, document, variableValues: variables, operationName }
    const accepted = hub.subscribe({ operation, viewer: context.viewer })
    if (accepted) {
      describe(record, document, operationName)
      record.seconds = 0
      ended(connection, record)
      const subscription = new WebSocketSubscription(connection, id, accepted)
      // kept as long as the subscription: only the fields that graphql-ws reads
      return { schema, document, operationName, contextValue: undefined, rootValue: () => subscription }
    }
    connection.begin(id, work)
    const args = { ...operation, contextValue: await enveloped.contextFactory() }
    const isSubscription = definition.operation === 'subscription'
    const start: Run = async () => {
      try {
        const result = await (isSubscription ? enveloped.subscribe(args) : enveloped.execute(args))
        ended(connection, record)
        if (isSubscription) return result
        connection.sendResult(id, await encodedParts(resultText(formatResult(result)), work))
        return NO_RESULTS
      } catch (error) {
        return { errors: [maskError(error, reportOf(connection))] }
      }
    }
    return { ...args, rootValue: start }
  }

  const run = ({ rootValue }: ExecutionArgs): OperationResult => (rootValue as Run)()

  return makeServer<Record<string, unknown>, WebSocketConnection>({
    connectionInitWaitTimeout: initTimeout,
    onConnect: async ({ connectionParams, extra }) => {
      const authorization = connectionParams?.authorization
      if (authorization === undefined) return true
      try {
        // text that is no credential is refused, as in a header
        const presented = { authorization: String(authorization) }
        connections.identify(extra, await authentication.viewerOf(presented, extra.viewer))
        return true
      } catch (error) {
        if (error instanceof RateLimitedError) extra.closeLimited(error)
        else if (!(error instanceof UnauthenticatedError)) throw error
        return false
      }
    },
    onSubscribe: async ({ subscriptions, extra }, id, payload) => {
      if (Object.keys(subscriptions).length > MAX_OPERATIONS_PER_SOCKET) {
        return [tooComplex(`Limit of ${MAX_OPERATIONS_PER_SOCKET} operations on one socket exceeded.`)]
      }
      const operation = newOperation()
      const refuse = (errors: readonly GraphQLError[]): readonly GraphQLError[] => {
        addCodes(operation, { errors: errors.map((error) => maskError(error, reportOf(extra))) })
        ended(extra, operation)
        return errors
      }
      try {
        const prepared = await prepare(extra, id, { payload, operation })
        return Array.isArray(prepared) ? refuse(prepared) : prepared
      } catch (error) {
        return refuse([maskError(error, reportOf(extra))])
      }
    },
    execute: run,
    subscribe: run,
    onNext: (_context, _id, _payload, _args, result) => (result.errors ? formatResult(result) : undefined),
    onComplete: ({ extra }, id) => {
      extra.end(id)
    },
    onError: ({ extra }, _id, _payload, errors) =>
      errors.map((error) => formatError(maskError(error, reportOf(extra)))),
  })
}

/** Adds the error code that Yoga sets on syntax errors only for HTTP requests. */
function parseWith<Document>(parse: (text: string) => Document, text: string): Document {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof GraphQLError) || error.extensions.code !== undefined) throw error
    const { message, source = null, positions = null } = error
    throw new GraphQLError(message, { source, positions, extensions: { code: 'GRAPHQL_PARSE_FAILED' } })
  }
}

/**
 * A subscription to the change log, as an iterator for graphql-ws. It yields no results, because the hub writes its pages
 * directly to the connection; it ends with the subscription.
 */
class WebSocketSubscription
  implements ChangeReader, AsyncIterableIterator<ExecutionResult, undefined, undefined>
{
  readonly #connection: WebSocketConnection
  readonly #id: string
  #subscription: ChangeSubscription | undefined
  #member: ChangeMember | undefined
  #finish: (() => void) | undefined
  #reject: ((error: GraphQLError) => void) | undefined

  constructor(connection: WebSocketConnection, id: string, subscription: ChangeSubscription) {
    this.#connection = connection
    this.#id = id
    this.#subscription = subscription
  }

  take(page: ChangePage): boolean {
    return this.#member === undefined || this.#connection.sendPage(this.#id, page, this.#member)
  }

  fail(error: GraphQLError): void {
    this.#reject?.(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Starts reading on the first call. */
  next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    return new Promise((resolve, reject) => {
      this.#finish = () => resolve({ done: true, value: undefined })
      this.#reject = reject
      this.#member ??= this.#subscription?.read(this)
      this.#subscription = undefined
    })
  }

  return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#member?.leave()
    this.#finish?.()
    return Promise.resolve({ done: true, value: undefined })
  }
}

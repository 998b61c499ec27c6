import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Database } from '../db/open.ts'
import { bodyLength } from '../request-body/read-body.ts'
import { createContent } from './content/content.ts'
import type { StreamSink } from './content/stream-sink.ts'
import { API_VERSION, type Call, createEndpoints, type Methods, type Operation } from './endpoints.ts'
import type { Principal, RegistryAccess, RegistryAction } from './protocol/access.ts'
import { OciError } from './protocol/errors.ts'
import type { RegistryLimits } from './protocol/limits.ts'
import { refusalOf } from './protocol/refusal.ts'
import { formatRepositoryName, parseRepositoryName, type RepositoryName } from './protocol/repository-name.ts'
import { answerEarly, endWhenIdle, ignoreBody } from './protocol/request-body.ts'
import { parseRoute } from './protocol/router.ts'
import type { PullThrough } from './pull-through/pull-through.ts'

export interface RegistryDependencies {
  readonly db: Database
  readonly blobs: BlobStore
  readonly sink: StreamSink
  readonly access: RegistryAccess
  readonly pullThrough?: PullThrough | undefined
  readonly limits: RegistryLimits
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Where unforeseen errors go. */
  readonly log: RegistryLog
}

export interface RegistryLog {
  error(object: { readonly requestId: string; readonly err: unknown }, message: string): void
}

/** Who asks, and what the log knows the request by. */
export interface RegistryCaller {
  readonly principal: Principal
  readonly requestId: string
}

/** The integrated registry. Source: OCI distribution-spec 1.1. */
export interface Registry {
  /** Answers any request to `/v2` and below. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse, caller: RegistryCaller): Promise<void>
}

export function createRegistry(dependencies: RegistryDependencies): Registry {
  const { access, limits, log } = dependencies
  const endpoints = createEndpoints({ ...dependencies, content: createContent(dependencies.db) })

  /** The one place where rights are asked for: before anything is looked up, so that a refusal tells nothing. */
  const authorize = (principal: Principal, action: RegistryAction | null, name?: RepositoryName): void => {
    if (action === null || access.may(principal, action, name)) return
    const what = name
      ? `${action} ${action === 'push' ? 'to' : 'from'} "${formatRepositoryName(name)}"`
      : action
    throw new OciError('DENIED', `you may not ${what}`)
  }

  const route = (
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
  ): void | Promise<void> => {
    const [path, query] = splitUrl(request.url ?? '')
    const found = parseRoute(path)
    if (!found) throw new OciError('UNSUPPORTED', 'the registry has nothing at this path', { status: 404 })
    const { kind, name, reference } = found
    const mayPull = (other: RepositoryName): boolean => access.may(principal, 'pull', other)
    const call: Call = { request, response, query, base: `/v2/${name}`, reference, mayPull }
    if (kind === 'version' || kind === 'catalog') {
      const operation = operationOf(endpoints[kind], call)
      authorize(principal, operation.action)
      return operation.run(call)
    }
    const operation = operationOf(endpoints[kind], call)
    const repository = parseRepositoryName(name)
    authorize(principal, operation.action, repository)
    return operation.run({ ...call, repository })
  }

  /** Answers what went wrong, where there still is somebody to tell. */
  const refuse = async (
    request: IncomingMessage,
    response: ServerResponse,
    { error, requestId }: { error: unknown; requestId: string },
  ): Promise<void> => {
    if (response.destroyed || request.socket.destroyed) return
    const refusal = refusalOf(error) ?? unforeseen(requestId)
    if (refusal.status === 500) log.error({ requestId, err: error }, 'unforeseen error')
    if (response.headersSent) {
      response.destroy()
      return
    }
    const headers = { 'Content-Type': 'application/json', ...API_VERSION, ...refusal.headers }
    const status = statusOf(refusal, request)
    await answerEarly({ request, response }, status, headers, JSON.stringify(refusal.toBody()))
  }

  return {
    async handle(request, response, { principal, requestId }) {
      try {
        if (bodyLength(request) !== 0) endWhenIdle(request, response, limits.idle)
        await route(request, response, principal)
      } catch (error) {
        await refuse(request, response, { error, requestId })
      }
    },
  }
}

const NO_QUERY = new URLSearchParams()

function splitUrl(url: string): [path: string, query: URLSearchParams] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, NO_QUERY] : [url.slice(0, mark), new URLSearchParams(url.slice(mark + 1))]
}

/** What a route does for the request's method; a HEAD is answered as a GET without its body. Throws OciError. */
function operationOf<Given>(methods: Methods<Given>, { request, response }: Call): Operation<Given> {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
  const operation = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (!operation) {
    const allowed = Object.keys(methods).join(', ').replace('GET', 'GET, HEAD')
    throw new OciError('UNSUPPORTED', `this path takes ${allowed}`, { headers: { Allow: allowed } })
  }
  if (!operation.takesBody) ignoreBody(request, response)
  return operation
}

const unforeseen = (requestId: string): OciError =>
  new OciError('UNKNOWN', `something went wrong inside the registry; its log has it under ${requestId}`)

/**
 * Clients begin a push by asking for a blob by HEAD, whose answer has no room to say what is wrong with the name. What
 * is merely not there lets them go on to the request that is told.
 */
const statusOf = (refusal: OciError, { method }: IncomingMessage): number =>
  method === 'HEAD' && refusal.code === 'NAME_INVALID' ? 404 : refusal.status

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForbiddenError } from '../access/right/errors.ts'
import type { Viewer } from '../access/right/viewer.ts'
import { OciError } from '../oci/oci-error.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { limitBodyRate } from '../request-body/arrival.ts'
import type { BodyMemory } from '../request-body/body-budget.ts'
import { ignoreBody, respondEarly } from '../request-body/respond.ts'
import { createContent } from './content/content.ts'
import { createIntactBlobs } from './content/intact-blobs.ts'
import { API_VERSION, createEndpoints, type RegistryOperation, type RegistryOperations } from './endpoints.ts'
import { toOciError } from './protocol/error-mapping.ts'
import { JSON_TYPE, type RegistryCall } from './protocol/exchange.ts'
import { parseRoute } from './protocol/router.ts'
import type { RegistryDependencies } from './routes/dependencies.ts'
import { createGate } from './sign-in/gate.ts'

/** Address and id of a request, and the memory for its body, which the caller releases; the log has the id. */
export interface RegistryRequestContext {
  readonly address: string | null
  readonly requestId: string
  /** Counts a request of the viewer. Throws RateLimitedError. */
  readonly admit: (viewer: Viewer) => void
  readonly memory: BodyMemory
}

/** The integrated registry. Source: OCI distribution-spec 1.1. */
export type Registry = ReturnType<typeof createRegistry>

export function createRegistry(dependencies: RegistryDependencies) {
  const { signIn, limits, log } = dependencies
  const gate = createGate(signIn)
  const endpoints = createEndpoints({
    ...dependencies,
    content: createContent(dependencies.db),
    isIntact: createIntactBlobs(dependencies),
  })

  const route = async (
    response: ServerResponse,
    { memory, ...client }: RegistryRequestContext,
  ): Promise<void> => {
    const request = response.req
    const [path, query] = splitUrl(request.url ?? '')
    const found = parseRoute(path)
    if (!found)
      throw new OciError('UNSUPPORTED', 'unknown path: the registry has no such endpoint', { status: 404 })
    const { kind, name, reference } = found
    const call = { request, response, memory, query, base: `/v2/${name}`, reference }
    if (kind === 'version' || kind === 'catalog') {
      const operation = operationOf(endpoints[kind], call)
      const viewer = await (kind === 'version' ? gate.greet(request, client) : gate.list(request, client))
      return operation.run({ ...call, viewer })
    }
    const operation = operationOf(endpoints[kind], call)
    const repository = parseRepositoryName(name)
    const from = kind === 'uploads' && query.has('mount') ? query.get('from') : null
    const viewer = await gate.use(request, client, { action: operation.right, repository, name, from })
    try {
      return await operation.run({ ...call, viewer, repository })
    } catch (error) {
      if (error instanceof ForbiddenError) gate.refuse(viewer, { action: operation.right, repository }, error)
      throw error
    }
  }

  /** Sends the error response, unless the client has closed the connection. */
  const respondError = async (response: ServerResponse, error: unknown, requestId: string): Promise<void> => {
    const request = response.req
    if (response.destroyed || request.socket.destroyed) return
    const known = toOciError(error) ?? internalError(requestId)
    if (known.status === 500) log.error({ requestId, err: error }, 'internal error')
    if (response.headersSent) {
      response.destroy()
      return
    }
    const headers = { ...JSON_TYPE, ...API_VERSION, ...known.headers }
    await respondEarly(response, known.status, known.toBody(), headers)
  }

  return {
    /** Handles a request to `/v2` or below. Never rejects. */
    async handle(
      request: IncomingMessage,
      response: ServerResponse,
      context: RegistryRequestContext,
    ): Promise<void> {
      try {
        limitBodyRate(request, { period: limits.idle, bytes: (limits.slowestUpload * limits.idle) / 1_000 })
        await route(response, context)
      } catch (error) {
        await respondError(response, error, context.requestId)
      }
    },
  }
}

const NO_QUERY = new URLSearchParams()

function splitUrl(url: string): [path: string, query: URLSearchParams] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, NO_QUERY] : [url.slice(0, mark), new URLSearchParams(url.slice(mark + 1))]
}

/** Returns the operation for the request's method; GET's for a HEAD. Throws OciError. */
function operationOf<Call extends RegistryCall>(
  operations: RegistryOperations<Call>,
  { request, response }: Pick<RegistryCall, 'request' | 'response'>,
): RegistryOperation<Call> {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
  const operation = Object.hasOwn(operations, method) ? operations[method] : undefined
  if (!operation) {
    const allowed = Object.keys(operations).join(', ').replace('GET', 'GET, HEAD')
    throw new OciError('UNSUPPORTED', `method not allowed: this path supports ${allowed}`, {
      headers: { Allow: allowed },
    })
  }
  if (!operation.takesBody) ignoreBody(request, response)
  return operation
}

const internalError = (requestId: string): OciError =>
  new OciError('UNKNOWN', `internal error: see request ${requestId} in the log of the registry`)

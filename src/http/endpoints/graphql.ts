import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLContext, Viewer } from '../../graphql/kit/context.ts'
import { readBody } from '../../request-body/read-body.ts'
import { GRAPHQL_PATH, type OperationContext, type Pipeline } from '../pipeline/pipeline.ts'
import { MAX_BODY_BYTES } from '../request/limits.ts'
import { principalOf } from '../request/principal.ts'
import { headersOf, isEventStream, refuse, send } from '../request/response.ts'
import type { StreamingConnections } from '../request/streaming-connections.ts'
import { streamPushes } from './event-stream.ts'

export interface GraphQLEndpointOptions {
  readonly pipeline: Pipeline
  readonly connections: StreamingConnections
  readonly createContext: (requestId: string, viewer: Viewer) => GraphQLContext
}

const NO_BODY = Buffer.alloc(0)

/** Runs the operation of a request, and responds with its result or with a stream of results. */
export async function respondGraphQL(
  { pipeline, connections, createContext }: GraphQLEndpointOptions,
  { request, response, requestId }: { request: IncomingMessage; response: ServerResponse; requestId: string },
): Promise<void> {
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
  const body = hasBody ? await readBody(request, MAX_BODY_BYTES) : NO_BODY
  if (!body) {
    return refuse(response, 413, 'TOO_COMPLEX', `Limit of ${MAX_BODY_BYTES} bytes for a request exceeded.`)
  }
  const { method = 'GET', url = GRAPHQL_PATH, headers } = request
  const lastEventId = headers['last-event-id']
  const taken: OperationContext['taken'] = {}
  const result = await pipeline.handleRequest(
    // the pipeline does not use the host, and the client's `Host` may be no valid host
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
  if (taken.pushes && isEventStream(result) && !response.destroyed) {
    streamPushes(response, taken.pushes, { headers: headersOf(result), requestId, connections })
  } else {
    await send(response, result, { requestId, connections })
  }
}

import { readBody } from '../../request-body/read-body.ts'
import { GRAPHQL_PATH, type GraphQLEntry, type OperationContext } from '../pipeline/pipeline.ts'
import { MAX_BODY_BYTES } from '../request/limits.ts'
import { type HttpExchange, headersOf, isEventStream, refuse, send } from '../request/response.ts'
import { principalOf } from '../request/sender.ts'
import { streamPushes } from './event-stream.ts'

const NO_BODY = Buffer.alloc(0)

/** Runs the operation of a request, and responds with its result or with a stream of results. */
export async function respondGraphQL(
  { pipeline, connections, createContext }: GraphQLEntry,
  { request, response, requestId }: HttpExchange,
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

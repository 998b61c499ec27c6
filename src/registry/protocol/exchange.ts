import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { RepositoryName } from './repository-name.ts'

/** A request to a repository and its response. */
export interface RegistryExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly repository: RepositoryName
  /** `/v2/<name>`, the name as the client wrote it: prefix of the links in the response. */
  readonly base: string
  readonly query: URLSearchParams
}

type RequestAndResponse = Pick<RegistryExchange, 'request' | 'response'>

/** Sends the response or throws. An OciError becomes an error response; any other error is an internal error. */
export type Handler<Rest extends readonly unknown[] = []> = (
  exchange: RegistryExchange,
  ...rest: Rest
) => void | Promise<void>

/** Sends a response with a complete body; the response to a HEAD has the headers only. */
export function respond(
  { request, response }: RequestAndResponse,
  status: number,
  headers: OutgoingHttpHeaders = {},
  body: string | Uint8Array = '',
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  response.writeHead(status, {
    ...headers,
    ...(status !== 204 && status !== 304 && { 'Content-Length': length }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Sends a response with a JSON body. */
export const respondJson = (
  exchange: RequestAndResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void =>
  respond(exchange, status, { 'Content-Type': 'application/json', ...headers }, JSON.stringify(value))

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { RepositoryName } from './repository-name.ts'

/** One request to a repository and its answer, as handlers get it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly repository: RepositoryName
  /** `/v2/<name>`, the name as the client wrote it: what links in the answer begin with. */
  readonly base: string
  readonly query: URLSearchParams
}

/** Answers, or throws: an OciError is answered as such, anything else is an unforeseen error. */
export type Handler<Rest extends readonly unknown[] = []> = (
  exchange: Exchange,
  ...rest: Rest
) => void | Promise<void>

/** Answers with headers and a whole body; a HEAD gets the headers of it. */
export function answer(
  { request, response }: Pick<Exchange, 'request' | 'response'>,
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

export const answerJson = (
  exchange: Pick<Exchange, 'request' | 'response'>,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void => answer(exchange, status, { 'Content-Type': 'application/json', ...headers }, JSON.stringify(value))

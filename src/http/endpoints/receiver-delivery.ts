import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { UnreadBodyError } from '../../request-body/errors.ts'
import { readBody } from '../../request-body/read-body.ts'
import { respondEarly, respondJson } from '../../request-body/respond.ts'
import { MAX_DELIVERY_BYTES } from '../request/limits.ts'
import type { HttpExchange } from '../request/response.ts'

/** The paths of receivers, to which senders deliver. */
export interface DeliveryEndpoint {
  /** Undefined for the path of an unknown or a deleted receiver: the response is that of any unknown path. */
  open(path: string, source: string): OpenDelivery | undefined
}

/** The address of one receiver, for one request. */
export interface OpenDelivery {
  /** Kind of the receiver's sender. */
  readonly sender: string
  readonly methods: readonly string[]
  /** Seconds until the source may deliver again; 0 when it may deliver now. */
  readonly wait: number
  receive(delivery: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly query: URLSearchParams
    readonly body: Uint8Array
  }): Promise<{
    readonly status: number
    readonly body: unknown
    readonly headers?: OutgoingHttpHeaders
  }>
}

/** Receives a delivery, and responds. Rejects when the client disconnects, or nothing can be stored. */
export async function respondToDelivery(
  { methods, wait, receive }: OpenDelivery,
  { request, response, memory }: Pick<HttpExchange, 'request' | 'response' | 'memory'>,
): Promise<void> {
  const { method = 'GET' } = request
  const refuse = (status: number, error: string, headers: OutgoingHttpHeaders = {}): Promise<void> =>
    respondEarly(response, status, { error }, headers)

  if (!methods.includes(method)) {
    return refuse(405, `method not allowed: deliveries are sent with ${methods.join(' or ')}`, {
      Allow: methods.join(', '),
    })
  }
  if (wait > 0) return refuse(429, 'too many deliveries', { 'Retry-After': String(wait) })
  const body = await readBody(request, { maxBytes: MAX_DELIVERY_BYTES, memory }).catch(unreadBody)
  if (body instanceof UnreadBodyError) return refuse(body.status, body.message, body.headers)
  const result = await receive({ method, headers: headersOf(request), query: queryOf(request), body })
  if (result.body === null) response.writeHead(result.status, result.headers).end()
  else respondJson(response, result.status, result.body, result.headers)
}

/** Returns the error of a body that was not read, and throws any other error. */
function unreadBody(error: unknown): UnreadBodyError {
  if (error instanceof UnreadBodyError) return error
  throw error
}

/** Returns one text for each header name. */
const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

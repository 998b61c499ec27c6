import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { BodyBudget } from '../../request-body/read-body.ts'
import { readBodyWithin } from '../../request-body/read-body.ts'
import { respondEarly, respondJson } from '../../request-body/respond.ts'
import { MAX_DELIVERY_BYTES } from '../request/limits.ts'

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
  /** Shared by all bodies that are read or processed. */
  readonly budget: BodyBudget
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
  { methods, wait, budget, receive }: OpenDelivery,
  request: IncomingMessage,
  response: ServerResponse,
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
  const refuseOverBudget = () => refuse(503, 'too many deliveries at once', { 'Retry-After': '1' })
  const body = await readBodyWithin(request, MAX_DELIVERY_BYTES, budget)
  if (body === 'too long') return refuse(413, `a delivery has at most ${MAX_DELIVERY_BYTES} bytes`)
  if (body === 'over budget') return refuseOverBudget()
  // counts while it is processed as well: that may wait for the keys of the sender's platform
  if (!budget.take(body.length)) return refuseOverBudget()
  const result = await receive({
    method,
    headers: headersOf(request),
    query: queryOf(request),
    body,
  }).finally(() => budget.give(body.length))
  if (result.body === null) response.writeHead(result.status, result.headers).end()
  else respondJson(response, result.status, result.body, result.headers)
}

/** Returns the address of the client; of an IPv6 address the /64 network, all of which one host may use. */
export function sourceOf({ socket }: IncomingMessage): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
  if (!address.includes(':')) return address
  const [head = [], tail = []] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
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

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { BodyBudget } from '../request-body/body-budget.ts'
import { readBodyWithin } from '../request-body/read-body.ts'
import { answerJson } from './answer.ts'

/** Where senders of webhooks deliver. */
export interface DeliveryEndpoint {
  /** Undefined where this path is nobody's, or not any more: it is answered like any other that is not there. */
  open(path: string, source: string): OpenDelivery | undefined
}

/** One address that takes deliveries, for one request. */
export interface OpenDelivery {
  /** The kind of its sender. */
  readonly sender: string
  readonly methods: readonly string[]
  /** Seconds that its source has to wait; 0 for none. */
  readonly wait: number
  /** What all bodies share that are being read or judged. */
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

/** Bytes of one delivery. */
export const MAX_DELIVERY_BYTES = 2 * 1024 * 1024
/** Bytes of all deliveries that are being read or judged at a time. */
export const MAX_DELIVERY_BYTES_HELD = 32 * 1024 * 1024

/** Answers a delivery. Rejects when the client goes away, or nothing can be stored. */
export async function answerDelivery(
  { methods, wait, budget, receive }: OpenDelivery,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET' } = request
  const refuse = (status: number, error: string, headers: OutgoingHttpHeaders = {}): void => {
    // what is still to come is let pass, and then the connection ends
    request.resume()
    answerJson(response, status, { error }, { ...headers, ...(!request.complete && { Connection: 'close' }) })
  }

  if (!methods.includes(method)) {
    return refuse(405, `deliveries are sent with ${methods.join(' or ')}`, { Allow: methods.join(', ') })
  }
  if (wait > 0) return refuse(429, 'too many deliveries', { 'Retry-After': String(wait) })
  const body = await readBodyWithin(request, MAX_DELIVERY_BYTES, budget)
  if (body === 'too long') return refuse(413, `a delivery has at most ${MAX_DELIVERY_BYTES} bytes`)
  if (body === 'over budget') return refuse(503, 'too much is delivered at once', { 'Retry-After': '1' })
  // also while it is judged: the keys of a sender's platform may have to be waited for
  if (!budget.take(body.length)) return refuse(503, 'too much is delivered at once', { 'Retry-After': '1' })
  const answer = await receive({
    method,
    headers: headersOf(request),
    query: queryOf(request),
    body,
  }).finally(() => budget.give(body.length))
  if (answer.body === null) response.writeHead(answer.status, answer.headers).end()
  else answerJson(response, answer.status, answer.body, answer.headers)
}

/** The address that a request comes from; of IPv6 the network, of which one host has all addresses. */
export function sourceOf({ socket }: IncomingMessage): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
  if (!address.includes(':')) return address
  const [head = [], tail = []] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}

/** One text for each name, as Node.js joins them. */
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

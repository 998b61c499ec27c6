import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuse } from '../request/response.ts'
import type { Metrics } from './metrics.ts'

/** Responds with the metrics in the text format of Prometheus. */
export async function respondMetrics(
  { contentType, text }: Pick<Metrics, 'contentType' | 'text'>,
  { method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return refuse(response, 405, 'INVALID', 'method not allowed: read metrics with GET')
  }
  const body = Buffer.from(await text())
  response.writeHead(200, {
    'Content-Type': contentType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  })
  response.end(method === 'HEAD' ? undefined : body)
}

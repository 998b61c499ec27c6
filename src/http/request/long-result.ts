import { once } from 'node:events'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { OperationWork } from '../../graphql/work/operation-work.ts'
import { jsonParts } from './json-parts.ts'
import { connectionOf } from './response.ts'
import type { StreamingScope } from './streaming-connections.ts'

/** The head of a response whose body is the text of a result. */
interface LongResponse extends StreamingScope {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly work: Pick<OperationWork, 'nextTurn'>
  /** Text around the result, of an event stream. */
  readonly around?: readonly [before: string, after: string]
}

/** Responds with the text of a result, in parts: other clients have the thread between two of them. */
export async function sendLongResult(
  response: ServerResponse,
  result: object,
  { status, headers, work, requestId, viewer, connections, around: [before, after] = ['', ''] }: LongResponse,
): Promise<void> {
  const { 'content-length': _, ...others } = headers
  if (response.destroyed) return
  const connection = connectionOf(response, { requestId, viewer })
  connections.add(connection)
  const closed = once(response, 'close').then(() => connections.delete(connection))
  response.writeHead(status, others)
  response.write(before)
  for (const part of jsonParts(result)) {
    await work.nextTurn()
    if (!response.write(part)) await Promise.race([once(response, 'drain'), closed])
    if (response.destroyed) return
  }
  response.end(after)
}

/** Returns the text of a result in UTF-8, in parts; other clients have the thread between two of them. */
export async function longText(result: object, work: Pick<OperationWork, 'nextTurn'>): Promise<Buffer[]> {
  const parts: Buffer[] = []
  for (const part of jsonParts(result)) {
    await work.nextTurn()
    parts.push(Buffer.from(part))
  }
  return parts
}

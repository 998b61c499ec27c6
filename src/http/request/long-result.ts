import { once } from 'node:events'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { OperationWork } from '../../graphql/work/operation-work.ts'
import { connectionOf } from './response.ts'
import type { StreamingScope } from './streaming-connections.ts'

/** Characters of a result that is sent in parts; it may not fit into the network's buffers for a client that does not read. */
export const LONG_RESULT = 64 * 1024

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
  result: string,
  { status, headers, work, requestId, viewer, connections, around: [before, after] = ['', ''] }: LongResponse,
): Promise<void> {
  const { 'content-length': _, ...others } = headers
  if (response.destroyed) return
  const connection = connectionOf(response, { requestId, viewer })
  connections.add(connection)
  const closed = once(response, 'close').then(() => connections.delete(connection))
  response.writeHead(status, others)
  response.write(before)
  for (const part of partsOf(result)) {
    await work.nextTurn()
    if (!response.write(part)) await Promise.race([once(response, 'drain'), closed])
    if (response.destroyed) return
  }
  response.end(after)
}

/** Characters of a part. */
const PART = 64 * 1024

const HIGH_SURROGATE = /[\uD800-\uDBFF]$/

/** Yields a text in parts; the two halves of a character stay together. */
function* partsOf(text: string): Generator<string, undefined> {
  for (let at = 0; at < text.length; ) {
    const part = text.slice(at, at + PART)
    const whole = at + PART < text.length && HIGH_SURROGATE.test(part) ? part.slice(0, -1) : part
    at += whole.length
    yield whole
  }
}

/** Returns a text in UTF-8, in parts; other clients have the thread between two of them. */
export async function encodedParts(text: string, work: Pick<OperationWork, 'nextTurn'>): Promise<Buffer[]> {
  if (text.length <= PART) return [Buffer.from(text)]
  const parts: Buffer[] = []
  for (const part of partsOf(text)) {
    await work.nextTurn()
    parts.push(Buffer.from(part))
  }
  return parts
}

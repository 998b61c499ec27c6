import type { Duplex } from 'node:stream'
import { CloseCode } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { RateLimitedError } from '../../access/right/errors.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { ChangeMember, ChangePage } from '../../graphql/live/change-hub.ts'
import type { OperationWork } from '../../graphql/work/operation-work.ts'
import type { StreamingConnection, StreamingConnections } from '../request/streaming-connections.ts'

/** Close code for a client that does not read, or that is limited. graphql-ws clients reconnect after it. */
export const TRY_AGAIN_LATER = 1013

const SLOW_READER_REASON = 'try again later: slow reader, resume from your last cursor'

const GOING_AWAY = 1001

/** The request that opened a connection, and its viewer. */
export interface WebSocketOrigin {
  readonly requestId: string
  readonly viewer: Viewer
  readonly connections: StreamingConnections
}

/**
 * A WebSocket, and the network connection under it, to which several frames can be written at once. While the client does
 * not read, nothing is read from it either: its messages and pings would only add unread responses.
 */
export class WebSocketConnection implements StreamingConnection {
  readonly requestId: string
  viewer: Viewer
  readonly #socket: WebSocket
  readonly #network: Duplex
  readonly #connections: StreamingConnections
  #awaitsPong = false
  /** Operations in progress, by their ids; without subscriptions to the change log. */
  #works: Map<string, OperationWork> | undefined
  /** Members that had a page to send while the network was busy. */
  #blocked: Set<ChangeMember> | undefined

  constructor(socket: WebSocket, network: Duplex, { requestId, viewer, connections }: WebSocketOrigin) {
    this.requestId = requestId
    this.viewer = viewer
    this.#socket = socket
    this.#network = network
    this.#connections = connections
    socket.on('pong', () => {
      this.#awaitsPong = false
    })
    socket.on('ping', () => this.#holdBack())
    network.on('drain', () => this.#resume())
  }

  /** Sends a message. Resolves when the network has it, or the socket is closed, as it is when its client does not read. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => {
      // a socket that is closing emits 'close'
      if (this.#socket.readyState !== WebSocket.OPEN || !this.#connections.mayWrite(this, text.length)) {
        resolve()
        return
      }
      this.#socket.send(text, () => resolve())
      this.#holdBack()
    })
  }

  /** Sends a page to one operation. Returns false while the network is busy; the member is resumed afterwards. */
  sendPage(id: string, page: ChangePage, member: ChangeMember): boolean {
    if (this.#network.writableNeedDrain) {
      this.#blocked ??= new Set()
      this.#blocked.add(member)
      return false
    }
    if (this.#socket.readyState !== WebSocket.OPEN) return true
    const frames = nextFrames(id, page)
    // without compression ws writes its own frames at once, so frames beside them keep the order
    if (this.#connections.mayWrite(this, frames.length)) this.#network.write(frames)
    this.#holdBack()
    return true
  }

  /** Remembers the work of an operation, which is aborted with it. */
  begin(id: string, work: OperationWork): void {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      work.abort()
      return
    }
    this.#works ??= new Map()
    this.#works.set(id, work)
  }

  /** Ends an operation that is complete, by default all. */
  end(id?: string): void {
    if (!this.#works) return
    for (const [known, work] of this.#works) if (id === undefined || known === id) work.abort()
    if (id === undefined) this.#works = undefined
    else this.#works.delete(id)
  }

  /** Sends a long result of one operation, whose text is the parts. */
  sendResult(id: string, parts: readonly Buffer[]): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    const all = [Buffer.from(prefixOf(id)), ...parts, Buffer.from([SUFFIX])]
    const size = all.reduce((sum, { length }) => sum + length, 0)
    if (!this.#connections.mayWrite(this, size)) return
    const header = Buffer.alloc(MAX_HEADER)
    const end = writeHeader(header, 0, size)
    for (const part of [header.subarray(0, end), ...all]) this.#network.write(part)
    this.#holdBack()
  }

  get pendingBytes(): number {
    return this.#network.writableLength
  }

  keepAlive(): void {
    if (this.#awaitsPong) {
      this.#socket.terminate()
      return
    }
    this.#awaitsPong = true
    this.#socket.ping()
  }

  closeSlowReader(): void {
    this.#socket.close(TRY_AGAIN_LATER, SLOW_READER_REASON)
  }

  /** Closes it because its client, or another one of its principal, uses too much. */
  closeLimited({ retryAfterSeconds }: RateLimitedError): void {
    this.#socket.close(
      TRY_AGAIN_LATER,
      `rate limited: repeat this request after ${retryAfterSeconds} seconds`,
    )
  }

  closeUnauthenticated(): void {
    this.#socket.close(CloseCode.Forbidden, 'the credential is no longer valid')
  }

  goAway(): void {
    this.#socket.close(GOING_AWAY, 'the server is going away')
  }

  destroy(): void {
    this.#socket.terminate()
  }

  #holdBack(): void {
    if (this.#network.writableNeedDrain) this.#socket.pause()
  }

  #resume(): void {
    this.#socket.resume()
    const blocked = this.#blocked
    this.#blocked = undefined
    for (const member of blocked ?? []) member.resume()
  }
}

/** A final, unmasked text frame. Source: RFC 6455 §5.2. */
const TEXT_FRAME = 0x81

const SUFFIX = '}'.charCodeAt(0)

/**
 * Returns the page as `next` messages of graphql-transport-ws for this operation id. Each message has its own frame, and
 * all frames are in one buffer: one write of the whole page costs as much as one write of a single message.
 */
function nextFrames(id: string, { results }: ChangePage): Buffer {
  const prefix = prefixOf(id)
  const prefixBytes = Buffer.byteLength(prefix)
  let size = 0
  for (const { json } of results) {
    const length = prefixBytes + json.length + 1
    size += headerBytes(length) + length
  }
  const frames = Buffer.allocUnsafe(size)
  let offset = 0
  for (const { json } of results) {
    offset = writeHeader(frames, offset, prefixBytes + json.length + 1)
    offset += frames.write(prefix, offset)
    offset += json.copy(frames, offset)
    frames[offset++] = SUFFIX
  }
  return frames
}

const prefixOf = (id: string): string => `{"id":${JSON.stringify(id)},"type":"next","payload":`

const MAX_HEADER = 10

const headerBytes = (length: number): number => (length < 126 ? 2 : length < 0x1_0000 ? 4 : 10)

function writeHeader(frames: Buffer, offset: number, length: number): number {
  frames[offset] = TEXT_FRAME
  if (length < 126) {
    frames[offset + 1] = length
    return offset + 2
  }
  if (length < 0x1_0000) {
    frames[offset + 1] = 126
    return frames.writeUInt16BE(length, offset + 2)
  }
  frames[offset + 1] = 127
  return frames.writeBigUInt64BE(BigInt(length), offset + 2)
}

import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { handleProtocols, type Server as Protocol } from 'graphql-ws'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import { CLOSE_TIMEOUT, MAX_MESSAGE_BYTES } from '../../graphql/kit/limits.ts'
import { isOurHost, mayConnect, type OriginPolicy } from '../origin.ts'
import { GRAPHQL_PATH } from '../pipeline.ts'
import { principalOf } from '../principal.ts'
import { requestIdOf } from '../request-id.ts'
import type { Streams } from '../streams.ts'
import { Connection } from './websocket-connection.ts'

export interface WebSocketOptions {
  readonly protocol: Protocol<Connection>
  readonly streams: Streams
  readonly log: Logger
  readonly origins: OriginPolicy
}

/** Something went wrong in the server while it handled a message. Source: graphql-transport-ws. */
const INTERNAL_ERROR = 4500

/** Answers upgrades: a listener for the `upgrade` event of a node:http server. */
export function webSocketUpgrades({ protocol, streams, log, origins }: WebSocketOptions) {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (protocols) => handleProtocols(protocols),
    ...{ closeTimeout: CLOSE_TIMEOUT },
  })

  return (request: IncomingMessage, network: Duplex, head: Buffer): void => {
    // until the WebSocket is there nobody else listens
    network.on('error', () => network.destroy())
    const requestId = requestIdOf(request)
    const refusal = refusalOf(request, origins)
    if (refusal !== undefined) {
      log.info({ requestId, transport: 'websocket', status: refusal }, 'request')
      network.end(
        `HTTP/1.1 ${refusal} ${STATUS_CODES[refusal]}\r\nConnection: close\r\nContent-Length: 0\r\nX-Request-Id: ${requestId}\r\n\r\n`,
      )
      return
    }
    server.handleUpgrade(request, network, head, (socket) =>
      open(new Connection(socket, network, { requestId, viewer: principalOf(request) }), socket),
    )
  }

  function open(connection: Connection, socket: WebSocket): void {
    const since = performance.now()
    const { requestId } = connection
    streams.add(connection)
    const fail = (error: unknown): void => {
      log.error({ requestId, err: error }, 'unforeseen error')
      socket.close(INTERNAL_ERROR, 'Internal server error')
    }
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => sendText(socket, text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (handle) => {
          socket.on('message', (message) => void handle(String(message)).catch(fail))
        },
      },
      connection,
    )
    // a broken connection closes as well, and that is where it is handled
    socket.on('error', () => {})
    socket.once('close', (code, reason) => {
      streams.delete(connection)
      closed(code, String(reason)).catch(fail)
      log.info(
        { requestId, transport: 'websocket', code, ms: Math.round(performance.now() - since) },
        'closed',
      )
    })
  }
}

function refusalOf(request: IncomingMessage, origins: OriginPolicy): number | undefined {
  if (request.url?.split('?', 1)[0] !== GRAPHQL_PATH) return 404
  if (!isOurHost(request, origins)) return 421
  if (!mayConnect(request, origins)) return 403
  return undefined
}

const sendText = (socket: WebSocket, text: string): Promise<void> =>
  new Promise((resolve) => {
    // a socket that closes meanwhile has told so by its own event
    if (socket.readyState === socket.OPEN) socket.send(text, () => resolve())
    else resolve()
  })

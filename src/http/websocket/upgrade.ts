import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { handleProtocols, type Server as Protocol } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { GRAPHQL_PATH, type GraphQLEntry } from '../pipeline/pipeline.ts'
import { CLOSE_TIMEOUT, MAX_MESSAGE_BYTES } from '../request/limits.ts'
import { isOurHost, mayConnect, type OriginPolicy, principalOf, requestIdOf } from '../request/sender.ts'
import { WebSocketConnection } from './connection.ts'

/** Close code for an internal error while a message was handled. Source: graphql-transport-ws. */
const INTERNAL_ERROR = 4500

/** Returns a listener for the `upgrade` event of a node:http server, which opens WebSockets. */
export function webSocketUpgrades(
  { connections, log, origins }: GraphQLEntry,
  protocol: Protocol<WebSocketConnection>,
) {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (protocols) => handleProtocols(protocols),
    ...{ closeTimeout: CLOSE_TIMEOUT },
  })

  return (request: IncomingMessage, network: Duplex, head: Buffer): void => {
    // no other listener until the WebSocket is open
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
      open(new WebSocketConnection(socket, network, { requestId, viewer: principalOf(request) }), socket),
    )
  }

  function open(connection: WebSocketConnection, socket: WebSocket): void {
    const since = performance.now()
    const { requestId } = connection
    connections.add(connection)
    const fail = (error: unknown): void => {
      log.error({ requestId, err: error }, 'cannot handle WebSocket message: internal error')
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
    // a broken connection emits 'close' as well, which is handled below
    socket.on('error', () => {})
    socket.once('close', (code, reason) => {
      connections.delete(connection)
      closed(code, String(reason)).catch(fail)
      log.info(
        { requestId, transport: 'websocket', code, ms: Math.round(performance.now() - since) },
        'closed',
      )
    })
  }
}

/** Returns the status that refuses the upgrade, undefined when it is accepted. */
function refusalOf(request: IncomingMessage, origins: OriginPolicy): number | undefined {
  if (request.url?.split('?', 1)[0] !== GRAPHQL_PATH) return 404
  if (!isOurHost(request, origins)) return 421
  if (!mayConnect(request, origins)) return 403
  return undefined
}

const sendText = (socket: WebSocket, text: string): Promise<void> =>
  new Promise((resolve) => {
    // a socket that is closing emits 'close'
    if (socket.readyState === socket.OPEN) socket.send(text, () => resolve())
    else resolve()
  })

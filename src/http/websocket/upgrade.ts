import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { handleProtocols, type Server as Protocol } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { ForbiddenError, RateLimitedError, UnauthenticatedError } from '../../access/right/errors.ts'
import { isTooDeep, MAX_DEPTH } from '../../oci/json.ts'
import { GRAPHQL_PATH, type GraphQLEntry } from '../pipeline/pipeline.ts'
import { clientAddress } from '../request/client-address.ts'
import { TOO_MANY_CONNECTIONS } from '../request/connection-limit.ts'
import { COME_BACK_AFTER, STOPPING } from '../request/draining.ts'
import { hasSeveralHosts, isOurHost, NOT_OUR_HOST, SEVERAL_HOSTS } from '../request/host.ts'
import { CLOSE_TIMEOUT, MAX_MESSAGE_BYTES } from '../request/limits.ts'
import { mayConnect, NOT_OUR_ORIGIN, type OriginPolicy, requestIdOf, viewerOf } from '../request/sender.ts'
import { WebSocketConnection } from './connection.ts'

/** Close code for a message that is not valid. Source: graphql-transport-ws. */
const INVALID_MESSAGE = 4400
/** Close code for an internal error while a message was handled. Source: graphql-transport-ws. */
const INTERNAL_ERROR = 4500

/** Returns a listener for the `upgrade` event of a node:http server, which opens WebSockets. */
export function webSocketUpgrades(
  { connections, connectionLimit, draining, log, origins, authentication, isProxy }: GraphQLEntry,
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
    upgrade(request, network, { head, requestId }).catch((error: unknown) => {
      const status = statusOf(error)
      if (status !== undefined) {
        refuse(network, requestId, { status, message: (error as Error).message })
        return
      }
      log.error({ requestId, err: error }, 'cannot open WebSocket: internal error')
      network.destroy()
    })
  }

  async function upgrade(
    request: IncomingMessage,
    network: Duplex,
    { head, requestId }: { readonly head: Buffer; readonly requestId: string },
  ): Promise<void> {
    const refusal = refusalOf(request, origins)
    if (refusal) return refuse(network, requestId, refusal)
    if (draining.isOn) return refuse(network, requestId, { status: 503, message: STOPPING })
    const address = clientAddress(request, isProxy)
    if (!connectionLimit.admits(request.socket, address, network))
      return refuse(network, requestId, { status: 503, message: TOO_MANY_CONNECTIONS })
    const viewer = await viewerOf(request, { address, requestId }, { authentication, origins })
    connections.admit(viewer)
    server.handleUpgrade(request, network, head, (socket) =>
      open(new WebSocketConnection(socket, network, { requestId, viewer, connections }), socket),
    )
  }

  function refuse(network: Duplex, requestId: string, { status, message }: Refusal): void {
    log.info({ requestId, transport: 'websocket', status }, 'request')
    const headers = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(message)}`,
      `X-Request-Id: ${requestId}`,
      ...(status === 503 ? [`Retry-After: ${COME_BACK_AFTER}`] : []),
    ]
    network.end(`${headers.join('\r\n')}\r\n\r\n${message}`)
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
        send: (text) => connection.send(text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (handle) => {
          socket.on('message', (message) => {
            const text = String(message)
            if (isTooDeep(text)) socket.close(INVALID_MESSAGE, `a message has at most ${MAX_DEPTH} levels`)
            else void handle(text).catch(fail)
          })
        },
      },
      connection,
    )
    // a broken connection emits 'close' as well, which is handled below
    socket.on('error', () => {})
    socket.once('close', (code, reason) => {
      connections.delete(connection)
      connection.end()
      closed(code, String(reason)).catch(fail)
      log.info(
        { requestId, transport: 'websocket', code, ms: Math.round(performance.now() - since) },
        'closed',
      )
    })
  }
}

/** Returns the status for an error of the authentication; undefined for another one. */
const statusOf = (error: unknown): number | undefined => STATUSES.find(([kind]) => error instanceof kind)?.[1]

const STATUSES = [
  [UnauthenticatedError, 401],
  [ForbiddenError, 403],
  [RateLimitedError, 429],
] as const

/** The status of a refused upgrade, and why. */
interface Refusal {
  readonly status: number
  readonly message: string
}

/** Returns what refuses the upgrade; undefined when it is accepted. */
function refusalOf(request: IncomingMessage, origins: OriginPolicy): Refusal | undefined {
  if (request.url?.split('?', 1)[0] !== GRAPHQL_PATH) {
    return { status: 404, message: `unknown path: the API is at ${GRAPHQL_PATH}` }
  }
  if (hasSeveralHosts(request)) return { status: 400, message: SEVERAL_HOSTS }
  if (!isOurHost(request, origins)) return { status: 421, message: NOT_OUR_HOST }
  if (!mayConnect(request, origins)) return { status: 403, message: NOT_OUR_ORIGIN }
  return undefined
}

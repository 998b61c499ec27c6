import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { unbracketed } from './connector.ts'
import { EgressTimeoutError, ForbiddenTargetError, ProxyError, toEgressError } from './errors.ts'
import type { HttpProxy } from './route.ts'

export interface TunnelOptions {
  readonly proxy: HttpProxy
  /** Connects to the proxy itself. Fails with ProxyError or ForbiddenTargetError. */
  readonly toProxy: buildConnector.connector
  /** Opens TLS with the target through a connected tunnel. */
  readonly toTarget: buildConnector.connector
  /** Rejects if connections to the target are not allowed. */
  readonly vet: (hostname: string) => Promise<void>
  /** Milliseconds for the proxy's response. */
  readonly timeout: number
}

const MAX_RESPONSE = 16 * 1024
const END = '\r\n\r\n'

/**
 * Creates a connector for undici through an HTTP proxy, which receives the target's name and can read none of the
 * traffic. `toProxy` checks the address of the proxy itself. Source: RFC 9110 §9.3.6.
 */
export function createTunnelConnector(options: TunnelOptions): buildConnector.connector {
  const { proxy, toProxy, toTarget, vet, timeout } = options
  const { hostname, host, port } = new URL(proxy.url)
  const origin = { protocol: 'http:', hostname: unbracketed(hostname), host, port: port || '80' }

  return (target, callback) => {
    const refuse = (error: unknown): void => callback(toProxyError(error), null)
    vet(target.hostname).then(() => {
      toProxy(origin, (error, socket) => {
        if (!socket) return refuse(error)
        const authority = `${bracketed(target.hostname)}:${target.port || '443'}`
        requestTunnel(socket, { authority, authorization: proxy.authorization, timeout }).then(
          () => toTarget({ ...target, httpSocket: socket }, callback),
          (failed: unknown) => {
            socket.destroy()
            refuse(failed)
          },
        )
      })
    }, refuse)
  }
}

interface ConnectRequest {
  readonly authority: string
  readonly authorization: string | null
  readonly timeout: number
}

/** Sends CONNECT to the proxy. Resolves when the proxy has connected the socket to the target; rejects with ProxyError. */
function requestTunnel(socket: Socket, { authority, authorization, timeout }: ConnectRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    let response = ''
    const settle = (done: () => void): void => {
      clearTimeout(timer)
      socket.off('data', read).off('error', fail).off('close', end)
      socket.pause()
      done()
    }
    const fail = (error: unknown): void => settle(() => reject(error))
    const end = (): void => fail(new ProxyError('its proxy closed the connection'))
    const read = (chunk: Buffer): void => {
      response += chunk.toString('latin1')
      const at = response.indexOf(END)
      if (at < 0 && response.length <= MAX_RESPONSE) return
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(response)?.[1])
      const isWhole = at >= 0 && at + END.length === response.length
      if (status >= 200 && status < 300 && isWhole) settle(resolve)
      else fail(refusalOf(status))
    }
    const timer = setTimeout(() => fail(new ProxyError('its proxy did not respond in time')), timeout)
    socket.on('data', read).on('error', fail).on('close', end)
    const login = authorization === null ? '' : `Proxy-Authorization: ${authorization}\r\n`
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`)
  })
}

function refusalOf(status: number): ProxyError {
  // a success with more data: these must come from the target, to which nothing was sent yet
  if (!(status >= 300)) return new ProxyError('its proxy does not respond as a proxy')
  if (status === 407) return new ProxyError('its proxy requires another login (407)')
  return new ProxyError(`its proxy responded with ${status}`)
}

/** Converts an error of connecting to a proxy. */
export function toProxyError(error: unknown): Error {
  if (error instanceof ProxyError || error instanceof ForbiddenTargetError) return error
  const known = toEgressError(error)
  const why =
    known instanceof EgressTimeoutError ? 'the connection was not established in time' : known.message
  return new ProxyError(`its proxy cannot be reached: ${why}`, { cause: error })
}

const bracketed = (hostname: string): string =>
  hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname

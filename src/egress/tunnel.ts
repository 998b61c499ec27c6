import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { EgressTimeoutError, ForbiddenTargetError, ProxyError, toEgressError } from './errors.ts'
import type { HttpProxy } from './route.ts'

export interface TunnelOptions {
  readonly proxy: HttpProxy
  /** Opens the connection to the proxy itself, and fails with ProxyError or ForbiddenTargetError. */
  readonly toProxy: buildConnector.connector
  /** Speaks TLS with the target through a connection that leads there. */
  readonly toTarget: buildConnector.connector
  /** Rejects where the target is not to be connected to. */
  readonly vet: (hostname: string) => Promise<void>
  /** Milliseconds for the proxy's answer. */
  readonly timeout: number
}

const MAX_ANSWER = 16 * 1024
const END = '\r\n\r\n'

/**
 * Opens sockets for undici through an HTTP proxy, which sees the target's name and nothing of what is said to it. The
 * proxy's own address is vetted by `toProxy`. Source: RFC 9110 §9.3.6.
 */
export function createTunnelConnector(options: TunnelOptions): buildConnector.connector {
  const { proxy, toProxy, toTarget, vet, timeout } = options
  const { hostname, host, port } = new URL(proxy.url)
  const origin = { protocol: 'http:', hostname: bareOf(hostname), host, port: port || '80' }

  return (target, callback) => {
    const refuse = (error: unknown): void => callback(proxyTrouble(error), null)
    vet(target.hostname).then(() => {
      toProxy(origin, (error, socket) => {
        if (!socket) return refuse(error)
        const authority = `${bracketed(target.hostname)}:${target.port || '443'}`
        askFor(socket, { authority, authorization: proxy.authorization, timeout }).then(
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

interface Asking {
  readonly authority: string
  readonly authorization: string | null
  readonly timeout: number
}

/** Resolves once the proxy has connected the socket; rejects with what it did instead. */
function askFor(socket: Socket, { authority, authorization, timeout }: Asking): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const settle = (done: () => void): void => {
      clearTimeout(timer)
      socket.off('data', read).off('error', fail).off('close', end)
      socket.pause()
      done()
    }
    const fail = (error: unknown): void => settle(() => reject(error))
    const end = (): void => fail(new ProxyError('its proxy hung up', true))
    const read = (chunk: Buffer): void => {
      answer += chunk.toString('latin1')
      const at = answer.indexOf(END)
      if (at < 0 && answer.length <= MAX_ANSWER) return
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1])
      const isWhole = at >= 0 && at + END.length === answer.length
      if (status >= 200 && status < 300 && isWhole) settle(resolve)
      else fail(refusalOf(status))
    }
    const timer = setTimeout(() => fail(new ProxyError('its proxy did not answer in time', true)), timeout)
    socket.on('data', read).on('error', fail).on('close', end)
    const login = authorization === null ? '' : `Proxy-Authorization: ${authorization}\r\n`
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`)
  })
}

function refusalOf(status: number): ProxyError {
  // a success with more behind it: what follows must come from the target, and nothing was said to that yet
  if (!(status >= 300)) return new ProxyError('its proxy does not answer as a proxy', false)
  if (status === 407) return new ProxyError('its proxy wants another login (407)', false)
  return new ProxyError(`its proxy answered ${status}`, status >= 500)
}

/** What went wrong on the way to a proxy, said of the proxy. */
export function proxyTrouble(error: unknown): Error {
  if (error instanceof ProxyError || error instanceof ForbiddenTargetError) return error
  const known = toEgressError(error)
  const why = known instanceof EgressTimeoutError ? 'no connection came about in time' : known.message
  return new ProxyError(`its proxy cannot be reached: ${why}`, true, error)
}

const bareOf = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')

const bracketed = (hostname: string): string =>
  hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname

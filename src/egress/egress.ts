import type { Dispatcher } from 'undici'
import { type AddressPolicy, createAddressGuard } from './address-guard.ts'
import { AgentPool, type AgentTimeouts } from './agents.ts'
import { type Resolve, resolveBySystem, vetForProxy } from './connector.ts'
import { ForbiddenTargetError } from './errors.ts'
import { type EgressResponse, Exchange, type StreamLimits } from './exchange.ts'
import { isStreamed, type StreamedBody } from './request-body.ts'
import type { HttpProxy, Route } from './route.ts'

/** Milliseconds. */
interface EgressTimeouts extends AgentTimeouts {
  /** Until the receiver has taken one chunk of a streamed request body. */
  readonly request: number
  /** The whole exchange, including the wait for a free connection. */
  readonly total: number
}

/** Settings of outgoing connections. */
export interface EgressOptions extends AddressPolicy {
  /** Ports to which no connection is opened; by default those of well-known services other than HTTP. */
  readonly forbiddenPorts?: readonly number[]
  /** PEM certificates trusted in addition to the roots of Node.js. */
  readonly ca?: readonly string[]
  readonly timeouts?: Partial<EgressTimeouts>
  /** Maximum number of connections to one origin, and the same number for streams; more requests wait. 16 unless given. */
  readonly connectionsPerOrigin?: number
  /** User-Agent of requests without one. */
  readonly userAgent?: string
  /** Resolver of host names; the operating system's unless given. */
  readonly resolve?: Resolve
}

/** A request to another server. */
export interface EgressRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | StreamedBody
  /** Accepts any certificate; never shares a connection with requests that verify. */
  readonly insecure?: boolean
  /** How its connection is made; by the server's settings unless given. */
  readonly route?: Route | undefined
  readonly signal: AbortSignal
  /** Maximum size of the response's body, in bytes. */
  readonly maxBytes: number
  /** Milliseconds for this exchange instead of `timeouts.total`. */
  readonly timeout?: number
  /** Milliseconds from the end of the request to the headers of the response, instead of `timeouts.headers`. */
  readonly headersTimeout?: number
  /** Returns the body of a 200 or 206 as a stream; other bodies are read completely. */
  readonly stream?: StreamLimits
}

/** All outgoing connections of this server. Disposing closes them at once. */
export type Egress = ReturnType<typeof createEgress>

const DEFAULT_TIMEOUTS: EgressTimeouts = {
  connect: 5_000,
  headers: 10_000,
  // equal to `headers`: undici uses one timer for both, and creates another for each response when they differ
  body: 10_000,
  // aborting a stream costs more than waiting
  stream: 30_000,
  request: 30_000,
  total: 60_000,
}

// An HTTP request to one of these ports can only be an attempt to attack another service through this server.
const FORBIDDEN_PORTS = [
  20, 21, 22, 23, 25, 53, 69, 79, 110, 111, 119, 135, 137, 139, 143, 179, 389, 445, 465, 512, 513, 514, 587,
  636, 873, 993, 995, 1433, 1521, 2049, 3306, 3389, 5432, 5900, 6379, 11211, 27017,
]

/** Creates the egress. Throws RangeError for an invalid CIDR in `allowedCidrs`. */
export function createEgress(options: EgressOptions) {
  const { connectionsPerOrigin = 16, userAgent = 'imagestreams', resolve = resolveBySystem } = options
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
  const allows = createAddressGuard(options)
  const forbiddenPorts = new Set(options.forbiddenPorts ?? FORBIDDEN_PORTS)
  const pool = new AgentPool({ allows, resolve, ca: options.ca ?? [], connectionsPerOrigin, timeouts })

  const permits = ({ protocol, port, username, password }: URL): boolean =>
    (protocol === 'https:' || protocol === 'http:') &&
    !forbiddenPorts.has(Number(port)) &&
    username === '' &&
    password === ''
  const permitsProxy = (proxy: HttpProxy | null | undefined): boolean => {
    const url = proxy && parseUrl(proxy.url)
    return !proxy || (url?.protocol === 'http:' && permits(url))
  }

  return {
    /**
     * Sends one request to an `http:` or `https:` URL. Resolves for every status; does not follow redirects.
     * Rejects with an EgressError, or the signal's reason once it is aborted.
     */
    request(url: string | URL, request: EgressRequest): Promise<EgressResponse> {
      const { method = 'GET', insecure = false, route, stream, timeout = timeouts.total } = request
      const target = typeof url === 'string' ? parseUrl(url) : url
      if (!target || !permits(target) || !permitsProxy(route?.proxy)) {
        return Promise.reject(new ForbiddenTargetError('url'))
      }
      const { body = null } = request
      const sent = isStreamed(body) ? body : undefined
      const exchange = new Exchange({ ...request, timeout, sent, idleTimeout: timeouts.request })
      if (exchange.failed) return exchange.response
      const send = (dispatch: Dispatcher.DispatchOptions): void => {
        const agents = pool.of(route, insecure)
        ;(stream || sent ? agents.streams : agents.whole).dispatch(dispatch, exchange)
      }
      const dispatch: Dispatcher.DispatchOptions = {
        origin: target.origin,
        path: target.pathname + target.search,
        method,
        headers: {
          'user-agent': userAgent,
          ...request.headers,
          'accept-encoding': 'identity',
          ...(sent && { 'content-length': String(sent.size) }),
        },
        body: isStreamed(body) ? (exchange.sent?.stream() ?? null) : body,
        // while a body is sent, the time limits of its chunks apply
        ...(sent && { headersTimeout: 0 }),
        ...(request.headersTimeout !== undefined && { headersTimeout: request.headersTimeout }),
        // undici would close the connection after each HEAD, because some servers send a body
        reset: false,
        ...(stream?.idle !== undefined && { bodyTimeout: stream.idle }),
      }
      if (!route?.proxy || target.protocol === 'https:') send(dispatch)
      else {
        const forwarded = forward(target, dispatch, route.proxy)
        vetForProxy(target.hostname, { allows, resolve })
          .then(() => exchange.failed || send(forwarded))
          .catch((error: unknown) => exchange.onResponseError(undefined, error))
      }
      return exchange.response
    },

    /** Closes idle connections, and those in use after their exchange: the settings for connections have changed. */
    renew: (): void => pool.renew(),

    [Symbol.asyncDispose]: (): Promise<void> => pool.destroy(),
  }
}

/** Returns the request to a proxy that forwards a request without TLS, which the proxy can read. Source: RFC 9112 §3.2.2. */
const forward = (
  target: URL,
  dispatch: Dispatcher.DispatchOptions,
  { url, authorization }: HttpProxy,
): Dispatcher.DispatchOptions => ({
  ...dispatch,
  origin: new URL(url).origin,
  path: target.origin + dispatch.path,
  headers: {
    ...(dispatch.headers as Record<string, string>),
    host: target.host,
    ...(authorization !== null && { 'proxy-authorization': authorization }),
  },
})

const parseUrl = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)

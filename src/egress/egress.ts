import type { Dispatcher } from 'undici'
import { type AddressPolicy, createAddressGuard } from './address-guard.ts'
import { AgentPool } from './agents.ts'
import { resolveBySystem } from './connector.ts'
import { ForbiddenTargetError } from './errors.ts'
import { type EgressResponse, Exchange, type StreamLimits } from './exchange.ts'
import type { HttpProxy, Route } from './route.ts'
import { type Resolve, vetForProxy } from './vetting.ts'

/** Milliseconds. */
interface EgressTimeouts {
  /** Name, TCP and TLS together. */
  readonly connect: number
  /** From the request sent to its headers received. */
  readonly headers: number
  /** Between two pieces of a body. */
  readonly body: number
  /** Between two pieces of a streamed body that is waited for. */
  readonly stream: number
  /** The whole exchange, waiting for a free connection included. */
  readonly total: number
}

export interface EgressOptions extends AddressPolicy {
  /** Ports that are never dialled; by default those of well-known services that are not HTTP. */
  readonly forbiddenPorts?: readonly number[]
  /** PEM certificates to trust beside the roots that come with Node.js. */
  readonly ca?: readonly string[]
  readonly timeouts?: Partial<EgressTimeouts>
  /** Connections to one origin at a time, and as many again for streams; more requests wait. 16 when not given. */
  readonly connectionsPerOrigin?: number
  /** Sent with each request that names none. */
  readonly userAgent?: string
  /** All addresses of a name; the operating system's resolver when not given. */
  readonly resolve?: Resolve
}

export interface EgressRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Accepts any certificate; never shares a connection with requests that verify. */
  readonly insecure?: boolean
  /** How its connection is made; as the server was started with unless given. */
  readonly route?: Route | undefined
  readonly signal: AbortSignal
  /** Bytes of body that are read at most. */
  readonly maxBytes: number
  /** Milliseconds for this exchange instead of `timeouts.total`. */
  readonly timeout?: number
  /** Asks for the body of a 200 or 206 as a stream; any other is read whole as ever. */
  readonly stream?: StreamLimits
}

/** The only way out: every connection that this server opens is opened here. */
export interface Egress extends AsyncDisposable {
  /**
   * One exchange with an `http:` or `https:` URL; any status is an answer, and redirects are not followed.
   * Rejects with an EgressError, or the signal's reason once it is aborted.
   */
  request(url: string | URL, request: EgressRequest): Promise<EgressResponse>
  /**
   * Closes the connections that are kept for later, and those in use when their exchange is over: what may be connected
   * to, or how, is different from now on.
   */
  renew(): void
}

const DEFAULT_TIMEOUTS: EgressTimeouts = {
  connect: 5_000,
  headers: 10_000,
  // as for the headers: undici has one timer for both, and makes a new one for each answer where they differ
  body: 10_000,
  // a break in the middle costs more than patience
  stream: 30_000,
  total: 60_000,
}

// An HTTP request to one of these can only be an attempt to talk to something else through us.
const FORBIDDEN_PORTS = [
  20, 21, 22, 23, 25, 53, 69, 79, 110, 111, 119, 135, 137, 139, 143, 179, 389, 445, 465, 512, 513, 514, 587,
  636, 873, 993, 995, 1433, 1521, 2049, 3306, 3389, 5432, 5900, 6379, 11211, 27017,
]

/** Throws RangeError when `allowedCidrs` holds what is not a CIDR. Disposing closes every connection at once. */
export function createEgress(options: EgressOptions): Egress {
  const {
    ca = [],
    connectionsPerOrigin = 16,
    userAgent = 'imagestreams',
    resolve = resolveBySystem,
  } = options
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
  const allows = createAddressGuard(options)
  const forbiddenPorts = new Set(options.forbiddenPorts ?? FORBIDDEN_PORTS)
  const pool = new AgentPool({ allows, resolve, ca, connectionsPerOrigin, timeouts })

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
    request(url, request) {
      const {
        method = 'GET',
        headers,
        body,
        insecure = false,
        route,
        signal,
        maxBytes,
        timeout,
        stream,
      } = request
      const target = typeof url === 'string' ? parseUrl(url) : url
      if (!target || !permits(target) || !permitsProxy(route?.proxy)) {
        return Promise.reject(new ForbiddenTargetError())
      }
      const exchange = new Exchange({ maxBytes, timeout: timeout ?? timeouts.total, stream, signal })
      if (exchange.failed) return exchange.response
      const send = (dispatch: Dispatcher.DispatchOptions): void => {
        const agents = pool.of(route, insecure)
        ;(stream ? agents.streams : agents.whole).dispatch(dispatch, exchange)
      }
      const dispatch: Dispatcher.DispatchOptions = {
        origin: target.origin,
        path: target.pathname + target.search,
        method,
        headers: { 'user-agent': userAgent, ...headers, 'accept-encoding': 'identity' },
        body: body ?? null,
        // undici would close the connection after each HEAD, for fear of servers that send a body with it
        reset: false,
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

    renew: () => pool.renew(),

    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

/** A request without TLS as a proxy takes it, which sees all of it. Source: RFC 9112 §3.2.2. */
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

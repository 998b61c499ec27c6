import { Agent, type buildConnector, type Dispatcher } from 'undici'
import { type AddressPolicy, createAddressGuard } from './address-guard.ts'
import { createConnector, type Resolve, resolveBySystem } from './connector.ts'
import { ForbiddenTargetError } from './errors.ts'
import { type EgressResponse, Exchange, type StreamLimits } from './exchange.ts'

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

  const createAgent = (connect: buildConnector.connector, bodyTimeout: number): Agent =>
    new Agent({
      connect,
      connections: connectionsPerOrigin,
      headersTimeout: timeouts.headers,
      bodyTimeout,
      keepAliveTimeout: 10_000,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: 32 * 1024,
    })
  // apart from the rest: a stream may keep its connection for hours
  const createAgents = (verify: boolean) => {
    const connect = createConnector({ allows, resolve, timeout: timeouts.connect, ca, verify })
    return { whole: createAgent(connect, timeouts.body), streams: createAgent(connect, timeouts.stream) }
  }
  const verifying = createAgents(true)
  const trusting = createAgents(false)

  const permits = ({ protocol, port, username, password }: URL): boolean =>
    (protocol === 'https:' || protocol === 'http:') &&
    !forbiddenPorts.has(Number(port)) &&
    username === '' &&
    password === ''

  return {
    request(url, { method = 'GET', headers, body, insecure = false, signal, maxBytes, timeout, stream }) {
      const target = typeof url === 'string' ? parseUrl(url) : url
      if (!target || !permits(target)) return Promise.reject(new ForbiddenTargetError())
      const exchange = new Exchange({ maxBytes, timeout: timeout ?? timeouts.total, stream, signal })
      if (!exchange.failed) {
        const dispatch: Dispatcher.DispatchOptions = {
          origin: target.origin,
          path: target.pathname + target.search,
          method,
          headers: { 'user-agent': userAgent, ...headers, 'accept-encoding': 'identity' },
          body: body ?? null,
          // undici would close the connection after each HEAD, for fear of servers that send a body with it
          reset: false,
        }
        const agents = insecure ? trusting : verifying
        ;(stream ? agents.streams : agents.whole).dispatch(dispatch, exchange)
      }
      return exchange.response
    },

    async [Symbol.asyncDispose]() {
      const agents = [verifying, trusting].flatMap(({ whole, streams }) => [whole, streams])
      await Promise.all(agents.map((agent) => agent.destroy()))
    },
  }
}

const parseUrl = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)

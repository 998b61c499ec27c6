import { LRUCache } from 'lru-cache'
import { Agent, type buildConnector } from 'undici'
import { type ConnectorOptions, createConnector, vetForProxy } from './connector.ts'
import type { Route } from './route.ts'
import { createTunnelConnector, toProxyError } from './tunnel.ts'

/** Connection pools that requests of one route share. */
export interface Agents {
  /** For responses that are read completely. */
  readonly whole: Agent
  /** For streamed responses, which can occupy a connection for hours. */
  readonly streams: Agent
}

/** Milliseconds. */
export interface AgentTimeouts {
  /** Name, TCP and TLS together. */
  readonly connect: number
  /** From the end of the request to the headers of the response. */
  readonly headers: number
  /** Between two chunks of a body. */
  readonly body: number
  /** Between two chunks of a streamed body while its reader waits. */
  readonly stream: number
}

/** Settings of the connections on every route. */
interface AgentPoolOptions extends Pick<ConnectorOptions, 'allows' | 'resolve' | 'ca'> {
  readonly connectionsPerOrigin: number
  readonly timeouts: AgentTimeouts
}

/** Maximum number of routes with open pools; those of the least recently used are closed. */
const MAX_ROUTES = 64

/** Connection pools by route, created on first use. */
export class AgentPool {
  readonly #options: AgentPoolOptions
  readonly #pools: LRUCache<string, Agents>
  /** Closed for new requests, with requests in progress. */
  readonly #closing = new Set<Agent>()

  constructor(options: AgentPoolOptions) {
    this.#options = options
    this.#pools = new LRUCache({
      max: MAX_ROUTES,
      dispose: ({ whole, streams }) => this.#close(whole, streams),
    })
  }

  of(route: Route | undefined, insecure: boolean): Agents {
    const key = `${insecure} ${route?.id ?? ''}`
    const known = this.#pools.get(key)
    if (known) return known
    const agents = this.#create(route, !insecure)
    this.#pools.set(key, agents)
    return agents
  }

  /** Closes idle connections at once, and the others after their exchange. */
  renew(): void {
    this.#pools.clear()
  }

  /** Closes every connection at once. */
  async destroy(): Promise<void> {
    const agents = [...this.#pools.values()].flatMap(({ whole, streams }) => [whole, streams])
    await Promise.all([...agents, ...this.#closing].map((agent) => agent.destroy()))
  }

  #close(...agents: Agent[]): void {
    for (const agent of agents) {
      this.#closing.add(agent)
      agent
        .close()
        .catch(() => {})
        .finally(() => this.#closing.delete(agent))
    }
  }

  #create(route: Route | undefined, verify: boolean): Agents {
    const { connectionsPerOrigin, timeouts } = this.#options
    const connect = this.#connector(route, verify)
    const agent = (bodyTimeout: number): Agent =>
      new Agent({
        connect,
        connections: connectionsPerOrigin,
        headersTimeout: timeouts.headers,
        bodyTimeout,
        keepAliveTimeout: 10_000,
        keepAliveMaxTimeout: 60_000,
        maxHeaderSize: 32 * 1024,
      })
    return { whole: agent(timeouts.body), streams: agent(timeouts.stream) }
  }

  #connector(route: Route | undefined, verify: boolean): buildConnector.connector {
    const { allows, resolve, ca, timeouts } = this.#options
    const shared = { allows, resolve, timeout: timeouts.connect }
    const direct = createConnector({
      ...shared,
      ca: [...ca, ...(route?.ca ?? [])],
      client: route?.client ?? null,
      verify,
    })
    if (!route?.proxy) return direct
    const plain = ofProxy(createConnector({ ...shared, ca: [], client: null, verify: true }))
    const tunnel = createTunnelConnector({
      proxy: route.proxy,
      toProxy: plain,
      toTarget: direct,
      vet: (hostname) => vetForProxy(hostname, { allows, resolve }),
      timeout: timeouts.connect,
    })
    // a request without TLS goes to the proxy itself, which forwards it
    return (target, callback) => (target.protocol === 'https:' ? tunnel : plain)(target, callback)
  }
}

/** Returns a connector to a proxy, whose errors are ProxyErrors. */
const ofProxy =
  (connect: buildConnector.connector): buildConnector.connector =>
  (target, callback) =>
    connect(target, (error, socket) =>
      socket ? callback(null, socket) : callback(toProxyError(error), null),
    )

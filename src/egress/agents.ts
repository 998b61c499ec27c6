import { Agent, type buildConnector } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { createConnector } from './connector.ts'
import type { Route } from './route.ts'
import { createTunnelConnector, proxyTrouble } from './tunnel.ts'
import { type Resolve, vetForProxy } from './vetting.ts'

/** The connections that may serve each other's requests. */
export interface Agents {
  /** For answers that are read whole. */
  readonly whole: Agent
  /** Apart from the rest: a stream may keep its connection for hours. */
  readonly streams: Agent
}

export interface AgentPoolOptions {
  readonly allows: AddressGuard
  readonly resolve: Resolve
  /** PEM certificates to trust on every route. */
  readonly ca: readonly string[]
  readonly connectionsPerOrigin: number
  /** Milliseconds. */
  readonly timeouts: {
    readonly connect: number
    readonly headers: number
    readonly body: number
    readonly stream: number
  }
}

/** Routes whose connections are kept; of those that were not used lately they are closed. */
const MAX_ROUTES = 64

/** Connections by route, opened when they are needed. */
export class AgentPool {
  readonly #options: AgentPoolOptions
  /** What was used last stands last. */
  readonly #kept = new Map<string, Agents>()
  /** Closed for new requests, and not yet done with those that they had. */
  readonly #leaving = new Set<Agent>()

  constructor(options: AgentPoolOptions) {
    this.#options = options
  }

  /** Those that requests of this kind share, and no others do. */
  of(route: Route | undefined, insecure: boolean): Agents {
    const key = `${insecure} ${route?.id ?? ''}`
    const agents = this.#kept.get(key) ?? this.#create(route, !insecure)
    this.#kept.delete(key)
    this.#kept.set(key, agents)
    for (const [old, { whole, streams }] of this.#kept) {
      if (this.#kept.size <= MAX_ROUTES) break
      this.#kept.delete(old)
      this.#retire(whole, streams)
    }
    return agents
  }

  /** Closes every connection: at once what is idle, and what is not when its exchange is over. */
  renew(): void {
    const agents = [...this.#kept.values()]
    this.#kept.clear()
    for (const { whole, streams } of agents) this.#retire(whole, streams)
  }

  /** Breaks every connection off. */
  async destroy(): Promise<void> {
    const agents = [...this.#kept.values()].flatMap(({ whole, streams }) => [whole, streams])
    await Promise.all([...agents, ...this.#leaving].map((agent) => agent.destroy()))
  }

  #retire(...agents: Agent[]): void {
    for (const agent of agents) {
      this.#leaving.add(agent)
      agent
        .close()
        .catch(() => {})
        .finally(() => this.#leaving.delete(agent))
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
    // what has no TLS is sent to the proxy itself, which fetches it
    return (target, callback) => (target.protocol === 'https:' ? tunnel : plain)(target, callback)
  }
}

/** The same, with whatever goes wrong said of the proxy that it connects to. */
const ofProxy =
  (connect: buildConnector.connector): buildConnector.connector =>
  (target, callback) =>
    connect(target, (error, socket) =>
      socket ? callback(null, socket) : callback(proxyTrouble(error), null),
    )

import { unlessAborted } from '../../concurrency/abort.ts'
import type { EgressResponse, ResponseHeaders } from '../../egress/exchange.ts'
import type { Demand } from './challenge.ts'
import type { Tokens } from './token.ts'

/** The host that is dialled for a registry's name. */
export const dialledHost = (registry: string): string =>
  registry === 'docker.io' ? 'registry-1.docker.io' : registry.toLowerCase()

/** The registry's name for a host that is dialled, as references spell it. */
export const registryOf = (host: string): string => (host === dialledHost('docker.io') ? 'docker.io' : host)

/** Whether the name can only mean this very machine. */
export const isLoopbackHost = (host: string): boolean => {
  if (!URL.canParse(`http://${host}`)) return false
  const { hostname } = new URL(`http://${host}`)
  return /^(?:127(?:\.\d+){3}|\[::1\]|(?:.+\.)?localhost\.?)$/.test(hostname)
}

/** What was learned of one registry, so that it is learned once. One of these never serves secure and insecure alike. */
export class RegistryHost {
  /** `host[:port]` as it is dialled. */
  readonly name: string
  readonly tokens: Tokens
  /** Where it answered last. */
  origin: URL
  /** What the last 401 asked for; `open` when nothing was asked for, undefined before the first answer. */
  demand: Demand | 'open' | undefined
  /** The headers of its first answer, which tell what it is; undefined before. */
  firstResponseHeaders: ResponseHeaders | undefined
  /** Whether a HEAD of a manifest was seen to tell its digest. */
  headTells = false
  /** Milliseconds since 1970 until which a HEAD is not worth its request. */
  headUselessUntil = 0
  #scout: { answer: Promise<EgressResponse>; signal: AbortSignal } | undefined

  constructor(name: string, tokens: Tokens) {
    this.name = name
    this.tokens = tokens
    this.origin = new URL(`https://${name}`)
  }

  /** For when the host could not be reached: it may come back speaking differently, and is explored anew. */
  forget(): void {
    this.demand = undefined
  }

  /** Whether nobody is being waited for, so that forgetting this host costs only requests. */
  get idle(): boolean {
    return this.#scout === undefined
  }

  /**
   * Lets one request find out how the host wants to be asked while the others wait for its answer: `scout` runs for the
   * first; those that came later get undefined, and then know. A scout that failed, or was told to come back later,
   * spares the others their own attempt: its error and its answer are theirs too.
   */
  async explore(
    scout: () => Promise<EgressResponse>,
    signal: AbortSignal,
  ): Promise<EgressResponse | undefined> {
    while (this.demand === undefined) {
      const ahead = this.#scout
      if (!ahead) {
        const answer = scout().finally(() => {
          this.#scout = undefined
        })
        this.#scout = { answer, signal }
        return answer
      }
      try {
        const answer = await unlessAborted(ahead.answer, signal)
        if (this.demand === undefined) return answer
      } catch (error) {
        signal.throwIfAborted()
        if (!ahead.signal.aborted) throw error
      }
    }
    return undefined
  }
}

import type { Readable } from 'node:stream'
import type { Egress, EgressRequest } from '../egress/egress.ts'
import { ConnectionError } from '../egress/errors.ts'
import type { EgressResponse } from '../egress/exchange.ts'
import type { Clock } from './clock.ts'
import { HostQueue } from './host-queue.ts'
import type { RemoteLimits } from './limits.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Whose request this is, and under which conditions it may be sent. */
export interface Errand {
  readonly insecure: boolean
  readonly lane: string
  /** For which namespace, by whose credentials; null for the server itself. */
  readonly namespace: string | null
  readonly signal: AbortSignal
}

export interface DialRequest extends Pick<EgressRequest, 'method' | 'body' | 'maxBytes' | 'stream'> {
  readonly headers: Readonly<Record<string, string>>
  /** Instead of the limits' `tries`. */
  readonly tries?: number
}

export interface DialerOptions {
  readonly egress: Egress
  readonly clock: Clock
  /** Between 0 and 1, as Math.random. */
  readonly random: () => number
  readonly limits: RemoteLimits
}

const RETRIED = new Set([408, 429, 500, 502, 503, 504])
const ASKS_FOR_PAUSE = new Set([429, 503])

/** Sends requests through their host's queue, again after what may pass, and not while the host wants to be left alone. */
export class Dialer {
  readonly #options: DialerOptions
  readonly #queues = new Map<string, HostQueue>()
  /** Streams hold their turn until they end: in a queue of their own they keep no other request waiting. */
  readonly #streams = new Map<string, HostQueue>()

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /**
   * The last answer, whatever its status; while the host wants to be left alone for longer than is worth waiting, the
   * answer that said so. Rejects as `Egress.request` does.
   */
  async dial(url: URL, request: DialRequest, errand: Errand): Promise<EgressResponse> {
    const { clock, egress, limits } = this.#options
    const { lane, insecure, signal } = errand
    const queue = this.#queueOf(url.host, request.stream ? this.#streams : this.#queues)
    const tries = request.tries ?? limits.tries
    const patience = { left: limits.longestPause }
    for (let attempt = 1; ; attempt += 1) {
      const turn = queue.enter(lane, signal)
      if (turn) await turn
      // asked for only now: it may have begun while this request waited for its turn
      if (queue.pause) {
        const refused = await this.#waitOut(queue, errand, patience)
        if (refused) return refused
      }
      let outcome: EgressResponse | ConnectionError
      let stream: Readable | undefined
      try {
        outcome = await egress.request(url, { ...request, insecure, signal })
        stream = outcome.stream
        if (ASKS_FOR_PAUSE.has(outcome.status)) this.#pause(queue, outcome, errand)
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error
        outcome = error
      } finally {
        if (stream && !stream.closed) stream.once('close', () => queue.leave())
        else queue.leave()
      }
      if (outcome instanceof ConnectionError) {
        if (!outcome.transient || attempt >= tries) throw outcome
      } else if (!RETRIED.has(outcome.status) || attempt >= tries) {
        return outcome
      }
      // a pause is waited out where the queue is entered
      if (!queue.pause) await clock.sleep(this.#backoff(attempt), signal)
    }
  }

  /** For as long as the answer asks, from before anybody gets the slot that it leaves. */
  #pause(queue: HostQueue, answer: EgressResponse, { namespace }: Errand): void {
    const now = this.#options.clock.now()
    const pause = parseRetryAfter(answer.headers, now)
    if (pause !== undefined) queue.pauseUntil({ until: now + pause, answer, namespace })
  }

  /**
   * Gives the slot back for as long as the host wants to be left alone, or for good with the answer that said so, when
   * that is for longer than there is patience for, in one pause or in many.
   */
  async #waitOut(
    queue: HostQueue,
    { lane, namespace, signal }: Errand,
    patience: { left: number },
  ): Promise<EgressResponse | undefined> {
    const { clock } = this.#options
    for (let { pause } = queue; pause; { pause } = queue) {
      queue.leave()
      const remaining = pause.until - clock.now()
      if (remaining > patience.left) {
        // the text may name the account, or repeat what it was shown
        return pause.namespace === namespace ? pause.answer : { ...pause.answer, body: new Uint8Array() }
      }
      patience.left -= remaining
      await clock.sleep(remaining, signal)
      await queue.enter(lane, signal)
    }
    return undefined
  }

  // full jitter over the upper half: those who failed together do not come back together
  #backoff(attempt: number): number {
    const { limits, random } = this.#options
    return limits.retryDelay * 2 ** (attempt - 1) * (0.5 + random() / 2)
  }

  #queueOf(host: string, queues: Map<string, HostQueue>): HostQueue {
    const { limits, clock } = this.#options
    let queue = queues.get(host)
    if (!queue) {
      for (const [name, { idle }] of queues) {
        if (queues.size < limits.hosts) break
        if (idle) queues.delete(name)
      }
      queue = new HostQueue({ slots: limits.requestsPerHost, clock })
      queues.set(host, queue)
    }
    return queue
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** Seconds until a sender or a client should come again: a server that restarts is back by then. */
export const COME_BACK_AFTER = 10
/** Message for what is refused while the server stops. */
export const STOPPING = 'the server stops: repeat the request in a moment'

/** Milliseconds between two looks at what runs. */
const LOOK = 20

/** A push is many requests: each of these may be followed by the next one. */
const isOfPush = ({ method, url = '' }: IncomingMessage): boolean =>
  url.startsWith('/v2/') && method !== 'GET' && method !== 'HEAD'

/**
 * The end of a server. While it drains it still accepts connections: requests that run may finish, and a push of several requests may,
 * for as long as one follows the other. Each response closes its connection.
 */
export class Draining {
  readonly #pushPause: number
  #isOn = false
  readonly #running = new Set<ServerResponse>()
  #lastOfPush = Number.NEGATIVE_INFINITY

  /** `pushPause`: milliseconds without a further request after which a push is over. */
  constructor(pushPause: number) {
    this.#pushPause = pushPause
  }

  get isOn(): boolean {
    return this.#isOn
  }

  /** Counts a request until its response has ended. */
  add(request: IncomingMessage, response: ServerResponse): void {
    this.#running.add(response)
    if (this.#isOn) response.setHeader('Connection', 'close')
    response.once('close', () => {
      this.#running.delete(response)
      if (isOfPush(request)) this.#lastOfPush = performance.now()
    })
  }

  /** Begins. Resolves when no request runs and no push goes on, or after the milliseconds. */
  async run(milliseconds: number): Promise<void> {
    this.#isOn = true
    for (const response of this.#running) if (!response.headersSent) response.setHeader('Connection', 'close')
    const until = performance.now() + milliseconds
    while (!this.#isOver() && performance.now() < until) await delay(LOOK)
  }

  #isOver(): boolean {
    return this.#running.size === 0 && performance.now() - this.#lastOfPush >= this.#pushPause
  }
}

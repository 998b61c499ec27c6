import { once } from 'node:events'
import { type Message, RawClient } from '../http/clients.ts'
import { PUSH, type Push } from './operations.ts'

export interface FollowOptions {
  readonly since?: string | null
  readonly namespace?: string
  readonly imageStream?: string
  readonly tag?: string
}

const pushed = (selection: string) =>
  `subscription ($namespace: String, $imageStream: String, $tag: String, $since: String) {
    imagePushed(namespace: $namespace, imageStream: $imageStream, tag: $tag, since: $since) { ${selection} }
  }`

/** The connection ended before the subscription started. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError'
}

/** A subscriber to pushes with its own WebSocket; iteration ends with the connection. */
export class Follower<Selected = Push> implements AsyncIterableIterator<Selected>, Disposable {
  readonly #client: RawClient

  private constructor(client: RawClient) {
    this.#client = client
  }

  /**
   * Returns a subscriber that receives every later push. `url` is the server's; `selection` is the selection set of a push.
   * Throws DisconnectedError.
   */
  static async start<Selected = Push>(
    url: string,
    options: FollowOptions = {},
    selection: string = PUSH,
  ): Promise<Follower<Selected>> {
    const client = new RawClient(`${url.replace('http', 'ws')}/graphql`)
    const ended = client.closed.then(() => {
      throw new DisconnectedError('the connection ended before the subscription started')
    })
    const subscribed = async (): Promise<void> => {
      await once(client.socket, 'open')
      client.send({ type: 'connection_init' })
      await client.next()
      client.subscribe('pushes', pushed(selection), { ...options })
      await client.settled()
    }
    // a failed connection also closes
    await Promise.race([subscribed().catch(() => ended), ended])
    return new Follower<Selected>(client)
  }

  async next(): Promise<IteratorResult<Selected, undefined>> {
    const ended = this.#client.closed.then((): Message => ({ type: 'complete' }))
    const { type, payload } = await Promise.race([this.#client.next(), ended])
    if (type === 'complete') return { done: true, value: undefined }
    const { data, errors } = payload as {
      data?: { imagePushed: Selected } | null
      errors?: { extensions: { code: string } }[]
    }
    if (type !== 'next' || !data) throw new Error(errors?.[0]?.extensions.code ?? JSON.stringify(payload))
    return { done: false, value: data.imagePushed }
  }

  /** Returns the next `count` pushes. */
  async take(count: number): Promise<Selected[]> {
    const taken: Selected[] = []
    while (taken.length < count) {
      const { value, done } = await this.next()
      if (done) throw new Error(`the subscription ended after ${taken.length} of ${count} pushes`)
      taken.push(value)
    }
    return taken
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

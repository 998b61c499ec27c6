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

/** The server was gone before the subscription was there. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError'
}

/** One who is subscribed to the pushes, over a WebSocket of its own; iterating ends when the connection does. */
export class Follower<Told = Push> implements AsyncIterableIterator<Told>, Disposable {
  readonly #client: RawClient

  private constructor(client: RawClient) {
    this.#client = client
  }

  /**
   * Subscribed: whatever is pushed from now on will come. `url` is the server's; `selection` is what to tell of a push.
   * Throws DisconnectedError.
   */
  static async start<Told = Push>(
    url: string,
    options: FollowOptions = {},
    selection: string = PUSH,
  ): Promise<Follower<Told>> {
    const client = new RawClient(`${url.replace('http', 'ws')}/graphql`)
    const ended = client.closed.then(() => {
      throw new DisconnectedError('the server went away before it subscribed us')
    })
    const subscribed = async (): Promise<void> => {
      await once(client.socket, 'open')
      client.send({ type: 'connection_init' })
      await client.next()
      client.subscribe('pushes', pushed(selection), { ...options })
      await client.settled()
    }
    // a connection that fails says so by closing as well
    await Promise.race([subscribed().catch(() => ended), ended])
    return new Follower<Told>(client)
  }

  async next(): Promise<IteratorResult<Told, undefined>> {
    const ended = this.#client.closed.then((): Message => ({ type: 'complete' }))
    const { type, payload } = await Promise.race([this.#client.next(), ended])
    if (type === 'complete') return { done: true, value: undefined }
    const { data, errors } = payload as {
      data?: { imagePushed: Told } | null
      errors?: { extensions: { code: string } }[]
    }
    if (type !== 'next' || !data) throw new Error(errors?.[0]?.extensions.code ?? JSON.stringify(payload))
    return { done: false, value: data.imagePushed }
  }

  /** The next so many pushes. */
  async take(count: number): Promise<Told[]> {
    const taken: Told[] = []
    while (taken.length < count) {
      const { value, done } = await this.next()
      if (done) throw new Error(`the subscription ended after ${taken.length} of ${count} pushes`)
      taken.push(value)
    }
    return taken
  }

  /** Once there was one round trip to the server and back. */
  roundTrip(): Promise<void> {
    return this.#client.settled()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

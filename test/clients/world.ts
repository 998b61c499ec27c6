import { WebSocket } from 'ws'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type Door, openDoor } from './door.ts'

/** Tags of the stream `shop/app` at the start, in the order of a list. */
export const TAGS = ['latest', '1.4', '1.3', '1.2', '1.1', '1.0'] as const

/** A server with the stream `shop/app`, and a way to it that a test can close. */
export interface World extends AsyncDisposable {
  readonly server: TestApp
  readonly door: Door
  /** URL of the API for the client. */
  readonly url: string
  /** Moves a tag to another image; returns the image's digest. */
  push(tag: string, seed: string): Promise<string>
  /** Returns `[tag, digest]` of each push after a cursor, in order. */
  pushesSince(cursor: string): Promise<[string, string][]>
  /** Returns the position from which the next push follows. */
  endOfLog(): Promise<string>
}

export async function startWorld(): Promise<World> {
  const server = await startApp()
  const door = await openDoor(() => server.app.url)
  const push: World['push'] = async (tag, seed) => {
    const content = image({ seed: `${tag} ${seed}` })
    await new PushClient(server.app.url).push({ repository: 'shop/app', tag }, content, 'one POST')
    return content.digest
  }
  for (const tag of TAGS) await push(tag, 'first')
  return {
    server,
    door,
    url: `${door.url}/graphql`,
    push,
    async pushesSince(since) {
      const { imagePushes } = await server.client.request<{
        imagePushes: { nodes: { tag: string; image: { digest: string } }[] }
      }>('query ($since: String) { imagePushes(since: $since) { nodes { tag image { digest } } } }', {
        since,
      })
      return imagePushes.nodes.map(({ tag, image: { digest } }) => [tag, digest])
    },
    async endOfLog() {
      const { imagePushes } = await server.client.request<{
        imagePushes: { pageInfo: { endCursor: string } }
      }>('{ imagePushes(last: 1) { pageInfo { endCursor } } }')
      return imagePushes.pageInfo.endCursor
    },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Options of graphql-ws for Node.js 20, which has no WebSocket of its own; reconnects at once. */
export const SOCKETS = { webSocketImpl: WebSocket, retryWait: async () => {} }

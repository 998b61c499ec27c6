import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server, as through a proxy, that a test closes and opens again. */
export interface Door extends AsyncDisposable {
  /** URL that clients use. */
  readonly url: string
  /** Ends every connection and refuses others while `work` runs. */
  closedDuring(work: () => Promise<void>): Promise<void>
  /** Holds responses back while `work` runs. */
  heldDuring(work: () => Promise<void>): Promise<void>
  /** Number of operations that clients sent by POST. */
  readonly posts: number
}

/** Opens a door to the server that has this URL when a client connects. */
export async function openDoor(to: () => string): Promise<Door> {
  const sockets = new Set<Socket>()
  const servers = new Set<Socket>()
  let isOpen = true
  let isHeld = false
  let posts = 0
  const listener = createServer((client) => {
    if (!isOpen) {
      client.destroy()
      return
    }
    const { hostname, port } = new URL(to())
    const server = connect(Number(port), hostname)
    servers.add(server)
    server.once('close', () => servers.delete(server))
    client.on('data', (bytes) => {
      if (bytes.toString('latin1').includes('POST /graphql HTTP')) posts++
    })
    for (const [from, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.once('close', () => {
        sockets.delete(from)
        other.destroy()
      })
      from.pipe(other)
    }
    if (isHeld) server.pause()
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    async closedDuring(work) {
      isOpen = false
      cut()
      try {
        await work()
      } finally {
        isOpen = true
      }
    },
    async heldDuring(work) {
      isHeld = true
      for (const server of servers) server.pause()
      try {
        await work()
      } finally {
        isHeld = false
        for (const server of servers) server.resume()
      }
    },
    get posts() {
      return posts
    },
    async [Symbol.asyncDispose]() {
      cut()
      listener.close()
      await once(listener, 'close')
    },
  }
}

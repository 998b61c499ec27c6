import { digestOf } from '../../src/oci/digest.ts'
import { type Connection, headerOf, type RawResponse } from './registry-connection.ts'
import { type Blob, CONFIG, createBlob, createManifest, MANIFEST_TYPE } from './registry-content.ts'
import { type Command, numberedTag } from './registry-protocol.ts'

export type Operation = (connection: Connection) => Promise<unknown>

/** Content that one client has pushed to one repository. */
export class Repository {
  readonly #name: string
  readonly #host: string
  readonly #blobs = new Map<number, string[]>()
  /** Paths by tag and by digest in turn. */
  readonly #manifests: { readonly path: string; readonly size: number }[] = []
  #layer: Blob | undefined
  #image: Buffer | undefined
  #tags = 0

  constructor(name: string, port: number) {
    this.#name = name
    this.#host = `127.0.0.1:${port}`
  }

  /** Returns the operation of a command; its content is prepared beforehand. */
  operation(command: Command): Operation {
    switch (command.do) {
      case 'push image':
        return (connection) => this.#pushImage(connection)
      case 'push blobs':
        return this.#blobPushes(command.size)
      case 'pull blobs':
        return this.#pulls(command.size)
      case 'push manifests':
        return this.#manifestPushes()
      case 'push tags':
        return this.#tagPushes()
      case 'read manifests':
        return this.#manifestReads(command.method)
      case 'look for':
        return this.#misses(command.missing)
      case 'list tags':
        return this.#listings(command.page)
      case 'query':
        return this.#queries()
    }
  }

  async #pushImage(connection: Connection): Promise<void> {
    this.#layer = createBlob(1024)
    await this.#pushBlob(connection, this.#layer)
    await this.#pushBlob(connection, {
      digest: digestOf(CONFIG),
      size: CONFIG.length,
      pieces: () => [CONFIG],
    })
    this.#image = createManifest(this.#layer).bytes
    await expect(201, connection.request(this.#manifestPush('first', this.#image)))
  }

  #blobPushes(size: number): Operation {
    // the shared bytes of the size are hashed once, before the measurement
    createBlob(size)
    return (connection) => this.#pushBlob(connection, createBlob(size))
  }

  async #pushBlob(connection: Connection, { digest, size, pieces }: Blob): Promise<void> {
    const started = await expect(202, connection.request(this.#head('POST', 'blobs/uploads/', EMPTY)))
    const patch = `${this.#line('PATCH', locationOf(started.head))}${OCTETS}Content-Length: ${size}\r\n\r\n`
    const patched = await expect(202, connection.request(patch, { body: pieces() }))
    const location = locationOf(patched.head)
    const put = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`
    await expect(201, connection.request(`${this.#line('PUT', put)}${EMPTY}\r\n`))
    const known = this.#blobs.get(size)
    if (known) known.push(digest)
    else this.#blobs.set(size, [digest])
  }

  #pulls(size: number): Operation {
    // the newest blobs: both servers have them in the page cache
    const gets = (this.#blobs.get(size) ?? []).slice(-8).map((digest) => this.#head('GET', `blobs/${digest}`))
    return inTurn(gets, async (connection, get) => {
      const response = await expect(200, connection.request(get))
      if (response.size !== size) throw new Error(`${response.size} bytes of a blob of ${size}`)
    })
  }

  #manifestPushes(): Operation {
    const layer = this.#layer
    if (!layer) throw new Error('push the image first')
    return async (connection) => {
      const { bytes, digest } = createManifest(layer)
      const tag = `commit-${digest.slice(-12)}`
      await expect(201, connection.request(this.#manifestPush(tag, bytes)))
      const reference = this.#manifests.length % 2 ? tag : digest
      this.#manifests.push({ path: `manifests/${reference}`, size: bytes.length })
    }
  }

  #tagPushes(): Operation {
    const image = this.#image
    if (!image) throw new Error('push the image first')
    return (connection) =>
      expect(201, connection.request(this.#manifestPush(numberedTag(this.#tags++), image)))
  }

  #manifestReads(method: 'GET' | 'HEAD'): Operation {
    const isHead = method === 'HEAD'
    const reads = this.#manifests
      .slice(-200)
      .map(({ path, size }) => ({ size, request: Buffer.from(this.#head(method, path, ACCEPT)) }))
    return inTurn(reads, async (connection, { request, size }) => {
      const response = await expect(200, connection.request(request, { isHead }))
      const length = isHead ? Number(headerOf(response.head, 'content-length')) : response.size
      if (length !== size) throw new Error(`${length} bytes of a manifest of ${size}`)
    })
  }

  #misses(kind: 'blobs' | 'manifests'): Operation {
    let number = 0
    return (connection) => {
      const digest = digestOf(Buffer.from(`missing ${number++}`))
      const request = Buffer.from(this.#head('HEAD', `${kind}/${digest}`, ACCEPT))
      return expect(404, connection.request(request, { isHead: true }))
    }
  }

  #listings(page: number | undefined): Operation {
    return (connection) => {
      const last = page === undefined ? '' : numberedTag(Math.floor(Math.random() * (this.#tags - page)))
      const query = page === undefined ? '' : `?n=${page}&last=${last}`
      return expect(200, connection.request(this.#head('GET', `tags/list${query}`)))
    }
  }

  #queries(): Operation {
    const [namespace, name] = this.#name.split('/')
    const query = `query ($namespace: String!, $name: String!) { imageStream(namespace: $namespace, name: $name) {
      name tags(first: 5) { nodes { tag image { digest size } } } } }`
    const body = JSON.stringify({ query, variables: { namespace, name } })
    const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
    const request = Buffer.from(`${this.#line('POST', '/graphql')}${headers}\r\n${body}`)
    return (connection) => expect(200, connection.request(request))
  }

  #manifestPush(reference: string, bytes: Buffer): Buffer {
    const headers = `Content-Type: ${MANIFEST_TYPE}\r\nContent-Length: ${bytes.length}\r\n`
    return Buffer.concat([Buffer.from(this.#head('PUT', `manifests/${reference}`, headers)), bytes])
  }

  #head(method: string, path: string, headers = ''): string {
    return `${this.#line(method, `/v2/${this.#name}/${path}`)}${headers}\r\n`
  }

  #line(method: string, path: string): string {
    return `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n`
  }
}

const EMPTY = 'Content-Length: 0\r\n'
const OCTETS = 'Content-Type: application/octet-stream\r\n'
const ACCEPT = `Accept: ${MANIFEST_TYPE}\r\n`

async function expect(status: number, pending: Promise<RawResponse>): Promise<RawResponse> {
  const response = await pending
  if (response.status !== status)
    throw new Error(`${status} expected, not ${response.head}\n${response.errorBody}`)
  return response
}

/** Returns path and query of the Location header. */
function locationOf(head: string): string {
  const location = headerOf(head, 'location')
  if (location === undefined) throw new Error(`no location: ${head}`)
  return location.replace(/^http:\/\/[^/]+/, '')
}

function inTurn<Item>(
  items: readonly Item[],
  once: (connection: Connection, item: Item) => Promise<void>,
): Operation {
  let next = 0
  return (connection) => {
    const item = items[next++ % items.length]
    if (item === undefined) throw new Error('nothing was pushed yet')
    return once(connection, item)
  }
}

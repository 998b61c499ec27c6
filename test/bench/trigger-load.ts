import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'

/** What the triggers of a benchmark send, and when it arrives. */
export interface Receivers extends AsyncDisposable {
  /** URL of each receiver, which has a port of its own. */
  readonly urls: readonly string[]
  /** Resolves with the time in milliseconds at which a request arrives whose body contains the text. */
  arrival(text: string): Promise<number>
}

const DIGEST = /sha256:[0-9a-f]{64}/

/** Starts receivers that respond 204. A request is known by the first digest of its body. */
export async function startReceivers(count: number): Promise<Receivers> {
  const waiting = new Map<string, (at: number) => void>()
  const early = new Map<string, number>()
  const onBody = (body: string, at: number): void => {
    const [digest = ''] = DIGEST.exec(body) ?? []
    const resolve = waiting.get(digest)
    if (resolve) resolve(at)
    else early.set(digest, at)
    waiting.delete(digest)
  }
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer((request, response) => {
        const at = performance.now()
        let body = ''
        request.on('data', (part) => {
          body += part
        })
        request.on('end', () => {
          response.writeHead(204).end()
          onBody(body, at)
        })
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  return {
    urls: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`),
    arrival(digest) {
      const at = early.get(digest)
      early.delete(digest)
      return at === undefined ? new Promise((resolve) => waiting.set(digest, resolve)) : Promise.resolve(at)
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.closeAllConnections()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

const base = image({ seed: 'bench triggers' })
let pushes = 0

/** Returns the bytes of an image that differs from all others, whose blobs are those of `base`. */
function nextManifest(): { readonly bytes: Buffer; readonly digest: Digest } {
  const manifest = JSON.parse(base.bytes.toString())
  const bytes = Buffer.from(JSON.stringify({ ...manifest, annotations: { number: String(pushes++) } }))
  return { bytes, digest: digestOf(bytes) }
}

/** Pushes images, of which only the manifest is sent. */
export interface Pusher extends AsyncDisposable {
  /** Pushes another image to a tag. Resolves with its digest, and the time in milliseconds of the response. */
  push(tag: string): Promise<{ readonly digest: Digest; readonly at: number }>
}

/** Creates a client that pushes to a repository of the server. */
export async function createPusher(url: string, repository: string): Promise<Pusher> {
  await new PushClient(url).push({ repository, tag: 'base' }, base, 'one POST')
  const pool = new Pool(url, { connections: 16 })
  return {
    async push(tag) {
      const { bytes, digest } = nextManifest()
      const { statusCode, body } = await pool.request({
        method: 'PUT',
        path: `/v2/${repository}/manifests/${tag}`,
        headers: { 'content-type': base.mediaType },
        body: bytes,
      })
      const at = performance.now()
      const text = await body.text()
      if (statusCode !== 201) throw new Error(`a push failed: ${statusCode} ${text}`)
      return { digest, at }
    },
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

/** Sends an operation, and throws for a response with errors. Returns the text of the response. */
export async function operate(url: string, query: string, variables: object = {}): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  const text = await response.text()
  if (!response.ok || text.includes('"errors"')) throw new Error(text.slice(0, 500))
  return text
}

export const at = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN

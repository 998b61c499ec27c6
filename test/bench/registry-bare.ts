/** The limit of the registry's benchmark, in its own process: bare node:http that stores nothing on disk and checks nothing. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { digestOf } from '../../src/oci/digest.ts'
import { MEBIBYTE } from './registry-protocol.ts'

const ZEROS = Buffer.alloc(MEBIBYTE)

const sizes = new Map<string, number>()
const manifests = new Map<string, Buffer>()
let uploads = 0
/** Number of kept manifests, each under two names: more would only slow down the garbage collector. */
const KEPT = 1000

function keep(name: string, bytes: Buffer): void {
  manifests.set(name, bytes).set(digestOf(bytes), bytes)
  for (const oldest of manifests.keys()) {
    if (manifests.size <= 2 * KEPT) return
    manifests.delete(oldest)
  }
}

/** Passes the body's pieces to the callback if there is one, then its size. */
function receive(
  request: IncomingMessage,
  done: (pieces: Buffer[], size: number) => void,
  isWanted = false,
): void {
  const pieces: Buffer[] = []
  let size = 0
  request.on('data', (piece: Buffer) => {
    size += piece.length
    if (isWanted) pieces.push(piece)
  })
  request.on('end', () => done(pieces, size))
}

function sendZeros(response: ServerResponse, size: number): void {
  response.writeHead(200, { 'Content-Length': size })
  let left = size
  const more = (): void => {
    while (left > 0) {
      const length = Math.min(left, ZEROS.length)
      left -= length
      if (!response.write(ZEROS.subarray(0, length))) {
        response.once('drain', more)
        return
      }
    }
    response.end()
  }
  more()
}

const server = createServer((request, response) => {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const name = path.slice(path.lastIndexOf('/') + 1)
  const respond = (status: number, headers: Record<string, string | number> = {}): void =>
    void response.writeHead(status, { 'Content-Length': 0, ...headers }).end()
  switch (request.method) {
    case 'POST':
      return respond(202, { Location: `${path}${++uploads}` })
    case 'PATCH':
      return receive(request, (_pieces, size) => {
        sizes.set(name, size)
        respond(202, { Location: path })
      })
    case 'PUT':
      if (query !== '') {
        sizes.set(query.slice('digest='.length), sizes.get(name) ?? 0)
        return respond(201)
      }
      return receive(
        request,
        (pieces) => {
          keep(name, Buffer.concat(pieces))
          respond(201)
        },
        true,
      )
  }
  if (path.includes('/blobs/')) return sendZeros(response, sizes.get(name) ?? 0)
  const bytes = manifests.get(name) ?? Buffer.alloc(0)
  response.writeHead(200, { 'Content-Length': bytes.length })
  response.end(request.method === 'HEAD' ? undefined : bytes)
})

process.on('disconnect', () => process.exit(0))
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))

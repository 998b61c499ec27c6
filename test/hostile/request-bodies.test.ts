import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_BODY_MEMORY } from '../../src/http/request/limits.ts'
import { MAX_MANIFEST_SIZE } from '../../src/oci/manifest.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'

let it: TestApp
let sockets: Socket[]
beforeEach(async () => {
  it = await startApp()
  sockets = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await it[Symbol.asyncDispose]()
})

interface Request {
  readonly line: string
  readonly body: Buffer | string
  /** Content-Length; that of the body by default. */
  readonly length?: number
  /** The client's address. */
  readonly from?: string
}

/** Sends a request, also a part of one. */
async function send({ line, body, length = body.length, from = '127.0.0.1' }: Request): Promise<Socket> {
  const socket = connect({ port: Number(new URL(it.app.url).port), host: '127.0.0.1', localAddress: from })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(
    `${line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
  )
  socket.write(body)
  return socket
}

/** Returns the status of the response, its `Retry-After`, and its error code. */
async function responseOn(socket: Socket): Promise<(string | undefined)[]> {
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (text.includes('}')) break
  }
  return [/^HTTP\/1\.1 (\d+)/, /^retry-after: (.*)\r/im, /"code":"(\w+)"/].map((part) => part.exec(text)?.[1])
}

const responseTo = async (request: Request) => responseOn(await send(request))

const OPERATION = { line: 'POST /graphql', body: '{"query":"{ __typename }"}' }
const HALF = Buffer.alloc(MAX_MANIFEST_SIZE - 1, ' ')
const MANIFEST = { line: 'PUT /v2/shop/web/manifests/v1', body: HALF, length: MAX_MANIFEST_SIZE }
/** Bodies that take the share of one client. */
const SHARE = MAX_BODY_MEMORY / 2 / MAX_MANIFEST_SIZE

describe('half-sent manifests', () => {
  test('take a bounded amount of memory, of which one client gets half: others are still served', async () => {
    const half = await Promise.all(Array.from({ length: SHARE + 1 }, () => send(MANIFEST)))
    expect(await Promise.race(half.map(responseOn))).toEqual(['503', '5', 'TOOMANYREQUESTS'])

    await expect.poll(() => responseTo(OPERATION)).toEqual(['503', '5', 'UNAVAILABLE'])
    expect(
      await responseTo({
        line: `POST /v2/shop/web/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`,
        body: 'x',
      }),
    ).toEqual(['503', '5', 'TOOMANYREQUESTS'])
    expect(await responseTo({ ...OPERATION, from: '127.0.0.2' })).toEqual(['200', undefined, undefined])

    for (const socket of sockets) socket.destroy()
    await expect.poll(() => responseTo(OPERATION)).toEqual(['200', undefined, undefined])
  })
})

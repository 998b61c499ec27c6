import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createEgress, type EgressOptions, type EgressRequest } from '../../src/egress/egress.ts'
import { ConnectionError, EgressTimeoutError } from '../../src/egress/errors.ts'
import { RequestBodyError } from '../../src/egress/request-body.ts'
import { startScripted } from '../fixtures/hostile-registry.ts'
import { startHttpProxy } from '../fixtures/http-proxy.ts'

const CHUNK = Buffer.alloc(64 * 1024, 'x')
const MIB = 1024 * 1024

const open = (options: Partial<EgressOptions> = {}) => createEgress({ loopback: true, ...options })

/** A body of whole chunks that records how much of it was read, and whether it was closed. */
function bodyOf(chunks: number) {
  let read = 0
  const stream = new Readable({
    highWaterMark: CHUNK.length,
    read() {
      this.push(read < chunks ? CHUNK : null)
      read += 1
    },
  })
  return {
    size: chunks * CHUNK.length,
    open: () => stream,
    stream,
    get bytesRead() {
      return read * CHUNK.length
    },
  }
}

const put = (
  body: NonNullable<EgressRequest['body']>,
  signal = new AbortController().signal,
): EgressRequest => ({
  method: 'PUT',
  body,
  signal,
  maxBytes: 1024,
})

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  )

describe('a streamed body of a request', () => {
  test('is sent completely, with its length', async () => {
    let received: Buffer | undefined
    await using server = await startScripted(async (request, response) => {
      received = await buffer(request)
      response.writeHead(201).end('kept')
    })
    await using egress = open()
    const body = bodyOf(40)

    const { status, body: answer } = await egress.request(server.url, put(body))

    expect([status, String(answer)]).toEqual([201, 'kept'])
    expect(received?.equals(Buffer.alloc(body.size, 'x'))).toBe(true)
    expect(server.requests[0]?.headers).toMatchObject({ 'content-length': String(body.size) })
    expect(server.requests[0]?.headers).not.toHaveProperty('transfer-encoding')
    expect(body.stream.destroyed).toBe(true)
  })

  test('is sent through a proxy', async () => {
    let received = 0
    await using server = await startScripted((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
      request.on('end', () => response.end())
    })
    await using proxy = await startHttpProxy()
    await using egress = open()
    const body = bodyOf(40)
    const route = { id: '1', ca: [], client: null, proxy: { url: proxy.url, authorization: null } }
    expect(await egress.request(server.url, { ...put(body), route })).toMatchObject({ status: 200 })
    expect(received).toBe(body.size)
    expect(proxy.requests).toEqual([`PUT ${server.url}/`])
  })

  test('may be empty', async () => {
    await using server = await startScripted((request, response) => request.resume() && response.end())
    await using egress = open()
    await egress.request(server.url, put({ size: 0, open: () => Readable.from([]) }))
    expect(server.requests[0]?.headers).toMatchObject({ 'content-length': '0' })
  })

  test('is read no faster than its receiver reads, which has a time limit', async () => {
    await using server = await startScripted(() => {})
    await using egress = open({ timeouts: { request: 100 } })
    const body = bodyOf(4096)

    const error = await failureOf(egress.request(server.url, put(body)))

    expect(error).toBeInstanceOf(EgressTimeoutError)
    expect(error).toMatchObject({ phase: 'request' })
    expect(body.bytesRead).toBeLessThan(32 * MIB)
    expect(body.stream.destroyed).toBe(true)
  })

  test('has no time limit for its source but that of the whole request', async () => {
    await using server = await startScripted((request, response) =>
      request.resume().on('end', () => response.end()),
    )
    await using silent = await startScripted(() => {})
    await using egress = open({ timeouts: { request: 1, headers: 20 } })
    const source = new Readable({ read() {} })
    const sent = egress.request(server.url, put({ size: 2, open: () => source }))
    source.push('a')
    expect(await failureOf(egress.request(silent.url, put('text')))).toMatchObject({ phase: 'headers' })
    source.push('b')
    source.push(null)
    expect(await sent).toMatchObject({ status: 200 })
  })

  test('that fails rejects the request with its error', async () => {
    let received: IncomingMessage | undefined
    await using server = await startScripted((request) => {
      received = request.on('error', () => {}).resume()
    })
    await using egress = open()
    const cause = new Error('no such file')
    const failing = Readable.from(
      (async function* () {
        yield CHUNK
        throw cause
      })(),
    )

    const error = await failureOf(
      egress.request(server.url, put({ size: 2 * CHUNK.length, open: () => failing })),
    )

    expect(error).toBeInstanceOf(RequestBodyError)
    expect(error).toMatchObject({ cause })
    if (received && !received.closed) await once(received, 'close')
    expect(received?.complete ?? false).toBe(false)
  })

  test('that cannot be opened rejects the request, of which nothing was sent', async () => {
    await using server = await startScripted(() => {})
    await using egress = open()
    const cause = new Error('no such file')
    const body = { size: 1, open: () => Promise.reject(cause) }
    expect(await failureOf(egress.request(server.url, put(body)))).toMatchObject({
      name: 'RequestBodyError',
      cause,
    })
    expect(server.requests).toEqual([])
  })

  test.each([
    ['more', 1],
    ['fewer', 3],
  ])('with %s bytes than announced rejects the request', async (_, chunks) => {
    await using server = await startScripted((request) => request.on('error', () => {}).resume())
    await using egress = open()
    const body = { ...bodyOf(2), size: chunks * CHUNK.length }
    const error = await failureOf(egress.request(server.url, put(body)))
    expect(error).toMatchObject({ name: 'RequestBodyError', cause: expect.any(RangeError) })
  })

  test('is closed when the request is aborted', async () => {
    const controller = new AbortController()
    await using server = await startScripted(() => controller.abort(new Error('enough')))
    await using egress = open()
    const body = bodyOf(4096)
    expect(await failureOf(egress.request(server.url, put(body, controller.signal)))).toMatchObject({
      message: 'enough',
    })
    expect(body.stream.destroyed).toBe(true)
  })

  test('is closed when the response arrives before its end, which is returned', async () => {
    await using server = await startScripted((_, response) => response.writeHead(413).end('too large'))
    await using egress = open()
    const body = bodyOf(4096)
    const { status, body: text } = await egress.request(server.url, put(body))
    expect([status, String(text)]).toEqual([413, 'too large'])
    expect(body.stream.destroyed).toBe(true)
  })

  test('is closed when the connection is lost', async () => {
    await using server = await startScripted((request) =>
      request.once('data', () => request.socket.destroy()),
    )
    await using egress = open()
    const body = bodyOf(4096)
    const error = await failureOf(egress.request(server.url, put(body)))
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({ transient: true })
    expect(body.stream.destroyed).toBe(true)
  })
})

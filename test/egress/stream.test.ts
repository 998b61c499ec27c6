import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { createEgress, type EgressOptions } from '../../src/egress/egress.ts'
import { BodyTooLargeError, ConnectionError, ForbiddenTargetError } from '../../src/egress/errors.ts'
import type { EgressResponse } from '../../src/egress/exchange.ts'
import { startScripted } from '../fixtures/hostile-registry.ts'

const open = (options: Partial<EgressOptions> = {}) => createEgress({ loopback: true, ...options })
const MIB = 1024 * 1024
const stream = { maxBytes: 64 * MIB, timeout: 60_000 }
const options = { signal: new AbortController().signal, maxBytes: 1024, stream }

const streamOf = ({ stream }: EgressResponse): Readable => {
  if (!stream) throw new Error('there is no stream')
  return stream
}
const bytesOf = async (exchange: EgressResponse): Promise<Buffer> =>
  Buffer.concat(await streamOf(exchange).toArray())

/** Writes while the other side reads; counts the bytes. */
function pour(response: ServerResponse): { readonly written: number } {
  const poured = { written: 0 }
  const more = () => {
    do poured.written += 65536
    while (response.write(Buffer.alloc(65536)))
  }
  response.on('drain', more)
  more()
  return poured
}

describe('a streamed body', () => {
  test.each([200, 206])('of a response %d is delivered in parts, as they arrive', async (status) => {
    let finish = () => {}
    await using server = await startScripted((_, response) => {
      response.writeHead(status, { 'x-one': '1' })
      response.write('first')
      finish = () => response.end(' second')
    })
    await using egress = open()
    const exchange = await egress.request(server.url, options)
    expect(exchange).toMatchObject({ status, headers: { 'x-one': '1' }, body: new Uint8Array() })
    const chunks = streamOf(exchange)[Symbol.asyncIterator]()
    expect(String((await chunks.next()).value)).toBe('first')
    finish()
    expect(String((await chunks.next()).value)).toBe(' second')
    expect((await chunks.next()).done).toBe(true)
  })

  test('may be silent for as long as its request allows', async () => {
    await using server = await startScripted((_, response) => response.write('first'))
    await using egress = open()
    const exchange = await egress.request(server.url, { ...options, stream: { ...stream, idle: 100 } })

    await expect(bytesOf(exchange)).rejects.toMatchObject({ code: 'TIMEOUT', phase: 'body' })
  })

  test('may be empty', async () => {
    await using server = await startScripted((_, response) => response.end())
    await using egress = open()
    expect(await bytesOf(await egress.request(server.url, options))).toHaveLength(0)
  })

  test.each([404, 302, 503])(
    'is not used for a response %d, which is read completely, up to its own limit',
    async (status) => {
      await using server = await startScripted((request, response) => {
        response.writeHead(status).end('x'.repeat(Number(request.url?.slice(1))))
      })
      await using egress = open()
      const short = await egress.request(`${server.url}/1024`, {
        ...options,
        stream: { ...stream, maxBytes: 1 },
      })
      expect(short).toMatchObject({ status, body: { byteLength: 1024 } })
      expect(short.stream).toBeUndefined()
      await expect(egress.request(`${server.url}/1025`, options)).rejects.toThrow(BodyTooLargeError)
    },
  )

  test('slows down the server when its reader is slow, and buffers little', async () => {
    let poured = { written: 0 }
    await using server = await startScripted((_, response) => {
      poured = pour(response)
    })
    await using egress = open()
    const body = streamOf(
      await egress.request(server.url, { ...options, stream: { ...stream, maxBytes: 1e12 } }),
    )
    // the server sends as much as fits into the buffers of both sides
    const seen: number[] = []
    const isStalled = () => {
      seen.push(poured.written)
      return new Set(seen.slice(-5)).size === 1 && seen.length > 5
    }
    await expect.poll(isStalled, { interval: 50, timeout: 20_000 }).toBe(true)
    const first = poured.written
    expect(first).toBeLessThan(32 * MIB)
    expect(body.readableLength).toBeLessThan(1 * MIB)
    let read = 0
    for await (const chunk of body) {
      read += chunk.length
      if (read > first + 8 * MIB) break
    }
    expect(poured.written).toBeGreaterThan(first)
    expect(body.destroyed).toBe(true)
  })

  test('is delivered completely to a slow reader', async () => {
    const sent = Buffer.from(Array.from({ length: 4 * MIB }, (_, at) => at % 251))
    await using server = await startScripted((_, response) => response.end(sent))
    await using egress = open()
    const chunks: Buffer[] = []
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, callback) {
        chunks.push(chunk)
        setImmediate(callback)
      },
    })
    await pipeline(streamOf(await egress.request(server.url, options)), slow)
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  })

  test('closes the connection when its reader destroys it', async () => {
    let closed: Promise<unknown> | undefined
    await using server = await startScripted((_, response) => {
      closed = once(response, 'close')
      pour(response)
    })
    await using egress = open()
    streamOf(await egress.request(server.url, options)).destroy()
    await closed
  })

  test('leaves the connection open for the next request when it was read completely', async () => {
    await using server = await startScripted((_, response) => response.end('hello'))
    await using egress = open({ connectionsPerOrigin: 1 })
    for (let at = 0; at < 3; at++) await bytesOf(await egress.request(server.url, options))
    expect(new Set(server.requests.map(({ socket }) => socket)).size).toBe(1)
  })
})

describe('a streamed body fails', () => {
  test('before anything is delivered if the announced length exceeds the limit', async () => {
    await using server = await startScripted((_, response) => response.end('x'.repeat(1025)))
    await using egress = open()
    const request = egress.request(server.url, { ...options, stream: { ...stream, maxBytes: 1024 } })
    await expect(request).rejects.toThrow(BodyTooLargeError)
  })

  test('when it exceeds the limit, and the excess is not delivered', async () => {
    let more = () => {}
    await using server = await startScripted((_, response) => {
      response.write('x'.repeat(1024))
      more = () => response.write('y')
    })
    await using egress = open()
    const body = streamOf(
      await egress.request(server.url, { ...options, stream: { ...stream, maxBytes: 1024 } }),
    )
    const received: string[] = []
    body.on('data', (chunk) => {
      received.push(String(chunk))
      more()
    })
    await expect(once(body, 'end')).rejects.toThrow(BodyTooLargeError)
    expect(received.join('')).toBe('x'.repeat(1024))
  })

  test('when the connection is closed early', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x', () => response.destroy())
    })
    await using egress = open()
    await expect(bytesOf(await egress.request(server.url, options))).rejects.toThrow(ConnectionError)
  })

  test('without ending the process if it has no reader, and a later reader gets the error', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x', () => response.destroy())
    })
    await using egress = open()
    const body = streamOf(await egress.request(server.url, options))
    await new Promise((resolve) => body.once('close', resolve))
    expect(body.errored).toBeInstanceOf(ConnectionError)
    await expect(body.toArray()).rejects.toThrow(ConnectionError)
  })

  test('only if the server stops sending, not if the reader pauses', async () => {
    await using server = await startScripted((request, response) => {
      if (request.url === '/large') response.end(Buffer.alloc(8 * MIB))
    })
    await using egress = open({ timeouts: { stream: 100, headers: 100 } })
    const large = await egress.request(`${server.url}/large`, options)
    // in the same time, a response that stopped by itself has failed
    await expect(egress.request(`${server.url}/silence`, options)).rejects.toMatchObject({ phase: 'headers' })
    expect(await bytesOf(large)).toHaveLength(8 * MIB)
  })

  test('when the server stops sending', async () => {
    await using server = await startScripted((_, response) => {
      response.write(Buffer.alloc(MIB))
    })
    await using egress = open({ timeouts: { stream: 100, headers: 100 } })
    const error = await bytesOf(await egress.request(server.url, options)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'EgressTimeoutError', phase: 'body' })
  })

  test('when it takes longer than its own limit, even if bytes keep arriving', async () => {
    await using server = await startScripted((_, response) => {
      const drip = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(drip))
    })
    await using egress = open()
    const exchange = await egress.request(server.url, { ...options, stream: { ...stream, timeout: 150 } })
    await expect(bytesOf(exchange)).rejects.toMatchObject({ name: 'EgressTimeoutError', phase: 'total' })
  })

  test('after its own time limit, not after that of other requests', async () => {
    let finish = () => {}
    await using server = await startScripted((_, response) => {
      response.write('x')
      finish = () => response.end('y')
    })
    await using egress = open()
    const exchange = await egress.request(server.url, { ...options, timeout: 100 })
    setTimeout(finish, 200)
    expect(String(await bytesOf(exchange))).toBe('xy')
  })

  test('when the signal is aborted', async () => {
    await using server = await startScripted((_, response) => void response.write('x'))
    await using egress = open()
    const controller = new AbortController()
    const exchange = await egress.request(server.url, { ...options, signal: controller.signal })
    controller.abort(new Error('gone'))
    await expect(bytesOf(exchange)).rejects.toThrow('gone')
  })

  test('when the egress is disposed of', async () => {
    await using server = await startScripted((_, response) => void response.write('x'))
    const egress = open()
    const body = bytesOf(await egress.request(server.url, options))
    const [failed] = await Promise.all([body.catch((error: unknown) => error), egress[Symbol.asyncDispose]()])
    expect(failed).toBeInstanceOf(ConnectionError)
  })

  test('before it begins if its address is forbidden', async () => {
    await using egress = open({ loopback: false })
    await expect(egress.request('http://127.0.0.1:5000/', options)).rejects.toThrow(ForbiddenTargetError)
    await expect(egress.request('http://169.254.169.254/', options)).rejects.toThrow(ForbiddenTargetError)
    await expect(egress.request('http://127.0.0.1:22/', options)).rejects.toThrow(ForbiddenTargetError)
  })
})

test('a long stream does not delay other requests', async () => {
  await using server = await startScripted((request, response) => {
    if (request.url === '/large') response.write('x')
    else response.end('small')
  })
  await using egress = open({ connectionsPerOrigin: 1 })
  const large = await egress.request(`${server.url}/large`, options)
  const { signal, maxBytes } = options
  const small = await egress.request(`${server.url}/small`, { signal, maxBytes })
  expect(Buffer.from(small.body).toString()).toBe('small')
  streamOf(large).destroy()
})

import { get, type IncomingMessage } from 'node:http'
import { PassThrough, Writable } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BufferPool } from '../../src/blobs/buffer-pool.ts'
import { ReceiverClosedError } from '../../src/blobs/errors.ts'
import { Layout } from '../../src/blobs/layout.ts'
import { openBlob } from '../../src/blobs/open-blob.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { bodyOf, bytesOf, createWorld, isSame, MiB, push, Sink, serve, type World } from './world.ts'

const LARGE = bytesOf(5 * MiB + 11)
const SIZES = [0, 1, 65_535, 65_536, 65_537, MiB, MiB + 1]

let world: World
let large: Digest
beforeAll(async () => {
  world = await createWorld()
  large = await push(world.store, LARGE)
})
afterAll(() => world[Symbol.asyncDispose]())

const open = async (digest: Digest) => {
  const blob = await world.store.open(digest)
  if (!blob) throw new Error('the blob is not there')
  return blob
}

describe('a blob', () => {
  it('is undefined when it does not exist', async () => {
    expect(await world.store.open(digestOf('not pushed'))).toBeUndefined()
  })

  it.each(SIZES)('of %i bytes is read and sent completely', async (size) => {
    const bytes = bytesOf(size, size + 1)
    await using blob = await open(await push(world.store, bytes))
    const sink = new Sink()

    await blob.send({ start: 0, end: size }, sink)

    expect(blob.size).toBe(size)
    expect(isSame(sink.bytes(), bytes)).toBe(true)
    expect(isSame(await blob.read(), bytes)).toBe(true)
    expect(sink.writableEnded).toBe(false)
  })

  it('sends any range', async () => {
    await using blob = await open(large)
    const position = fc.nat({ max: LARGE.length })
    await fc.assert(
      fc.asyncProperty(position, position, async (one, other) => {
        const range = { start: Math.min(one, other), end: Math.max(one, other) }
        const sink = new Sink()
        await blob.send(range, sink)
        expect(isSame(sink.bytes(), LARGE.subarray(range.start, range.end))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('sends to several receivers concurrently, each at its own pace', async () => {
    await using blob = await open(large)
    const sinks = Array.from({ length: 50 }, () => new SlowSink())

    await Promise.all(sinks.map((sink) => blob.send({ start: 0, end: blob.size }, sink)))

    expect(sinks.every((sink) => isSame(sink.bytes(), LARGE))).toBe(true)
  })

  it.each([
    [-1, 5],
    [5, 4],
    [0, LARGE.length + 1],
  ])('has no bytes from %i to %i', async (start, end) => {
    await using blob = await open(large)

    await expect(blob.send({ start, end }, new Sink())).rejects.toThrow(RangeError)
  })

  it('is sent over HTTP as it is', async () => {
    await using server = await serve(async (_, response) => {
      await using blob = await open(large)
      response.setHeader('Content-Length', blob.size)
      await blob.send({ start: 0, end: blob.size }, response)
      response.end()
    })

    const response = await new Promise<IncomingMessage>((resolve) => get({ port: server.port }, resolve))

    expect(isSame(await bodyOf(response), LARGE)).toBe(true)
  })

  it('stays readable for its readers after it was removed', async () => {
    const bytes = bytesOf(2 * MiB, 77)
    const digest = await push(world.store, bytes)
    await using blob = await open(digest)

    expect(await world.store.remove(digest, () => false)).toBe(bytes.length)

    expect(isSame(await blob.read(), bytes)).toBe(true)
    expect(await world.store.open(digest)).toBeUndefined()
  })
})

describe('a receiver that closes', () => {
  it.each<[string, () => Writable]>([
    ['before the first byte', () => new Sink().destroy()],
    ['with an error before the first byte', () => failed(new Error('reset'))],
    ['after it was ended', () => new PassThrough().end()],
    ['in the middle, its writes never answered', () => new Stuck()],
    ['with an error in the middle', () => new Stuck(new Error('reset'))],
  ])('%s ends the transfer at once, and returns every buffer', async (_what, receiver) => {
    const pool = new BufferPool()
    const blob = await openBlob(new Layout(world.folder).blob(large), pool)

    await expect(blob?.send({ start: 0, end: LARGE.length }, receiver())).rejects.toThrow(ReceiverClosedError)

    await blob?.[Symbol.asyncDispose]()
    await blob?.[Symbol.asyncDispose]()
    expect(pool.inUse).toBe(0)
  })

  it('at the other end of a connection ends the transfer', async () => {
    let settle: (error: unknown) => void
    const outcome = new Promise<unknown>((resolve) => {
      settle = resolve
    })
    await using server = await serve(async (_, response) => {
      await using blob = await open(large)
      // more bytes than the sockets buffer
      for (;;) {
        const sent = await blob.send({ start: 0, end: blob.size }, response).catch((error: unknown) => error)
        if (sent) return settle(sent)
      }
    })
    get({ port: server.port }, (response) => response.once('data', () => response.destroy()))

    expect(await outcome).toBeInstanceOf(ReceiverClosedError)
  })
})

describe('buffers', () => {
  it('are small while many large ones are in use', () => {
    const pool = new BufferPool()
    const leases = Array.from({ length: 200 }, () => pool.take(MiB))
    const bytes = leases.reduce((sum, { buffer }) => sum + buffer.length, 0)
    expect(bytes).toBeLessThanOrEqual(32 * MiB + 168 * (64 << 10))

    for (const lease of leases) lease.giveBack()
    for (const lease of leases) lease.giveBack()

    expect(pool.inUse).toBe(0)
    expect(pool.take(MiB).buffer.length).toBe(MiB)
  })

  it('are reused, except abandoned ones', () => {
    const pool = new BufferPool()
    const [first, second] = [pool.take(MiB), pool.take(MiB)]
    first.abandon()
    first.giveBack()
    second.giveBack()

    const next = [pool.take(MiB).buffer, pool.take(MiB).buffer]

    expect(next.includes(second.buffer)).toBe(true)
    expect(next.includes(first.buffer)).toBe(false)
  })
})

class SlowSink extends Sink {
  override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
    setImmediate(() => super._write(chunk, encoding, done))
  }
}

/** A writable stream that never calls back after a write, and closes. */
class Stuck extends Writable {
  readonly #error: Error | undefined
  constructor(error?: Error) {
    super()
    this.#error = error
  }
  override _write(): void {
    setImmediate(() => this.destroy(this.#error))
  }
}

const failed = (error: Error): Writable => {
  const sink = new Sink()
  sink.on('error', () => {})
  return sink.destroy(error)
}

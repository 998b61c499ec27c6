import { request } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { receive } from '../../src/blobs/receive.ts'
import type { Upload } from '../../src/blobs/upload.ts'
import { digestOf } from '../../src/oci/digest.ts'
import {
  bytesOf,
  createWorld,
  ENOUGH,
  findUpload,
  isSame,
  MiB,
  pull,
  REPOSITORY,
  serve,
  type World,
} from './world.ts'

let world: World
let upload: Upload
beforeEach(async () => {
  world = await createWorld()
  upload = await world.store.createUpload(REPOSITORY, 'sha256')
})
afterEach(() => world[Symbol.asyncDispose]())

const nothing = async (): Promise<void> => {}

/** Appends the body of one request; returns the outcome. */
async function appendRequest(send: (port: number) => void): Promise<PromiseSettledResult<void>> {
  let settle: (outcome: PromiseSettledResult<void>) => void
  const outcome = new Promise<PromiseSettledResult<void>>((resolve) => {
    settle = resolve
  })
  await using server = await serve(async (incoming, response) => {
    const [appended] = await Promise.allSettled([upload.append(incoming, ENOUGH)])
    response.end()
    settle(appended)
  })
  send(server.port)
  return await outcome
}

describe('a request', () => {
  it('is received completely', async () => {
    const bytes = bytesOf(5 * MiB + 3)
    const appended = await appendRequest((port) => request({ port, method: 'PATCH' }).end(bytes))

    expect(appended.status).toBe('fulfilled')
    await upload.commit(digestOf(bytes), nothing)
    expect(isSame(await pull(world.store, digestOf(bytes)), bytes)).toBe(true)
  })

  it('that ends early keeps the received bytes, and the rest can follow', async () => {
    const bytes = bytesOf(4 * MiB)
    const appended = await appendRequest((port) => {
      const broken = request({ port, method: 'PATCH', headers: { 'Content-Length': bytes.length } })
      broken.on('error', nothing)
      broken.write(bytes.subarray(0, 3 * MiB), () => broken.destroy())
    })

    expect(appended).toMatchObject({ status: 'rejected', reason: { code: 'ECONNRESET' } })
    expect(upload.isBusy).toBe(false)
    expect(upload.size).toBeGreaterThan(0)
    expect(upload.size).toBeLessThanOrEqual(3 * MiB)
    await upload.append([bytes.subarray(upload.size)], ENOUGH)
    await upload.commit(digestOf(bytes), nothing)
    expect(isSame(await pull(world.store, digestOf(bytes)), bytes)).toBe(true)
  })

  it('that ends early leaves as many bytes in the file as it reports', async () => {
    const bytes = bytesOf(MiB)
    await appendRequest((port) => {
      const broken = request({ port, method: 'PATCH', headers: { 'Content-Length': bytes.length } })
      broken.on('error', nothing)
      broken.write(bytes.subarray(0, 300_000), () => broken.destroy())
    })
    const { size } = upload

    await world.restart()
    const found = await findUpload(world.store, upload)

    expect(found.size).toBe(size)
    await found.commit(digestOf(bytes.subarray(0, size)), nothing)
  })
})

describe('a source', () => {
  it.each<[string, () => Readable, string]>([
    ['fails', () => failing(new Error('the wire broke')), 'the wire broke'],
    ['had failed before', () => destroyed(new Error('long gone')), 'long gone'],
    ['had closed before', () => destroyed(), 'closed before its end'],
    ['closes without a word', () => closing(), 'closed before its end'],
    ['brings text', () => Readable.from(['text']), 'must yield bytes'],
  ])('that %s ends the append, and the upload can continue', async (_what, source, message) => {
    await upload.append([Buffer.from('a')], ENOUGH)

    await expect(upload.append(source(), ENOUGH)).rejects.toThrow(message)

    await upload.append([Buffer.from('z')], ENOUGH)
    expect(upload.size).toBe(2)
    await upload.commit(digestOf('az'), nothing)
  })

  it('that fails while earlier bytes are hashed again ends the append, and not the process', async () => {
    const bytes = bytesOf(2 * MiB)
    await upload.append([bytes], ENOUGH)
    await world.restart()
    const found = await findUpload(world.store, upload)
    const source = new PassThrough()
    const appending = found.append(source, ENOUGH)
    source.destroy(new Error('at once'))

    await expect(appending).rejects.toThrow('at once')
    await found.commit(digestOf(bytes), nothing)
  })

  it('that was read completely before adds nothing', async () => {
    const source = Readable.from([Buffer.from('a')])
    await source.toArray()

    await upload.append(source, ENOUGH)

    expect(upload.size).toBe(0)
  })

  it('that throws keeps the bytes before', async () => {
    function* source(): Generator<Uint8Array> {
      yield Buffer.from('a')
      throw new Error('no more')
    }

    await expect(upload.append(source(), ENOUGH)).rejects.toThrow('no more')

    await upload.commit(digestOf('a'), nothing)
  })

  it('that was paused is started', async () => {
    const source = Readable.from([Buffer.from('a')])
    source.pause()

    await upload.append(source, ENOUGH)

    expect(upload.size).toBe(1)
  })

  it.each<[string, (chunks: Buffer[]) => Readable | Buffer[]]>([
    ['stream', buffered],
    ['list', (chunks) => chunks],
  ])(
    'yields to other events after 64 KiB, also for a %s with all bytes available',
    async (_what, sourceOf) => {
      const turns = [0]
      let isDone = false
      const countTurns = (): void => {
        turns.push(0)
        if (!isDone) setImmediate(countTurns)
      }
      setImmediate(countTurns)
      const take = ({ length }: Uint8Array): void => {
        turns.push((turns.pop() ?? 0) + length)
      }
      const chunks = Array.from({ length: 256 }, () => Buffer.alloc(16 << 10))

      const intake = { take, isFull: false, onRoom: () => {} }
      await receive(sourceOf(chunks), intake, new AbortController().signal)
      isDone = true

      expect(turns.reduce((sum, bytes) => sum + bytes)).toBe(4 * MiB)
      // two, if the counted iteration begins between them
      expect(Math.max(...turns)).toBeLessThanOrEqual(2 * (64 << 10))
    },
  )
})

/** A stream that has all its bytes in its buffer. */
function buffered(chunks: Buffer[]): Readable {
  const source = new PassThrough({ highWaterMark: 64 * MiB })
  for (const chunk of chunks) source.write(chunk)
  return source.end()
}

function failing(error: Error): Readable {
  const source = new PassThrough()
  setImmediate(() => source.destroy(error))
  return source
}

function destroyed(error?: Error): Readable {
  const source = new PassThrough()
  source.on('error', nothing)
  return source.destroy(error)
}

function closing(): Readable {
  const source = new PassThrough()
  setImmediate(() => source.destroy())
  return source
}

import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  DigestMismatchError,
  ReceiverClosedError,
  UploadGoneError,
  UploadTooLargeError,
} from '../../src/blobs/errors.ts'
import type { Upload } from '../../src/blobs/upload.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { bytesOf, createWorld, ENOUGH, isSame, MiB, push, REPOSITORY, Sink, type World } from './world.ts'

let world: World
let upload: Upload
beforeEach(async () => {
  world = await createWorld()
  upload = await world.store.createUpload(REPOSITORY, 'sha256')
})
afterEach(() => world[Symbol.asyncDispose]())

const BYTES = bytesOf(3 * MiB + 5)
const WHOLE = { start: 0, end: BYTES.length }
const nothing = async (): Promise<void> => {}

/** Follows the whole upload by default; the caller checks the outcome later. */
function follow(range = WHOLE, to = new Sink()): { sink: Sink; followed: Promise<void> } {
  const followed = upload.follow(range, { total: BYTES.length, to })
  followed.catch(() => {})
  return { sink: to, followed }
}

async function received(sink: Sink, bytes: number): Promise<void> {
  while (sink.received < bytes) await once(sink, 'bytes')
}

describe('followers of an upload', () => {
  it('receive bytes while the rest arrives, and the last byte after the commit', async () => {
    const source = new PassThrough()
    const { sink, followed } = follow()
    const appending = upload.append(source, ENOUGH)
    source.write(BYTES.subarray(0, 1000))
    await received(sink, 1000)

    source.end(BYTES.subarray(1000))
    await appending
    await received(sink, BYTES.length - 1)
    await upload.commit(digestOf(BYTES), async () => {
      expect(sink.received).toBe(BYTES.length - 1)
    })
    await followed

    expect(isSame(sink.bytes(), BYTES)).toBe(true)
  })

  it('each receive their own range, at their own pace, whenever they start', async () => {
    const position = fc.nat({ max: BYTES.length })
    const parts = fc.array(fc.tuple(position, position), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(parts, fc.array(position, { maxLength: 5 }), async (pairs, cuts) => {
        upload = await world.store.createUpload(REPOSITORY, 'sha256')
        const ranges = pairs.map((pair) => ({ start: Math.min(...pair), end: Math.max(...pair) }))
        const early = ranges.map((range) => ({ range, ...follow(range) }))
        const edges = [0, ...cuts.sort((a, b) => a - b), BYTES.length]
        for (const [at, edge] of edges.slice(1).entries()) {
          await upload.append([BYTES.subarray(edges[at], edge)], ENOUGH)
        }
        const late = ranges.map((range) => ({ range, ...follow(range) }))
        await upload.commit(digestOf(BYTES), nothing)
        const after = ranges.map((range) => ({ range, ...follow(range) }))

        for (const { range, sink, followed } of [...early, ...late, ...after]) {
          await followed
          expect(isSame(sink.bytes(), BYTES.subarray(range.start, range.end))).toBe(true)
        }
      }),
      { numRuns: 15 },
    )
  })

  it('receive a blob that already exists', async () => {
    await push(world.store, BYTES)
    await upload.append([BYTES], ENOUGH)
    const { sink, followed } = follow()
    await upload.commit(digestOf(BYTES), nothing)
    await followed

    expect(isSame(sink.bytes(), BYTES)).toBe(true)
  })

  it('that start during the commit wait for its end', async () => {
    await upload.append([BYTES], ENOUGH)
    const begun: ReturnType<typeof follow>[] = []
    const committing = upload.commit(digestOf(BYTES), async () => {
      begun.push(follow())
    })
    begun.push(follow())
    await committing

    expect(begun).toHaveLength(2)
    for (const { sink, followed } of begun) {
      await followed
      expect(isSame(sink.bytes(), BYTES)).toBe(true)
    }
  })

  it('never receive the last byte of unverified content', async () => {
    await upload.append([BYTES], ENOUGH)
    const { sink, followed } = follow()
    await received(sink, BYTES.length - 1)

    await expect(upload.commit(digestOf('else'), nothing)).rejects.toThrow(DigestMismatchError)

    await expect(followed).rejects.toThrow(DigestMismatchError)
    expect(sink.received).toBe(BYTES.length - 1)
  })

  it.each<[string, () => Promise<unknown>, string]>([
    ['discarded', () => upload.discard(), 'discarded'],
    [
      'not recorded',
      () => upload.commit(digestOf('abc'), () => Promise.reject(new Error('no row'))),
      'no row',
    ],
  ])('fail when it is %s', async (_what, end, message) => {
    await upload.append([Buffer.from('abc')], ENOUGH)
    const { followed } = follow()

    await end().catch(() => {})

    await expect(followed).rejects.toThrow(message)
    await expect(follow().followed).rejects.toThrow(UploadGoneError)
  })

  it('fail when an append is undone whose bytes they may have received', async () => {
    const source = new PassThrough()
    const { sink, followed } = follow()
    const appending = upload.append(source, { maxSize: 10 })
    source.write('12345')
    await received(sink, 5)
    source.write('678901')

    await expect(appending).rejects.toThrow(UploadTooLargeError)
    await expect(followed).rejects.toThrow(UploadTooLargeError)
  })

  it('fail when the upload ends before the total', async () => {
    await upload.append([Buffer.from('abc')], ENOUGH)
    const { followed } = follow({ start: 0, end: 4 })
    await upload.commit(digestOf('abc'), nothing)

    await expect(followed).rejects.toThrow('before its size')
  })

  it('that close are removed at once, waiting or not', async () => {
    await upload.append([Buffer.from('abc')], ENOUGH)
    const { sink, followed } = follow()
    await received(sink, 3)
    sink.destroy()

    await expect(followed).rejects.toThrow(ReceiverClosedError)
    await upload.commit(digestOf('abc'), nothing)
  })
})

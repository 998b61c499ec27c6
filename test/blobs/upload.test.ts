import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  DigestMismatchError,
  UploadBusyError,
  UploadGoneError,
  UploadTooLargeError,
} from '../../src/blobs/errors.ts'
import { type Digest, type DigestAlgorithm, digestOf } from '../../src/oci/digest.ts'
import {
  bytesOf,
  createWorld,
  ENOUGH,
  findUpload,
  isSame,
  MiB,
  pull,
  push,
  REPOSITORY,
  type World,
} from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const begin = (algorithm: DigestAlgorithm = 'sha256') => world.store.createUpload(REPOSITORY, algorithm)
const sizeOf = async (size: number): Promise<number> => size

/** A source that yields some bytes, and then waits until it is ended. */
function openSource(bytes: Uint8Array): PassThrough {
  const source = new PassThrough()
  source.write(bytes)
  return source
}

describe('an upload', () => {
  it('becomes a blob under its digest, with its size for the row', async () => {
    const bytes = bytesOf(3 * MiB + 7)
    const digest = digestOf(bytes)
    const upload = await begin()
    await upload.append(Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]), ENOUGH)
    expect(upload.size).toBe(bytes.length)

    expect(await upload.commit(digest, sizeOf)).toBe(bytes.length)

    expect(isSame(await pull(world.store, digest), bytes)).toBe(true)
    expect(await world.leftovers()).toEqual([])
    const hex = digest.slice('sha256:'.length)
    expect(isSame(await readFile(join(world.folder, 'blobs/sha256', hex.slice(0, 2), hex)), bytes)).toBe(true)
  })

  it('is the same blob for any division into chunks and appends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), { maxLength: 5 }),
        fc.constantFrom<DigestAlgorithm>('sha256', 'sha512'),
        fc.constantFrom<DigestAlgorithm>('sha256', 'sha512'),
        fc.boolean(),
        async (appends, algorithm, wanted, isStream) => {
          const bytes = Buffer.concat(appends.flat())
          const digest = digestOf(bytes, wanted)
          const upload = await begin(algorithm)
          for (const chunks of appends) {
            await upload.append(isStream ? Readable.from(chunks) : chunks, ENOUGH)
          }
          await upload.commit(digest, sizeOf)
          expect(isSame(await pull(world.store, digest), bytes)).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
    expect(await world.leftovers()).toEqual([])
  })

  it('accepts thousands of chunks of one byte', async () => {
    const bytes = bytesOf(20_000)
    const upload = await begin()
    await upload.append(
      Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
      ENOUGH,
    )

    await upload.commit(digestOf(bytes), sizeOf)
    expect(isSame(await pull(world.store, digestOf(bytes)), bytes)).toBe(true)
  })

  it('may be empty', async () => {
    const digest = await push(world.store, new Uint8Array())

    expect(isSame(await pull(world.store, digest), Buffer.alloc(0))).toBe(true)
  })

  it('replaces an existing blob, whose bytes a disk may have changed, and writes the row again', async () => {
    const bytes = bytesOf(1000)
    const digest = await push(world.store, bytes)
    const path = join(world.folder, 'blobs/sha256', digest.slice(7, 9), digest.slice(7))
    await writeFile(path, bytesOf(1000, 2))
    const upload = await begin()
    await upload.append([bytes], ENOUGH)

    expect(await upload.commit(digest, sizeOf)).toBe(1000)

    expect(isSame(await pull(world.store, digest), bytes)).toBe(true)
    expect(await world.leftovers()).toEqual([])
  })

  it('is removed without a blob when the digest does not match', async () => {
    const upload = await begin()
    await upload.append([bytesOf(10)], ENOUGH)
    const wrong = digestOf('something else')

    await expect(upload.commit(wrong, sizeOf)).rejects.toThrow(DigestMismatchError)

    expect(await world.store.open(wrong)).toBeUndefined()
    expect(await world.store.upload(REPOSITORY, upload.id)).toBeUndefined()
    expect(await world.leftovers()).toEqual([])
    await expect(upload.append([], ENOUGH)).rejects.toThrow(UploadGoneError)
    await expect(upload.commit(wrong, sizeOf)).rejects.toThrow(UploadGoneError)
  })

  it('keeps its blob when the row cannot be written', async () => {
    const bytes = bytesOf(10)
    const upload = await begin()
    await upload.append([bytes], ENOUGH)

    await expect(upload.commit(digestOf(bytes), () => Promise.reject(new Error('no row')))).rejects.toThrow(
      'no row',
    )

    expect(isSame(await pull(world.store, digestOf(bytes)), bytes)).toBe(true)
    expect(await world.store.upload(REPOSITORY, upload.id)).toBeUndefined()
    expect(await world.leftovers()).toEqual([])
  })

  it('is unchanged by a commit with an invalid digest', async () => {
    const upload = await begin()
    await upload.append(['a', 'b'].map(Buffer.from), ENOUGH)

    await expect(upload.commit('sha256:../../x' as Digest, sizeOf)).rejects.toThrow(TypeError)

    await upload.commit(digestOf('ab'), sizeOf)
  })

  it('has a random id, and belongs to its repository only', async () => {
    const [one, other] = [await begin(), await begin()]

    expect(one.id).toMatch(/^[0-9a-f]{32}$/)
    expect(one.id).not.toBe(other.id)
    expect(await world.store.upload(REPOSITORY, one.id)).toBe(one)
    expect(await world.store.upload('shop/api', one.id)).toBeUndefined()
    await world.restart()
    expect(await world.store.upload('shop/api', one.id)).toBeUndefined()
    expect((await world.store.upload(REPOSITORY, one.id))?.id).toBe(one.id)
  })
})

describe('a second writer', () => {
  it('is refused while the first appends, also with another reference to the upload', async () => {
    const upload = await begin()
    const source = openSource(Buffer.from('a'))
    const appending = upload.append(source, ENOUGH)
    const same = await findUpload(world.store, upload)

    expect(same.isBusy).toBe(true)
    await expect(same.append([Buffer.from('b')], ENOUGH)).rejects.toThrow(UploadBusyError)
    await expect(same.commit(digestOf('a'), sizeOf)).rejects.toThrow(UploadBusyError)
    source.end()
    await appending

    expect(upload.isBusy).toBe(false)
    await upload.commit(digestOf('a'), sizeOf)
    expect(isSame(await pull(world.store, digestOf('a')), Buffer.from('a'))).toBe(true)
  })

  it('is refused while the first commits', async () => {
    const upload = await begin()
    await upload.append([Buffer.from('a')], ENOUGH)
    let second: Promise<unknown> = Promise.resolve()

    await upload.commit(digestOf('a'), async () => {
      second = upload.append([Buffer.from('b')], ENOUGH).catch((error: unknown) => error)
      expect(upload.isBusy).toBe(true)
    })

    expect(await second).toBeInstanceOf(UploadBusyError)
    expect(isSame(await pull(world.store, digestOf('a')), Buffer.from('a'))).toBe(true)
  })

  it('gets the same upload when both restore it concurrently', async () => {
    const { id } = await begin()
    const store = await world.restart()

    const [one, other] = await Promise.all([store.upload(REPOSITORY, id), store.upload(REPOSITORY, id)])

    expect(one).toBe(other)
  })
})

describe('more bytes than a blob may have', () => {
  it('are refused, and the append is undone', async () => {
    const upload = await begin()
    const first = bytesOf(100)
    await upload.append([first], { maxSize: 2 * MiB })

    const much = [bytesOf(MiB, 2), bytesOf(MiB, 3)]
    await expect(upload.append(Readable.from(much), { maxSize: 2 * MiB })).rejects.toThrow(
      UploadTooLargeError,
    )

    expect(upload.size).toBe(100)
    const rest = bytesOf(2 * MiB - 100, 4)
    await upload.append([rest], { maxSize: 2 * MiB })
    const whole = Buffer.concat([first, rest])
    expect(await upload.commit(digestOf(whole), sizeOf)).toBe(2 * MiB)
    expect(isSame(await pull(world.store, digestOf(whole)), whole)).toBe(true)
  })

  it('leave the source paused, for its owner to end', async () => {
    const upload = await begin()
    const source = openSource(Buffer.alloc(10))

    await expect(upload.append(source, { maxSize: 9 })).rejects.toThrow(UploadTooLargeError)

    expect(source.isPaused()).toBe(true)
    expect(source.listenerCount('data')).toBe(0)
  })
})

describe('a discarded upload', () => {
  it('is removed with its folder', async () => {
    const upload = await begin()
    await upload.append([bytesOf(10)], ENOUGH)

    await upload.discard()
    await upload.discard()

    expect(await world.leftovers()).toEqual([])
    expect(await world.store.uploads()).toEqual([])
    await expect(upload.append([], ENOUGH)).rejects.toThrow(UploadGoneError)
  })

  it('is removed also during an append', async () => {
    const upload = await begin()
    const source = openSource(bytesOf(2 * MiB))
    const appending = upload.append(source, ENOUGH)

    const [appended] = await Promise.allSettled([appending, upload.discard()])

    expect(appended).toMatchObject({ status: 'rejected', reason: expect.any(UploadGoneError) })
    expect(await world.leftovers()).toEqual([])
  })

  it('is a blob when its commit was already final', async () => {
    const upload = await begin()
    await upload.append([Buffer.from('a')], ENOUGH)
    let discarded: Promise<void> | undefined

    await upload.commit(digestOf('a'), async () => {
      discarded = upload.discard()
    })
    await discarded

    expect(isSame(await pull(world.store, digestOf('a')), Buffer.from('a'))).toBe(true)
  })

  it('does not remove the folder of a new upload in the same repository', async () => {
    for (let round = 0; round < 100; round++) {
      const upload = await begin()
      const [, next] = await Promise.all([upload.discard(), begin()])
      await next.append([Buffer.from('a')], ENOUGH)
      await Promise.all([next.commit(digestOf('a'), sizeOf), begin().then((third) => third.discard())])
    }
    expect(await world.leftovers()).toEqual([])
  })
})

describe('an upload from before a restart', () => {
  it('continues where it was, with every algorithm', async () => {
    for (const [algorithm, wanted] of [
      ['sha256', 'sha256'],
      ['sha512', 'sha512'],
      ['sha256', 'sha512'],
    ] as const) {
      const bytes = bytesOf(MiB + 17)
      const begun = await begin(algorithm)
      await begun.append([bytes.subarray(0, 700_000)], ENOUGH)

      const upload = await (await world.restart()).upload(REPOSITORY, begun.id)
      expect(upload).toMatchObject({ size: 700_000, algorithm, isBusy: false })
      await upload?.append([bytes.subarray(700_000)], ENOUGH)
      await upload?.commit(digestOf(bytes, wanted), sizeOf)

      expect(isSame(await pull(world.store, digestOf(bytes, wanted)), bytes)).toBe(true)
    }
  })

  it('can be finished or discarded without another byte', async () => {
    const [one, other] = [await begin(), await begin()]
    await one.append([Buffer.from('one')], ENOUGH)
    await other.append([Buffer.from('other')], ENOUGH)

    await world.restart()
    await (await findUpload(world.store, one)).commit(digestOf('one'), sizeOf)
    await (await findUpload(world.store, other)).discard()

    expect(isSame(await pull(world.store, digestOf('one')), Buffer.from('one'))).toBe(true)
    expect(await world.leftovers()).toEqual([])
  })

  it('has the bytes that had arrived when the store closed during an append', async () => {
    const upload = await begin()
    const source = openSource(Buffer.from('begun'))
    const appending = upload.append(source, ENOUGH)
    await expect.poll(() => upload.size).toBe(5)

    const [appended] = await Promise.allSettled([appending, world.restart()])

    expect(appended.status).toBe('rejected')
    const found = await findUpload(world.store, upload)
    expect(found.size).toBe(5)
    await found.commit(digestOf('begun'), sizeOf)
  })
})

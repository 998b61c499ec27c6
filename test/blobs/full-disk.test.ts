import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { StorageFullError, UploadGoneError } from '../../src/blobs/errors.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { mountSmallDisk } from '../fixtures/small-disk.ts'
import { bytesOf, createWorld, ENOUGH, isSame, MiB, pull, push, REPOSITORY, Sink } from './world.ts'

const nothing = async (): Promise<void> => {}

afterEach(() => vi.restoreAllMocks())

/** Makes a system call fail for every open file. */
async function breakFiles(call: 'writev' | 'datasync' | 'sync', code: string): Promise<void> {
  const handle = await open(tmpdir())
  const files = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  vi.spyOn(files, call).mockRejectedValue(Object.assign(new Error(`${code}: ${call}`), { code }))
}

describe('a full disk', () => {
  it.each(['ENOSPC', 'EDQUOT'])(
    'ends the append with StorageFullError and the upload with it: %s',
    async (code) => {
      await using world = await createWorld()
      const upload = await world.store.createUpload(REPOSITORY, 'sha256')
      await upload.append([Buffer.from('a')], ENOUGH)
      await breakFiles('writev', code)
      const endless = new PassThrough()
      endless.write(bytesOf(2 * MiB))

      await expect(upload.append(endless, ENOUGH)).rejects.toThrow(StorageFullError)

      expect(await world.leftovers()).toEqual([])
      await expect(upload.append([], ENOUGH)).rejects.toThrow(UploadGoneError)
      vi.restoreAllMocks()
      expect(isSame(await pull(world.store, await push(world.store, bytesOf(10))), bytesOf(10))).toBe(true)
    },
  )

  it('fails the commit, and its followers', async () => {
    await using world = await createWorld()
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await upload.append([Buffer.from('a')], ENOUGH)
    await breakFiles('datasync', 'ENOSPC')
    const following = upload
      .follow({ start: 0, end: 1 }, { total: 1, to: new Sink() })
      .catch((error) => error)

    await expect(upload.commit(digestOf('a'), nothing)).rejects.toThrow(StorageFullError)

    expect(await following).toBeInstanceOf(Error)
    expect(await world.leftovers()).toEqual([])
    expect(await world.store.open(digestOf('a'))).toBeUndefined()
  })
})

describe('a disk that fails', () => {
  it('removes the upload, whose content is unreliable, with the system error', async () => {
    await using world = await createWorld()
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await breakFiles('writev', 'EIO')

    await expect(upload.append([Buffer.from('a')], ENOUGH)).rejects.toThrow('EIO')

    expect(await world.leftovers()).toEqual([])
  })

  it('fails an append when a background sync fails', async () => {
    await using world = await createWorld()
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await breakFiles('datasync', 'EIO')
    const chunk = bytesOf(MiB)

    const appended = upload.append(Readable.from(Array.from({ length: 64 }, () => chunk)), ENOUGH)

    await expect(appended).rejects.toThrow('EIO')
    expect(await world.leftovers()).toEqual([])
  })

  it('writes no row for a blob whose folder cannot be synced', async () => {
    await using world = await createWorld()
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await upload.append([Buffer.from('a')], ENOUGH)
    await breakFiles('sync', 'EIO')
    const record = vi.fn(nothing)

    await expect(upload.commit(digestOf('a'), record)).rejects.toThrow('EIO')

    expect(record).not.toHaveBeenCalled()
  })

  it('that writes partially gets the remaining bytes', async () => {
    await using world = await createWorld()
    const handle = await open(tmpdir())
    const files = Object.getPrototypeOf(handle) as FileHandle
    await handle.close()
    const { writev } = files
    vi.spyOn(files, 'writev').mockImplementation(function (this: FileHandle, pieces, position) {
      return writev.call(this, [(pieces[0] as Uint8Array).subarray(0, 7)], position)
    })
    const bytes = bytesOf(1000)

    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await upload.append([bytes.subarray(0, 333), bytes.subarray(333, 334), bytes.subarray(334)], ENOUGH)
    await upload.commit(digestOf(bytes), nothing)

    expect(isSame(await pull(world.store, digestOf(bytes)), bytes)).toBe(true)
  })
})

describe('a disk with less than its reserve', () => {
  it('refuses new uploads, and ends those that write', async () => {
    let free = 100 * MiB
    let now = 0
    await using world = await createWorld({
      now: () => now,
      minimumFreeBytes: MiB,
      freeBytes: async () => free,
    })
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    free = MiB - 1
    now += 1000

    await expect(world.store.createUpload(REPOSITORY, 'sha256')).rejects.toThrow(StorageFullError)
    await expect(upload.append([Buffer.from('a')], ENOUGH)).rejects.toThrow(StorageFullError)
    expect(await world.leftovers()).toEqual([])

    free = MiB
    await push(world.store, Buffer.from('a'))
  })

  it('is measured after a second, or after many written bytes', async () => {
    let now = 0
    const freeBytes = vi.fn(async () => Number.MAX_SAFE_INTEGER)
    await using world = await createWorld({ now: () => now, freeBytes })
    for (let upload = 0; upload < 20; upload++) await push(world.store, bytesOf(10, upload))
    expect(freeBytes).toHaveBeenCalledTimes(1)

    now = 1000
    await push(world.store, bytesOf(10))
    expect(freeBytes).toHaveBeenCalledTimes(2)

    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    const chunk = bytesOf(MiB)
    await upload.append(
      Array.from({ length: 40 }, () => chunk),
      ENOUGH,
    )
    expect(freeBytes.mock.calls.length).toBeGreaterThanOrEqual(4)
    expect(freeBytes.mock.calls.length).toBeLessThanOrEqual(6)
  })
})

const small = mountSmallDisk()

// only the superuser can mount, on some systems
describe.runIf(small)('a small file system', () => {
  it('is full at its end, and has its space again afterwards', async () => {
    await using disk = small
    await using world = await createWorld({ folder: disk?.folder ?? '' })
    const kept = await push(world.store, bytesOf(MiB))
    for (let round = 0; round < 3; round++) {
      const upload = await world.store.createUpload(REPOSITORY, 'sha256')
      const chunk = bytesOf(MiB)
      const much = Readable.from(Array.from({ length: 20 }, () => chunk))
      await expect(upload.append(much, ENOUGH)).rejects.toThrow(StorageFullError)
      expect(await world.leftovers()).toEqual([])
    }

    expect(isSame(await pull(world.store, kept), bytesOf(MiB))).toBe(true)
    await push(world.store, bytesOf(5 * MiB, 9))
  })
})

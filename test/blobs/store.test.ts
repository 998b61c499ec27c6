import { mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UploadBusyError } from '../../src/blobs/errors.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
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
  Sink,
  type World,
} from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const nothing = async (): Promise<void> => {}
const ID = '0123456789abcdef0123456789abcdef'
const pathOf = (digest: Digest): string => {
  const [algorithm = '', hex = ''] = digest.split(':')
  return join(world.folder, 'blobs', algorithm, hex.slice(0, 2), hex)
}
const storedIn = async (): Promise<{ digest: Digest; size: number }[]> => {
  const stored = []
  for await (const blob of world.store.stored()) stored.push(blob)
  return stored.sort((a, b) => (a.digest < b.digest ? -1 : 1))
}

describe('names', () => {
  it.each([
    '../../etc',
    'shop/..',
    'shop/../x',
    '/etc/x',
    'shop',
    'shop/web//x',
    'shop/web+x',
    'shop/web/../../x',
    'Shop/web',
    'shop/web\0',
    'shop/',
    `shop/${'a'.repeat(254)}`,
  ])('that are not repositories are refused: %j', async (repository) => {
    await expect(world.store.createUpload(repository, 'sha256')).rejects.toThrow(TypeError)
    expect(await world.store.upload(repository, ID)).toBeUndefined()
  })

  it.each(['../x', '', ID.toUpperCase(), `${ID}.sha256`, `${ID}/..`, ID.slice(1)])(
    'that are no upload’s id lead nowhere: %j',
    async (id) => {
      expect(await world.store.upload(REPOSITORY, id)).toBeUndefined()
    },
  )

  it.each(['sha256:../../../etc/passwd', 'md5:00', `sha256:${'A'.repeat(64)}`, ''])(
    'that are no digest lead nowhere: %j',
    async (text) => {
      await expect(world.store.open(text as Digest)).rejects.toThrow(TypeError)
      await expect(world.store.remove(text as Digest, () => false)).rejects.toThrow(TypeError)
    },
  )

  it('can be nested, and then never meet the uploads of another repository', async () => {
    const outer = await world.store.createUpload('shop/web', 'sha256')
    const inside = `shop/web/${outer.id}.sha256`
    const names = [inside, 'shop/web/cache/a', 'shop/web-cache/a', 'shop/web', `default/${'a'.repeat(255)}`]
    for (const repository of names) await world.store.createUpload(repository, 'sha256')

    const uploads = await world.store.uploads()
    expect(uploads.map(({ repository }) => repository).sort()).toEqual([...names, 'shop/web'].sort())
    expect(await world.store.upload(inside, outer.id)).toBeUndefined()
    expect((await world.store.upload('shop/web', outer.id))?.id).toBe(outer.id)
  })

  it('can contain dots', async () => {
    const upload = await world.store.createUpload('shop/web.v2.sha256', 'sha256')

    expect(await world.store.uploads()).toMatchObject([{ repository: 'shop/web.v2.sha256', id: upload.id }])
  })
})

describe('the folder', () => {
  it('is accessible to its owner only', async () => {
    const digest = await push(world.store, Buffer.from('a'))
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    const folders = ['blobs', 'blobs/sha256', 'blobs/sha512', 'uploads', 'uploads/shop', 'uploads/shop/web']
    const files = [pathOf(digest), join(world.folder, 'uploads/shop/web', `${upload.id}.sha256`)]

    for (const path of folders) expect((await stat(join(world.folder, path))).mode & 0o777).toBe(0o700)
    for (const path of files) expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('has a place for each algorithm', async () => {
    const digest = await push(world.store, Buffer.from('a'), digestOf('a', 'sha512'))

    expect(await readFile(pathOf(digest), 'utf8')).toBe('a')
    expect(digest.startsWith('sha512:')).toBe(true)
  })
})

describe('stored blobs', () => {
  it('are exactly those on the disk', async () => {
    const digests = [
      await push(world.store, Buffer.from('a')),
      await push(world.store, Buffer.from('bb'), digestOf('bb', 'sha512')),
    ]
    await writeFile(join(world.folder, 'blobs/stray'), '')
    await writeFile(join(world.folder, 'blobs/sha256/stray'), '')
    await mkdir(join(world.folder, 'blobs/sha256/zz'))
    await writeFile(join(world.folder, 'blobs/sha256/zz', 'f'.repeat(64)), '')
    await writeFile(`${pathOf(digests[0] as Digest)}.part`, '')

    expect(await storedIn()).toEqual([
      { digest: digests[0], size: 1 },
      { digest: digests[1], size: 2 },
    ])
  })

  it('without a row are found and can be removed', async () => {
    const digest = digestOf('stray')
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await upload.append([Buffer.from('stray')], ENOUGH)
    await upload.commit(digest, () => Promise.reject(new Error('killed'))).catch(nothing)
    await world.restart()

    expect(await storedIn()).toEqual([{ digest, size: 5 }])
    expect(await world.store.remove(digest, () => false)).toBe(5)
    expect(await storedIn()).toEqual([])
  })

  it('of a damaged size are replaced', async () => {
    const digest = await push(world.store, Buffer.from('good'))
    await writeFile(pathOf(digest), 'bad')

    await push(world.store, Buffer.from('good'))

    expect(await readFile(pathOf(digest), 'utf8')).toBe('good')
  })
})

describe('removal', () => {
  it('keeps wanted blobs, and ignores blobs that do not exist', async () => {
    const digest = await push(world.store, Buffer.from('a'))

    expect(await world.store.remove(digest, () => true)).toBe(0)
    expect(await world.store.open(digest)).toBeDefined()
    expect(await world.store.remove(digest, () => false)).toBe(1)
    expect(await world.store.remove(digest, () => false)).toBe(0)
  })

  it('waits for the row of a blob whose bytes are on disk', async () => {
    const digest = digestOf('a')
    const upload = await world.store.createUpload(REPOSITORY, 'sha256')
    await upload.append([Buffer.from('a')], ENOUGH)
    let isRecorded = false
    let removing: Promise<number> | undefined

    await upload.commit(digest, async () => {
      removing = world.store.remove(digest, () => isRecorded)
      // much longer than a removal takes
      for (let look = 0; look < 50; look++) await stat(pathOf(digest))
      isRecorded = true
    })

    expect(await removing).toBe(0)
    expect(await pull(world.store, digest)).toEqual(Buffer.from('a'))
  })

  it('never comes between the bytes of a blob and its row', async () => {
    const bytes = bytesOf(100)
    const digest = digestOf(bytes)
    const rows = new Set<Digest>()
    const remove = () => world.store.remove(digest, () => rows.has(digest))
    for (let round = 0; round < 150; round++) {
      const uploads = await Promise.all([1, 2].map(() => world.store.createUpload(REPOSITORY, 'sha256')))
      await Promise.all(uploads.map((upload) => upload.append([bytes], ENOUGH)))
      const commits = uploads.map((upload) =>
        upload.commit(digest, async () => {
          if (round % 2) await nextTurn()
          rows.add(digest)
        }),
      )
      await Promise.all([...commits, remove(), nextTurn().then(remove)])

      expect(isSame(await pull(world.store, digest), bytes)).toBe(true)
      rows.clear()
      expect(await remove()).toBe(100)
    }
  })
})

describe('the list of uploads', () => {
  it('contains active uploads and those from before a restart', async () => {
    let now = 1_000_000
    await world.restart({ now: () => now })
    const old = await world.store.createUpload('shop/old', 'sha512')
    now = 2_000_000
    await old.append([Buffer.from('abc')], ENOUGH)
    await world.restart({ now: () => now })
    now = 3_000_000
    const live = await world.store.createUpload(REPOSITORY, 'sha256')
    now = 4_000_000
    await live.append([Buffer.from('abcd')], ENOUGH)

    const uploads = await world.store.uploads()

    expect(uploads).toHaveLength(2)
    expect(uploads).toContainEqual({
      id: live.id,
      algorithm: live.algorithm,
      repository: REPOSITORY,
      size: 4,
      startedAt: 3_000_000,
      changedAt: 4_000_000,
    })
    expect(uploads.find(({ id }) => id === old.id)).toMatchObject({ size: 3, changedAt: 2_000_000 })
    expect((await findIn('shop/old', old.id)).algorithm).toBe('sha512')
  })

  it('ignores other files', async () => {
    await mkdir(join(world.folder, 'uploads/shop/web'), { recursive: true })
    await mkdir(join(world.folder, 'uploads/UPPER/web'), { recursive: true })
    await writeFile(join(world.folder, 'uploads/stray'), '')
    await writeFile(join(world.folder, 'uploads/shop/stray'), '')
    await writeFile(join(world.folder, 'uploads/shop/web', `${ID}.md5`), '')
    await mkdir(join(world.folder, 'uploads/shop/web', `${ID}.sha256`))
    await writeFile(join(world.folder, 'uploads/UPPER/web', `${ID}.sha256`), '')

    expect(await world.store.uploads()).toEqual([])
    expect(await world.store.upload(REPOSITORY, ID)).toBeUndefined()
  })

  const findIn = async (repository: string, id: string) => {
    const upload = await world.store.upload(repository, id)
    if (!upload) throw new Error('the upload is not there')
    return upload
  }
})

describe('many uploads at once', () => {
  it('keep few files open, and each has one writer', async () => {
    const uploads = await Promise.all(
      Array.from({ length: 400 }, () => world.store.createUpload(REPOSITORY, 'sha256')),
    )
    const open = await openFiles()
    if (open !== undefined) expect(open).toBeLessThanOrEqual(260)

    for (const [at, upload] of uploads.entries()) {
      expect(await world.store.upload(REPOSITORY, upload.id)).toBe(upload)
      const appending = upload.append([Buffer.from(`${at}`)], ENOUGH)
      await expect((await findUpload(world.store, upload)).append([], ENOUGH)).rejects.toThrow(
        UploadBusyError,
      )
      await appending
    }
    await Promise.all(uploads.map((upload, at) => upload.commit(digestOf(`${at}`), nothing)))
    expect(await storedIn()).toHaveLength(400)
  })
})

describe.runIf(process.platform === 'linux')('open files', () => {
  it('are closed after every outcome of uploads and blobs', async () => {
    const before = await openFiles()
    const bytes = bytesOf(2 * MiB)
    const digest = await push(world.store, bytes)
    await push(world.store, bytes)
    await world.store.createUpload(REPOSITORY, 'sha256').then((upload) => upload.discard())
    const wrong = await world.store.createUpload(REPOSITORY, 'sha256')
    await wrong.commit(digestOf('else'), nothing).catch(nothing)
    for (const end of [1, MiB, bytes.length]) {
      await using blob = await world.store.open(digest)
      await blob?.send({ start: 0, end }, new Sink().destroy()).catch(nothing)
      await blob?.send({ start: 0, end }, new Sink())
    }
    const left = await world.store.createUpload(REPOSITORY, 'sha256')
    await left.append([bytes], ENOUGH)
    const followed = left.follow({ start: 0, end: 9e6 }, { total: 9e6, to: new Sink() }).catch(nothing)
    await left.commit(digest, nothing)
    await followed
    expect(await openFiles()).toBe(before)

    await (await world.store.createUpload(REPOSITORY, 'sha256')).append([bytes], ENOUGH)
    expect(await openFiles()).toBe((before ?? 0) + 1)
    await world.store[Symbol.asyncDispose]()
    expect(await openFiles()).toBe(before)
    await expect(world.store.createUpload(REPOSITORY, 'sha256')).rejects.toThrow('closed')
  })
})

/** Number of open files of this process in the world's folder; undefined if the system does not report it. */
async function openFiles(): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  const names = await readdir('/proc/self/fd')
  const paths = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(world.folder)).length
}

describe('the folders of uploads', () => {
  it('can be created for one upload while the end of another removes them', async () => {
    const comeAndGo = async (repository: string): Promise<void> => {
      for (let round = 0; round < 60; round++) {
        const upload = await world.store.createUpload(repository, 'sha256')
        await upload.discard()
      }
    }

    const repositories = ['shop/web', 'shop/api', 'team/app']
    await Promise.all(Array.from({ length: 6 }, (_, at) => comeAndGo(repositories[at % 3] ?? '')))

    expect(await readdir(join(world.folder, 'uploads'))).toEqual([])
  })
})

import { rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { type Content, image, layer } from '../fixtures/random-image.ts'
import { openWorld, type World } from './world.ts'

const TEXT = 'the bytes of a blob'
const HOUR = 3_600_000

let world: World
let digest: Digest
let path: string
beforeAll(async () => {
  world = await openWorld()
  digest = await world.pushBlob('shop/web', TEXT)
  path = `/v2/shop/web/blobs/${digest}`
})
afterAll(() => world[Symbol.asyncDispose]())

const confirmedAt = (of: Digest): number | undefined => {
  const repository = world.content.repository({ namespace: 'shop', name: 'web' })
  return repository && world.content.blob(repository.id, of)?.confirmedAt
}

describe('a blob', () => {
  it('has the headers that caches need', async () => {
    for (const response of [await world.get(path), await world.head(path)]) {
      expect(response.status).toBe(200)
      expect(response.headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-length': String(TEXT.length),
        'docker-content-digest': digest,
        'accept-ranges': 'bytes',
        etag: `"${digest}"`,
      })
    }
  })

  it.each([
    ['the same validator', () => `"${digest}"`],
    ['a weak one', () => `W/"${digest}"`],
    ['one of several', () => `"other", "${digest}"`],
    ['any', () => '*'],
  ])('is a 304 for a client that has it: %s', async (_, ifNoneMatch) => {
    const response = await world.get(path, { 'if-none-match': ifNoneMatch() })
    expect([response.status, response.bytes.length, response.headers.etag]).toEqual([304, 0, `"${digest}"`])
  })

  it('is sent whole to a client that has another version', async () => {
    const response = await world.get(path, { 'if-none-match': `"${digestOf('other')}"` })
    expect([response.status, response.text]).toEqual([200, TEXT])
  })

  it('that does not exist is a 404 and not a 304', async () => {
    const unknown = path.replace(digest, digestOf('unknown'))
    expect((await world.get(unknown, { 'if-none-match': '*' })).status).toBe(404)
  })

  it('of one repository is unknown in another, and the response does not reveal that it exists', async () => {
    const elsewhere = await world.get(path.replace('shop/web', 'shop/other'))
    await world.pushBlob('shop/exists', 'something')
    const inExisting = await world.get(path.replace('shop/web', 'shop/exists'))
    expect([elsewhere.status, elsewhere.code]).toEqual([404, 'BLOB_UNKNOWN'])
    expect(inExisting.bytes).toEqual(elsewhere.bytes)
  })
})

describe('a range', () => {
  it.each([
    ['bytes=0-0', 't'],
    ['bytes=4-8', 'bytes'],
    ['BYTES=4-8', 'bytes'],
    ['bytes=15-', 'blob'],
    ['bytes=-4', 'blob'],
    ['bytes=-1000', TEXT],
    ['bytes=0-', TEXT],
    ['bytes=15-99999999999999999999999', 'blob'],
    ['bytes=-99999999999999999999999', TEXT],
  ])('%s returns that part', async (range, part) => {
    const { status, headers, text } = await world.get(path, { range })
    const start = TEXT.indexOf(part)
    expect([status, text]).toEqual([206, part])
    expect(headers['content-range']).toBe(`bytes ${start}-${start + part.length - 1}/${TEXT.length}`)
    expect(headers['content-length']).toBe(String(part.length))
  })

  it.each(['bytes=19-', 'bytes=19-25', 'bytes=5-4', 'bytes=-0', 'bytes=99999999999999999999999-'])(
    '%s is a 416',
    async (range) => {
      const { status, headers, json } = await world.get(path, { range })
      expect([status, headers['content-range']]).toEqual([416, `bytes */${TEXT.length}`])
      expect(json).toHaveProperty('errors')
    },
  )

  it.each(['bytes=0-1,4-8', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=1', 'lines=0-1', 'bytes 0-1', '0-1'])(
    '%s is ignored, and returns the whole blob',
    async (range) => {
      const { status, headers, text } = await world.get(path, { range })
      expect([status, text, headers['content-range']]).toEqual([200, TEXT, undefined])
    },
  )

  it('of an empty blob is never satisfiable', async () => {
    const empty = await world.pushBlob('shop/web', '')
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      const { status, headers } = await world.get(path.replace(digest, empty), { range })
      expect([status, headers['content-range']]).toEqual([416, 'bytes */0'])
    }
  })

  it('applies to GET only: HEAD describes the whole blob', async () => {
    const { status, headers } = await world.head(path, { range: 'bytes=0-1' })
    expect([status, headers['content-length']]).toEqual([200, String(TEXT.length)])
  })

  it('is sent if If-Range matches, else the whole blob', async () => {
    const same = { range: 'bytes=4-8', 'if-range': `"${digest}"` }
    expect((await world.get(path, same)).status).toBe(206)
    for (const ifRange of ['"other"', 'Wed, 21 Oct 2015 07:28:00 GMT']) {
      expect((await world.get(path, { ...same, 'if-range': ifRange })).status).toBe(200)
    }
  })
})

describe('the lease of a blob', () => {
  it.each(['GET', 'HEAD'])('is extended by a %s after half of it', async (method) => {
    const since = confirmedAt(digest) ?? 0
    world.domain.time = since + 12 * HOUR
    await world.send(method, path)
    expect(confirmedAt(digest)).toBe(since)
    world.domain.time += 1
    await world.send(method, path)
    expect(confirmedAt(digest)).toBe(world.domain.time)
  })

  it('is not extended for a missing blob', async () => {
    const before = confirmedAt(digest)
    world.domain.time += 13 * HOUR
    expect((await world.head(path.replace('shop/web', 'shop/exists'))).status).toBe(404)
    expect(confirmedAt(digest)).toBe(before)
  })
})

describe('a deleted blob', () => {
  it('is gone from this repository at once, and remains in others', async () => {
    const shared = await world.pushBlob('shop/a', 'shared')
    await world.pushBlob('shop/b', 'shared')

    const { status, bytes } = await world.delete(`/v2/shop/a/blobs/${shared}`)

    expect([status, bytes.length]).toEqual([202, 0])
    expect((await world.get(`/v2/shop/a/blobs/${shared}`)).status).toBe(404)
    expect((await world.get(`/v2/shop/b/blobs/${shared}`)).text).toBe('shared')
  })

  it('allows pushing the same content again', async () => {
    const again = await world.pushBlob('shop/a', 'again')
    await world.delete(`/v2/shop/a/blobs/${again}`)
    await world.pushBlob('shop/a', 'again')
    expect((await world.get(`/v2/shop/a/blobs/${again}`)).text).toBe('again')
  })
})

describe('a blob whose file is damaged', () => {
  const pushed = image({ seed: 'damaged', layers: [layer('damaged')] })
  const { digest, bytes } = pushed.layers[0] as Content
  const path = `/v2/shop/web/blobs/${digest}`
  const damages: readonly [string, (file: string) => Promise<void>][] = [
    ['missing', (file) => rm(file)],
    ['cut short', (file) => truncate(file, 1)],
  ]
  const fileOf = ({ folder }: World): string => {
    const hex = digest.slice('sha256:'.length)
    return join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex)
  }

  it.each(damages)(
    '%s is not reported as present, is reported once, and a push replaces it',
    async (_name, damage) => {
      await using world = await openWorld()
      await world.push('shop/web', pushed, 'v1')
      await damage(fileOf(world))

      expect((await world.head(path)).status).toBe(404)
      expect(await world.get(path)).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
      const mount = await world.send('POST', `/v2/shop/other/blobs/uploads/?mount=${digest}&from=shop/web`)
      expect(mount.status).toBe(202)
      const again = await world.putManifest('shop/web', pushed, 'v2')
      expect(again).toMatchObject({ status: 400, code: 'MANIFEST_BLOB_UNKNOWN' })
      expect(again.text).toContain(digest)
      expect(world.lost).toEqual([digest])

      await world.push('shop/web', pushed, 'v2')
      expect((await world.get(path)).bytes.equals(bytes)).toBe(true)
      expect((await world.head(path)).status).toBe(200)
    },
  )

  it('is a 404 when it was deleted and collected during the request', async () => {
    const path = `/v2/shop/web/blobs/${digestOf('raced')}`
    await using racing: World = await openWorld({
      blobs: () => ({
        async open() {
          await racing.delete(path)
          return undefined
        },
      }),
    })
    await racing.pushBlob('shop/web', 'raced')
    expect((await racing.get(path)).status).toBe(404)
    expect(racing.unforeseen).toEqual([])
  })
})

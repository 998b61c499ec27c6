import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({ limits: { maximumBlobBytes: 1000 } })
})
afterAll(() => world[Symbol.asyncDispose]())

const patch = (location: string, body: string, range?: string) =>
  world.send('PATCH', location, { body, headers: range ? { 'content-range': range } : {} })
const filesOfUploads = async () => (await world.blobs.uploads()).length

describe('a chunk', () => {
  it.each([
    ['0-5', 'SIZE_INVALID'],
    ['0-3', 'SIZE_INVALID'],
    ['4-0', 'BLOB_UPLOAD_INVALID'],
    ['a-b', 'BLOB_UPLOAD_INVALID'],
    ['bytes */5', 'BLOB_UPLOAD_INVALID'],
    ['-5', 'BLOB_UPLOAD_INVALID'],
    ['0-99999999999999999999', 'BLOB_UPLOAD_INVALID'],
  ])('of five bytes with the range %s is a 400, and changes nothing', async (range, code) => {
    const location = await world.startUpload('shop/web')
    const response = await patch(location, 'bytes', range)
    expect([response.status, response.code]).toEqual([400, code])
    expect((await world.get(location)).headers.range).toBe('0-0')
    expect((await patch(location, 'bytes', '0-4')).status).toBe(202)
  })

  it.each(['bytes 0-4/*', 'bytes 0-4/5', 'bytes=0-4'])(
    'may have its range in the syntax of HTTP: %s',
    async (range) => {
      const location = await world.startUpload('shop/web')
      expect((await patch(location, 'bytes', range)).headers.range).toBe('0-4')
    },
  )

  it('with a range needs a Content-Length', async () => {
    const location = await world.startUpload('shop/web')
    const body = (async function* () {
      yield Buffer.from('bytes')
    })()
    const response = await world.send('PATCH', location, { body, headers: { 'content-range': '0-4' } })
    expect([response.status, response.code]).toEqual([400, 'SIZE_INVALID'])
  })

  it('without bytes only returns the progress', async () => {
    const location = await world.startUpload('shop/web')
    await patch(location, 'bytes')
    const response = await world.send('PATCH', location)
    expect([response.status, response.headers.range]).toEqual([202, '0-4'])
  })
})

describe('an upload', () => {
  it('is unknown in every other repository', async () => {
    const location = await world.startUpload('shop/web')
    const elsewhere = location.replace('shop/web', 'shop/other')
    const never = location.replace(/[0-9a-f]{32}/, 'f'.repeat(32))
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const [guessed, unknown] = [await world.send(method, elsewhere), await world.send(method, never)]
      expect(guessed.status).toBe(404)
      expect(guessed.bytes).toEqual(unknown.bytes)
    }
    expect((await world.get(location)).status).toBe(204)
  })

  it.each(['x', '0', '..', 'A'.repeat(32), 'g'.repeat(32), `${'0'.repeat(32)}.sha256`, 'f'.repeat(4000)])(
    'is a 404 for an id that this server never issues: %s',
    async (id) => {
      const response = await world.get(`/v2/shop/web/blobs/uploads/${id}`)
      expect([response.status, response.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    },
  )

  it('has an unpredictable id', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => world.startUpload('shop/ids')))
    expect(new Set(ids.map((id) => id.slice(0, -24))).size).toBe(50)
  })

  it('remains after a final request with an invalid digest', async () => {
    const location = await world.startUpload('shop/web')
    await patch(location, 'bytes')
    expect((await world.put(`${location}?digest=sha256:x`, '')).status).toBe(400)
    expect((await world.put(`${location}?digest=${digestOf('bytes')}`, '')).status).toBe(201)
  })

  it('creates the repository only when it is finished', async () => {
    const location = await world.startUpload('shop/late')
    await patch(location, 'bytes')
    expect(world.content.repository({ namespace: 'shop', name: 'late' })).toBeUndefined()
    await world.put(`${location}?digest=${digestOf('bytes')}`, '')
    expect(world.content.repository({ namespace: 'shop', name: 'late' })).toMatchObject({ streamId: null })
  })

  it('of an existing blob succeeds like the first', async () => {
    const digest = digestOf('again')
    for (const repository of ['shop/web', 'shop/web', 'shop/other']) {
      const location = await world.startUpload(repository)
      expect((await world.put(`${location}?digest=${digest}`, 'again')).status).toBe(201)
      expect((await world.get(`/v2/${repository}/blobs/${digest}`)).text).toBe('again')
    }
  })

  it('starts the lease of the blob with its 201', async () => {
    world.domain.time += 1000
    const digest = await world.pushBlob('shop/web', 'leased')
    const { id = 0 } = world.content.repository({ namespace: 'shop', name: 'web' }) ?? {}
    expect(world.content.blob(id, digest)).toEqual({ size: 6, confirmedAt: world.domain.time })
    world.domain.time += 1000
    await world.pushBlob('shop/web', 'leased')
    expect(world.content.blob(id, digest)?.confirmedAt).toBe(world.domain.time)
  })
})

describe('a blob that is too large', () => {
  const large = 'x'.repeat(1001)
  const digest = digestOf(large)
  const streamed = async function* () {
    for (let at = 0; at < 11; at++) yield Buffer.from('x'.repeat(100))
  }

  it.each([
    [
      'in one request',
      () => world.send('POST', `/v2/shop/large/blobs/uploads/?digest=${digest}`, { body: large }),
    ],
    [
      'in one request, without a Content-Length',
      () => world.send('POST', `/v2/shop/large/blobs/uploads/?digest=${digest}`, { body: streamed() }),
    ],
  ])('is a 413, and nothing of it is kept: %s', async (_, push) => {
    const before = await filesOfUploads()
    const response = await push()
    expect([response.status, response.code]).toEqual([413, 'SIZE_INVALID'])
    expect(await filesOfUploads()).toBe(before)
  })

  it('is a 413 at the chunk that exceeds the maximum, and the upload remains unchanged', async () => {
    const location = await world.startUpload('shop/large')
    await patch(location, 'x'.repeat(600))
    expect((await patch(location, 'x'.repeat(401))).status).toBe(413)
    expect((await world.send('PATCH', location, { body: streamed() })).status).toBe(413)
    expect((await world.put(`${location}?digest=${digest}`, 'x'.repeat(401))).status).toBe(413)
    expect((await world.get(location)).headers.range).toBe('0-599')
    expect((await patch(location, 'x'.repeat(400))).status).toBe(202)
  })

  it('begins one byte above the maximum', async () => {
    const largest = 'y'.repeat(1000)
    await world.pushBlob('shop/large', largest)
    expect((await world.head(`/v2/shop/large/blobs/${digestOf(largest)}`)).status).toBe(200)
  })
})

describe('uploads of several clients', () => {
  it('do not affect each other, also as the first and the last of their repository', async () => {
    const statuses: number[] = []
    const client = async (name: number): Promise<void> => {
      for (let at = 0; at < 30; at++) {
        const text = `${at} of ${name}`
        const location = await world.startUpload('many/clients')
        const { status } = await world.put(`${location}?digest=${digestOf(text)}`, text)
        statuses.push(status)
      }
    }
    await Promise.all([1, 2, 3, 4].map(client))
    expect(statuses.filter((status) => status !== 201)).toEqual([])
    expect(world.unforeseen).toEqual([])
  })
})

describe('a restart', () => {
  it('keeps uploads with their progress', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'registry-'))
    let location: string
    {
      await using before = await openWorld({ folder })
      location = await before.startUpload('shop/web', '?digest-algorithm=sha512')
      await before.send('PATCH', location, { body: 'one, ' })
    }
    {
      await using after = await openWorld({ folder })
      expect((await after.get(location)).headers.range).toBe('0-4')
      const early = await after.send('PATCH', location, { body: 'two', headers: { 'content-range': '0-2' } })
      expect([early.status, early.headers.range]).toEqual([416, '0-4'])
      await after.send('PATCH', location, { body: 'two', headers: { 'content-range': '5-7' } })
      const digest = digestOf('one, two', 'sha512')
      expect((await after.put(`${location}?digest=${digest}`, '')).status).toBe(201)
      expect((await after.get(`/v2/shop/web/blobs/${digest}`)).text).toBe('one, two')
    }
    await rm(folder, { recursive: true })
  })
})

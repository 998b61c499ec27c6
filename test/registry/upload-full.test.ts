import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import type { Answer } from './client.ts'
import { openWorld, type World } from './world.ts'

const MEBIBYTE = 2 ** 20
const PLENTY = 2 ** 40
let free = PLENTY
let world: World
beforeAll(async () => {
  world = await openWorld({ freeBytes: () => free })
})
/** Sets the free space, and advances the clock past the store's last measurement. */
const setFree = (bytes: number): void => {
  free = bytes
  world.domain.time += 10_000
}
beforeEach(() => setFree(PLENTY))
afterAll(async () => {
  expect(world.unforeseen).toEqual([])
  await world[Symbol.asyncDispose]()
})

const refused = ({ status, code, text }: Answer): void => {
  expect([status, code]).toEqual([507, 'DENIED'])
  // readable, and without a path of the machine
  expect(text).toMatch(/no (?:space|room)/)
  expect(text).not.toContain(world.folder)
}

const files = async (): Promise<string[]> => {
  const found = await readdir(world.folder, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

describe('a full disk', () => {
  it('rejects a new upload', async () => {
    setFree(-1)
    refused(await world.send('POST', '/v2/shop/full/blobs/uploads/'))
    refused(await world.send('POST', `/v2/shop/full/blobs/uploads/?digest=${digestOf('x')}`, { body: 'x' }))
    expect(await files()).toEqual([])
  })

  it('rejects the rest of an upload, and frees its space', async () => {
    const before = await files()
    const location = await world.startUpload('shop/full')
    setFree(-1)
    refused(await world.send('PATCH', location, { body: Buffer.alloc(4 * MEBIBYTE) }))
    expect((await world.get(location)).status).toBe(404)
    expect(await files()).toEqual(before)
  })

  it('still serves content, and accepts pushes again when there is space', async () => {
    const digest = await world.pushBlob('shop/full', 'before')
    setFree(-1)
    expect((await world.get(`/v2/shop/full/blobs/${digest}`)).text).toBe('before')
    setFree(PLENTY)
    await world.pushBlob('shop/full', 'after')
  })
})

describe('a full database', () => {
  const pages = (name: string, value?: number): number => {
    const text = value === undefined ? `pragma ${name}` : `pragma ${name} = ${value}`
    return Object.values(world.domain.db.prepare<Record<string, number>>(text).get() ?? {})[0] ?? 0
  }
  /** Pushes until the database has no room for another row. */
  async function fill(): Promise<void> {
    pages('max_page_count', pages('page_count'))
    for (let at = 0; at < 10_000; at++) {
      const digest = digestOf(`filler ${at}`)
      const path = `/v2/shop/filler/blobs/uploads/?digest=${digest}`
      const response = await world.send('POST', path, { body: `filler ${at}` })
      if (response.status === 201) continue
      refused(response)
      expect((await world.head(`/v2/shop/filler/blobs/${digest}`)).status).toBe(404)
      return
    }
    throw new Error('it was never full')
  }

  it('rejects writes, keeps serving reads, and recovers by itself', async () => {
    const digest = await world.pushBlob('shop/web', 'before')
    await fill()
    try {
      const path = `/v2/shop/web/blobs/${digest}`
      expect((await world.get(path)).text).toBe('before')
      // also for a request that would extend the lease
      world.domain.time += world.limits.lease
      expect((await world.get(path)).text).toBe('before')
      expect((await world.head(path)).status).toBe(200)
      expect(await world.blobs.uploads()).toEqual([])
    } finally {
      pages('max_page_count', 1_000_000)
    }
    await world.pushBlob('shop/web', 'after')
  })
})

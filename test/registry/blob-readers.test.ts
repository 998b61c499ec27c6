import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { eventually } from '../fixtures/eventually.ts'
import { openWorld, type World } from './world.ts'

/** More bytes than the network buffers for a client that does not read. */
const LARGE = Buffer.alloc(24 * 1024 * 1024, 'blob')

let world: World
let digest: Digest
beforeAll(async () => {
  world = await openWorld()
  digest = await world.pushBlob('shop/web', LARGE)
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a client that downloads', () => {
  it('and stops reading is disconnected', async () => {
    await using hasty = await openWorld({ limits: { idle: 200 } })
    await hasty.pushBlob('shop/web', LARGE)
    using client = await hasty.connect()
    client.socket.pause()
    client.request(`GET /v2/shop/web/blobs/${digest}`)
    await eventually(() => hasty.serverEnd(client))
    await once(hasty.serverEnd(client), 'close')

    client.socket.resume()
    await client.ended
    expect(client.text).toMatch(/^HTTP\/1.1 200/)
    expect(client.text.length).toBeLessThan(LARGE.length)
    expect(hasty.unforeseen).toEqual([])
  })

  it('and disconnects leaves nothing open, and logs no error', async () => {
    for (let at = 0; at < 5; at++) {
      using client = await world.connect()
      client.request(`GET /v2/shop/web/blobs/${digest}`)
      await client.until(/HTTP\/1.1 200/)
    }
    expect((await world.get(`/v2/shop/web/blobs/${digest}`)).bytes.equals(LARGE)).toBe(true)
    expect(world.unforeseen).toEqual([])
  })

  it('at the same time as many others gets every byte', async () => {
    const responses = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        world.get(`/v2/shop/web/blobs/${digest}`, { range: `bytes=${at}-` }),
      ),
    )
    for (const [at, { status, bytes }] of responses.entries()) {
      expect([status, bytes.equals(LARGE.subarray(at))]).toEqual([206, true])
    }
  })

  it('a blob that cannot be read completely is disconnected before the end', async () => {
    await using broken = await openWorld({
      blobs: (store) => ({
        async open(wanted) {
          const blob = await store.open(wanted)
          return (
            blob && {
              size: blob.size,
              async send(_, to) {
                to.write('only a part')
                throw new Error('the disk is gone')
              },
              read: () => blob.read(),
              [Symbol.asyncDispose]: () => blob[Symbol.asyncDispose](),
            }
          )
        },
      }),
    })
    const whole = await broken.pushBlob('shop/web', 'all of the bytes')
    await expect(broken.get(`/v2/shop/web/blobs/${whole}`)).rejects.toThrow()
    expect(String(broken.unforeseen[0]?.object.err)).toContain('the disk is gone')
  })
})

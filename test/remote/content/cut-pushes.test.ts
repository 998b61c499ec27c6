import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { REGISTRIES, type RunningRegistry } from '../../contracts/registries.ts'
import { startCuttingProxy } from '../../fixtures/cutting-proxy.ts'
import { randomBytes } from '../../fixtures/random-numbers.ts'
import { TestClient } from '../../fixtures/registry-client.ts'

// Uploads to real registries, whose connection is cut after some bytes.

const MIB = 1024 * 1024
const SIZE = 6 * MIB
const REAL = REGISTRIES.filter(({ name }) =>
  ['docker-registry, open', 'the integrated registry'].includes(name),
)

describe.each(REAL)('$name', ({ missing, start }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'runs', () => {
    let registry: RunningRegistry
    beforeAll(async () => {
      registry = await start()
    })
    afterAll(() => registry[Symbol.asyncDispose]())

    test.each([
      ['in chunks', 2 * MIB, 1000],
      ['in chunks', 2 * MIB, MIB],
      ['in chunks', 2 * MIB, 5 * MIB],
      ['in chunks', 2 * MIB, SIZE],
      ['by one request', SIZE, 1000],
      ['by one request', SIZE, MIB],
      ['by one request', SIZE, SIZE - 1000],
    ])('keeps a blob that is sent %s of %d bytes and cut after %d', async (_, uploadChunk, offset) => {
      await using proxy = await startCuttingProxy(registry.host)
      await using client = new TestClient({ limits: { uploadChunk } })
      const name = `${proxy.host}/team/cut`
      const bytes = randomBytes(`cut ${uploadChunk} ${offset}`, SIZE)
      const blob = {
        digest: digestOf(bytes),
        size: SIZE,
        read: (from: number) => Readable.from([bytes.subarray(from)]),
      }
      expect(await client.writable(name).hasBlob(blob.digest)).toBe(false)
      proxy.cutAfter(offset)

      expect(await client.writable(name).pushBlob(blob)).toBe('UPLOADED')

      expect(proxy.cuts).toBe(1)
      const kept = await buffer(await client.repository(name).fetchBlob(blob))
      expect(kept.equals(bytes)).toBe(true)
    })
  })
})

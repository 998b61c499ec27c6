import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { startScripted, startSilent } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { allTags, refusalOf, TestClient, tag } from '../fixtures/registry-client.ts'

const app = image({ seed: 'app' })
const MIB = 1024 * 1024

/** Writes zeros until the client closes the connection or this many bytes are sent; counts them. */
function pour(response: ServerResponse, bytes: number): { sent: number } {
  const poured = { sent: 0 }
  const piece = Buffer.alloc(65536)
  const more = () => {
    while (!response.destroyed && poured.sent < bytes) {
      poured.sent += piece.length
      if (!response.write(piece)) return
    }
    response.end()
  }
  response.on('drain', more)
  more()
  return poured
}

describe('a response that is too large', () => {
  test('is cut off at 4 MiB of a chunked manifest of 1 GiB', async () => {
    let poured = { sent: 0 }
    await using registry = await startScripted((request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end()
      else poured = pour(response, 1024 * MIB)
    })
    await using client = new TestClient()
    const repository = client.repository(`${registry.host}/app`)
    for (const request of [
      () => repository.fetchManifest(app.digest),
      () => repository.resolveTag(tag('1'), null),
    ]) {
      expect((await refusalOf(request())).reason).toBe('InvalidManifest')
      // the sockets' buffers hold some more
      expect(poured.sent).toBeLessThan(32 * MIB)
    }
  })

  test('is not read if its Content-Length is too large', async () => {
    let poured = { sent: 0 }
    await using registry = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': String(1024 * MIB) })
      poured = pour(response, 1024 * MIB)
    })
    await using client = new TestClient()
    const refused = await refusalOf(allTags(client.repository(`${registry.host}/app`)))
    expect(refused.message).toContain('the response is larger than 16777216 bytes')
    expect(poured.sent).toBeLessThan(32 * MIB)
  })

  test('is not decompressed, since the request did not accept compression', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * MIB, ' '))
    await using registry = await startScripted((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 405 : 200, { 'content-encoding': 'gzip' }).end(bomb)
    })
    await using client = new TestClient()
    const before = process.memoryUsage().rss
    const repository = client.repository(`${registry.host}/app`)
    expect((await refusalOf(repository.resolveTag(tag('1'), null))).reason).toBe('InvalidManifest')
    expect((await refusalOf(repository.fetchManifest(digestOf(Buffer.alloc(1))))).reason).toBe(
      'InvalidManifest',
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB)
  })

  test.each([
    ['brackets', '['.repeat(200_000)],
    ['objects', `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`],
  ])('of nested %s is InvalidManifest', async (_, body) => {
    await using registry = await startScripted((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 405 : 200).end(body)
    })
    await using client = new TestClient()
    const refused = await refusalOf(client.repository(`${registry.host}/app`).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('InvalidManifest')
  })

  test('by its headers is RegistryUnavailable', async () => {
    await using registry = await startScripted((_, response) => {
      response.writeHead(200, { 'x-large': 'x'.repeat(100_000) }).end('{}')
    })
    await using client = new TestClient()
    const refused = await refusalOf(allTags(client.repository(`${registry.host}/app`)))
    expect(refused.message).toContain("the response's headers are too large")
  })
})

describe('a registry that is too slow', () => {
  const timeouts = { connect: 150, headers: 150, body: 150 }

  test.each([true, false])('and sends nothing times out (insecure: %s)', async (insecure) => {
    await using silent = await startSilent()
    await using client = new TestClient({ egress: { timeouts } })
    const repository = client.repository(`${silent.host}/app`, { insecure })
    const refused = await refusalOf(allTags(repository))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toMatch(
      /^the request to [^ ]+ failed: (?:no response arrived|the connection was not established) in time/,
    )
  })

  test('times out once for all concurrent callers', async () => {
    await using silent = await startSilent()
    await using client = new TestClient({ egress: { timeouts } })
    const repository = client.repository(`${silent.host}/app`)
    await Promise.all(Array.from({ length: 100 }, () => refusalOf(repository.resolveTag(tag('1'), null))))
    expect(silent.connections).toBe(1)
  })

  test('and sends one byte at a time times out', async () => {
    await using registry = await startScripted((_, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(drip))
    })
    await using client = new TestClient({ egress: { timeouts: { ...timeouts, total: 400 } } })
    const refused = await refusalOf(allTags(client.repository(`${registry.host}/app`)))
    expect(refused.message).toBe(
      `the request to ${registry.host}/app failed: the response was not complete in time`,
    )
  })
})

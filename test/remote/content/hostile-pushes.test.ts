import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import type { BlobPush } from '../../../src/remote/content/blob-upload.ts'
import { startScripted } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient, type TestClientOptions } from '../../fixtures/registry-client.ts'

const KIB = 1024
const MIB = 1024 * KIB
const OTHER = digestOf('other')

/** A blob of zeros, which are created as they are read. */
function zeros(size: number): BlobPush & { readonly made: number } {
  const chunk = Buffer.alloc(64 * KIB)
  const blob = {
    digest: OTHER as Digest,
    size,
    made: 0,
    read(offset: number) {
      let left = size - offset
      return new Readable({
        read() {
          const next = left > 0 ? chunk.subarray(0, Math.min(left, chunk.length)) : null
          left -= next?.length ?? 0
          blob.made += next?.length ?? 0
          this.push(next)
        },
      })
    },
  }
  return blob
}

type Respond = (request: IncomingMessage, response: ServerResponse, requests: number) => unknown

/** Returns how a push of a blob to a registry with these responses to PATCH, PUT and GET of an upload fails. */
async function refusal(respond: Respond, size = 200 * KIB, options: TestClientOptions = {}) {
  let requests = 0
  await using registry = await startScripted((request, response) => {
    request.on('error', () => {})
    if (request.url === '/v2/') return response.end()
    if (request.method !== 'POST') return respond(request, response, ++requests)
    response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end()
  })
  const limits = { uploadChunk: 64 * KIB, resumptions: 4 }
  await using client = new TestClient({ limits, ...options })
  const refused = await refusalOf(client.writable(`${registry.host}/team/app`).pushBlob(zeros(size)))
  return { reason: refused.reason, message: refused.message, requests }
}

const read = (request: IncomingMessage, respond: () => unknown) => request.resume().on('end', respond)

describe('a push to a hostile registry ends', () => {
  test('where each part is accepted and none is kept', async () => {
    const { reason, requests } = await refusal((request, response) =>
      read(request, () => response.writeHead(202, { range: '0-0' }).end()),
    )
    expect([reason, requests]).toEqual(['RegistryUnavailable', 2])
  })

  test('where one more byte is kept each time', async () => {
    const { reason, requests } = await refusal((request, response, count) =>
      read(request, () => response.writeHead(202, { range: `0-${count}` }).end()),
    )
    expect([reason, requests]).toEqual(['RegistryUnavailable', 5])
  })

  test('where the last part is never complete', async () => {
    const { reason, requests } = await refusal(
      (request, response) => read(request, () => response.writeHead(202).end()),
      100,
    )
    expect([reason, requests]).toEqual(['RegistryUnavailable', 1])
  })

  test('where more bytes are kept than were sent', async () => {
    const range = '0-999999'

    const { reason, requests } = await refusal((request, response) =>
      read(request, () => response.writeHead(202, { range }).end()),
    )
    expect([reason, requests]).toEqual(['RegistryUnavailable', 2])
  })

  test('where each upload is unknown', async () => {
    const { reason, requests } = await refusal((request, response) =>
      read(request, () => response.writeHead(404).end()),
    )
    expect([reason, requests]).toEqual(['NotFound', 5])
  })

  test('where each range is wrong', async () => {
    const { reason } = await refusal((request, response, count) =>
      read(request, () => response.writeHead(416, { range: `0-${count % 2 ? 9 : 19}` }).end()),
    )
    expect(reason).toBe('RegistryUnavailable')
  })

  test('where another blob is confirmed', async () => {
    const headers = { 'docker-content-digest': digestOf('a third') }
    const { reason, message } = await refusal(
      (request, response) => read(request, () => response.writeHead(201, headers).end()),
      100,
    )
    expect(reason).toBe('RegistryUnavailable')
    expect(message).toContain(`its Docker-Content-Digest is ${digestOf('a third')}`)
  })

  test('where a response has no end', async () => {
    const { reason, message } = await refusal((request, response) => {
      response.writeHead(400)
      if (request.method === 'HEAD') return response.end()
      const more = () => {
        while (response.write(Buffer.alloc(64 * KIB)));
      }
      response.on('drain', more)
      more()
    }, 100)
    expect(reason).toBe('RegistryUnavailable')
    expect(message).toContain('larger than 65536 bytes')
  })

  test('where no part is read', async () => {
    const { reason, message } = await refusal(() => {}, 64 * MIB, {
      limits: { uploadChunk: 64 * MIB, resumptions: 0 },
      egress: { timeouts: { request: 50 } },
    })
    expect(reason).toBe('RegistryUnavailable')
    expect(message).toContain('the request was not read in time')
  })
})

describe('a manifest', () => {
  test('that the registry keeps under another digest is refused', async () => {
    const headers = { 'docker-content-digest': OTHER }
    await using registry = await startScripted((request, response) =>
      read(request, () => response.writeHead(201, headers).end()),
    )
    await using client = new TestClient()
    const { digest, bytes, mediaType } = image({ seed: 'app' })
    const pushed = client
      .writable(`${registry.host}/team/app`)
      .pushManifest({ reference: digest, bytes, mediaType })
    const { reason, message } = await refusalOf(pushed)
    expect(reason).toBe('RegistryUnavailable')
    expect(message).toContain(`it keeps the manifest as ${OTHER} instead of ${digest}`)
  })
})

describe('an upload of 200 MiB', () => {
  test.each([
    ['in chunks', 16 * MIB],
    ['by one request', 200 * MIB],
  ])('%s is not held in memory', async (_, uploadChunk) => {
    const size = 200 * MIB
    let received = 0
    let peak = 0
    await using registry = await startScripted((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.length
        peak = Math.max(peak, blob.made - received)
      })
      request.on('end', () => {
        const location = '/v2/team/app/blobs/uploads/1'
        response.writeHead(request.method === 'PUT' ? 201 : 202, { location }).end()
      })
    })
    const blob = zeros(size)
    await using client = new TestClient({ limits: { uploadChunk } })

    expect(await client.writable(`${registry.host}/team/app`).pushBlob(blob)).toBe('UPLOADED')

    expect(received).toBe(size)
    // bytes that were read and had not arrived, the buffers of both sockets included
    expect(peak).toBeLessThan(24 * MIB)
  })
})

test.each([
  ['as those of the chunk alone', '0-65535'],
  ['with one too many', '0-65536'],
])(
  'where the bytes of a chunk are counted %s, the whole blob is sent by one request',
  async (_name, range) => {
    const received: [method: string | undefined, bytes: number][] = []
    await using registry = await startScripted((request, response) => {
      if (request.method === 'POST') {
        return response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end()
      }
      let bytes = 0
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      request.on('end', () => {
        received.push([request.method, bytes])
        if (request.method === 'PATCH') return response.writeHead(202, { range }).end()
        response.writeHead(bytes === 200 * KIB ? 201 : 400, { 'docker-content-digest': OTHER }).end()
      })
    })
    await using client = new TestClient({ limits: { uploadChunk: 64 * KIB } })

    expect(await client.writable(`${registry.host}/team/app`).pushBlob(zeros(200 * KIB))).toBe('UPLOADED')
    expect(received.at(-1)).toEqual(['PUT', 200 * KIB])
    expect(received.length).toBeLessThanOrEqual(4)
  },
)

test.each([500, 501])('where a mount is refused by %i, the blob is uploaded', async (status) => {
  await using registry = await startScripted((request, response) => {
    if (request.url?.includes('mount=')) return response.writeHead(status).end()
    if (request.method === 'POST') {
      return response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end()
    }
    read(request, () => response.writeHead(request.method === 'PUT' ? 201 : 404).end())
  })
  await using client = new TestClient()
  const repository = client.writable(`${registry.host}/team/app`)

  expect(await repository.pushBlob(zeros(KIB), { mountFrom: 'team/other' })).toBe('UPLOADED')
})

import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { RegistryError } from '../../../src/oci/registry-error.ts'
import type { RegistryRepository } from '../../../src/remote/content/registry-repository.ts'
import { closedPort, startScripted } from '../../fixtures/hostile-registry.ts'
import { password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream, type UpstreamOptions } from '../../fixtures/upstream.ts'
import type { UpstreamRequest } from '../../fixtures/upstream-request.ts'
import { errorResponse, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const bytes = Buffer.from(Array.from({ length: 3 * 1024 * 1024 }, (_, at) => (at * 7) % 253))
const blob = { digest: digestOf(bytes), size: bytes.length, bytes, mediaType: 'application/octet-stream' }
const half = bytes.length / 2

async function start(options: UpstreamOptions & ConstructorParameters<typeof TestClient>[0] = {}) {
  const upstream = await startUpstream(options)
  upstream.pushBlob('team/app', blob)
  const client = new TestClient(options)
  return {
    upstream,
    client,
    repository: client.repository(`${upstream.host}/team/app`),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const fetched = async (repository: RegistryRepository): Promise<Buffer> =>
  Buffer.concat(await (await repository.fetchBlob(blob)).toArray())

/** Responses of a registry with ranges, which interrupts the first ones. */
function rangesCutAt(...cuts: number[]) {
  let count = 0
  return ({ kind, headers }: UpstreamRequest): UpstreamResponse | undefined => {
    if (kind !== 'blob') return undefined
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
    const cut = cuts[count++]
    const length = { 'content-length': String(bytes.length - from) }
    const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }
    return {
      status: from > 0 ? 206 : 200,
      headers: from > 0 ? { ...length, ...range } : length,
      body: bytes.subarray(from, cut),
      cut: cut !== undefined,
    }
  }
}

/** First byte of the requested range. */
const startsOf = (log: readonly UpstreamRequest[]): number[] =>
  log.map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? 'bytes=0-')?.[1]))

describe('fetching a blob', () => {
  test('returns its exact bytes', async () => {
    await using it = await start()
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
    expect(it.upstream.requests.blob).toBe(1)
  })

  test('returns an empty one', async () => {
    const empty = { digest: digestOf(''), size: 0, bytes: Buffer.alloc(0), mediaType: '' }
    await using it = await start()
    it.upstream.pushBlob('team/app', empty)
    expect(await (await it.repository.fetchBlob(empty)).toArray()).toEqual([])
  })

  test('returns the first bytes before the rest has arrived', async () => {
    let finish = () => {}
    await using registry = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 1000))
      finish = () => response.end(bytes.subarray(1000))
    })
    await using client = new TestClient()
    const stream = await client.repository(`${registry.host}/team/app`).fetchBlob(blob)
    const chunks = stream[Symbol.asyncIterator]()
    expect(bytes.subarray(0, 1000).equals((await chunks.next()).value)).toBe(true)
    finish()
    let received = 1000
    for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) received += chunk.length
    expect(received).toBe(bytes.length)
  })

  test('accepts a response without Content-Length', async () => {
    await using it = await start()
    it.upstream.hook = (_, response) => ({
      ...response,
      headers: { 'transfer-encoding': 'chunked' },
    })
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
  })

  test.each(['basic', 'bearer'] as const)('signs in when the registry requires it: %s', async (scheme) => {
    await using it = await start({
      auth: { scheme, credentials: { username: 'ada', password: 'lovelace' } },
      credentials: password('ada', 'lovelace'),
    })
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
  })

  test('follows a redirect without credentials', async () => {
    await using store = await startScripted((_, response) => response.end(bytes))
    await using it = await start({
      auth: { scheme: 'basic', credentials: { username: 'ada', password: 'lovelace' } },
      credentials: password('ada', 'lovelace'),
    })
    it.upstream.hook = ({ kind }, { status }) =>
      kind === 'blob' && status === 200
        ? { status: 307, headers: { location: `${store.url}/blob?signature=1` }, body: '' }
        : undefined
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
    expect(store.requests).toHaveLength(1)
    expect(store.authorizations()).toEqual([])
  })

  test('never requests the urls of a descriptor', async () => {
    await using elsewhere = await startScripted((_, response) => response.end(bytes))
    await using it = await start()
    const foreign = Object.assign({}, blob, { urls: [`${elsewhere.url}/layer`] })
    it.upstream.remove('team/app', blob.digest)
    expect((await refusalOf(it.repository.fetchBlob(foreign))).reason).toBe('NotFound')
    expect(elsewhere.requests).toEqual([])
  })
})

describe('an interrupted blob', () => {
  test('is resumed from the last byte, several times', async () => {
    await using it = await start()
    it.upstream.hook = rangesCutAt(half, half + 500_000, bytes.length - 1)
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
    const starts = startsOf(it.upstream.log)
    expect(starts).toHaveLength(4)
    expect(starts[0]).toBe(0)
    // bytes lost by an interruption are requested again
    for (const [at, cut] of [half, half + 500_000, bytes.length - 1].entries()) {
      expect(starts[at + 1]).toBeGreaterThan(0)
      expect(starts[at + 1]).toBeLessThanOrEqual(cut)
    }
  })

  test('is resumed at the redirect target', async () => {
    const serve = rangesCutAt(half)
    await using store = await startUpstream({ hook: (request) => serve({ ...request, kind: 'blob' }) })
    await using it = await start()
    it.upstream.hook = ({ kind }) =>
      kind === 'blob' ? { status: 307, headers: { location: `${store.url}/blob` }, body: '' } : undefined
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
    const starts = startsOf(store.log)
    expect(starts).toEqual([0, expect.any(Number)])
    expect(starts[1]).toBeGreaterThan(0)
  })

  test('is requested again when no byte has arrived', async () => {
    await using it = await start()
    it.upstream.hook = rangesCutAt(0, 0)
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
    expect(it.upstream.log.map(({ headers }) => headers.range)).toEqual([undefined, undefined, undefined])
  })

  test.each<[string, Partial<UpstreamResponse>]>([
    ['sends the whole again', { status: 200, headers: {} }],
    ['sends another part', { headers: { 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` } }],
    [
      'has another size now',
      { headers: { 'content-range': `bytes ${half}-${bytes.length}/${bytes.length + 1}` } },
    ],
    ['does not say which part it sends', { headers: {} }],
    ['says that there is no such part', { status: 416, headers: {}, body: '' }],
  ])('fails where the registry %s', async (_, change) => {
    await using it = await start()
    const serve = rangesCutAt(half)
    it.upstream.hook = (request) => {
      const response = serve(request)
      return response && request.headers.range ? { ...response, ...change } : response
    }
    const refused = await refusalOf(fetched(it.repository))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toContain(`the request to ${it.upstream.host}/team/app failed: the`)
    expect(it.upstream.requests.blob).toBe(2)
  })

  test('fails after too many interruptions', async () => {
    await using it = await start({ limits: { resumptions: 3 } })
    it.upstream.hook = rangesCutAt(1000, 2000, 3000, 4000, 5000)
    expect((await refusalOf(fetched(it.repository))).reason).toBe('RegistryUnavailable')
    expect(it.upstream.requests.blob).toBe(4)
  })

  test('fails with the signal’s reason when it is aborted', async () => {
    const controller = new AbortController()
    await using registry = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length }).write('x')
    })
    await using client = new TestClient()
    const { signal } = controller
    const stream = await client.repository(`${registry.host}/team/app`, { signal }).fetchBlob(blob)
    controller.abort(new Error('gone'))
    await expect(stream.toArray()).rejects.toThrow('gone')
    expect(registry.requests).toHaveLength(1)
  })
})

describe('a blob fails', () => {
  test('when Content-Length differs, before any byte is delivered', async () => {
    await using it = await start()
    const fewer = await refusalOf(it.repository.fetchBlob({ ...blob, size: blob.size + 1 }))
    expect(fewer.reason).toBe('InvalidManifest')
    expect(fewer.message).toContain(
      `its Content-Length is ${blob.size} bytes, but its descriptor has ${blob.size + 1}`,
    )
    const more = await refusalOf(it.repository.fetchBlob({ ...blob, size: blob.size - 1 }))
    expect(more.reason).toBe('InvalidManifest')
    expect(more.message).toContain(`the response is larger than ${blob.size - 1} bytes`)
  })

  test.each([-1, 1])('when its length differs by %d bytes without Content-Length', async (more) => {
    const sent = Buffer.concat([bytes, Buffer.from('x')]).subarray(0, bytes.length + more)
    await using it = await start()
    it.upstream.hook = () => ({ status: 200, headers: { 'transfer-encoding': 'chunked' }, body: sent })
    let received = 0
    const read = async (stream: Readable) => {
      for await (const chunk of stream) received += chunk.length
    }
    const refused = await refusalOf(it.repository.fetchBlob(blob).then(read))
    expect(refused.reason).toBe('InvalidManifest')
    expect(received).toBeLessThanOrEqual(bytes.length)
    expect(it.upstream.requests.blob).toBe(1)
  })

  test.each([
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'NotFound'],
    [429, 'TooManyRequests'],
    [500, 'RegistryUnavailable'],
    // a response that is valid only for a request with a range
    [206, 'RegistryUnavailable'],
  ])('after a response %d: %s', async (status, reason) => {
    await using it = await start()
    it.upstream.hook = ({ kind }) => (kind === 'blob' ? errorResponse(status, 'NO') : undefined)
    expect((await refusalOf(it.repository.fetchBlob(blob))).reason).toBe(reason)
  })

  test('when the connection is refused', async () => {
    await using client = new TestClient()
    const refused = await refusalOf(client.repository(`${await closedPort()}/team/app`).fetchBlob(blob))
    expect(refused.reason).toBe('RegistryUnavailable')
  })

  test('when the redirect target is a forbidden address', async () => {
    await using it = await start()
    it.upstream.hook = () => ({ status: 307, headers: { location: 'http://169.254.169.254/x' }, body: '' })
    expect((await refusalOf(it.repository.fetchBlob(blob))).reason).toBe('ForbiddenTarget')
  })

  test('when it arrives too slowly', async () => {
    await using registry = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length })
      const drip = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(drip))
    })
    await using client = new TestClient({ limits: { blobTime: 100, blobRate: bytes.length * 20 } })
    const refused = await refusalOf(
      client
        .repository(`${registry.host}/team/app`)
        .fetchBlob(blob)
        .then((stream) => stream.toArray()),
    )
    expect(refused.message).toContain('the response was not complete in time')
    expect(registry.requests).toHaveLength(1)
  })
})

describe('slow blobs', () => {
  test('take no slot of other requests, and wait for each other', async () => {
    await using it = await start({ limits: { requestsPerHost: 1 }, egress: { connectionsPerOrigin: 1 } })
    const first = await it.repository.fetchBlob(blob)
    await refusalOf(it.repository.resolveTag(tag('1'), null))
    let isHere = false
    const second = it.repository.fetchBlob(blob).then((stream) => {
      isHere = true
      return stream
    })
    await refusalOf(it.repository.resolveTag(tag('2'), null))
    expect(isHere).toBe(false)
    expect(it.upstream.requests.blob).toBe(1)
    expect(Buffer.concat(await first.toArray()).equals(bytes)).toBe(true)
    const stream = await second
    stream.destroy()
    await once(stream, 'close')
    expect((await fetched(it.repository)).equals(bytes)).toBe(true)
  })

  test('fail with a RegistryError without secrets', async () => {
    await using it = await start({
      auth: { scheme: 'basic', credentials: { username: 'ada', password: 'lovelace' } },
      credentials: password('ada', 'wrong-lovelace'),
    })
    const refused = await refusalOf(it.repository.fetchBlob(blob))
    expect(refused).toBeInstanceOf(RegistryError)
    expect(refused.message).not.toContain('lovelace')
  })
})

import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import type { BlobPush } from '../../../src/remote/content/blob-upload.ts'
import { randomBytes } from '../../fixtures/random-numbers.ts'
import { password, refusalOf, TestClient, type TestClientOptions } from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../../fixtures/upstream.ts'
import type { UpstreamPushOptions } from '../../fixtures/upstream-pushes.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'

const KIB = 1024
const CHUNK = 64 * KIB
const SIZE = 200 * KIB
const BYTES = randomBytes('blob', SIZE)
const NAME = 'team/app'
const LOGIN = { username: 'pusher', password: 'open sesame' }

/** The blob, and the offsets from which it was read. */
function blobOf(bytes = BYTES): BlobPush & { readonly reads: number[]; readonly streams: Readable[] } {
  const reads: number[] = []
  const streams: Readable[] = []
  return {
    digest: digestOf(bytes),
    size: bytes.length,
    reads,
    streams,
    read(offset) {
      reads.push(offset)
      const parts = (function* () {
        for (let at = offset; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000)
      })()
      streams.push(Readable.from(parts))
      return streams.at(-1) as Readable
    },
  }
}

interface PushTest extends AsyncDisposable {
  readonly upstream: Upstream
  readonly client: TestClient
  push(blob?: BlobPush, mountFrom?: string): Promise<'MOUNTED' | 'UPLOADED'>
}

async function start(
  pushes: UpstreamPushOptions = {},
  { limits, ...options }: TestClientOptions = {},
  upstreamOptions: UpstreamOptions = {},
): Promise<PushTest> {
  const upstream = await startUpstream({ ...upstreamOptions, pushes })
  const client = new TestClient({ limits: { uploadChunk: CHUNK, ...limits }, ...options })
  const repository = client.writable(`${upstream.host}/${NAME}`)
  return {
    upstream,
    client,
    push: (blob = blobOf(), mountFrom) => repository.pushBlob(blob, { mountFrom }),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** Methods of the requests of an upload, with the Content-Range of each part. */
const partsOf = ({ log }: Upstream): string[] =>
  log
    .filter(({ kind }) => kind === 'upload')
    .map(({ method, headers }) => [method, headers['content-range']].filter(Boolean).join(' '))

const isKept = ({ upstream }: PushTest, bytes = BYTES): boolean =>
  upstream.blob(NAME, digestOf(bytes))?.equals(bytes) ?? false

/** Breaks the connection once, when so many bytes of the blob have arrived. */
function cutAt(offset: number): Pick<UpstreamPushOptions, 'cuts'> {
  let isDone = false
  return {
    cuts({ headers }, received) {
      const start = Number(headers['content-range']?.split('-', 1)[0] ?? 0)
      if (isDone || start + received < offset) return false
      isDone = true
      return true
    },
  }
}

describe('an upload', () => {
  test('of a small blob is one request, of a large one a request for each chunk', async () => {
    await using it = await start()
    const blob = blobOf()
    await it.push(blobOf(BYTES.subarray(0, CHUNK)))
    await it.push(blob)

    expect(partsOf(it.upstream)).toEqual([
      'POST',
      'PUT',
      'POST',
      'PATCH 0-65535',
      'PATCH 65536-131071',
      'PATCH 131072-196607',
      'PUT 196608-204799',
    ])
    expect(blob.reads).toEqual([0])
    expect(isKept(it)).toBe(true)
  })

  test.each([1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 150 * KIB, SIZE - 1, SIZE])(
    'whose connection is cut after %d bytes continues there',
    async (offset) => {
      await using it = await start(cutAt(offset))
      const blob = blobOf()

      expect(await it.push(blob)).toBe('UPLOADED')

      expect(isKept(it)).toBe(true)
      // what arrived before the cut is sent once; a chunk that arrived completely needs no other stream
      const [first, ...resumed] = blob.reads
      expect(first).toBe(0)
      expect(resumed.length).toBeLessThanOrEqual(1)
      for (const start of resumed) expect(start).toBeGreaterThanOrEqual(offset)
      expect(blob.streams.every(({ destroyed }) => destroyed)).toBe(true)
      expect(it.upstream.log.filter(({ method }) => method === 'POST')).toHaveLength(1)
    },
  )

  test('whose last response is lost is not sent again', async () => {
    await using it = await start()
    it.upstream.hook = ({ method }) => (method === 'PUT' ? 'reset' : undefined)
    expect(await it.push()).toBe('UPLOADED')
    expect(partsOf(it.upstream).filter((part) => part.startsWith('PUT'))).toHaveLength(1)
  })

  test('that the registry does not know any more starts again', async () => {
    await using it = await start()
    it.upstream.hook = ({ headers }) => {
      if (headers['content-range'] === '65536-131071') {
        it.upstream.hook = undefined
        it.upstream.forgetUploads()
      }
      return undefined
    }
    const blob = blobOf()
    expect(await it.push(blob)).toBe('UPLOADED')
    expect(blob.reads).toEqual([0, 0])
    expect(isKept(it)).toBe(true)
  })

  test('continues at the byte that a 416 names', async () => {
    await using it = await start()
    // the response to the first chunk is lost, and a proxy responds in its place
    it.upstream.hook = ({ headers }, response) =>
      headers['content-range'] === '0-65535'
        ? { ...response, headers: { ...response.headers, range: '0-9' } }
        : undefined
    expect(await it.push()).toBe('UPLOADED')
    expect(isKept(it)).toBe(true)
  })

  test('waits for a registry that still writes what an interrupted request has sent', async () => {
    await using it = await start()
    let refused = 0
    await using busy = await startUpstream({
      pushes: {},
      extension: ({ method }) =>
        method === 'PATCH' && ++refused <= 3 ? errorResponse(409, 'UNKNOWN') : undefined,
    })
    const target = it.client.writable(`${busy.host}/${NAME}`)
    expect(await target.pushBlob(blobOf())).toBe('UPLOADED')
    expect(refused).toBeGreaterThan(3)
  })

  test('ends after so many interruptions as a download', async () => {
    await using it = await start({ cuts: () => true }, { limits: { resumptions: 3 } })
    const refusal = await refusalOf(it.push(blobOf(randomBytes('large', 4 * 1024 * KIB))))
    expect(refusal).toMatchObject({ reason: 'RegistryUnavailable' })
    expect(it.upstream.log.filter(({ method }) => method === 'PATCH')).toHaveLength(4)
  })

  test('waits as the registry requests', async () => {
    await using it = await start()
    it.upstream.hook = ({ headers }) => {
      if (headers['content-range'] !== '65536-131071') return undefined
      it.upstream.hook = undefined
      return errorResponse(429, 'TOOMANYREQUESTS', { 'retry-after': '7' })
    }
    expect(await it.push()).toBe('UPLOADED')
    expect(it.client.clock.sleeps.reduce((sum, one) => sum + one)).toBeGreaterThanOrEqual(7000)
    expect(isKept(it)).toBe(true)
  })

  test('fails with the error of its source, which is no failure of the registry', async () => {
    await using it = await start()
    const cause = new Error('no such file')
    const blob: BlobPush = {
      ...blobOf(),
      read: () =>
        Readable.from(
          (function* () {
            yield BYTES.subarray(0, 1000)
            throw cause
          })(),
        ),
    }
    for (let count = 0; count < 6; count += 1) await expect(it.push(blob)).rejects.toBe(cause)
    const unread = { ...blobOf(), read: () => Promise.reject(cause) }
    await expect(it.push(unread)).rejects.toBe(cause)
    expect(it.client.remote.hostStatuses()).toMatchObject([{ breaker: { state: 'CLOSED' }, inFlight: 0 }])
    expect(await it.push()).toBe('UPLOADED')
  })

  test('may be a copy within one registry: uploads do not wait for the streams that they read', async () => {
    await using it = await start({}, { limits: { requestsPerHost: 2 } })
    const source = it.client.repository(`${it.upstream.host}/team/source`)
    const blobs = Array.from({ length: 6 }, (_, count) => randomBytes(`copy ${count}`, SIZE))
    const copies = blobs.map((bytes) => {
      const digest = digestOf(bytes)
      it.upstream.pushBlob('team/source', { digest, bytes, mediaType: 'application/octet-stream' })
      const read = () => source.fetchBlob({ digest, size: SIZE })
      return it.push({ digest, size: SIZE, read })
    })
    expect(await Promise.all(copies)).toEqual(Array(6).fill('UPLOADED'))
    expect(blobs.every((bytes) => isKept(it, bytes))).toBe(true)
  })

  test('ends with its signal, and closes its source', async () => {
    await using it = await start()
    const controller = new AbortController()
    const blob = blobOf()
    const repository = it.client.writable(`${it.upstream.host}/${NAME}`, { signal: controller.signal })
    it.upstream.hook = ({ method }) => {
      if (method !== 'PATCH') return undefined
      controller.abort(new Error('enough'))
      return 'silence'
    }
    await expect(repository.pushBlob(blob)).rejects.toThrow('enough')
    expect(blob.streams.map(({ destroyed }) => destroyed)).toEqual([true])
  })

  test('continues when its token is refused', async () => {
    const auth = { scheme: 'bearer', credentials: LOGIN } as const
    const credentials = password(LOGIN.username, LOGIN.password)
    await using it = await start({}, { credentials }, { auth })
    it.upstream.hook = ({ headers }) => {
      if (headers['content-range'] !== '0-65535') return undefined
      it.client.clock.time += 20_000
      it.upstream.revokeTokens()
      it.upstream.hook = undefined
      return undefined
    }
    expect(await it.push()).toBe('UPLOADED')
    expect(it.upstream.log.filter(({ status }) => status === 401).map(({ method }) => method)).toEqual([
      'GET',
      'PATCH',
    ])
    expect(isKept(it)).toBe(true)
  })
})

describe('the size of the parts of an upload', () => {
  const first = (it: PushTest) => partsOf(it.upstream)[1]

  test('is at least the minimum of the registry, and at most its maximum', async () => {
    await using large = await start({ uploadHeaders: { 'oci-chunk-min-length': '100000' } })
    await large.push()
    expect(first(large)).toBe('PATCH 0-99999')
    await using small = await start({ uploadHeaders: { 'oci-chunk-max-length': '10000' } })
    await small.push()
    expect(first(small)).toBe('PATCH 0-9999')
  })

  test.each(['1', '0', '-5', 'many', '99999999999999999999'])(
    'is not what a registry makes of it by %s',
    async (length) => {
      await using it = await start({ uploadHeaders: { 'oci-chunk-max-length': length } })
      await it.push()
      expect(partsOf(it.upstream).length).toBeLessThan(60)
      expect(isKept(it)).toBe(true)
    },
  )

  test.each([
    ['416 as GitHub', errorResponse(416, 'REQUESTED_RANGE_NOT_SATISFIABLE')],
    ['413 as proxies', errorResponse(413, 'UNKNOWN')],
  ])('becomes smaller after a %s, and is remembered for an hour', async (_, response) => {
    await using it = await start({ maxRequest: { bytes: 20 * KIB, response } })

    await it.push()
    expect(isKept(it)).toBe(true)
    expect(partsOf(it.upstream).slice(0, 4)).toEqual([
      'POST',
      'PATCH 0-65535',
      'PATCH 0-16383',
      'PATCH 16384-32767',
    ])

    const other = randomBytes('other', SIZE)
    it.upstream.reset()
    await it.push(blobOf(other))
    expect(isKept(it, other)).toBe(true)
    expect(first(it)).toBe('PATCH 0-16383')
    it.upstream.reset()
    it.client.clock.time += 3_600_000
    await it.push(blobOf(randomBytes('third', SIZE)))
    expect(first(it)).toBe('PATCH 0-65535')
  })

  test('is that of the blob where the registry refuses chunks, which is remembered', async () => {
    await using it = await start({ chunks: false })

    await it.push()
    expect(isKept(it)).toBe(true)
    expect(partsOf(it.upstream)).toEqual(['POST', 'PATCH 0-65535', 'POST', 'PUT'])

    it.upstream.reset()
    await it.push(blobOf(randomBytes('other', SIZE)))
    expect(partsOf(it.upstream)).toEqual(['POST', 'PUT'])
  })

  test('is refused where no size is accepted', async () => {
    const response = errorResponse(413, 'UNKNOWN')
    await using it = await start({ maxRequest: { bytes: 100, response } })
    expect(await refusalOf(it.push())).toMatchObject({ reason: 'TooLarge', status: 413 })
  })
})

describe('a blob of another repository of the registry', () => {
  test('is mounted with a token for both repositories', async () => {
    const auth = { scheme: 'bearer', credentials: LOGIN } as const
    await using it = await start({}, { credentials: password(LOGIN.username, LOGIN.password) }, { auth })
    it.upstream.pushBlob('team/base', { digest: digestOf(BYTES), bytes: BYTES, mediaType: 'x' })

    expect(await it.push(blobOf(), 'team/base')).toBe('MOUNTED')

    const scopes = it.upstream.log
      .filter(({ kind }) => kind === 'token')
      .map(({ query }) => query.getAll('scope'))
    expect(scopes.at(-1)).toEqual(['repository:team/app:pull,push', 'repository:team/base:pull'])
  })

  test('is uploaded where the registry mounts none, as Docker Hub', async () => {
    await using it = await start({ mounts: false })
    it.upstream.pushBlob('team/base', { digest: digestOf(BYTES), bytes: BYTES, mediaType: 'x' })
    expect(await it.push(blobOf(), 'team/base')).toBe('UPLOADED')
    expect(it.upstream.log.filter(({ method }) => method === 'POST')).toHaveLength(1)
    expect(isKept(it)).toBe(true)
  })

  test.each([401, 403, 404, 400])(
    'is uploaded where the request to mount it is refused with %d',
    async (status) => {
      await using it = await start()
      it.upstream.hook = ({ query }) => (query.has('mount') ? errorResponse(status, 'DENIED') : undefined)
      expect(await it.push(blobOf(), 'team/base')).toBe('UPLOADED')
      expect(isKept(it)).toBe(true)
    },
  )
})

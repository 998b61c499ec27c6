import { describe, expect, test } from 'vitest'
import { StorageFullError } from '../../src/blobs/errors.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { closedPort, startScripted } from '../fixtures/hostile-registry.ts'
import { type Image, image, type Layer } from '../fixtures/random-image.ts'
import { password } from '../fixtures/registry-client.ts'
import { seededBytes } from '../fixtures/seed.ts'
import { startUpstream, type UpstreamOptions } from '../fixtures/upstream.ts'
import { errorResponse, type UpstreamResponse } from '../fixtures/upstream-response.ts'
import { Download } from './download.ts'
import { startHeldRegistry } from './held-registry.ts'
import { openPullWorld, type PullWorld, type PullWorldOptions } from './pull-through-world.ts'

const MIB = 1024 * 1024
const bytes = seededBytes('layer', 4 * MIB)
const layer: Layer = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
  digest: digestOf(bytes),
  bytes,
  diffId: digestOf(bytes),
}
const app = image({ seed: 'app', layers: [layer] })

async function start(
  options: { upstream?: UpstreamOptions; world?: PullWorldOptions; content?: Image } = {},
) {
  const upstream = await startUpstream(options.upstream)
  const it = await openPullWorld(options.world)
  const content = options.content ?? app
  upstream.push('team/app', 'v1', content)
  await it.importTag({ from: `${upstream.host}/team/app`, content })
  await it.get('/v2/shop/web/manifests/v1')
  return {
    ...it,
    upstream,
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** A world that imported the image from this host. */
async function startFrom(host: string) {
  const it = await openPullWorld()
  await it.importTag({ from: `${host}/team/app`, content: app })
  await it.get('/v2/shop/web/manifests/v1')
  return it
}

const download = (it: PullWorld): Download => new Download(`${it.url}/v2/shop/web/blobs/${layer.digest}`)

async function expectNothingStored(it: PullWorld): Promise<void> {
  const { blobs, repository_blobs: links } = it.domain.dump()
  expect([blobs, links]).toEqual([[], []])
  await expect.poll(() => it.blobs.uploads()).toEqual([])
  for await (const blob of it.blobs.stored()) expect(blob).toBeUndefined()
}

describe('an error of the source is returned before any byte is sent', () => {
  test.each([
    [401, 403, 'DENIED', 'does not exist or needs a login'],
    [403, 403, 'DENIED', 'denies this server access to team/app'],
    [404, 404, 'BLOB_UNKNOWN', `does not have the blob ${layer.digest}`],
    [429, 503, 'UNKNOWN', 'refuses further requests for now'],
    [500, 503, 'UNKNOWN', `cannot read the blob ${layer.digest} of team/app`],
  ])('its %d is a %d %s', async (theirs, ours, code, why) => {
    await using it = await start()
    it.upstream.hook = ({ kind }) => (kind === 'blob' ? errorResponse(theirs, 'NO') : undefined)
    const response = await it.getBlob(layer)
    expect(response).toMatchObject({ status: ours, code })
    expect(response.text).toContain(why)
    await expectNothingStored(it)
    expect(it.warnings).toMatchObject([
      {
        fields: { source: `${it.upstream.host}/team/app`, digest: layer.digest },
        message: 'cannot pull a blob through',
      },
    ])
  })

  test('an unreachable source is a 503', async () => {
    await using it = await startFrom(await closedPort())
    const response = await it.getBlob(layer)
    expect(response).toMatchObject({ status: 503, code: 'UNKNOWN' })
    expect(response.text).toContain('the connection was refused')
  })

  test('another size than the manifest says is a 502', async () => {
    await using it = await start()
    it.upstream.hook = ({ kind }, response) =>
      kind === 'blob' ? { ...response, body: bytes.subarray(1) } : undefined
    expect(await it.getBlob(layer)).toMatchObject({ status: 502, code: 'UNKNOWN' })
    await expectNothingStored(it)
  })

  test('all waiting clients get the error of one request, and the next client causes a new request', async () => {
    await using it = await start()
    const gate = it.upstream.hold(({ kind }) => kind === 'blob')
    it.upstream.hook = () => errorResponse(404, 'BLOB_UNKNOWN')
    const waiting = Array.from({ length: 5 }, () => download(it))
    await gate.arrived(1)
    // none of the five has a response yet; all get the result of the one request
    gate.open()
    const responses = await Promise.all(waiting.map(({ response }) => response))
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404, 404])
    it.upstream.hook = undefined
    expect((await it.getBlob(layer)).status).toBe(200)
  })
})

describe('a source that closes the connection early', () => {
  /** Cuts the first response in the middle; the second one has the requested range, if ranges are supported. */
  const cutOnce = (hasRanges: boolean): NonNullable<UpstreamOptions['hook']> => {
    let isCut = false
    return ({ kind, headers }, response): UpstreamResponse | undefined => {
      if (kind !== 'blob') return undefined
      if (!isCut) {
        isCut = true
        return { ...response, body: bytes.subarray(0, 3 * MIB), cut: true }
      }
      const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0)
      if (!hasRanges || from === 0) return undefined
      const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`
      return { status: 206, headers: { 'content-range': range }, body: bytes.subarray(from) }
    }
  }

  test('is requested for the rest, and the client gets the whole blob', async () => {
    await using it = await start()
    it.upstream.hook = cutOnce(true)
    expect((await it.getBlob(layer)).bytes.equals(bytes)).toBe(true)
    const [first, second, ...more] = it.upstream.log.filter(({ kind }) => kind === 'blob')
    expect(first?.headers.range).toBeUndefined()
    // bytes that were lost with the connection are requested again
    expect(second?.headers.range).toMatch(/^bytes=[1-9]\d*-$/)
    expect(more).toEqual([])
    expect(it.warnings).toEqual([])
  })

  test('without range support ends the downloads, and leaves nothing', async () => {
    await using it = await start()
    it.upstream.hook = cutOnce(false)
    const client = download(it)
    expect(await client.isWhole).toBe(false)
    expect(client.received).toBeLessThanOrEqual(3 * MIB)
    await expectNothingStored(it)
    expect(it.warnings).toHaveLength(1)
    expect((await it.getBlob(layer)).bytes.equals(bytes)).toBe(true)
  })

  test('ends the downloads of all waiting clients', async () => {
    await using source = await startHeldRegistry(layer)
    await using it = await startFrom(source.host)
    const clients = [download(it), download(it), download(it)]
    await Promise.all(clients.map((client) => client.until(1000)))
    source.hangUp()
    // the second response is the whole blob, not the rest
    expect(await Promise.all(clients.map(({ isWhole }) => isWhole))).toEqual([false, false, false])
    await expectNothingStored(it)
  })
})

describe('bytes that do not match the digest', () => {
  const wrong = Buffer.from(bytes)
  wrong[2 * MIB] = (wrong[2 * MIB] ?? 0) ^ 1

  test('never reach a client completely, are not stored, and are logged', async () => {
    await using it = await start()
    it.upstream.hook = ({ kind }, response) => (kind === 'blob' ? { ...response, body: wrong } : undefined)
    const clients = [download(it), download(it)]
    expect(await Promise.all(clients.map(({ isWhole }) => isWhole))).toEqual([false, false])
    for (const { received } of clients) expect(received).toBeLessThan(bytes.length)
    await expectNothingStored(it)
    expect(it.warnings).toMatchObject([{ fields: { err: { name: 'DigestMismatchError' } } }])
  })

  test('do not reach a client by a range that includes the last byte either', async () => {
    await using it = await start()
    it.upstream.hook = ({ kind }, response) => (kind === 'blob' ? { ...response, body: wrong } : undefined)
    const url = `${it.url}/v2/shop/web/blobs/${layer.digest}`
    const client = new Download(url, { range: `bytes=${bytes.length - 1}-` })
    expect(await client.isWhole.catch(() => false)).toBe(false)
    expect(client.received).toBe(0)
  })
})

describe('a private source', () => {
  const auth = { scheme: 'bearer', credentials: { username: 'ada', password: 'lovelace' } } as const

  test('gets the credentials that imports use', async () => {
    await using it = await start({
      upstream: { auth },
      world: { client: { credentials: password('ada', 'lovelace') } },
    })
    expect((await it.getBlob(layer)).bytes.equals(bytes)).toBe(true)
  })

  test('that rejects them is a 403 without the secret', async () => {
    await using it = await start({
      upstream: { auth },
      world: { client: { credentials: password('ada', 'wrong-lovelace') } },
    })
    const response = await it.getBlob(layer)
    expect(response).toMatchObject({ status: 403, code: 'DENIED' })
    expect(response.text).not.toContain('lovelace')
  })
})

test('a layer is not fetched from the URLs in its descriptor', async () => {
  await using elsewhere = await startScripted((_, response) => response.end(bytes))
  const document = JSON.parse(String(app.bytes))
  document.layers[0].urls = [`${elsewhere.url}/layer`]
  const foreign = Buffer.from(JSON.stringify(document))
  await using it = await start({ content: { ...app, bytes: foreign, digest: digestOf(foreign) } })
  it.upstream.remove('team/app', layer.digest)
  expect(await it.getBlob(layer)).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
  expect(elsewhere.requests).toEqual([])
})

test.each([
  [bytes.length, 200, undefined],
  [bytes.length - 1, 403, 'DENIED'],
])('with blobs of at most %d bytes here, one of 4 MiB is a %d', async (maximumBlobBytes, status, code) => {
  await using it = await start({ world: { limits: { maximumBlobBytes } } })
  const response = await it.getBlob(layer)
  expect(response.status).toBe(status)
  if (code) expect(response.code).toBe(code)
  expect(it.upstream.requests.blob).toBe(code ? 0 : 1)
})

test('a full disk is a 507, and ends the request to the source', async () => {
  await using source = await startHeldRegistry(layer)
  await using it = await openPullWorld({
    blobs: (store) => {
      const full = async () => {
        throw new StorageFullError('the disk is full')
      }
      return Object.assign(Object.create(store), { createUpload: full })
    },
  })
  await it.importTag({ from: `${source.host}/team/app`, content: app })
  await it.get('/v2/shop/web/manifests/v1')
  expect(await it.getBlob(layer)).toMatchObject({ status: 507, code: 'DENIED' })
  await expect.poll(() => source.requests.every(({ socket }) => socket.destroyed)).toBe(true)
})

test('shutting down aborts running fetches and leaves nothing of them', async () => {
  await using source = await startHeldRegistry(layer)
  await using it = await startFrom(source.host)
  const client = download(it)
  await client.until(1000)
  await it.pullThrough[Symbol.asyncDispose]()
  expect(await client.isWhole).toBe(false)
  await expectNothingStored(it)
  expect(await it.getBlob(layer)).toMatchObject({ status: 503, code: 'UNKNOWN' })
})

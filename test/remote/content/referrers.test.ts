import { describe, expect, test } from 'vitest'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-types.ts'
import { tagOfReferrers } from '../../../src/oci/tag.ts'
import { MAX_REFERRERS } from '../../../src/remote/content/referrers.ts'
import { type Scripted, startScripted } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'

const app = image({ seed: 'app' })
const SBOM = 'application/spdx+json'

const descriptorOf = (name: string, artifactType = SBOM) => ({
  mediaType: OCI_MANIFEST,
  digest: digestOf(name),
  size: 400,
  artifactType,
})
const indexOf = (manifests: readonly unknown[]) => ({ schemaVersion: 2, mediaType: OCI_INDEX, manifests })

interface Page {
  readonly manifests?: unknown
  readonly link?: string
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly text?: string
}

/** A registry whose list of referrers depends on the query alone, and that has nothing else. */
const startReferrers = (pageFor: (query: URLSearchParams) => Page): Promise<Scripted> =>
  startScripted((request, response) => {
    const { searchParams, pathname } = new URL(request.url ?? '', 'http://x')
    const { manifests, link, status = 200, headers = {}, text } = pageFor(searchParams)
    const isList = pathname.includes('/referrers/')
    if (link) response.setHeader('link', link)
    response.writeHead(isList ? status : 404, { 'content-type': OCI_INDEX, ...headers })
    response.end(text ?? JSON.stringify(indexOf(manifests as unknown[])))
  })

const listOf = async (host: string, client: TestClient, artifactType: string | null = null) =>
  client.repository(`${host}/team/app`).listReferrers(app.digest, artifactType)
const digests = (found: { readonly descriptors: readonly { readonly digest: Digest }[] }) =>
  found.descriptors.map(({ digest }) => digest)

describe('the referrers API', () => {
  test("requests the index of the digest's referrers, and nothing else", async () => {
    await using registry = await startReferrers(() => ({
      manifests: [{ ...descriptorOf('one'), annotations: { a: 'b', c: 7 } }],
    }))
    await using client = new TestClient()

    const found = await listOf(registry.host, client)

    expect(found).toEqual({
      source: 'API',
      isComplete: true,
      descriptors: [{ ...descriptorOf('one'), annotations: { a: 'b' } }],
    })
    expect(registry.requests.map(({ url, headers }) => [url, headers.accept])).toEqual([
      [`/v2/team/app/referrers/${app.digest}`, OCI_INDEX],
    ])
  })

  test('follows Link on its own path and origin', async () => {
    await using registry = await startReferrers((query) =>
      query.get('last')
        ? { manifests: [descriptorOf('two')] }
        : {
            manifests: [descriptorOf('one')],
            link: '<http://169.254.169.254/v2/other/referrers/x?last=1&n=1>; rel="next"',
          },
    )
    await using client = new TestClient()

    expect(digests(await listOf(registry.host, client))).toEqual([digestOf('one'), digestOf('two')])
    expect(registry.requests.map(({ url }) => url)).toEqual([
      `/v2/team/app/referrers/${app.digest}`,
      `/v2/team/app/referrers/${app.digest}?last=1&n=1`,
    ])
  })

  test('ends with a warning at a Link to an earlier page', async () => {
    await using registry = await startReferrers(() => ({
      manifests: [descriptorOf('one')],
      link: '<?page=1>; rel="next"',
    }))
    await using client = new TestClient()

    expect(digests(await listOf(registry.host, client))).toEqual([digestOf('one')])
    expect(registry.requests).toHaveLength(2)
    expect(client.warnings.map(({ message }) => message)).toEqual([
      `its list of the referrers of ${app.digest} repeats pages that were already read`,
    ])
  })

  test('reads 10,000 referrers up to a limit, as an incomplete list', async () => {
    const many = Array.from({ length: 10_000 }, (_, at) => descriptorOf(`flood ${at}`))
    await using registry = await startReferrers(() => ({ manifests: many }))
    await using client = new TestClient()

    const found = await listOf(registry.host, client)

    expect(found.isComplete).toBe(false)
    expect(found.descriptors).toHaveLength(MAX_REFERRERS)
  })

  test('ends after too many pages, as an incomplete list', async () => {
    let page = 0
    await using registry = await startReferrers(() => {
      page += 1
      return { manifests: [descriptorOf(`page ${page}`)], link: `<?page=${page}>; rel="next"` }
    })
    await using client = new TestClient()

    expect(await listOf(registry.host, client)).toMatchObject({ isComplete: false })
    expect(page).toBe(20)
  })

  test('omits and counts entries that are not descriptors; a prototype key is not a digest', async () => {
    const strange = [
      null,
      7,
      'x',
      { ...descriptorOf('one'), digest: 'sha256:../../x' },
      { ...descriptorOf('two'), size: -1 },
      JSON.parse(`{"__proto__":${JSON.stringify(descriptorOf('three'))}}`),
    ]
    const twice = [descriptorOf('good'), descriptorOf('good')]
    await using registry = await startReferrers(() => ({ manifests: [...strange, ...twice] }))
    await using client = new TestClient()

    expect(digests(await listOf(registry.host, client))).toEqual([digestOf('good')])
    expect(client.warnings[0]?.message).toContain('has 6 entries that are not descriptors')
  })

  test('returns one artifactType only, whether or not the registry filters', async () => {
    await using registry = await startReferrers(() => ({
      manifests: [descriptorOf('sbom'), descriptorOf('other', 'application/x')],
      headers: { 'oci-filters-applied': 'artifactType' },
    }))
    await using client = new TestClient()

    expect(digests(await listOf(registry.host, client, SBOM))).toEqual([digestOf('sbom')])
    expect(registry.requests[0]?.url).toBe(
      `/v2/team/app/referrers/${app.digest}?artifactType=application%2Fspdx%2Bjson`,
    )
  })

  test.each([
    ['a web page', { text: '<html>sign in</html>' }, 'RegistryUnavailable'],
    ['cut off JSON', { text: '{"manifests":[' }, 'RegistryUnavailable'],
    ['no list', { manifests: { length: 3 } }, 'RegistryUnavailable'],
    ['5 MiB', { text: ' '.repeat(5 * 1024 * 1024) }, 'RegistryUnavailable'],
    ['429', { status: 429, headers: { 'retry-after': '3600' } }, 'TooManyRequests'],
    ['403', { status: 403 }, 'Forbidden'],
  ] as const)('that are %s are refused by a reason', async (_what, page, reason) => {
    await using registry = await startReferrers(() => page)
    await using client = new TestClient()

    expect(await refusalOf(listOf(registry.host, client))).toMatchObject({ reason })
  })
})

describe('the tag sha256-<hex>, after a 404 of the referrers API', () => {
  const tag = tagOfReferrers(app.digest)
  const contentOf = (document: unknown) => {
    const bytes = Buffer.from(JSON.stringify(document))
    return { mediaType: OCI_INDEX, digest: digestOf(bytes), bytes }
  }

  test('is requested from a registry without a referrers API, such as docker-registry 2.8.2', async () => {
    await using upstream = await startUpstream()
    const list = contentOf(indexOf([descriptorOf('one'), descriptorOf('two', 'application/x')]))
    upstream.push('team/app', tag, list)
    await using client = new TestClient()

    const found = await listOf(upstream.host, client)

    expect(found).toMatchObject({ source: 'TAG', isComplete: true })
    expect(digests(found)).toEqual([digestOf('one'), digestOf('two')])
    expect(digests(await listOf(upstream.host, client, SBOM))).toEqual([digestOf('one')])
  })

  test.each([400, 404, 405, 501])(
    'is requested after a response %i; if it is missing too, there are no referrers',
    async (status) => {
      await using registry = await startReferrers(() => ({ status }))
      await using client = new TestClient()

      expect(await listOf(registry.host, client)).toEqual({
        source: 'TAG',
        isComplete: true,
        descriptors: [],
      })
      expect(registry.requests.at(-1)?.url).toBe(`/v2/team/app/manifests/${tag}`)
    },
  )

  test('is empty where the registry reads it as the digest', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', tag, app)
    await using client = new TestClient()

    expect(await listOf(upstream.host, client)).toMatchObject({ source: 'TAG', descriptors: [] })
  })

  test('fails when the tag is another image', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', tag, image({ seed: 'another' }))
    await using client = new TestClient()

    expect(await refusalOf(listOf(upstream.host, client))).toMatchObject({
      reason: 'InvalidManifest',
      message: expect.stringContaining('is an image, not a list of referrers'),
    })
  })

  test('fails with 10,000 entries', async () => {
    await using upstream = await startUpstream()
    const many = Array.from({ length: 10_000 }, (_, at) => descriptorOf(`flood ${at}`))
    upstream.push('team/app', tag, contentOf(indexOf(many)))
    await using client = new TestClient()

    expect(await refusalOf(listOf(upstream.host, client))).toMatchObject({ reason: 'InvalidManifest' })
  })

  test('has at most 64 characters of the digest', () => {
    const sha512 = digestOf('x', 'sha512')
    expect(tagOfReferrers(sha512)).toBe(`sha512-${sha512.slice(7, 71)}`)
    expect(tagOfReferrers(app.digest, '.sig')).toBe(`${app.digest.replace(':', '-')}.sig`)
  })
})

describe('an attachment', () => {
  test('is verified, and not requested when it is larger than allowed', async () => {
    await using upstream = await startUpstream()
    const bytes = Buffer.from('a signature')
    const blob = { mediaType: 'text/plain', digest: digestOf(bytes), bytes }
    upstream.pushBlob('team/app', blob)
    upstream.pushBlob('team/app', { ...blob, digest: digestOf('another') })
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    const read = (digest: Digest, maxBytes = 100) =>
      repository.fetchAttachment({ digest, size: bytes.length }, maxBytes)

    expect(Buffer.from(await read(blob.digest))).toEqual(bytes)
    expect(await refusalOf(read(digestOf('another')))).toMatchObject({ reason: 'InvalidManifest' })
    upstream.reset()
    expect(await refusalOf(read(blob.digest, 5))).toMatchObject({ reason: 'InvalidManifest' })
    expect(upstream.log).toEqual([])
  })
})

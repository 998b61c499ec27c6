import { describe, expect, test } from 'vitest'
import type { Descriptor } from '../../../src/oci/descriptor.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { OCI_INDEX } from '../../../src/oci/media-types.ts'
import { RegistryError } from '../../../src/oci/registry-error.ts'
import { tagOfReferrers } from '../../../src/oci/tag.ts'
import { image, index } from '../../fixtures/random-image.ts'
import {
  password,
  refusalOf,
  TestClient,
  type TestClientOptions,
  tag,
} from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../../fixtures/upstream.ts'
import { errorResponse, json, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const NAME = 'team/app'
const LOGIN = { username: 'pusher', password: 'open sesame' }
const app = image({ seed: 'app' })
const other = image({ seed: 'other' })

async function start(options: UpstreamOptions = {}, clientOptions: TestClientOptions = {}) {
  const upstream = await startUpstream({ pushes: {}, ...options })
  const client = new TestClient(clientOptions)
  return {
    upstream,
    client,
    target: client.writable(`${upstream.host}/${NAME}`),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const push = (it: { target: ReturnType<TestClient['writable']> }, content = app, reference: string = '1.2') =>
  it.target.pushManifest({ reference: tag(reference), mediaType: content.mediaType, bytes: content.bytes })

const ociError = (status: number, code: string, message: string, detail?: unknown): UpstreamResponse =>
  json(status, { errors: [{ code, message, ...(detail !== undefined && { detail }) }] })

/** What registries respond to a push, as their documentation, source or users show it. */
const REFUSALS: readonly [name: string, UpstreamResponse, reason: string][] = [
  [
    'Harbor: a tag is immutable',
    ociError(412, 'PRECONDITION', "Failed to process request due to 'app:1.2' configured as immutable."),
    'Immutable',
  ],
  [
    'Harbor before: a tag is immutable',
    ociError(403, 'DENIED', 'The tag:app:1.2 is immutable, cannot be overwrite.'),
    'Immutable',
  ],
  [
    'Amazon ECR: tags are immutable',
    ociError(
      400,
      'TAG_INVALID',
      "The image tag '1.2' already exists in the 'app' repository and cannot be overwritten because the repository is immutable.",
    ),
    'Immutable',
  ],
  [
    'Artifact Registry: tags are immutable',
    ociError(400, 'MANIFEST_INVALID', 'cannot update tag 1.2. The repository has enabled tag immutability'),
    'Immutable',
  ],
  [
    'Nexus: redeploy is not allowed',
    ociError(
      400,
      'BLOB_UPLOAD_INVALID',
      'blob upload invalid',
      'Repository does not allow updating assets: docker',
    ),
    'Immutable',
  ],
  [
    'Azure: an image is locked',
    ociError(405, 'UNSUPPORTED', 'The operation is disallowed on this registry, repository or image.'),
    'Immutable',
  ],
  [
    'Harbor: the quota of a project',
    ociError(
      403,
      'DENIED',
      'adding 20.3 MiB of storage resource, which when updated to current usage of 300.0 GiB will exceed the configured upper limit of 300.0 GiB.',
    ),
    'TooLarge',
  ],
  [
    'Quay: the quota of an organization',
    ociError(403, 'DENIED', 'Quota has been exceeded on namespace'),
    'TooLarge',
  ],
  ['a proxy: the size of a request', { status: 413, headers: {}, body: '<html>413</html>' }, 'TooLarge'],
  ['a full disk', errorResponse(507, 'UNKNOWN'), 'TooLarge'],
  ['blobs are missing', errorResponse(400, 'MANIFEST_BLOB_UNKNOWN'), 'MissingContent'],
  ['an image of the index is missing', errorResponse(404, 'MANIFEST_UNKNOWN'), 'MissingContent'],
  ['a pull-through cache', errorResponse(405, 'UNSUPPORTED'), 'Forbidden'],
  ['an invalid name', errorResponse(400, 'NAME_INVALID'), 'Forbidden'],
  ['an invalid manifest', errorResponse(400, 'MANIFEST_INVALID'), 'InvalidManifest'],
  ['an unsupported type', { status: 415, headers: {}, body: '' }, 'InvalidManifest'],
  ['no right', errorResponse(403, 'DENIED'), 'Forbidden'],
  ['no project', errorResponse(404, 'NAME_UNKNOWN'), 'NotFound'],
  ['a rate limit', errorResponse(429, 'TOOMANYREQUESTS'), 'TooManyRequests'],
  ['a failing registry', errorResponse(500, 'UNKNOWN'), 'RegistryUnavailable'],
]

describe('a refused manifest', () => {
  test.each(REFUSALS)('has its reason: %s', async (_, response, reason) => {
    await using it = await start()
    it.upstream.hook = ({ kind }) => (kind === 'push' ? response : undefined)
    const refusal = await refusalOf(push(it))
    expect(refusal).toMatchObject({
      reason,
      status: response.status,
      registry: it.upstream.host,
      repository: NAME,
    })
  })

  test.each([412, 413, 400, 403, 405])('by a %d is not pushed again', async (status) => {
    await using it = await start()
    it.upstream.hook = ({ kind }) => (kind === 'push' ? errorResponse(status, 'DENIED') : undefined)
    await refusalOf(push(it))
    expect(it.upstream.requests.push).toBe(1)
  })

  test('names what was pushed, and what the registry says', async () => {
    await using it = await start()
    it.upstream.hook = ({ kind }) => (kind === 'push' ? REFUSALS[4]?.[1] : undefined)
    expect((await refusalOf(push(it))).message).toBe(
      `cannot push the tag "1.2" to ${it.upstream.host}/${NAME}: it responded with 400 BLOB_UPLOAD_INVALID: blob upload invalid: Repository does not allow updating assets: docker`,
    )
  })
})

describe('a login', () => {
  const auth = { scheme: 'bearer', credentials: LOGIN } as const
  const credentials = password(LOGIN.username, LOGIN.password)

  test('is sent for the right to push', async () => {
    await using it = await start({ auth }, { credentials })
    for (const { digest, bytes } of [app.config, ...app.layers]) {
      it.upstream.pushBlob(NAME, { digest, bytes, mediaType: 'application/octet-stream' })
    }
    expect(await push(it)).toEqual({ digest: app.digest, isReferrerListed: false })
    const tokens = it.upstream.log.filter(({ kind }) => kind === 'token')
    expect(tokens.map(({ query }) => query.getAll('scope'))).toEqual([['repository:team/app:pull,push']])
  })

  test('without that right is named, and content is never pushed anonymously in its place', async () => {
    await using it = await start({ auth: { ...auth, mayPush: () => false } }, { credentials })
    const refusal = await refusalOf(push(it))
    expect(refusal).toMatchObject({ reason: 'Unauthorized', status: 401 })
    expect(refusal.message).toContain(`the login for ${it.upstream.host} may not push to it`)
    const anonymous = it.upstream.log.filter(
      ({ kind, headers }) => kind === 'token' && headers.authorization === undefined,
    )
    expect(anonymous).toEqual([])
  })

  test.each([
    ['basic', 401],
    ['basic', 403],
    ['bearer', 400],
    ['bearer', 403],
  ] as const)(
    'by %s that is refused with %d is sent with each request: none pushes without it',
    async (scheme, status) => {
      await using it = await start({ auth: { scheme, credentials: LOGIN } }, { credentials })
      it.upstream.hook = ({ kind }) => (kind === 'push' ? errorResponse(status, 'DENIED') : undefined)
      await refusalOf(push(it))
      await refusalOf(push(it))
      const [first, ...others] = it.upstream.log
      expect(first).toMatchObject({ kind: 'base' })
      const pushes = others.filter(({ kind }) => kind === 'push')
      expect(pushes.length).toBeGreaterThanOrEqual(1)
      expect(pushes.every(({ headers }) => headers.authorization !== undefined)).toBe(true)
    },
  )

  test('that is missing is named', async () => {
    await using it = await start({ auth })
    const refusal = await refusalOf(push(it))
    expect(refusal).toMatchObject({ reason: 'Unauthorized' })
    expect(refusal.message).toContain('needs a login')
    expect(refusal.message).toContain('setRegistryCredential')
  })

  test('reads a public repository before it pushes', async () => {
    await using it = await start(
      { auth: { ...auth, mayPull: () => true, mayPush: (username) => username !== null } },
      { credentials },
    )
    it.upstream.push(NAME, '1.2', app)
    expect(await it.target.digestOfTag(tag('1.2'))).toBe(app.digest)
    expect(await push(it)).toMatchObject({ digest: app.digest })
  })
})

describe('the list of referrers under a tag', () => {
  const subject = app.digest
  const referrerOf = ({ digest, mediaType, bytes }: typeof app): Descriptor => ({
    mediaType,
    digest,
    size: bytes.length,
    annotations: {},
  })
  const listOf = async (upstream: Upstream, client: TestClient) => {
    const digest = upstream.tags(NAME).get(tagOfReferrers(subject))
    if (!digest) throw new Error('no list')
    const { bytes } = await client.repository(`${upstream.host}/${NAME}`).fetchManifest(digest)
    return JSON.parse(Buffer.from(bytes).toString())
  }

  test('keeps the entries and the fields of other clients', async () => {
    await using it = await start()
    it.upstream.push(NAME, '1.2', app)
    it.upstream.push(NAME, null, other)
    const entry = { ...referrerOf(other), 'org.example.field': [1] }
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [entry],
        annotations: { made: 'by hand' },
      }),
    )
    it.upstream.push(NAME, tagOfReferrers(subject), { bytes, digest: digestOf(bytes), mediaType: OCI_INDEX })

    await it.target.addReferrer(subject, referrerOf(app))

    const { annotations: _, ...added } = referrerOf(app)
    expect(await listOf(it.upstream, it.client)).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [entry, added],
      annotations: { made: 'by hand' },
    })
  })

  test('has both entries where another client writes it at the same time', async () => {
    await using it = await start()
    it.upstream.push(NAME, '1.2', app)
    const list = index([other])
    let writes = 0
    it.upstream.hook = ({ kind, method, reference }) => {
      // another client, which has read the list before, replaces what was just written
      const isCheck =
        kind === 'head' && reference === tagOfReferrers(subject) && it.upstream.requests.push === 1
      if (isCheck) it.upstream.push(NAME, tagOfReferrers(subject), list)
      writes += method === 'PUT' ? 1 : 0
      return isCheck
        ? {
            status: 200,
            headers: { 'docker-content-digest': list.digest, 'content-type': OCI_INDEX },
            body: '',
          }
        : undefined
    }

    await it.target.addReferrer(subject, referrerOf(app))

    expect(writes).toBe(2)
    const { manifests } = await listOf(it.upstream, it.client)
    expect(manifests.map(({ digest }: Descriptor) => digest)).toEqual([other.digest, app.digest])
  })

  test('is given up where another client always replaces it', async () => {
    await using it = await start()
    it.upstream.push(NAME, '1.2', app)
    it.upstream.hook = ({ kind }) => (kind === 'push' ? undefined : errorResponse(404, 'MANIFEST_UNKNOWN'))
    const refusal = await refusalOf(it.target.addReferrer(subject, referrerOf(app)))
    expect(refusal).toBeInstanceOf(RegistryError)
    expect(refusal.message).toContain('other clients change it at the same time')
    expect(it.upstream.requests.push).toBe(5)
  })
})

import type { TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { startScripted } from '../fixtures/hostile-registry.ts'
import { startHttpProxy } from '../fixtures/http-proxy.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../fixtures/upstream.ts'
import { createStream, follow, type Imported, importImage, tagDigests } from './operations.ts'

// Registries are configured while the server runs: each change applies to the next request.

const one = image({ seed: 'registries one' })
const two = image({ seed: 'registries two' })

const configure = ({ client }: Pick<TestApp, 'client'>, prefix: string, input: object) =>
  client.request(
    'mutation ($input: ConfigureRegistryInput!) { configureRegistry(input: $input) { registryConfiguration { prefix } } }',
    { input: { prefix, ...input } },
  )

/** Starts a registry that has this image as `team/app:latest`. */
async function start(content: typeof one | null, options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream = await startUpstream(options)
  if (content) upstream.push('team/app', 'latest', content)
  return upstream
}

const latest = async ({ client }: TestApp) => (await tagDigests(client)).get('latest')
const done = { state: 'SUCCEEDED' }
const blocked: Partial<Imported> = { state: 'FAILED', reason: 'BLOCKED' }

describe('a mirror', () => {
  test('serves the content, while the registry resolves tags', async () => {
    await using origin = await start(one)
    await using mirror = await startUpstream()
    mirror.push('cache/team/app', 'latest', two)
    mirror.push('cache/team/app', null, one)
    await using app = await startApp()
    await configure(app, origin.host, { mirrors: [{ location: `${mirror.host}/cache` }] })

    expect(await follow(app.client, `${origin.host}/team/app`)).toMatchObject(done)

    expect(await latest(app)).toBe(one.digest)
    expect(origin.requests).toMatchObject({ manifest: 0, blob: 0 })
    expect(mirror.requests).toMatchObject({ listing: 0, head: 0, manifest: 1, blob: 1 })
  })

  test('with tags resolves them, and is replaced by the registry while it fails', async () => {
    await using origin = await start(one)
    await using mirror = await start(two)
    await using app = await startApp()
    await configure(app, origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })

    expect(await follow(app.client, `${origin.host}/team/app`)).toMatchObject(done)
    expect(await latest(app)).toBe(two.digest)

    mirror.hook = () => ({ status: 404, headers: {}, body: Buffer.alloc(0) })
    expect(await importImage(app.client)).toMatchObject(done)
    expect(await latest(app)).toBe(one.digest)
  })
})

describe('a location', () => {
  test('is read instead of the registry, with only the credentials of the location', async () => {
    const login = { username: 'me', password: 'for the location' }
    const mayPull = (username: string | null) => username === login.username
    await using moved = await startUpstream({ auth: { scheme: 'basic', credentials: login, mayPull } })
    moved.push('library/team/app', 'latest', one)
    await using app = await startApp()
    const setCredential = (prefix: string, password: string) =>
      app.client.request(
        'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { __typename } }',
        { input: { prefix, username: login.username, password } },
      )
    await configure(app, 'old.example', { location: `${moved.host}/library` })
    await setCredential('old.example', 'canary')

    expect(await follow(app.client, 'old.example/team/app')).toMatchObject({
      state: 'FAILED',
      reason: 'UNAUTHORIZED',
      message: expect.stringContaining(`old.example/team/app is read from ${moved.host}/library/team/app`),
    })
    await setCredential(moved.host, login.password)
    expect(await importImage(app.client)).toMatchObject(done)

    const received = moved.log.flatMap(({ headers }) => headers.authorization ?? [])
    const canary = Buffer.from('me:canary').toString('base64')
    expect(received.length).toBeGreaterThan(0)
    expect(received.join()).not.toContain(canary)
  })
})

describe('certificates', () => {
  test('of a private authority are trusted while they are configured', async () => {
    const authority = await createAuthority()
    await using origin = await start(one, { tls: await authority.issue(['127.0.0.1']) })
    await using app = await startApp()

    expect(await follow(app.client, `${origin.host}/team/app`)).toMatchObject({
      state: 'FAILED',
      message: expect.stringContaining('certificate'),
    })
    await configure(app, origin.host, { ca: authority.ca })
    expect(await importImage(app.client)).toMatchObject(done)
    await configure(app, origin.host, { ca: null })
    expect(await importImage(app.client)).toMatchObject({ state: 'FAILED' })
  })

  test('are sent to a registry that requests one', async () => {
    const authority = await createAuthority()
    const tls = {
      ...(await authority.issue(['127.0.0.1'])),
      ...{ ca: authority.ca, requestCert: true, rejectUnauthorized: true },
    }
    await using origin = await start(one, { tls })
    await using app = await startApp()
    const { cert: certificate, key } = await authority.issueClient('imagestreams')
    await configure(app, origin.host, { ca: authority.ca })
    expect(await follow(app.client, `${origin.host}/team/app`)).toMatchObject({ state: 'FAILED' })

    await configure(app, origin.host, { clientCertificate: { certificate, key } })
    expect(await importImage(app.client)).toMatchObject(done)
    expect(await latest(app)).toBe(one.digest)

    await app.restart()
    expect(await importImage(app.client)).toMatchObject(done)
  })

  test('are not sent to the target of a redirect', async () => {
    const authority = await createAuthority()
    const certificates = await authority.issue(['127.0.0.1'])
    const requesting = { ...certificates, ca: authority.ca, requestCert: true, rejectUnauthorized: false }
    const received: unknown[] = []
    await using elsewhere = await startScripted(
      (request, response) => {
        received.push((request.socket as TLSSocket).getPeerCertificate().subject)
        response.writeHead(404).end()
      },
      { tls: requesting },
    )
    await using origin = await start(one, { tls: requesting })
    origin.hook = ({ kind }) =>
      kind === 'head' || kind === 'manifest'
        ? { status: 307, headers: { location: `${elsewhere.url}/there` }, body: Buffer.alloc(0) }
        : undefined
    await using app = await startApp()
    const { cert: certificate, key } = await authority.issueClient('imagestreams')
    const input = { ca: authority.ca, clientCertificate: { certificate, key } }
    await configure(app, origin.host, input)
    await configure(app, elsewhere.host, input)

    await follow(app.client, `${origin.host}/team/app`)
    expect(received.length).toBeGreaterThan(0)
    expect(received.every((subject) => subject === undefined)).toBe(true)
  })
})

describe('a proxy', () => {
  test('is used from the next request on, and only the proxy receives its login', async () => {
    await using origin = await start(one)
    await using proxy = await startHttpProxy({
      resolve: () => origin.host,
      login: { username: 'me', password: 'canary' },
    })
    await using app = await startApp()
    const insecure = true
    await configure(app, 'registry.example', { insecure, proxy: { url: proxy.url } })

    expect(await follow(app.client, 'registry.example/team/app')).toMatchObject({
      state: 'FAILED',
      message: expect.stringContaining('its proxy requires another login (407)'),
    })
    await configure(app, 'registry.example', {
      proxy: { url: proxy.url, username: 'me', password: 'canary' },
    })
    // https is tried first, and the proxy's target does not support it
    expect(await importImage(app.client)).toMatchObject(done)
    expect(proxy.requests[0]).toBe('CONNECT registry.example:443')
    expect(proxy.requests).toContain('GET http://registry.example/v2/team/app/tags/list?n=1000')
    expect(origin.log.every(({ headers }) => headers['proxy-authorization'] === undefined)).toBe(true)
    expect(JSON.stringify(await tagDigests(app.client))).not.toContain('canary')
  })
})

describe('a block', () => {
  test('stops imports before any connection is opened, and the error names the rule', async () => {
    await using origin = await start(one)
    await using app = await startApp()
    await follow(app.client, `${origin.host}/team/app`)
    origin.reset()
    await configure(app, `${origin.host}/team`, { access: 'BLOCKED' })

    expect(await importImage(app.client)).toMatchObject({
      ...blocked,
      message: `no request was sent to ${origin.host}/team/app: the configuration of ${origin.host}/team blocks it; access: ALLOWED in configureRegistry permits it`,
    })
    expect(origin.log).toEqual([])
    await configure(app, `${origin.host}/team`, { access: null })
    expect(await importImage(app.client)).toMatchObject(done)
  })

  test('refuses new streams of the registry, and permits changes of existing ones', async () => {
    await using origin = await start(one)
    await using app = await startApp()
    await follow(app.client, `${origin.host}/team/app`)
    await configure(app, origin.host, { access: 'BLOCKED' })
    const create = (spec: object) =>
      app.client.execute(
        'mutation ($input: CreateImageStreamInput!) { createImageStream(input: $input) { __typename } }',
        { input: { name: 'other', spec } },
      )

    const name = `${origin.host}/team/other:1`
    for (const [spec, field] of [
      [{ dockerImageRepository: `${origin.host}/team/other` }, 'spec.dockerImageRepository'],
      [{ tags: [{ name: '1', from: { kind: 'DOCKER_IMAGE', name } }] }, 'spec.tags.0.from.name'],
    ] as const) {
      expect((await create(spec)).errors?.[0]).toMatchObject({
        message: expect.stringContaining(`the configuration of ${origin.host} blocks it`),
        extensions: { code: 'INVALID', field },
      })
    }
    const update =
      'mutation ($input: UpdateImageStreamInput!) { updateImageStream(input: $input) { __typename } }'
    const labels = [{ key: 'team', value: 'one' }]
    expect(
      (await app.client.execute(update, { input: { imageStream: 'app', labels } })).errors,
    ).toBeUndefined()
  })

  test('names the field of the input that has the blocked source', async () => {
    await using origin = await start(one)
    await using app = await startApp()
    await follow(app.client, `${origin.host}/team/app`)
    await configure(app, origin.host, { access: 'BLOCKED' })
    const repository = `${origin.host}/team/other`
    const name = `${repository}:1`
    const from = { kind: 'DOCKER_IMAGE', name }
    const setTags = [
      { name: 'free', from: { kind: 'DOCKER_IMAGE', name: 'quay.io/free/app:1' } },
      { name: '1', from },
    ]

    for (const [mutation, type, input, field] of [
      ['importImage', 'ImportImageInput', { imageStream: 'app', tag: '1', from: name }, 'from'],
      [
        'importImage',
        'ImportImageInput',
        { imageStream: 'x', from: repository, all: true, confirm: true },
        'from',
      ],
      [
        'setTagPolicy',
        'SetTagPolicyInput',
        { imageStream: 'app', tag: '1', repository, policy: { order: 'SEMVER' } },
        'repository',
      ],
      ['tagImage', 'TagImageInput', { imageStream: 'app', tag: '1', from }, 'from.name'],
      ['updateImageStream', 'UpdateImageStreamInput', { imageStream: 'app', setTags }, 'setTags.1.from.name'],
      [
        'updateImageStream',
        'UpdateImageStreamInput',
        { imageStream: 'app', spec: { dockerImageRepository: repository } },
        'spec.dockerImageRepository',
      ],
    ] as const) {
      const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`
      expect((await app.client.execute(document, { input })).errors?.[0]).toMatchObject({
        message: expect.stringContaining(`the configuration of ${origin.host} blocks it`),
        extensions: { code: 'INVALID', field },
      })
    }
  })

  test('of everything except the allowed registries permits only those', async () => {
    await using origin = await start(one)
    origin.push('other/app', 'latest', two)
    await using app = await startApp()
    await follow(app.client, `${origin.host}/team/app`)
    await app.client.request(
      'mutation { setRegistryDefaultAccess(input: { access: BLOCKED }) { registryDefaultAccess } }',
    )
    expect(await importImage(app.client)).toMatchObject({
      ...blocked,
      message: expect.stringContaining('no configuration allows it, and the default access is BLOCKED'),
    })

    await configure(app, `${origin.host}/team`, { access: 'ALLOWED' })
    expect(await importImage(app.client)).toMatchObject(done)
    await app.restart()
    expect(await importImage(app.client)).toMatchObject(done)
    const dry =
      'mutation ($input: ImportImageInput!) { importImage(input: $input) { import { state reason } } }'
    const other = await app.client.execute(dry, {
      input: { imageStream: 'x', from: `${origin.host}/other/app:latest`, dryRun: true, confirm: true },
    })
    expect(other.data).toEqual({ importImage: { import: { state: 'FAILED', reason: 'BLOCKED' } } })
  })
})

describe('a request limit', () => {
  test('of one registry is kept', async () => {
    await using origin = await startUpstream()
    for (let n = 0; n < 12; n += 1) origin.push('team/app', `v${n}`, image({ seed: `limits ${n}` }))
    let [current, most] = [0, 0]
    origin.hook = async () => {
      current += 1
      most = Math.max(most, current)
      await new Promise((resolve) => setImmediate(resolve))
      current -= 1
      return undefined
    }
    await using app = await startApp()
    await configure(app, origin.host, { concurrency: 2 })

    expect(await follow(app.client, `${origin.host}/team/app`)).toMatchObject({ ...done, imported: 12 })
    expect(most).toBeLessThanOrEqual(2)
  })
})

describe('pulling through the integrated registry', () => {
  const createLocal = ({ client }: TestApp, { host }: Upstream) => {
    const from = { kind: 'DOCKER_IMAGE', name: `${host}/team/app:latest` }
    return createStream(client, {
      spec: { tags: [{ name: 'latest', from, referencePolicy: { type: 'LOCAL' } }] },
    })
  }
  /** Pulls a layer of the imported image through this server. */
  const pull = async ({ app }: TestApp) => {
    const [layer] = one.layers
    if (!layer) throw new Error('an image without layers')
    // a client starts with the manifest, which names the blob
    await (await fetch(`${app.url}/v2/default/app/manifests/latest`)).arrayBuffer()
    const response = await fetch(`${app.url}/v2/default/app/blobs/${layer.digest}`)
    const bytes = Buffer.from(await response.arrayBuffer())
    return { status: response.status, text: bytes.toString(), isRight: bytes.equals(layer.bytes) }
  }

  test('is blocked from the next request on, and works again when the block is removed', async () => {
    await using origin = await start(one)
    await using app = await startApp()
    await createLocal(app, origin)
    origin.reset()
    await configure(app, origin.host, { access: 'BLOCKED' })

    expect(await pull(app)).toMatchObject({
      status: 403,
      text: expect.stringContaining(`the configuration of ${origin.host} blocks it`),
    })
    expect(origin.log).toEqual([])
    await configure(app, origin.host, { access: 'ALLOWED' })
    expect(await pull(app)).toMatchObject({ status: 200, isRight: true })
  })

  test("reads blobs from a mirror, and from the registry if the mirror's bytes are wrong", async () => {
    await using origin = await start(one)
    await using mirror = await start(one)
    await using app = await startApp()
    await createLocal(app, origin)
    origin.reset()
    await configure(app, origin.host, { mirrors: [{ location: mirror.host }] })
    mirror.hook = ({ kind }, response) =>
      kind === 'blob' ? { ...response, body: Buffer.alloc(response.body.length, 'x') } : undefined

    const wrong = await pull(app).catch(() => ({ isRight: false }))
    expect(wrong.isRight).toBe(false)
    expect(mirror.requests.blob).toBe(1)
    expect(await pull(app)).toMatchObject({ status: 200, isRight: true })
    expect(mirror.requests.blob).toBe(1)
    expect(origin.requests.blob).toBe(1)
  })
})

describe('a changed configuration (threats: pooled socket outlives policy change)', () => {
  test('reuses no connection that was opened before it', async () => {
    await using server = await startScripted((_, response) => void response.writeHead(404).end())
    await using app = await startApp()
    const sockets = () => new Set(server.requests.map(({ socket }) => socket))
    await follow(app.client, `${server.host}/team/app`)
    const before = sockets()

    await configure(app, 'elsewhere.example', { access: 'BLOCKED' })
    server.requests.length = 0
    await importImage(app.client)

    expect(sockets().size).toBeGreaterThan(0)
    for (const socket of sockets()) expect(before.has(socket)).toBe(false)
  })
})

describe('a refusal that a setting or a field removes', () => {
  test('names it in the import', async () => {
    const authority = await createAuthority()
    await using origin = await start(one, { tls: await authority.issue(['127.0.0.1']) })
    await using app = await startApp()
    const refused = await follow(app.client, `${origin.host}/team/app`)
    expect(refused.message).toMatch(/; ca in configureRegistry or --ca-file adds a trusted authority$/)
    await configure(app, origin.host, { ca: authority.ca })
    expect(await importImage(app.client)).toMatchObject(done)

    const forbidden = await follow(app.client, '10.0.0.1/team/app', 'private')
    expect(forbidden.message).toMatch(
      /; --private-networks permits addresses of private networks, and a server without --open-to-everybody those of its own machine$/,
    )
  })
})

describe('a token server that moved (law 7)', () => {
  test.each([401, 403, 404, 500])(
    'is found by the next import of each repository, while the old one responds with %i',
    async (status) => {
      const tokenServer = async (token: string) => {
        const server = await startUpstream()
        server.hook = () => ({ status: 200, headers: {}, body: JSON.stringify({ token }) })
        return server
      }
      await using old = await tokenServer('old')
      await using moved = await tokenServer('new')
      let current = { realm: `${old.url}/token`, token: 'old' }
      await using origin = await start(one)
      origin.push('team/other', 'latest', one)
      origin.hook = ({ headers }) => {
        const challenge = { 'www-authenticate': `Bearer realm="${current.realm}",service="s"` }
        return headers.authorization === `Bearer ${current.token}`
          ? undefined
          : { status: 401, headers: challenge, body: '' }
      }
      await using app = await startApp()
      await follow(app.client, `${origin.host}/team/app`)
      expect(await importImage(app.client)).toMatchObject(done)

      old.hook = () => ({ status, headers: {}, body: '' })
      current = { realm: `${moved.url}/token`, token: 'new' }
      origin.push('team/app', 'latest', two)

      expect(await importImage(app.client)).toMatchObject(done)
      expect(await latest(app)).toBe(two.digest)
      const from = `${origin.host}/team/other:latest`
      const input = { namespace: 'elsewhere', imageStream: 'other', from, confirm: true, waitSeconds: 20 }
      expect(
        await app.client.request(
          'mutation ($input: ImportImageInput!) { importImage(input: $input) { import { state } } }',
          { input },
        ),
      ).toEqual({ importImage: { import: done } })
    },
  )
})

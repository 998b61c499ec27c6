import { describe, expect, test } from 'vitest'
import { defaultLocation, NO_RULES } from '../../src/remote/location/registry-rules.ts'
import { DEFAULT_VENDOR_LIMITS } from '../../src/vendors/listing/budget.ts'
import { vendorByHeaders, vendorByName } from '../../src/vendors/listing/detect.ts'
import { createVendors } from '../../src/vendors/listings.ts'
import { closedPort, startScripted } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { password, TestClient } from '../fixtures/registry-client.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { gitlabSide } from '../fixtures/vendors/gitlab.ts'
import { jfrogSide } from '../fixtures/vendors/jfrog.ts'
import { zotSide } from '../fixtures/vendors/zot.ts'
import { ListingClient, startVendor, type Vendor } from './world.ts'

const DAY = 24 * 3_600_000
const LOGIN = { username: 'alice', password: 's3cret' }
const one = image({ seed: 'one' })
const UNSAID = { vendor: null, apiUrl: null }
const byKind = createVendors(DEFAULT_VENDOR_LIMITS)
const vendors = [...byKind.values()]

describe('a registry with a host name of a vendor', () => {
  test.each([
    ['docker.io', 'DOCKER_HUB'],
    ['quay.io', 'QUAY'],
    ['ghcr.io', 'GITHUB'],
    ['GHCR.io', 'GITHUB'],
    ['gcr.io', 'GOOGLE'],
    ['eu.gcr.io', 'GOOGLE'],
    ['europe-west1-docker.pkg.dev', 'GOOGLE'],
    ['team.azurecr.io', 'AZURE'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'ECR'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'ECR'],
    ['registry.gitlab.com', 'GITLAB'],
    ['team.jfrog.io', 'JFROG'],
  ])('%s', (registry, kind) => {
    expect(vendorByName(vendors, registry)).toBe(byKind.get(kind))
  })

  test.each([
    'registry.example',
    'docker.io.evil.example',
    'evil-quay.io',
    'gcr.io.evil.example',
    'azurecr.io',
    'dkr.ecr.eu-west-1.amazonaws.com',
    'public.ecr.aws',
    'gitlab.com',
    'jfrog.io',
    'notjfrog.io',
    'localhost:5000',
    '__proto__',
    'constructor',
  ])('is not mistaken for another: %s', (registry) => {
    expect(vendorByName(vendors, registry)).toBeUndefined()
  })
})

describe('a registry with headers of a vendor', () => {
  const bearer = (realm: string, service: string) => ({
    'www-authenticate': `Bearer realm="${realm}",service="${service}"`,
  })

  test.each([
    ['x-jfrog-version', { 'x-jfrog-version': 'Artifactory/7.90.1' }, 'JFROG'],
    ['Artifactory Realm', { 'www-authenticate': 'Basic realm="Artifactory Realm"' }, 'JFROG'],
    ['the version of GitLab', { 'gitlab-container-registry-version': '4.15.2-gitlab' }, 'GITLAB'],
    ['the token server of GitLab', bearer('https://gl.example/jwt/auth', 'container_registry'), 'GITLAB'],
    ['the token server of Harbor', bearer('https://h.example/service/token', 'harbor-registry'), 'HARBOR'],
    ['the token server of Quay', bearer('https://q.example/v2/auth', 'q.example'), 'QUAY'],
    ["zot's realm", { 'www-authenticate': 'Basic realm="Authorization Required"' }, 'ZOT'],
    ['several challenges', { 'www-authenticate': 'Negotiate, Basic realm="Artifactory Realm"' }, 'JFROG'],
  ])('is detected by %s', (_what, headers, kind) => {
    expect(vendorByHeaders(vendors, headers)).toBe(byKind.get(kind))
  })

  test.each([
    ['nothing', {}],
    ['another token server', bearer('https://auth.example/token', 'registry.example')],
    ["Harbor's path of another service", bearer('https://h.example/service/token', 'registry')],
    ['a realm that is no address', bearer('nonsense', 'harbor-registry')],
    ['another realm', { 'www-authenticate': 'Basic realm="registry"' }],
  ])('is not detected by %s', (_what, headers) => {
    expect(vendorByHeaders(vendors, headers)).toBeUndefined()
  })
})

/** Sends one request to the registry, as an import does first. */
async function greet({ client, registry, name }: Vendor): Promise<void> {
  registry.push('team/app', 'latest', one)
  for await (const _page of client.client.repository(name).listTags()) break
  registry.reset()
}

test('an unknown host is not requested', async () => {
  await using upstream = await startUpstream({ auth: { scheme: 'basic', credentials: LOGIN } })
  await using client = new ListingClient({ credentials: password(LOGIN.username, LOGIN.password) })
  upstream.push('team/app', 'latest', one)
  const name = `${upstream.host}/team/app`

  expect(await client.find(name)).toBeNull()
  expect(upstream.log).toEqual([])
  for await (const _page of client.client.repository(name).listTags()) break
  upstream.reset()
  expect(await client.find(name)).toBeNull()
  expect(upstream.log).toEqual([])
})

describe('a repository that is read from another location', () => {
  const at = (registry: string) =>
    new ListingClient({
      credentials: password(LOGIN.username, LOGIN.password),
      rules: () => ({
        ...NO_RULES,
        planOf: (_registry, repository) => ({ locations: [defaultLocation(registry, repository)] }),
      }),
    })

  test.each(['docker.io', 'quay.io', 'ghcr.io'])(
    'has no listing of %s, which it is named after',
    async (named) => {
      await using client = at('registry.example')
      // its credential is that of the location, and must not be sent to the vendor of the name
      expect(await client.find(`${named}/team/app`)).toBeNull()
    },
  )

  test('has the listing of the vendor there', async () => {
    await using client = at('quay.io')
    expect(await client.find('registry.example/team/app')).toMatchObject({ vendor: 'Quay' })
  })
})

describe('a registry of a vendor whose listing can be disabled', () => {
  const auth = {
    scheme: 'basic',
    credentials: LOGIN,
    challenge: 'Basic realm="Authorization Required"',
  } as const
  const asSomebody = { credentials: password(LOGIN.username, LOGIN.password), configuration: UNSAID }

  test.each([
    ['zot', () => zotSide({ auth }), '/v2/_oci/ext/discover'],
    ['GitLab', () => gitlabSide(), '/gitlab/v1/'],
  ])('%s is probed once a day', async (title, side, probe) => {
    await using vendor = await startVendor(side(), asSomebody)
    await greet(vendor)
    const { client, registry, name } = vendor
    const probes = () => registry.log.filter(({ path }) => path === probe).length

    const found = await Promise.all([client.find(name), client.find(name), client.find(name)])
    await client.find(`${registry.host}/team/other`)
    expect(found.map((listing) => listing?.vendor)).toEqual(Array(3).fill(title))
    expect(probes()).toBe(1)

    client.client.clock.time += DAY
    await client.find(name)
    expect(probes()).toBe(2)
    expect((await client.read(name)).claims).toMatchObject([{ tag: 'latest', digest: one.digest }])
  })

  test.each([
    ['zot without search', () => zotSide({ auth, hasSearch: false })],
    ['GitLab without its database', () => gitlabSide({ hasDatabase: false })],
  ])('a missing listing of %s is cached for a day', async (_what, side) => {
    await using vendor = await startVendor(side(), asSomebody)
    await greet(vendor)
    const { client, registry, name } = vendor

    expect(await client.find(name)).toBeNull()
    expect(await client.find(name)).toBeNull()
    expect(registry.log.filter(({ status }) => status !== 401)).toHaveLength(1)
  })

  test.each([200, 401])('GitLab has its listing when /gitlab/v1/ responds with %d', async (status) => {
    const closed = { scheme: 'bearer', credentials: LOGIN } as const
    await using vendor = await startVendor(gitlabSide(status === 401 ? { auth: closed } : {}), asSomebody)
    await greet(vendor)

    expect(await vendor.client.find(vendor.name)).toMatchObject({ vendor: 'GitLab' })
    expect(vendor.registry.log).toMatchObject([{ path: '/gitlab/v1/', status }])
  })

  test('has no listing while the probe fails or has an odd shape', async () => {
    await using vendor = await startVendor(zotSide({ auth }), asSomebody)
    await greet(vendor)
    vendor.registry.hook = () => ({ status: 200, headers: {}, body: '<html>' })

    expect(await vendor.client.find(vendor.name)).toBeNull()
    expect(await vendor.client.find(vendor.name)).toBeNull()
    expect(vendor.registry.log).toHaveLength(1)
  })

  test('a caller that aborts does not stop the probe of others', async () => {
    await using vendor = await startVendor(gitlabSide(), { configuration: UNSAID })
    await greet(vendor)
    const abort = new AbortController()
    let arrived: () => void = () => {}
    const first = new Promise<void>((resolve) => {
      arrived = resolve
    })
    vendor.registry.hook = () => {
      vendor.registry.hook = undefined
      arrived()
      return 'silence'
    }

    const gone = vendor.client.find(vendor.name, { signal: abort.signal })
    await first
    const stays = vendor.client.find(vendor.name)
    abort.abort(new Error('no longer wanted'))

    await expect(gone).rejects.toThrow('no longer wanted')
    expect((await stays)?.vendor).toBe('GitLab')
  })
})

test('JFrog is detected by its header, without a probe', async () => {
  await using vendor = await startVendor(jfrogSide(), { configuration: UNSAID })
  await greet(vendor)

  expect((await vendor.client.find(vendor.name))?.vendor).toBe('JFrog')
  expect(vendor.registry.log).toEqual([])
})

describe('the configuration of a registry', () => {
  test('overrides the detected vendor', async () => {
    await using vendor = await startVendor(jfrogSide(), { configuration: { vendor: 'QUAY', apiUrl: null } })
    await greet(vendor)

    expect((await vendor.client.find(vendor.name))?.vendor).toBe('Quay')
  })

  test.each(['NONE', 'SOMETHING_ELSE'])('%s disables the listing, and sends no request', async (vendor) => {
    await using running = await startVendor(jfrogSide(), { configuration: { vendor, apiUrl: null } })
    await greet(running)

    expect(await running.client.find(running.name)).toBeNull()
    expect(running.registry.log).toEqual([])
  })

  test('without apiUrl uses the registry, whose base URL is requested once', async () => {
    await using vendor = await startVendor(zotSide(), { configuration: { vendor: 'HARBOR', apiUrl: null } })

    await vendor.client.refusal(vendor.name)
    await vendor.client.refusal(vendor.name)

    expect(vendor.registry.log.map(({ path }) => path)).toEqual([
      '/v2/',
      ...Array(2).fill('/api/v2.0/projects/team/repositories/app/artifacts'),
    ])
  })
})

test('a vendor that was detected without TLS verification is not used with it', async () => {
  const client = new TestClient()
  const host = await closedPort()
  const signal = new AbortController().signal
  const context = { insecure: false, lane: 'test', namespace: null, signal }
  const verified = client.remote.api({ registry: host, repository: 'team/app' }, context)

  expect(verified.firstResponseHeaders).toBeUndefined()
  await expect(verified.origin()).rejects.toMatchObject({ reason: 'RegistryUnavailable' })
  await client[Symbol.asyncDispose]()
})

test('firstResponseHeaders are those of the first response, also of a refusal', async () => {
  await using registry = await startScripted((_request, response) => {
    response.writeHead(401, { 'x-jfrog-version': 'Artifactory/7.90.1' }).end()
  })
  await using client = new TestClient()
  const signal = new AbortController().signal
  const context = { insecure: false, lane: 'test', namespace: null, signal }
  const api = client.remote.api({ registry: registry.host, repository: 'team/app' }, context)

  await api.origin()

  expect(api.firstResponseHeaders).toMatchObject({ 'x-jfrog-version': 'Artifactory/7.90.1' })
})

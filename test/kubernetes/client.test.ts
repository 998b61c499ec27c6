import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEgress, type Egress } from '../../src/egress/egress.ts'
import { createKubernetesClient } from '../../src/kubernetes/client/client.ts'
import type { ClusterConnection } from '../../src/kubernetes/client/connection.ts'
import { KubernetesError } from '../../src/kubernetes/client/errors.ts'
import type { KubernetesClient } from '../../src/kubernetes/client/kubernetes-client.ts'
import type { ListOptions, ListPage } from '../../src/kubernetes/client/list.ts'
import { resourcePath } from '../../src/kubernetes/client/paths.ts'
import type { WatchEvent } from '../../src/kubernetes/client/watch-stream.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { type FakeCluster, startFakeCluster } from '../fixtures/kubernetes/fake-cluster.ts'
import { workload } from '../fixtures/kubernetes/manifests.ts'

const { signal } = new AbortController()
const DEPLOYMENTS = resourcePath({ apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' })
const WEB = `${DEPLOYMENTS}/web`

let egress: Egress
beforeAll(() => {
  egress = createEgress({ loopback: true })
})
afterAll(() => egress[Symbol.asyncDispose]())

const clientOf = (connection: ClusterConnection, now = () => 0): KubernetesClient =>
  createKubernetesClient(connection, { request: egress.request, now })

async function startWith(...names: readonly string[]): Promise<FakeCluster & { client: KubernetesClient }> {
  const cluster = await startFakeCluster()
  for (const name of names) cluster.create(workload('Deployment', { name }))
  return Object.assign(Object.create(cluster), { client: clientOf(cluster.connection) })
}

async function pagesOf(client: KubernetesClient, options: Partial<ListOptions> = {}): Promise<ListPage[]> {
  const pages: ListPage[] = []
  for await (const page of client.list(DEPLOYMENTS, { signal, ...options })) pages.push(page)
  return pages
}
const namesOf = ({ items }: ListPage): string[] => items.map(({ metadata }) => metadata.name)

const failureOf = (promise: Promise<unknown>): Promise<KubernetesError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(KubernetesError)
      return error as KubernetesError
    },
  )

describe('a list', () => {
  test('comes in pages of one version, whose items have their kind', async () => {
    await using cluster = await startWith('a', 'b', 'c')
    const pages = await pagesOf(cluster.client, { limit: 2 })

    expect(pages.map(namesOf)).toEqual([['a', 'b'], ['c']])
    expect(pages.map(({ isFirst }) => isFirst)).toEqual([true, false])
    expect(new Set(pages.map(({ resourceVersion }) => resourceVersion)).size).toBe(1)
    expect(pages[0]?.items[0]).toMatchObject({ apiVersion: 'apps/v1', kind: 'Deployment' })
  })

  test('begins again when its next page has expired', async () => {
    await using cluster = await startWith('a', 'b', 'c')
    const pages = cluster.client.list(DEPLOYMENTS, { limit: 2, signal })
    const first = await pages.next()
    cluster.compact()
    cluster.remove('Deployment', 'a')
    const second = await pages.next()

    expect(first.value).toMatchObject({ isFirst: true })
    expect(second.value).toMatchObject({ isFirst: true })
    expect(second.value && namesOf(second.value)).toEqual(['b', 'c'])
  })

  test('fails when it expires again and again', async () => {
    await using cluster = await startWith('a', 'b', 'c')
    cluster.intercept(() => {
      cluster.compact()
      return false
    })

    expect(await failureOf(pagesOf(cluster.client, { limit: 1 }))).toMatchObject({ isExpired: true })
  })

  test('contains metadata only, or selected objects only, if requested', async () => {
    await using cluster = await startWith('a')
    cluster.create(workload('Deployment', { name: 'b', labels: { tier: 'db' }, annotations: { note: '1' } }))
    const [metadata] = await pagesOf(cluster.client, { metadataOnly: true })
    const [selected] = await pagesOf(cluster.client, { labelSelector: 'tier=db' })

    expect(metadata?.items[1]).toMatchObject({ metadata: { name: 'b', annotations: { note: '1' } } })
    expect(metadata?.items[1]).not.toHaveProperty('spec')
    expect(selected && namesOf(selected)).toEqual(['b'])
  })
})

describe('a watch', () => {
  const watch = (client: KubernetesClient, resourceVersion: string): AsyncGenerator<WatchEvent, void> =>
    client.watch(DEPLOYMENTS, { resourceVersion, signal })
  const versionOf = async (client: KubernetesClient) => (await pagesOf(client))[0]?.resourceVersion ?? ''

  test('sends changes after a version, and bookmarks', async () => {
    await using cluster = await startWith('web')
    const events = watch(cluster.client, await versionOf(cluster.client))
    cluster.create(workload('Deployment', { name: 'b' }))
    const added = await events.next()
    cluster.change('Deployment', 'web', (web) => ({ ...web, status: { readyReplicas: 1 } }))
    const modified = await events.next()
    cluster.remove('Deployment', 'b')
    const deleted = await events.next()
    cluster.bookmark()
    const bookmark = await events.next()

    expect(added.value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'b' } } })
    expect(modified.value).toMatchObject({ type: 'MODIFIED', object: { status: { readyReplicas: 1 } } })
    expect(deleted.value).toMatchObject({ type: 'DELETED' })
    expect(bookmark.value).toEqual({ type: 'BOOKMARK', resourceVersion: await versionOf(cluster.client) })
    await events.return()
    await expect.poll(() => cluster.watches).toBe(0)
  })

  test('ends when the server ends it, and continues after the last version', async () => {
    await using cluster = await startWith('web')
    const first = watch(cluster.client, await versionOf(cluster.client))
    const b = cluster.create(workload('Deployment', { name: 'b' }))
    expect((await first.next()).value).toMatchObject({ type: 'ADDED' })
    cluster.endWatches()
    expect((await first.next()).done).toBe(true)
    cluster.create(workload('Deployment', { name: 'c' }))
    const second = watch(cluster.client, String(b.metadata.resourceVersion))

    expect((await second.next()).value).toMatchObject({ object: { metadata: { name: 'c' } } })
    await second.return()
  })

  test('of a version that is too old throws an error that is expired', async () => {
    await using cluster = await startWith('web')
    const version = await versionOf(cluster.client)
    cluster.create(workload('Deployment', { name: 'b' }))
    cluster.compact()

    expect(await failureOf(watch(cluster.client, version).next())).toMatchObject({
      status: 410,
      reason: 'Expired',
      isExpired: true,
    })
  })

  test('ends when the server is silent', async () => {
    await using cluster = await startWith('web')
    const request: Egress['request'] = (url, { stream, ...options }) =>
      egress.request(url, { ...options, ...(stream && { stream: { ...stream, idle: 100 } }) })
    const client = createKubernetesClient(cluster.connection, { request, now: () => 0 })

    expect(await watch(client, await versionOf(client)).next()).toEqual({ done: true, value: undefined })
  })

  test('ends with its signal', async () => {
    await using cluster = await startWith('web')
    const controller = new AbortController()
    const resourceVersion = await versionOf(cluster.client)
    const events = cluster.client.watch(DEPLOYMENTS, { resourceVersion, signal: controller.signal })
    const next = events.next()
    await expect.poll(() => cluster.watches).toBe(1)
    controller.abort(new Error('enough'))

    await expect(next).rejects.toThrow('enough')
    await expect.poll(() => cluster.watches).toBe(0)
  })
})

describe('a refusal', () => {
  test.each([
    [
      401,
      'Unauthorized',
      async ({ connection }: FakeCluster) => clientOf({ ...connection, credential: null }).get(WEB, signal),
    ],
    [404, 'NotFound', ({ client }) => client.get(`${WEB}x`, signal)],
    [
      409,
      'Conflict',
      ({ client }) => client.patch(WEB, { metadata: { resourceVersion: '1' } }, { type: 'merge', signal }),
    ],
    [409, 'AlreadyExists', ({ client }) => client.create(DEPLOYMENTS, workload('Deployment'), signal)],
    [
      422,
      'Invalid',
      ({ client }) =>
        client.patch(WEB, { spec: { selector: { matchLabels: { app: 'x' } } } }, { type: 'merge', signal }),
    ],
  ] satisfies [number, string, (cluster: FakeCluster & { client: KubernetesClient }) => Promise<unknown>][])(
    'with %d has its reason %s and the message of the API server',
    async (status, reason, send) => {
      await using cluster = await startWith('web')
      const error = await failureOf(send(cluster))

      expect(error).toMatchObject({ status, reason })
      expect(error.message).toMatch(
        /^(?:Unauthorized$|deployments\.apps |Operation cannot|Deployment\.apps "web" is)/,
      )
    },
  )

  test('with 403 names the user, the verb and the resource', async () => {
    await using cluster = await startWith('web')
    cluster.forbid({ verb: 'patch', resource: 'deployments' })
    const error = await failureOf(cluster.client.patch(WEB, {}, { type: 'merge', signal }))

    expect(error).toMatchObject({ status: 403, reason: 'Forbidden' })
    expect(error.message).toMatch(
      /User ".+" cannot patch resource "deployments" in API group "apps" in the namespace/,
    )
  })

  test.each([
    ['7', 7_000],
    ['0', null],
    ['999999999', 3_600_000],
    ['-5', null],
    ['Wed, 21 Oct 2065 07:28:00 GMT', null],
  ])('may request a pause of %s seconds, within limits', async (value, retryAfter) => {
    await using cluster = await startWith()
    cluster.intercept((_, response) => {
      response.writeHead(429, { 'retry-after': value }).end('Too many requests, please try again later.')
      return true
    })

    expect(await failureOf(cluster.client.get(WEB, signal))).toMatchObject({
      status: 429,
      reason: 'TooManyRequests',
      retryAfter,
    })
  })
})

describe('the credential', () => {
  test('is the content of the token file at each request', async () => {
    await using cluster = await startWith('web')
    const folder = await mkdtemp(join(tmpdir(), 'token-'))
    const path = join(folder, 'token')
    const client = clientOf({ ...cluster.connection, credential: { kind: 'TOKEN_FILE', path } })
    const missing = await failureOf(client.get(WEB, signal))
    await writeFile(path, 'outdated\n')
    const outdated = await failureOf(client.get(WEB, signal))
    const { credential } = cluster.connection
    await writeFile(path, credential?.kind === 'TOKEN' ? `${credential.token}\n` : '')

    expect(missing.message).toMatch(/^cannot use the token file .+: it cannot be read$/)
    expect(outdated.status).toBe(401)
    expect(await client.get(WEB, signal)).toMatchObject({ kind: 'Deployment' })
    await rm(folder, { recursive: true })
  })

  test('is in no error, even if the server repeats it', async () => {
    await using cluster = await startWith()
    cluster.intercept(({ headers }, response) => {
      const message = `no access for ${headers.authorization}\u2028{"level":60}`
      response.writeHead(403).end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message }))
      return true
    })
    const token = await failureOf(cluster.client.get(WEB, signal))
    const credential = { kind: 'BASIC', username: 'me', password: 'the-password' } as const
    const basic = await failureOf(clientOf({ ...cluster.connection, credential }).get(WEB, signal))

    expect(token.message).toBe('no access for Bearer ••• {"level":60}')
    expect(basic.message).toBe('no access for Basic ••• {"level":60}')
  })

  test('may be a client certificate, of a server whose authority is private', async () => {
    const authority = await createAuthority()
    const tls = await authority.issue(['127.0.0.1'])
    const { cert: certificate, key } = await authority.issueClient('imagestreams')
    await using cluster = await startFakeCluster({ tls, ca: authority.ca })
    cluster.create(workload('Deployment'))
    const connection = { ...cluster.connection, client: { certificate, key } }

    expect(await clientOf(connection).get(WEB, signal)).toMatchObject({ kind: 'Deployment' })
    expect(await failureOf(clientOf({ ...connection, ca: null }).get(WEB, signal))).toMatchObject({
      status: null,
      reason: 'Unreachable',
      message: expect.stringContaining('its certificate comes from an authority that is not trusted here'),
    })
    expect(await clientOf({ ...connection, ca: null, insecure: true }).get(WEB, signal)).toBeDefined()
  })
})

describe('discovery', () => {
  test('returns the resources of an API version, none for an unknown one, and asks again after minutes', async () => {
    await using cluster = await startWith()
    let time = 0
    const client = clientOf(cluster.connection, () => time)
    const builds = await client.resources('build.openshift.io/v1', signal)
    expect(builds.map(({ name }) => name)).toEqual(['buildconfigs', 'buildconfigs/instantiate', 'builds'])
    expect(await client.resources('image.openshift.io/v1', signal)).toEqual([])
    const sent = cluster.requests.length
    await client.resources('build.openshift.io/v1', signal)
    expect(cluster.requests).toHaveLength(sent)
    time = 301_000
    await client.resources('build.openshift.io/v1', signal)
    expect(cluster.requests).toHaveLength(sent + 1)
  })
})

describe('a path', () => {
  test.each(['..', '.', '', 'a/b', 'a?b', '%2e%2e', 'a b'])('has no name %j', (name) => {
    expect(() => resourcePath({ apiVersion: 'v1', resource: 'pods', namespace: 'shop', name })).toThrow(
      'is not a name in Kubernetes',
    )
  })

  test.each([
    ['v1', 'pods', '/api/v1/namespaces/shop/pods/web'],
    ['apps/v1', 'deployments', '/apis/apps/v1/namespaces/shop/deployments/web'],
  ])('of %s %s is %s', (apiVersion, resource, path) => {
    expect(resourcePath({ apiVersion, resource, namespace: 'shop', name: 'web' })).toBe(path)
    expect(() => resourcePath({ apiVersion: `../${apiVersion}`, resource })).toThrow('is not an API version')
  })
})

import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorsOf, follow, importImage, resultsOf, tagDigests } from '../../flows/operations.ts'
import { shared } from '../shared.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const CREDENTIAL = 'namespace prefix kind username createdAt changedAt'
const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { id ${CREDENTIAL} } } }`
const DELETE = `mutation ($input: DeleteRegistryCredentialInput!) {
  deleteRegistryCredential(input: $input) { deletedId registryCredential { ${CREDENTIAL} } } }`
const LIST = `query ($namespace: String) {
  registryCredentials(namespace: $namespace) { totalCount nodes { id ${CREDENTIAL} } } }`

interface Identified {
  readonly id: string
}

const START = Date.UTC(2026, 0, 1)
const app = image({ seed: 'app' })

const set = ({ client }: TestApp, input: object) =>
  client.request<{ setRegistryCredential: { registryCredential: Identified } }>(SET, { input })
const listOf = async ({ client }: TestApp, namespace: string | null = 'default') => {
  const { registryCredentials } = await client.request<{
    registryCredentials: { totalCount: number; nodes: Identified[] }
  }>(LIST, { namespace })
  expect(registryCredentials.totalCount).toBe(registryCredentials.nodes.length)
  return registryCredentials.nodes
}

/** A registry that requires the login, and a server. */
async function start({
  scheme = 'bearer' as 'basic' | 'bearer',
  now = () => START,
  identityToken = undefined as string | undefined,
} = {}) {
  const mayPull = (username: string | null) => username === LOGIN.username
  const upstream = await startUpstream({
    auth: { scheme, credentials: LOGIN, mayPull, ...(identityToken !== undefined && { identityToken }) },
  })
  for (const repository of ['team/app', 'other/app']) upstream.push(repository, 'latest', app)
  const server = await startApp({}, { now })
  return {
    upstream,
    server,
    client: server.client,
    repository: `${upstream.host}/team/app`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('setRegistryCredential', () => {
  test('makes an import that requires it succeed', async () => {
    await using it = await start()
    expect(await follow(it.client, it.repository)).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })

    await set(it.server, { prefix: it.upstream.host, ...LOGIN })

    expect(await importImage(it.client)).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(await tagDigests(it.client)).toEqual(new Map([['latest', app.digest]]))
  })

  test.each([
    ['basic', LOGIN, 'PASSWORD'],
    ['bearer', { identityToken: 'refresh-me' }, 'IDENTITY_TOKEN'],
  ] as const)('supports the registry’s %s scheme: %j', async (scheme, given, kind) => {
    await using it = await start({ scheme, identityToken: 'refresh-me' })

    const { setRegistryCredential } = await set(it.server, { prefix: it.upstream.host, ...given })

    expect(setRegistryCredential.registryCredential).toMatchObject({ kind })
    expect(await follow(it.client, it.repository)).toMatchObject({ state: 'SUCCEEDED' })
  })

  test('accepts a bearer token, which is sent only to the registry', async () => {
    await using it = await start()
    it.upstream.hook = ({ headers: { authorization } }, response) =>
      authorization === 'Bearer ours' ? { ...response, status: 418 } : undefined

    await set(it.server, { prefix: it.upstream.host, bearerToken: 'ours' })
    await follow(it.client, it.repository)

    expect(it.upstream.log.some(({ headers }) => headers.authorization === 'Bearer ours')).toBe(true)
    expect(it.upstream.requests.token).toBe(0)
  })

  test('replaces the present credential, and is used from the next import', async () => {
    let now = START
    await using it = await start({ now: () => now })
    await set(it.server, { prefix: it.upstream.host, username: 'me', password: 'wrong' })
    expect(await follow(it.client, it.repository)).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })
    now += 1000

    await set(it.server, { prefix: `https://${it.upstream.host}/`, ...LOGIN })

    expect(await importImage(it.client)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await listOf(it.server)).toEqual([
      {
        id: expect.any(String),
        namespace: 'default',
        prefix: it.upstream.host,
        kind: 'PASSWORD',
        username: 'me',
        createdAt: new Date(START).toISOString(),
        changedAt: new Date(now).toISOString(),
      },
    ])
  })

  test('applies only to its own namespace', async () => {
    await using it = await start()
    await set(it.server, { namespace: 'rich', prefix: it.upstream.host, ...LOGIN })
    const into = (namespace: string) =>
      importImage(it.client, { namespace, from: `${it.repository}:latest`, tag: 'latest', confirm: true })

    expect(await into('poor')).toMatchObject({ state: 'FAILED' })
    expect(await into('rich')).toMatchObject({ state: 'SUCCEEDED' })
    expect(await into('poor')).toMatchObject({ state: 'FAILED' })
    expect(await listOf(it.server, 'poor')).toEqual([])
  })

  test('applies to repositories below its path, by whole segments', async () => {
    await using it = await start()
    await set(it.server, { prefix: `${it.upstream.host}/team`, ...LOGIN })
    await set(it.server, { prefix: `${it.upstream.host}/oth`, ...LOGIN })

    expect(await follow(it.client, it.repository)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await follow(it.client, `${it.upstream.host}/other/app`, 'other')).toMatchObject({
      state: 'FAILED',
    })
  })

  test('is used by a dry run and after a restart too', async () => {
    await using it = await start()
    await set(it.server, { prefix: it.upstream.host, ...LOGIN })
    await it.server.restart()

    const dry = await importImage(it.server.client, {
      from: it.repository,
      all: true,
      confirm: true,
      dryRun: true,
    })

    expect(dry).toMatchObject({ state: 'SUCCEEDED' })
    expect(await resultsOf(it.server.client, dry)).toMatchObject([{ tag: 'latest', state: 'IMPORTED' }])
  })

  test('that is wrong does not prevent imports of public repositories', async () => {
    await using it = await start()
    await using open = await startUpstream()
    open.push('team/app', 'latest', app)
    await set(it.server, { prefix: open.host, username: 'me', password: 'wrong' })

    expect(await follow(it.client, `${open.host}/team/app`)).toMatchObject({ state: 'SUCCEEDED' })
  })

  const server = shared(() => startApp())
  test.each([
    [{ prefix: 'quay.io' }, 'password'],
    [{ prefix: 'quay.io', password: 'x' }, 'username'],
    [{ prefix: 'quay.io', ...LOGIN, bearerToken: 'x' }, 'bearerToken'],
    [{ prefix: 'team', ...LOGIN }, 'prefix'],
    [{ prefix: 'me:open sesame@quay.io', ...LOGIN }, 'prefix'],
    [{ namespace: 'Not one', prefix: 'quay.io', ...LOGIN }, 'namespace'],
  ])('refuses an invalid input by its argument, and repeats nothing of it: %j', async (input, field) => {
    const response = await server().client.execute(SET, { input })

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
    expect(JSON.stringify(response)).not.toContain('sesame')
    expect(await listOf(server())).toEqual([])
  })
})

describe('deleteRegistryCredential', () => {
  test('removes it for the next import, and returns its id and last state', async () => {
    await using it = await start()
    const { setRegistryCredential } = await set(it.server, { prefix: it.upstream.host, ...LOGIN })
    await follow(it.client, it.repository)

    const deleted = await it.client.request(DELETE, { input: { prefix: it.upstream.host } })

    expect(deleted).toMatchObject({
      deleteRegistryCredential: {
        deletedId: setRegistryCredential.registryCredential.id,
        registryCredential: { username: 'me' },
      },
    })
    expect(await listOf(it.server)).toEqual([])
    expect(await importImage(it.client)).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })
  })

  test('does not find an unknown credential, or one of another namespace', async () => {
    await using it = await start()
    await set(it.server, { namespace: 'other', prefix: 'quay.io', ...LOGIN })

    expect(errorsOf(await it.client.execute(DELETE, { input: { prefix: 'quay.io' } }))).toEqual([
      { code: 'NOT_FOUND' },
    ])
    expect(await listOf(it.server, 'other')).toHaveLength(1)
  })
})

describe('registryCredentials', () => {
  const server = shared(() => startApp())

  test('are those of all namespaces by default, or of one, ordered by namespace and prefix', async () => {
    for (const [namespace, prefix] of [
      ['team', 'quay.io'],
      ['team', 'ghcr.io/team'],
      ['default', 'quay.io'],
    ]) {
      await set(server(), { namespace, prefix, ...LOGIN })
    }

    expect(await listOf(server(), null)).toMatchObject([
      { namespace: 'default', prefix: 'quay.io' },
      { namespace: 'team', prefix: 'ghcr.io/team' },
      { namespace: 'team', prefix: 'quay.io' },
    ])
    expect(await listOf(server(), 'default')).toMatchObject([{ prefix: 'quay.io' }])
    expect(await listOf(server(), 'nothing')).toEqual([])
  })

  test('refuse a namespace that no stream can have', async () => {
    const response = await server().client.execute(LIST, { namespace: 'Not one' })
    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'namespace' }])
  })
})

test('a layer that is pulled through is fetched with the namespace’s credential', async () => {
  await using it = await start()
  await set(it.server, { prefix: it.upstream.host, ...LOGIN })
  await importImage(it.client, {
    from: `${it.repository}:latest`,
    tag: 'latest',
    confirm: true,
    referencePolicy: 'LOCAL',
  })
  const [layer] = app.layers
  const get = (path: string) => fetch(`${it.server.app.url}/v2/default/app/${path}`)

  expect((await get('manifests/latest')).status).toBe(200)
  const response = await get(`blobs/${layer?.digest}`)

  expect(response.status).toBe(200)
  expect(Buffer.from(await response.arrayBuffer()).equals(layer?.bytes ?? Buffer.alloc(0))).toBe(true)
})

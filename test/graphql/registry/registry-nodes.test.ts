import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { follow } from '../../flows/operations.ts'
import { type Client, clientOf } from '../../registry/client.ts'

const PASSWORD = 'canary-password-5d2a'
const CREDENTIAL = 'id namespace prefix kind username createdAt'
const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { ${CREDENTIAL} } } }`
const DELETE = `mutation ($input: DeleteRegistryCredentialInput!) {
  deleteRegistryCredential(input: $input) { deletedId } }`
const CONFIGURE = `mutation ($input: ConfigureRegistryInput!) {
  configureRegistry(input: $input) { registryConfiguration { id prefix insecure } } }`

interface Identified {
  readonly id: string
}

let app: TestApp
let upstream: Upstream
let pool: Pool
let registry: Client
/** Path of an unfinished upload. */
let upload: string

beforeAll(async () => {
  upstream = await startUpstream()
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  app = await startApp()
  pool = new Pool(app.app.url, { connections: 2 })
  registry = clientOf(pool)
  await follow(app.client, `${upstream.host}/team/app`)
  await registry.push('shop/web', image({ seed: 2 }), 'v1')
  upload = await registry.startUpload('shop/web')
  await registry.startUpload('shop/web')
})
afterAll(async () => {
  await pool.close()
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const request = <Data>(query: string, variables?: Record<string, unknown>) =>
  app.client.request<Data>(query, variables)

async function setCredential(input: object): Promise<Identified> {
  type Payload = { setRegistryCredential: { registryCredential: Identified } }
  const variables = { input: { username: 'me', password: PASSWORD, ...input } }
  return (await request<Payload>(SET, variables)).setRegistryCredential.registryCredential
}

async function configure(input: object): Promise<Identified> {
  type Payload = { configureRegistry: { registryConfiguration: Identified } }
  return (await request<Payload>(CONFIGURE, { input })).configureRegistry.registryConfiguration
}

const nodeOf = async (id: string, type: string, fields: string): Promise<object | null> =>
  (
    await request<{ node: object | null }>(
      `query ($id: ID!) { node(id: $id) { __typename ... on ${type} { ${fields} } } }`,
      { id },
    )
  ).node

/** Returns the first node in the data that a query returns. */
const firstIn = (data: unknown): Identified => {
  if (typeof data !== 'object' || data === null) throw new Error('the response has no object')
  return 'id' in data ? (data as Identified) : firstIn(Object.values(data)[0])
}

describe('an object of a registry is read again by its id', () => {
  test.each([
    ['IntegratedRegistry', '{ integratedRegistry { FIELDS } }', 'id kind host usage { blobCount }'],
    [
      'Repository',
      '{ repository(namespace: "shop", name: "web") { FIELDS } }',
      'id namespace name createdAt imageStream { name } usage { manifestCount }',
    ],
    [
      'RegistryUpload',
      '{ integratedRegistry { uploads(first: 1) { nodes { FIELDS } } } }',
      'id repository size startedAt changedAt',
    ],
    [
      'RegistryHost',
      '{ registryHosts(first: 1) { nodes { FIELDS } } }',
      'id host waitingCount circuitBreaker { state }',
    ],
  ])('%s', async (type, query, fields) => {
    const found = firstIn(await request(query.replace('FIELDS', fields)))

    expect(await nodeOf(found.id, type, fields)).toEqual({ __typename: type, ...found })
  })

  test('RegistryCredential and RegistryConfiguration, also after a restart', async () => {
    const credential = await setCredential({ namespace: 'kept', prefix: 'quay.io' })
    const configuration = await configure({ prefix: 'quay.io', insecure: true })
    await using other = await startApp()
    const set = await other.client.request<{ setRegistryCredential: { registryCredential: Identified } }>(
      SET,
      { input: { prefix: 'quay.io', username: 'me', password: PASSWORD } },
    )
    await other.restart()

    expect(await nodeOf(credential.id, 'RegistryCredential', CREDENTIAL)).toEqual({
      __typename: 'RegistryCredential',
      ...credential,
    })
    expect(await nodeOf(configuration.id, 'RegistryConfiguration', 'id prefix insecure')).toEqual({
      __typename: 'RegistryConfiguration',
      ...configuration,
    })
    const { id } = set.setRegistryCredential.registryCredential
    expect(
      await other.client.request('query ($id: ID!) { node(id: $id) { __typename id } }', { id }),
    ).toEqual({ node: { __typename: 'RegistryCredential', id } })
  })

  test('unless it is unknown, or of a registry that does not have it', async () => {
    const unknown = ['RegistryCredential:999', 'RegistryConfiguration:999', 'Repository:999']
    const others = ['RegistryHost:nowhere.example', 'IntegratedRegistry:other', 'RegistryUpload:shop/web:x']
    for (const key of [...unknown, ...others, 'RegistryUpload:../etc:x', 'RegistryUpload:x']) {
      const id = Buffer.from(key).toString('base64url')
      expect(await request('query ($id: ID!) { node(id: $id) { id } }', { id }), key).toEqual({ node: null })
    }
  })
})

describe('the id of a credential', () => {
  test('stays when its secret, or the secret of another namespace for the same prefix, changes', async () => {
    const [one, other] = [
      await setCredential({ namespace: 'one', prefix: 'ghcr.io' }),
      await setCredential({ namespace: 'other', prefix: 'ghcr.io' }),
    ]
    expect(one.id).not.toBe(other.id)

    const again = await setCredential({ namespace: 'one', prefix: 'ghcr.io', password: 'another' })

    expect(again.id).toBe(one.id)
    expect(await nodeOf(other.id, 'RegistryCredential', CREDENTIAL)).toMatchObject(other)
  })

  test('is of no later credential: deletion changes no other id, and a new credential has a new one', async () => {
    const [deleted, kept] = [
      await setCredential({ namespace: 'first', prefix: 'gcr.io' }),
      await setCredential({ namespace: 'second', prefix: 'gcr.io' }),
    ]
    const input = { namespace: 'first', prefix: 'gcr.io' }
    expect(await request(DELETE, { input })).toEqual({
      deleteRegistryCredential: { deletedId: deleted.id },
    })

    expect(await nodeOf(deleted.id, 'RegistryCredential', CREDENTIAL)).toBeNull()
    expect(await nodeOf(kept.id, 'RegistryCredential', CREDENTIAL)).toMatchObject(kept)
    expect((await setCredential(input)).id).not.toBe(deleted.id)
  })
})

test('the id of a configuration stays when it changes, and is not used again', async () => {
  const configured = await configure({ prefix: 'a.example', insecure: true })
  expect((await configure({ prefix: 'a.example', insecure: false })).id).toBe(configured.id)

  const remove = 'mutation { deleteRegistryConfiguration(input: { prefix: "a.example" }) { deletedId } }'
  expect(await request(remove)).toEqual({ deleteRegistryConfiguration: { deletedId: configured.id } })

  expect(await nodeOf(configured.id, 'RegistryConfiguration', 'id')).toBeNull()
  expect((await configure({ prefix: 'a.example' })).id).not.toBe(configured.id)
})

test('the repository of a deleted stream is not read by its id, and is again once the stream is restored', async () => {
  await registry.push('shop/gone', image({ seed: 3 }), 'v1')
  const { repository, imageStream } = await request<{
    repository: Identified
    imageStream: { uid: string }
  }>(`{ repository(namespace: "shop", name: "gone") { id }
    imageStream(namespace: "shop", name: "gone") { uid } }`)
  await request(
    'mutation { deleteImageStream(input: { namespace: "shop", imageStream: "gone" }) { deletedId } }',
  )
  expect(await nodeOf(repository.id, 'Repository', 'id')).toBeNull()

  await request('mutation ($uid: String!) { restoreImageStream(input: { uid: $uid }) { __typename } }', {
    uid: imageStream.uid,
  })
  expect(await nodeOf(repository.id, 'Repository', 'id name')).toMatchObject({ name: 'gone' })
})

test('neither ids nor cursors contain a secret, or the id with which an upload is continued', async () => {
  await setCredential({ prefix: 'secret.example' })
  const data = await request(`{
    registryCredentials { edges { cursor node { id } } }
    integratedRegistry { uploads { edges { cursor node { id } } } }
  }`)

  const uploadId = /[0-9a-f]{32}/.exec(upload)?.[0] ?? 'none'
  const texts = JSON.stringify(data).match(/"[\w-]+"/g) ?? []
  const decoded = texts.map((text) => Buffer.from(text.slice(1, -1), 'base64url').toString()).join('\n')
  expect(decoded).toContain('RegistryUpload:shop/web')
  expect(decoded).toContain('secret.example')
  for (const secret of [PASSWORD, uploadId]) expect(`${decoded}${texts}`).not.toContain(secret)
  expect(uploadId).not.toBe('none')
})

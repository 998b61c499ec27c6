import { describe, expect, test } from 'vitest'
import { startApp } from '../../fixtures/app.ts'
import { type CloudEndpoint, startCloud } from '../../fixtures/cloud.ts'
import { amazon } from '../../fixtures/cloud-amazon.ts'
import { azure } from '../../fixtures/cloud-azure.ts'
import type { GraphQLClient } from '../../fixtures/graphql-client.ts'
import { image } from '../../fixtures/random-image.ts'
import { serviceAccount } from '../../fixtures/service-account-key.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import type { UpstreamAuthOptions } from '../../fixtures/upstream-auth.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { follow } from '../../flows/operations.ts'
import { shared } from '../shared.ts'

const START = Date.UTC(2026, 0, 1)
const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { kind username lastUsedAt } } }`
const LIST = '{ registryCredentials { nodes { kind username lastUsedAt } } }'
const TEST = `mutation ($input: TestRegistryCredentialInput!) {
  testRegistryCredential(input: $input) { outcome reason status: httpStatus message registryCredential { lastUsedAt } } }`
const app = image({ seed: 'app' })

interface Tested {
  readonly testRegistryCredential: {
    readonly outcome: string
    readonly reason: string | null
    readonly status: number | null
    readonly message: string
  }
}

const listOf = async (client: GraphQLClient): Promise<readonly object[]> =>
  (await client.request<{ registryCredentials: { nodes: object[] } }>(LIST)).registryCredentials.nodes

/** A cloud, a registry that accepts the cloud's tokens, and a server. */
async function start(endpoint: CloudEndpoint, auth: UpstreamAuthOptions) {
  const cloud = await startCloud(endpoint)
  const upstream = await startUpstream({ auth })
  upstream.push('team/app', 'latest', app)
  const server = await startApp({}, { cloudEndpoint: cloud.endpoint, now: () => START })
  const { client } = server
  return {
    cloud,
    upstream,
    client,
    server,
    set: (input: object) => client.request(SET, { input: { prefix: upstream.host, ...input } }),
    test: async (repository: string | null = null) => {
      const input = { prefix: upstream.host, repository }
      return (await client.request<Tested>(TEST, { input })).testRegistryCredential
    },
    list: () => listOf(client),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
      await cloud[Symbol.asyncDispose]()
    },
  }
}

async function startAmazon() {
  // signatures contain the current time
  const aws = amazon({ now: Date.now })
  const it = await start(aws.endpoint, { scheme: 'basic', credentials: aws.login })
  return Object.assign(it, { aws, key: { ...aws.key, region: 'eu-west-1' } })
}

async function startAzure() {
  const acr = azure()
  const it = await start(acr.endpoint, {
    scheme: 'bearer',
    credentials: { username: 'bob', password: 'by password' },
    get identityToken() {
      return acr.refreshToken
    },
  })
  return Object.assign(it, { key: { ...acr.application, loginServer: 'team.azurecr.io' } })
}

describe('an AWS access key', () => {
  test('makes an import that requires it succeed, and shows its user and last use', async () => {
    await using it = await startAmazon()
    await it.set({ aws: it.key })
    const listed = { kind: 'AWS_ACCESS_KEY', username: it.key.accessKeyId }
    expect(await it.list()).toEqual([{ ...listed, lastUsedAt: null }])

    expect(await follow(it.client, `${it.upstream.host}/team/app`)).toMatchObject({ state: 'SUCCEEDED' })

    const used = [{ ...listed, lastUsedAt: new Date(START).toISOString() }]
    expect(await it.list()).toEqual(used)
    await it.server.restart()
    expect(await listOf(it.server.client)).toEqual(used)
  })

  test('is tested with a new password each time, which counts as a use', async () => {
    await using it = await startAmazon()
    await it.set({ aws: it.key })

    const lastUsedAt = new Date(START).toISOString()
    expect(await it.test()).toMatchObject({
      ...{ outcome: 'ACCEPTED', status: 200 },
      registryCredential: { lastUsedAt },
    })
    expect(await it.test('team/app')).toMatchObject({ outcome: 'ACCEPTED' })

    expect(it.aws.given).toBe(2)
    expect(await it.list()).toMatchObject([{ lastUsedAt }])
  })

  test.each([
    [400, 'UnrecognizedClientException', 'UNAUTHORIZED', 'Amazon refused the access key: '],
    [400, 'AccessDeniedException', 'FORBIDDEN', 'Amazon refused the access key: '],
    [400, 'ThrottlingException', 'TOO_MANY_REQUESTS', 'no token was returned: '],
    [404, 'UnknownEndpoint', 'REGISTRY_UNAVAILABLE', 'no token was returned: '],
  ])(
    'that Amazon rejects with %i %s is %s, and the message names Amazon',
    async (status, type, reason, words) => {
      await using it = await startAmazon()
      await it.set({ aws: it.key })
      it.cloud.hook = () => json(status, { __type: type, message: 'because' })

      const result = await it.test()

      const isRefusal = reason === 'UNAUTHORIZED' || reason === 'FORBIDDEN'
      expect(result).toMatchObject({ outcome: 'FAILED', reason, status })
      expect(result.message).toContain(`cannot log in to ${it.upstream.host}: ${words}`)
      expect(result.message).toMatch(
        new RegExp(
          `responded with ${status} ${type}: because${isRefusal ? '; setRegistryCredential changes the key' : ''}$`,
        ),
      )
      expect(await it.list()).toMatchObject([{ lastUsedAt: null }])
    },
  )

  test('that Amazon accepts and the registry rejects is UNAUTHORIZED at the registry', async () => {
    await using it = await startAmazon()
    await it.set({ aws: it.key })
    it.upstream.hook = ({ headers }) =>
      headers.authorization
        ? json(401, { errors: [{ code: 'UNAUTHORIZED', message: 'expired' }] })
        : undefined
    expect(await it.test()).toMatchObject({
      outcome: 'FAILED',
      reason: 'UNAUTHORIZED',
      status: 401,
      message: `the credential has no access to ${it.upstream.host}: it responded with 401 UNAUTHORIZED: expired`,
    })
  })
})

describe('a service principal of Azure', () => {
  test('makes an import that requires it succeed', async () => {
    await using it = await startAzure()
    await it.set({ azure: it.key })
    expect(await it.test('team/app')).toMatchObject({ outcome: 'ACCEPTED' })
    expect(await follow(it.client, `${it.upstream.host}/team/app`)).toMatchObject({ state: 'SUCCEEDED' })
  })

  test.each([
    ['login.microsoftonline.com', 'Microsoft Entra refused the secret of the application'],
    ['team.azurecr.io', 'team.azurecr.io refused the application, which Microsoft Entra accepted'],
  ])('that is refused at %s names the step', async (at, words) => {
    await using it = await startAzure()
    await it.set({ azure: it.key })
    it.cloud.hook = ({ host }) => (host === at ? json(401, { error: 'invalid_client' }) : undefined)
    const result = await it.test()
    expect(result).toMatchObject({ outcome: 'FAILED', reason: 'UNAUTHORIZED', status: 401 })
    expect(result.message).toContain(`: ${words}: `)
  })
})

describe('setRegistryCredential', () => {
  const server = shared(() => startApp())
  const aws = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'canary' }

  test.each([
    ['quay.io', 'prefix', { aws }, 'aws is for registries of Amazon'],
    [
      'quay.io',
      'prefix',
      { google: { serviceAccountKey: serviceAccount().key } },
      'google is for registries of Google',
    ],
    [
      'public.ecr.aws',
      'aws',
      { aws, password: 'canary' },
      'give one of password, identityToken, bearerToken',
    ],
    ['public.ecr.aws', 'aws.accessKeyId', { aws: { ...aws, accessKeyId: 'canary' } }, 'must have 16 to 128'],
    [
      'gcr.io',
      'google.serviceAccountKey',
      { google: { serviceAccountKey: '{"canary":' } },
      'the complete JSON file',
    ],
  ])(
    'lists the accepted values and repeats none of the input: %s, %s',
    async (prefix, field, given, message) => {
      const { errors } = await server().client.execute(SET, { input: { prefix, ...given } })

      expect(errors).toMatchObject([{ extensions: { code: 'INVALID', field } }])
      expect(JSON.stringify(errors)).toContain(message)
      expect(JSON.stringify(errors)).not.toMatch(/canary|PRIVATE/)
    },
  )
})

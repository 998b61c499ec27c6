import { describe, expect, test } from 'vitest'
import { startApp } from '../../fixtures/app.ts'
import { closedPort } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { type Hook, startUpstream } from '../../fixtures/upstream.ts'
import type { UpstreamAuthOptions } from '../../fixtures/upstream-auth.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'
import { errorsOf } from '../../flows/operations.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { prefix } } }`
const TEST = `mutation ($input: TestRegistryCredentialInput!) {
  testRegistryCredential(input: $input) { outcome reason status: httpStatus message } }`

interface Result {
  readonly outcome: string
  readonly reason: string | null
  readonly status: number | null
  readonly message: string
}

/** A registry with `team/app`, and a server with this credential for it. */
async function start(auth: UpstreamAuthOptions | undefined, credential: object = LOGIN) {
  const upstream = await startUpstream(auth ? { auth } : {})
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  const app = await startApp()
  await app.client.request(SET, { input: { prefix: upstream.host, ...credential } })
  const response = (input: object = {}) =>
    app.client.execute<{ testRegistryCredential: Result }>(TEST, {
      input: { prefix: upstream.host, ...input },
    })
  return {
    upstream,
    app,
    response,
    test: async (input?: object): Promise<Result | undefined> =>
      (await response(input)).data?.testRegistryCredential,
    hook: (hook: Hook) => {
      upstream.hook = hook
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe.each(['basic', 'bearer'] as const)('testRegistryCredential, with %s', (scheme) => {
  const auth = { scheme, credentials: LOGIN }

  test('is ACCEPTED if the registry accepts it, alone and for a repository', async () => {
    await using it = await start(auth)

    expect(await it.test()).toEqual({
      outcome: 'ACCEPTED',
      reason: null,
      status: 200,
      message: `the credential has access to ${it.upstream.host}`,
    })
    expect(await it.test({ repository: 'team/app' })).toMatchObject({ outcome: 'ACCEPTED', status: 200 })
  })

  test('is UNAUTHORIZED with a wrong password, even if the repository is public', async () => {
    await using it = await start(
      { ...auth, mayPull: () => true },
      { username: 'me', password: 'wrong sesame' },
    )

    for (const repository of [null, 'team/app']) {
      const result = await it.test({ repository })
      expect(result).toMatchObject({ outcome: 'FAILED', reason: 'UNAUTHORIZED', status: 401 })
      expect(result?.message).toMatch(/^the credential has no access to .* responded with 401/)
    }
  })

  test('sends new requests each time: an earlier success is not reused', async () => {
    await using it = await start(auth)
    expect(await it.test()).toMatchObject({ outcome: 'ACCEPTED' })
    it.hook(({ headers: { authorization } }) =>
      authorization ? errorResponse(401, 'UNAUTHORIZED') : undefined,
    )

    expect(await it.test()).toMatchObject({ outcome: 'FAILED', reason: 'UNAUTHORIZED' })
  })

  test('distinguishes a missing repository from a forbidden one', async () => {
    await using it = await start(auth)

    expect(await it.test({ repository: 'team/none' })).toMatchObject({
      outcome: 'FAILED',
      reason: 'NOT_FOUND',
      status: 404,
    })
    it.hook(({ kind }) => (kind === 'listing' ? errorResponse(403, 'DENIED') : undefined))
    expect(await it.test({ repository: 'team/app' })).toMatchObject({
      outcome: 'FAILED',
      reason: 'FORBIDDEN',
      status: 403,
    })
  })

  test('contains nothing of the secret when the registry repeats it', async () => {
    await using it = await start(auth)
    it.hook(({ headers: { authorization } }) =>
      authorization ? errorResponse(403, `DENIED_open sesame_${authorization}`) : undefined,
    )

    const result = await it.test()

    expect(result?.reason).toMatch(/FORBIDDEN|UNAUTHORIZED/)
    expect(result?.message).toContain('***')
    expect(result?.message).not.toMatch(/open sesame|bWU6b3Bl/i)
  })
})

test('is NOT_REQUIRED by a registry that requires no credential', async () => {
  await using it = await start(undefined)

  expect(await it.test()).toMatchObject({ outcome: 'NOT_REQUIRED', reason: null, status: 200 })
  expect(it.upstream.log.every(({ headers }) => headers.authorization === undefined)).toBe(true)
})

test('FAILED with UNTRUSTED_TOKEN_SERVER, and sends nothing, to a token server that is not trusted for the registry', async () => {
  await using other = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
  await using it = await start({ scheme: 'bearer', credentials: LOGIN, realm: `${other.url}/token` })

  const result = await it.test()

  expect(result).toMatchObject({ outcome: 'FAILED', reason: 'UNTRUSTED_TOKEN_SERVER' })
  expect(result?.message).toContain(other.host)
  expect(other.log.every(({ headers }) => headers.authorization === undefined)).toBe(true)
})

test('FAILED with REGISTRY_UNAVAILABLE without a response, and TOO_MANY_REQUESTS at a rate limit', async () => {
  await using it = await start(undefined)
  const prefix = await closedPort()
  await it.app.client.request(SET, { input: { prefix, ...LOGIN } })

  expect(await it.test({ prefix })).toMatchObject({
    outcome: 'FAILED',
    reason: 'REGISTRY_UNAVAILABLE',
    status: null,
  })
  it.hook(() => errorResponse(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' }))
  expect(await it.test()).toMatchObject({ outcome: 'FAILED', reason: 'TOO_MANY_REQUESTS', status: 429 })
})

test('tests the credential of the prefix, and none of a longer prefix', async () => {
  await using it = await start({ scheme: 'basic', credentials: LOGIN })
  const prefix = `${it.upstream.host}/team`
  await it.app.client.request(SET, { input: { prefix, username: 'me', password: 'wrong' } })

  expect(await it.test({ repository: 'team/app' })).toMatchObject({ outcome: 'ACCEPTED' })
  expect(await it.test({ prefix, repository: 'team/app' })).toMatchObject({
    outcome: 'FAILED',
    reason: 'UNAUTHORIZED',
  })
})

test('ends after waitSeconds, when the registry does not respond', async () => {
  await using it = await start(undefined)
  it.hook(() => 'silence')

  expect(await it.test({ waitSeconds: 1 })).toEqual({
    outcome: 'FAILED',
    reason: 'REGISTRY_UNAVAILABLE',
    status: null,
    message: `${it.upstream.host} did not respond within 1 seconds`,
  })
})

test.each([
  [{ waitSeconds: 0 }, { code: 'INVALID', field: 'waitSeconds' }],
  [{ waitSeconds: 301 }, { code: 'INVALID', field: 'waitSeconds' }],
  [{ prefix: 'quay.io' }, { code: 'NOT_FOUND' }],
  [{ namespace: 'other' }, { code: 'NOT_FOUND' }],
  [{ prefix: 'nonsense' }, { code: 'INVALID', field: 'prefix' }],
  [{ repository: '../etc' }, { code: 'INVALID', field: 'repository' }],
  [{ repository: '' }, { code: 'INVALID', field: 'repository' }],
  [
    { prefix: 'quay.io/team', repository: 'teams/app' },
    { code: 'INVALID', field: 'repository' },
  ],
])('is refused for an unknown credential or an invalid input: %j', async (input, error) => {
  await using it = await start(undefined)

  expect(errorsOf(await it.response(input))).toEqual([error])
  expect(it.upstream.log).toEqual([])
})

import type { JWTPayload } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { type OidcProvider, startOidcProvider } from '../fixtures/oidc-provider.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

// A workflow of GitHub Actions pushes and pulls with the token that GitHub gives it, and no stored secret.

const AUDIENCE = 'https://streams.example.org'
const PULL = 'repository:team/app:pull'
const PUSH = 'repository:team/app:pull,push'
const app = image({ seed: 'app' })

let provider: OidcProvider
let server: SignedInApp
let ahead: number
let rule: string
beforeEach(async () => {
  ahead = 0
  provider = await startOidcProvider()
  server = await startSignedInApp({ overrides: { now: () => Date.now() + ahead } })
  rule = await createRule(server.as('admin'))
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

async function createRule(client: GraphQLClient): Promise<string> {
  const { createFederationRule } = await client.request<{
    createFederationRule: { federationRule: { id: string } }
  }>(
    'mutation ($input: CreateFederationRuleInput!) { createFederationRule(input: $input) { federationRule { id } } }',
    {
      input: {
        name: 'app on GitHub',
        audience: AUDIENCE,
        issuer: provider.issuer,
        github: { repositoryOwnerId: '583231', repositoryId: '1296269' },
        grants: [{ role: 'BUILDER', place: 'team/app' }],
      },
    },
  )
  return createFederationRule.federationRule.id
}

/** Returns a token in the form of GitHub's. */
const workflowToken = (claims: JWTPayload = {}): Promise<string> =>
  provider.token({
    aud: AUDIENCE,
    sub: 'repo:octocat@583231/app@1296269:ref:refs/heads/main',
    repository: 'octocat/app',
    repository_id: '1296269',
    repository_owner: 'octocat',
    repository_owner_id: '583231',
    event_name: 'push',
    ref: 'refs/heads/main',
    job_workflow_ref: 'octocat/app/.github/workflows/build.yml@refs/heads/main',
    ...claims,
  })

interface Issued {
  readonly status: number
  readonly token: string
  readonly expires_in: number
  readonly scope: string
}

const issuedIn = async (response: Response): Promise<Issued> => ({
  ...((await response.json()) as Omit<Issued, 'status'>),
  status: response.status,
})
const asPassword = async (token: string, scope: string): Promise<Issued> => {
  const authorization = `Basic ${Buffer.from(`system:serviceaccount:team:ci:${token}`).toString('base64')}`
  return issuedIn(await fetch(`${server.url}/token?scope=${scope}`, { headers: { authorization } }))
}
const exchanged = async (token: string, scope?: string): Promise<Issued> => {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    ...(scope !== undefined && { scope }),
  })
  return issuedIn(await fetch(`${server.url}/token`, { method: 'POST', body }))
}
const clientWith = ({ token }: Issued): PushClient =>
  new PushClient(server.url, { headers: { authorization: `Bearer ${token}` } })
const pulls = async ({ token }: Issued): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(`${server.url}/v2/team/app/manifests/v1`, { headers })).status
}
const changeRule = (mutation: string, changes: object): Promise<unknown> =>
  server
    .as('admin')
    .request(
      `mutation ($input: ${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input!) { ${mutation}(input: $input) { __typename } }`,
      { input: { id: rule, ...changes } },
    )

test('a workflow exchanges its token, pushes and pulls, and presents it as a password', async () => {
  const forPush = await exchanged(await workflowToken(), PUSH)
  expect([forPush.status, forPush.scope, forPush.expires_in]).toEqual([200, PUSH, 300])
  await clientWith(forPush).push({ repository: 'team/app', tag: 'v1' }, app, 'POST and PUT')

  const forPull = await asPassword(await workflowToken(), PULL)
  expect(await clientWith(forPull).has({ repository: 'team/app', tag: 'v1' }, app)).toBe(true)
  const elsewhere = await asPassword(await workflowToken(), 'repository:other/app:pull,push')
  expect([elsewhere.status, elsewhere.scope]).toEqual([200, ''])
  expect((await asPassword(await workflowToken({ repository_id: '7' }), PULL)).status).toBe(401)
})

test('nothing outlives the token of the workflow', async () => {
  const now = Math.floor(Date.now() / 1000)
  const short = await workflowToken({ iat: now, nbf: now, exp: now + 60 })
  const issued = await exchanged(short, PULL)
  // clocks may differ by 30 seconds
  expect(issued.expires_in).toBeLessThanOrEqual(90)
  expect(await pulls(issued)).toBe(404)
  ahead = 91_000
  expect(await pulls(issued)).toBe(401)
  expect((await exchanged(short, PULL)).status).toBe(401)

  await changeRule('updateFederationRule', { maxLifetimeSeconds: 60 })
  const long = await workflowToken({ iat: now + 60, nbf: now, exp: now + 3600 })
  expect((await asPassword(long, PULL)).expires_in).toBeLessThanOrEqual(60)
})

test.each([
  [
    'accepts other claims',
    'updateFederationRule',
    { claims: [{ name: 'repository_id', patterns: ['7'] }] },
    [401, 401],
  ],
  ['has another audience', 'updateFederationRule', { audience: 'https://elsewhere.example.org' }, [401, 401]],
  ['is disabled', 'setFederationRuleDisabled', {}, [401, 401]],
  ['is deleted', 'deleteFederationRule', {}, [401, 401]],
  // with the rights of everyone
  [
    'has other roles',
    'updateFederationRule',
    { grants: [{ role: 'PULLER', place: 'team/other' }] },
    [403, 200],
  ],
  ['has another name', 'updateFederationRule', { name: 'renamed' }, [404, 200]],
])('a rule that %s counts at once', async (_, mutation, changes, expected) => {
  const presented = await workflowToken()
  const [byPassword, byExchange, forApi] = [
    await asPassword(presented, PULL),
    await exchanged(presented, PULL),
    await exchanged(presented),
  ]
  expect([await pulls(byPassword), await pulls(byExchange), await pulls(forApi)]).toEqual([404, 404, 404])

  await changeRule(mutation, changes)

  const [pull, again] = expected
  expect([await pulls(byPassword), await pulls(byExchange), await pulls(forApi)]).toEqual([pull, pull, pull])
  expect((await exchanged(presented, PULL)).status).toBe(again)
})

import type { JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OidcProvider, startOidcProvider } from '../fixtures/oidc-provider.ts'
import { NAMESPACE, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

const AUDIENCE = 'https://streams.example.org'
const CREATE = `mutation Create($input: CreateFederationRuleInput!) {
  createFederationRule(input: $input) {
    federationRule { id name issuer claims { name patterns } grants { role place } warnings maxLifetimeSeconds }
  }
}`
const EXPLAIN = `query Explain($token: String!) {
  explainFederation(token: $token) { nodes { rule { name } isAccepted refusals { reason claim } } }
}`

let provider: OidcProvider
let server: SignedInApp

beforeAll(async () => {
  provider = await startOidcProvider()
  server = await startSignedInApp()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

const token = (claims: JWTPayload = {}): Promise<string> =>
  provider.token({ aud: AUDIENCE, project_id: '7', ref_protected: 'true', ...claims })

interface Created {
  readonly createFederationRule: { readonly federationRule: Readonly<Record<string, unknown>> }
}
interface Explained {
  readonly explainFederation: { readonly nodes: readonly unknown[] }
}

describe('a federation rule', () => {
  it('is created from a preset by an admin of its namespace, and explains a token', async () => {
    const member = server.as('member')
    const { createFederationRule } = await member.request<Created>(CREATE, {
      input: {
        name: 'app on GitLab',
        audience: AUDIENCE,
        issuer: provider.issuer,
        gitlab: { projectId: '7' },
        grants: [{ role: 'PUSHER', place: `${NAMESPACE}/app` }],
      },
    })
    expect(createFederationRule.federationRule).toMatchObject({
      issuer: provider.issuer,
      claims: [
        { name: 'project_id', patterns: ['7'] },
        { name: 'ref_protected', patterns: ['true'] },
      ],
      grants: [{ role: 'PUSHER', place: `${NAMESPACE}/app` }],
      warnings: [],
      maxLifetimeSeconds: 3600,
    })
    const explain = async (pasted: string) =>
      (await member.request<Explained>(EXPLAIN, { token: pasted })).explainFederation.nodes
    const rule = { name: 'app on GitLab' }
    expect(await explain(await token())).toEqual([{ rule, isAccepted: true, refusals: [] }])
    const ofMergeRequest = await token({ pipeline_source: 'merge_request_event', project_id: '8' })
    expect(await explain(ofMergeRequest)).toEqual([
      {
        rule,
        isAccepted: false,
        refusals: [
          { reason: 'CLAIM', claim: 'project_id' },
          { reason: 'PULL_REQUEST', claim: 'pipeline_source' },
        ],
      },
    ])
  })

  it('is warned about if it rests on names, which others can take', async () => {
    const { createFederationRule } = await server.as('admin').request<Created>(CREATE, {
      input: {
        name: 'by name',
        audience: AUDIENCE,
        issuer: 'https://token.actions.githubusercontent.com',
        claims: [{ name: 'sub', patterns: ['repo:octocat/app:*'] }],
        grants: [{ role: 'PULLER', place: 'other/*' }],
      },
    })
    expect(createFederationRule.federationRule.warnings).toEqual([
      expect.stringContaining('the rule rests on names alone'),
      expect.stringContaining('GitHub adds identifiers to sub'),
    ])
  })

  it('is seen and changed by those alone who may give its roles', async () => {
    const list = '{ federationRules { totalCount nodes { id name } } }'
    type List = { federationRules: { totalCount: number; nodes: { id: string; name: string }[] } }
    const listed = async (client: ReturnType<SignedInApp['as']>) =>
      (await client.request<List>(list)).federationRules.nodes.map(({ name }) => name)
    expect(await listed(server.as('admin'))).toEqual(['app on GitLab', 'by name'])
    expect(await listed(server.as('member'))).toEqual(['app on GitLab'])
    expect(await listed(server.as('stranger'))).toEqual([])
    const codes = async (name: 'token' | 'anonymous') =>
      (await server.as(name).execute(list)).errors?.map(({ extensions }) => extensions?.code)
    expect(await codes('token')).toEqual(['FORBIDDEN'])
    expect(await codes('anonymous')).toEqual(['UNAUTHENTICATED'])
    const { federationRules } = await server.as('admin').request<List>(list)
    const [first] = federationRules.nodes
    const remove = await server
      .as('stranger')
      .execute(`mutation { deleteFederationRule(input: { id: "${first?.id}" }) { deletedId } }`)
    expect(remove.errors?.[0]?.extensions?.code).toBe('NOT_FOUND')
    const node = await server.as('stranger').request<{ node: unknown }>(`{ node(id: "${first?.id}") { id } }`)
    expect(node.node).toBeNull()
  })

  it('gets further roles from those alone who may change it: others neither learn its name nor lock out its owners', async () => {
    const grant = async (name: 'admin' | 'member', subject: string) => {
      const { errors } = await server.as(name).execute(
        `mutation ($subject: String!) { grantRole(input: {
           subjectKind: RULE, subject: $subject, role: PULLER, place: "${NAMESPACE}/*" }) { grant { subject } } }`,
        { subject },
      )
      return errors?.map(({ message }) => message.replace(subject, 'X'))
    }
    const missing = await grant('member', 'rule:999')
    expect(missing).toEqual([expect.stringContaining('no federation rule')])
    expect(await grant('member', 'by name')).toEqual(missing)
    expect(await grant('member', 'rule:2')).toEqual(missing)
    expect(await grant('member', 'app on GitLab')).toBeUndefined()
    expect(await grant('admin', 'by name')).toBeUndefined()
  })

  it('has a name that no rule has which its author may change; names of others are not revealed', async () => {
    const named = (namespace: string, name = 'nightly') => ({
      input: {
        name,
        audience: AUDIENCE,
        issuer: provider.issuer,
        gitlab: { projectId: '9' },
        grants: [{ role: 'PULLER', place: `${namespace}/*` }],
      },
    })
    const codes = async (client: ReturnType<SignedInApp['as']>, variables: object) =>
      (await client.execute(CREATE, { ...variables })).errors?.map(({ extensions }) => extensions?.code)
    const [admin, member] = [server.as('admin'), server.as('member')]
    expect(await codes(admin, named('secret'))).toBeUndefined()
    expect(await codes(admin, named('other'))).toEqual(['ALREADY_EXISTS'])
    expect(await codes(member, named(NAMESPACE))).toBeUndefined()
    expect(await codes(member, named(NAMESPACE))).toEqual(['ALREADY_EXISTS'])
    const { createFederationRule } = await member.request<Created>(CREATE, named(NAMESPACE, 'weekly'))
    const rename = await member.execute(
      'mutation ($id: ID!) { updateFederationRule(input: { id: $id, name: "nightly" }) { federationRule { id } } }',
      { id: createFederationRule.federationRule.id },
    )
    expect(rename.errors?.[0]?.extensions?.code).toBe('ALREADY_EXISTS')

    const grant = 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { grant { place } } }'
    const input = { subjectKind: 'RULE', subject: 'nightly', role: 'PUSHER', place: `${NAMESPACE}/app` }
    expect((await member.execute(grant, { input })).errors).toBeUndefined()
    expect((await admin.execute(grant, { input })).errors?.[0]?.extensions?.code).toBe('CONFLICT')
  })

  it('is in the audit log of the namespace of its roles, like an access token', async () => {
    const admin = server.as('admin')
    const input = {
      audience: AUDIENCE,
      issuer: provider.issuer,
      gitlab: { projectId: '11' },
    }
    const roles = (...places: string[]) => ({ grants: places.map((place) => ({ role: 'PULLER', place })) })
    await admin.request(CREATE, {
      input: { ...input, name: 'of one', ...roles(`${NAMESPACE}/a`, `${NAMESPACE}/b`) },
    })
    await admin.request(CREATE, {
      input: { ...input, name: 'of two', ...roles(`${NAMESPACE}/a`, 'other/b') },
    })
    await admin.request(
      'mutation ($grants: [AccessTokenGrantInput!]!) { createAccessToken(input: { name: "pull", grants: $grants }) { secret } }',
      roles(`${NAMESPACE}/*`),
    )
    const { auditEntries } = await server
      .as('member')
      .request<{ auditEntries: { nodes: { action: string; principal: string }[] } }>(
        `{ auditEntries(namespace: "${NAMESPACE}", first: 3) { nodes { action principal } } }`,
      )
    const principal = server.ids.admin
    expect(auditEntries.nodes.slice(0, 2)).toEqual([
      { action: 'createAccessToken', principal },
      { action: 'createFederationRule', principal },
    ])
    expect(auditEntries.nodes[2]?.principal).not.toBe(principal)
  })

  it('that has no claim is refused, and a text that is no token is not repeated', async () => {
    const input = {
      name: 'all',
      audience: 'a',
      issuer: 'https://ci.example.org',
      grants: [{ role: 'PULLER', place: 'a/*' }],
    }
    const created = await server.as('admin').execute(CREATE, { input })
    expect(created.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID', field: 'claims' })
    const explained = await server.as('admin').execute(EXPLAIN, { token: 'a-secret-by-mistake' })
    expect(explained.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID', field: 'token' })
    expect(JSON.stringify(explained)).not.toContain('a-secret-by-mistake')
  })
})

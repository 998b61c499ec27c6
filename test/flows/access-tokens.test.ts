import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../fixtures/eventually.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { type PrincipalName, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { eventStream, take } from '../http/clients.ts'

let server: SignedInApp
beforeEach(async () => {
  server = await startSignedInApp()
})
afterEach(() => server[Symbol.asyncDispose]())

interface Created {
  readonly createAccessToken: { readonly secret: string; readonly accessToken: { readonly id: string } }
}

const CREATE = `mutation ($name: String!, $grants: [AccessTokenGrantInput!]!, $expiresAt: DateTime) {
  createAccessToken(input: { name: $name, grants: $grants, expiresAt: $expiresAt }) { secret accessToken { id } }
}`
const create = async (as: PrincipalName, grants: readonly object[]) => {
  const { createAccessToken } = await server.as(as).request<Created>(CREATE, { name: 'new', grants })
  return { secret: createAccessToken.secret, id: createAccessToken.accessToken.id }
}
const codesOf = async (as: PrincipalName, query: string, variables = {}) => {
  const { errors = [] } = await server.as(as).execute(query, variables)
  return errors.map(({ extensions }) => extensions?.code)
}
const rightsOf = async (token: string | undefined, place: string): Promise<readonly string[]> => {
  await using client = connect(server.url, token)
  const { viewer } = await client.request<{ viewer: { rights: string[] } }>(
    'query ($place: String!) { viewer { rights(place: $place) } }',
    { place },
  )
  return viewer.rights
}
const REVOKE = 'mutation ($id: ID!) { revokeAccessToken(input: { id: $id }) { accessToken { revokedAt } } }'

describe('an access token', () => {
  it('is shown once, and recognised by its prefix', async () => {
    const { secret } = await create('member', [{ role: 'PULLER', place: 'team/*' }])
    const listed = await server
      .as('member')
      .request<object>('{ accessTokens { nodes { name prefix createdBy grants { role place } } } }')
    expect(JSON.stringify(listed)).not.toContain(secret)
    expect(listed).toMatchObject({
      accessTokens: {
        nodes: [
          {
            name: 'new',
            prefix: secret.slice(0, 8),
            createdBy: server.ids.member,
            grants: [{ role: 'PULLER', place: 'team/*' }],
          },
          { name: 'ci' },
        ],
      },
    })
  })

  it('has the rights of its grants, and no others', async () => {
    const { secret } = await create('member', [{ role: 'PUSHER', place: 'team/app-*' }])
    expect(await rightsOf(secret, 'team/app-1')).toEqual(['VIEW', 'PULL', 'PUSH'])
    expect(await rightsOf(secret, 'team/other')).toEqual([])
    expect(await rightsOf(secret, 'elsewhere/app-1')).toEqual([])
  })

  it('has at most the rights that its creator has now, and never gives rights', async () => {
    const { secret } = await create('member', [{ role: 'ADMIN', place: '*/*' }])
    expect(await rightsOf(secret, 'elsewhere/app')).toEqual([])
    const rights = await rightsOf(secret, 'team/app')
    expect(rights).toContain('DELETE')
    expect(rights).not.toContain('GRANT')

    const { grants } = await server
      .as('admin')
      .request<{ grants: { nodes: { id: string; subject: string; subjectKind: string }[] } }>(
        '{ grants(namespace: "team") { nodes { id subject subjectKind } } }',
      )
    const grant = grants.nodes.find(({ subjectKind }) => subjectKind === 'USER')
    await server
      .as('admin')
      .request('mutation ($id: ID!) { revokeGrant(input: { id: $id }) { deletedId } }', { id: grant?.id })
    expect(await rightsOf(secret, 'team/app')).toEqual([])
    expect(await rightsOf(server.secrets.token, 'team/app')).toEqual([])
  })

  it('cannot be created with rights that its creator lacks', async () => {
    const wanted = { name: 'x', grants: [{ role: 'PULLER', place: 'secret/*' }] }
    expect(await codesOf('member', CREATE, wanted)).toEqual(['FORBIDDEN'])
    const everything = { name: 'x', grants: [{ role: 'SERVER_ADMIN', place: '*/*' }] }
    expect(await codesOf('member', CREATE, everything)).toEqual(['FORBIDDEN'])
    expect(await codesOf('admin', CREATE, everything)).toEqual([])
  })

  it('creates no tokens and changes no grants, also that of a server admin', async () => {
    const { secret } = await create('admin', [{ role: 'SERVER_ADMIN', place: '*/*' }])
    await using client = connect(server.url, secret)
    const wanted = { name: 'x', grants: [{ role: 'PULLER', place: '*/*' }] }
    const responses = [
      await client.execute(CREATE, wanted),
      await client.execute(
        'mutation { grantRole(input: { subjectKind: EVERYONE, role: PULLER, place: "team/*" }) { grant { id } } }',
      ),
      await client.execute('{ accessTokens { totalCount } }'),
      await client.execute('{ sessions { totalCount } }'),
    ]
    const codes = responses.map(({ errors }) => errors?.[0]?.extensions?.code)
    expect(codes).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'])
  })

  it('reports its last use without a write for each request', async () => {
    await using client = connect(server.url, server.secrets.token)
    await client.request('{ viewer { principal } }')
    const { accessTokens } = await server
      .as('member')
      .request<{ accessTokens: { nodes: { lastUsedAt: string; lastUsedFrom: string }[] } }>(
        '{ accessTokens { nodes { lastUsedAt lastUsedFrom } } }',
      )
    expect(accessTokens.nodes[0]).toMatchObject({
      lastUsedAt: expect.any(String),
      lastUsedFrom: expect.stringContaining('127.0.0.1'),
    })
  })

  it('is revoked at once, and its sockets and event streams are closed (threat 61)', async () => {
    const { secret, id } = await create('member', [{ role: 'VIEWER', place: 'team/*' }])
    await using client = connect(server.url, secret)
    const subscription = 'subscription { imagePushed(imageStream: "team/app") { tag } }'
    const closed = client
      .follow(subscription)
      .next()
      .catch((error: unknown) => error)
    const headers = { authorization: `Bearer ${secret}` }
    const stream = await eventStream(`${server.url}/graphql`, subscription, { headers })
    await client.request('{ viewer { principal } }')

    await server.as('member').request(REVOKE, { id })

    await expect(client.execute('{ viewer { principal } }')).resolves.toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    })
    expect(await closed).toMatchObject({ code: 4403 })
    const results = await take(stream.events, 3)
    expect(results.map(({ event }) => event)).toEqual(['next', 'complete'])
    expect(results[0]?.data).toContain('UNAUTHENTICATED')
  })

  it('is revoked by its creator or a server admin, and is missing for others', async () => {
    const { id } = await create('member', [{ role: 'VIEWER', place: 'team/*' }])
    expect(await codesOf('stranger', REVOKE, { id })).toEqual(['NOT_FOUND'])
    expect(await server.as('stranger').request('query ($id: ID!) { node(id: $id) { id } }', { id })).toEqual({
      node: null,
    })
    expect(await codesOf('admin', REVOKE, { id })).toEqual([])
  })

  it('ends with the suspension of its creator', async () => {
    const { users } = await server
      .as('admin')
      .request<{ users: { nodes: { id: string; principal: string }[] } }>(
        '{ users { nodes { id principal } } }',
      )
    const member = users.nodes.find(({ principal }) => principal === server.ids.member)
    await server
      .as('admin')
      .request('mutation ($id: ID!) { suspendUser(input: { id: $id }) { user { id } } }', { id: member?.id })
    for (const principal of ['member', 'token'] as const)
      expect(await codesOf(principal, '{ viewer { name } }')).toEqual(['UNAUTHENTICATED'])
    expect(await codesOf('stranger', '{ viewer { name } }')).toEqual([])
  })
})

describe('a grant', () => {
  const GRANT = `mutation ($kind: SubjectKind!, $subject: String, $role: Role!, $place: String!) {
    grantRole(input: { subjectKind: $kind, subject: $subject, role: $role, place: $place }) { grant { subject } }
  }`
  const toStranger = { kind: 'USER', subject: 'stranger@example.org', role: 'PULLER', place: 'team/app' }

  it('takes effect for open connections within a second', async () => {
    expect(await rightsOf(server.secrets.stranger, 'team/app')).toEqual([])
    await server.as('member').request(GRANT, toStranger)
    await eventually(async () =>
      expect(await rightsOf(server.secrets.stranger, 'team/app')).toEqual(['VIEW', 'PULL']),
    )
  })

  it('is given by those who may give it there, and never with more rights than theirs', async () => {
    expect(await codesOf('stranger', GRANT, toStranger)).toEqual(['FORBIDDEN'])
    expect(await codesOf('token', GRANT, toStranger)).toEqual(['FORBIDDEN'])
    expect(await codesOf('anonymous', GRANT, toStranger)).toEqual(['UNAUTHENTICATED'])
    for (const place of ['other/app', '*/*', 'tea*/x'])
      expect(await codesOf('member', GRANT, { ...toStranger, place })).not.toEqual([])
    expect(await codesOf('member', GRANT, { ...toStranger, role: 'SERVER_ADMIN', place: '*/*' })).toEqual([
      'FORBIDDEN',
    ])
  })

  it('of public read access reaches clients without a credential, and cannot be more', async () => {
    const everyone = { kind: 'EVERYONE', role: 'VIEWER', place: 'team/app' }
    expect(await rightsOf(undefined, 'team/app')).toEqual([])
    await server.as('member').request(GRANT, everyone)
    expect(await rightsOf(undefined, 'team/app')).toEqual(['VIEW'])
    expect(await rightsOf(server.secrets.stranger, 'team/app')).toEqual(['VIEW'])
    expect(await codesOf('member', GRANT, { ...everyone, role: 'PUSHER' })).toEqual(['INVALID'])
  })

  it('is listed to those who may change it', async () => {
    const query = '{ grants(namespace: "team") { nodes { subject role } } }'
    expect(await server.as('member').request(query)).toMatchObject({
      grants: {
        nodes: [
          { subject: 'member@example.org', role: 'ADMIN' },
          { subject: 'ci', role: 'PULLER' },
        ],
      },
    })
    expect(await codesOf('stranger', query)).toEqual(['FORBIDDEN'])
  })
})

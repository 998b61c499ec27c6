import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../fixtures/graphql-client.ts'
import { type PrincipalName, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

// Lists of what is set for a namespace: without a namespace they have what the viewer may read, of a namespace in which it has no
// right they are refused.

let server: SignedInApp
beforeAll(async () => {
  server = await startSignedInApp()
  const admin = server.as('admin')
  for (const namespace of ['team', 'other']) {
    await admin.request(`mutation {
      protectTags(input: { namespace: "${namespace}", tags: "v*" }) { tagProtection { id } }
      setQuota(input: { namespace: "${namespace}", limits: { maximumTags: 9 } }) { quota { id } }
      createReceiver(input: { namespace: "${namespace}", sender: GENERIC, registry: "quay.io" }) { receiver { id } }
      setRegistryCredential(input: { namespace: "${namespace}", prefix: "quay.io", username: "u", password: "p" }) {
        registryCredential { id }
      }
      grantRole(input: { subjectKind: GROUP, subject: "devs", role: VIEWER, place: "${namespace}/*" }) { grant { id } }
    }`)
  }
})
afterAll(() => server[Symbol.asyncDispose]())

/** Lists, and their field that names the namespace. */
const LISTS = {
  tagProtections: 'namespace',
  quotas: 'namespace',
  receivers: 'namespace',
  registryCredentials: 'namespace',
  grants: 'place',
}
const NAMES = Object.keys(LISTS) as (keyof typeof LISTS)[]

const namespacesIn = (nodes: readonly Record<string, string>[], field: string): string[] => [
  ...new Set(nodes.map((node) => (node[field] ?? '').split('/')[0] ?? '')),
]

interface Listed {
  readonly totalCount: number
  readonly nodes: readonly Record<string, string>[]
}

const listOf = async (client: ReturnType<typeof connect>, list: keyof typeof LISTS, argument = '') => {
  const query = `{ ${list}(first: 50${argument}) { totalCount nodes { ${LISTS[list]} } } }`
  const { data, errors } = await client.execute(query)
  const found = (data as Record<string, Listed> | null)?.[list]
  return {
    codes: errors?.map(({ extensions }) => extensions?.code),
    namespaces: found && namespacesIn(found.nodes, LISTS[list]),
    count: found?.totalCount,
    length: found?.nodes.length,
  }
}

describe.each(NAMES)('%s', (list) => {
  it('without a namespace are those of the namespaces in which the viewer has the right', async () => {
    const own = await listOf(server.as('member'), list)
    expect(own.namespaces).toEqual(['team'])
    expect(own.count).toBe(own.length)
    expect((await listOf(server.as('admin'), list)).namespaces).toEqual(
      expect.arrayContaining(['other', 'team']),
    )
    expect(await listOf(server.as('stranger'), list)).toMatchObject({ namespaces: [], count: 0 })
  })

  it('of a namespace without the right are refused', async () => {
    expect(await listOf(server.as('member'), list, ', namespace: "team"')).toMatchObject({
      namespaces: ['team'],
    })
    const refused = { member: 'FORBIDDEN', stranger: 'FORBIDDEN', anonymous: 'UNAUTHENTICATED' }
    for (const [principal, code] of Object.entries(refused)) {
      const { codes } = await listOf(server.as(principal as PrincipalName), list, ', namespace: "other"')
      expect([principal, codes]).toEqual([principal, [code]])
    }
  })

  it('of text that is no namespace are refused', async () => {
    const { codes } = await listOf(server.as('admin'), list, ', namespace: "Team"')
    expect(codes).toEqual(['INVALID'])
  })
})

it('a token of a server admin reads the same lists, with and without a namespace', async () => {
  const { createAccessToken } = await server
    .as('admin')
    .request<{ createAccessToken: { secret: string } }>(
      `mutation { createAccessToken(input: { name: "reports", grants: [{ role: SERVER_ADMIN, place: "*/*" }] }) { secret } }`,
    )
  await using client = connect(server.url, createAccessToken.secret)
  for (const list of NAMES) {
    expect((await listOf(client, list)).namespaces).toEqual(expect.arrayContaining(['other', 'team']))
    expect(await listOf(client, list, ', namespace: "other"')).toMatchObject({ namespaces: ['other'] })
  }
  expect(
    await client.execute('{ auditEntries(namespace: "other", first: 1) { nodes { namespace } } }'),
  ).toMatchObject({
    data: { auditEntries: { nodes: [{ namespace: 'other' }] } },
  })
})

it('a token that is no server admin reads no list that needs the right to give rights', async () => {
  const { createAccessToken } = await server
    .as('member')
    .request<{ createAccessToken: { secret: string } }>(
      `mutation { createAccessToken(input: { name: "all", grants: [{ role: ADMIN, place: "team/*" }] }) { secret } }`,
    )
  await using client = connect(server.url, createAccessToken.secret)
  expect(await listOf(client, 'quotas')).toMatchObject({ namespaces: [] })
  expect(await listOf(client, 'grants')).toMatchObject({ namespaces: [] })
  expect(await listOf(client, 'tagProtections')).toMatchObject({ namespaces: ['team'] })
})

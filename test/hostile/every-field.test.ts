import type { GraphQLField } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessOf } from '../../src/graphql/kit/access.ts'
import { exampleOf } from '../../src/graphql/kit/examples.ts'
import { createSchema } from '../../src/graphql/schema.ts'
import { eventually } from '../fixtures/eventually.ts'
import type { GraphQLResponse } from '../fixtures/graphql-client.ts'
import { clusterWithWorkload } from '../fixtures/kubernetes/cluster-with-workload.ts'
import type { FakeCluster } from '../fixtures/kubernetes/fake-cluster.ts'
import { kubeconfigOf } from '../fixtures/kubernetes/kubectl.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import type { SignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { headersOf, type Principal, startWithEveryPrincipal } from './every-principal.ts'

// Every root field of the schema, by its own example, for every kind of principal: it is refused exactly where the table of roles
// lacks a right that the field declares, or that its example needs besides.

type Needed = Principal['has'] extends ReadonlySet<infer Item> ? Item : never
type RootField = GraphQLField<unknown, unknown>

const schema = createSchema()
const fieldsOf = (type: { getFields(): Record<string, RootField> } | null | undefined): RootField[] =>
  Object.values(type?.getFields() ?? {})
const QUERIES = fieldsOf(schema.getQueryType())
const MUTATIONS = fieldsOf(schema.getMutationType())

/** What the example of a field needs beside the access that the field declares. */
const ALSO: Readonly<Record<string, readonly Needed[]>> = {
  createImageStream: ['import'],
  applyImageStream: ['import'],
  updateImageStream: ['import'],
  importImage: ['create', 'tag'],
  grantRole: ['grant'],
  revokeGrant: ['grant'],
  createFederationRule: ['grant'],
  updateFederationRule: ['grant'],
  deleteFederationRule: ['grant'],
  setFederationRuleDisabled: ['grant'],
  approveDelivery: ['person'],
  suspendUser: ['server-admin'],
  resumeUser: ['server-admin'],
  // of the server admin
  revokeAccessToken: ['server-admin'],
  revokeSession: ['server-admin'],
}
const neededBy = (field: RootField): readonly Needed[] => {
  const access = accessOf(field) as Needed | 'anyone'
  return [...(access === 'anyone' ? [] : [access]), ...(ALSO[field.name] ?? [])]
}

/** Mutations whose objects the others use, in this order. */
const FIRST = [
  'setRegistryCredential',
  'createImageStream',
  'importImage',
  'tagImage',
  'applyImageStream',
  'createReceiver',
  'mirrorImage',
  'protectTags',
  'connectCluster',
  'createTrigger',
]
/** Mutations that take something away: for each principal the last. */
const LAST = /^(?:delete|disconnect|revoke|unprotect|suspend|restoreImageStream)/

let upstream: Upstream
let server: SignedInApp
let principals: readonly Principal[]
let kubernetes: FakeCluster
let variables: Record<string, unknown>
beforeAll(async () => {
  upstream = await startUpstream()
  kubernetes = await clusterWithWorkload('default')
  variables = { kubeconfig: kubeconfigOf(kubernetes) }
  for (const tag of ['latest', '3.4-slim', '3.4', '3.4.1', 'alpine'])
    upstream.push('library/ruby', tag, image({ seed: tag }))
  ;({ server, principals } = await startWithEveryPrincipal())
  const to = { repository: 'default/web', tag: 'v1' }
  await new PushClient(server.url, { headers: server.headersOf('admin') }).push(
    to,
    image({ seed: 'web' }),
    'one POST',
  )
  for (const name of FIRST) {
    const field = MUTATIONS.find((one) => one.name === name)
    expect((await run(field as RootField, admin())).errors).toBeUndefined()
  }
  variables = { ...variables, ...(await readVariables()) }
}, 60_000)
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  await kubernetes[Symbol.asyncDispose]()
})

const admin = (): Principal => principals.find(({ name }) => name === 'server admin') as Principal

/** Returns the example of a field, for things of one namespace that exist. */
const operationOf = (field: RootField): string =>
  (exampleOf(field) ?? '')
    .replaceAll('docker.io', upstream.host)
    .replaceAll('mirrors/ruby', 'mirrored')
    .replaceAll('"shop"', '"default"')
    .replaceAll('team/app', 'default/app')
    // everyone would get the right
    .replaceAll('"default/ruby" }) {\n    grant', '"default/none" }) {\n    grant')
    .replace('grants(first', 'grants(namespace: "default", first')
    .replace(/(imagePrunePlan\(|pruneImages\(input: \{ )/, '$1namespace: "default", ')

async function run(
  field: RootField,
  principal: Principal,
): Promise<GraphQLResponse<Record<string, unknown>>> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { ...headersOf(principal), 'content-type': 'application/json' },
    body: JSON.stringify({ query: operationOf(field), variables }),
  })
  return (await response.json()) as GraphQLResponse<Record<string, unknown>>
}

/** What examples have as variables, since the server chooses it. */
const VALUES = `{
    receivers(first: 1) { nodes { id } } imageMirrorings(first: 1) { nodes { id } } tagProtections(first: 1) { nodes { id } }
    users { nodes { id name } } sessions { nodes { id principal } } federationRules { nodes { id } }
    workloads(first: 1) { nodes { id } } triggers(first: 1) { nodes { id } }
  }`

/** Returns the variables of all examples. */
async function readVariables(): Promise<Record<string, unknown>> {
  type Found = Record<string, { nodes: { id: string; name: string; principal: string }[] }>
  const created = await server
    .as('admin')
    .request<{ createAccessToken: { accessToken: { id: string } } }>(
      'mutation { createAccessToken(input: { name: "any", grants: [{ role: VIEWER, place: "default/*" }] }) { accessToken { id } } }',
    )
  const found = await eventually(async () => {
    const read = await server.as('admin').request<Found>(VALUES)
    expect(read.workloads?.nodes).toHaveLength(1)
    return read
  })
  const { imageStream, tools } = await server
    .as('admin')
    .request<
      Record<'imageStream' | 'tools', { id: string; uid: string; tag: { image: { digest: string } } }>
    >(
      '{ imageStream(name: "ruby") { id uid tag(name: "latest") { image { digest } } } tools: imageStream(name: "tools") { id uid tag(name: "alpine") { image { digest } } } }',
    )
  const { grantRole } = await server
    .as('admin')
    .request<{ grantRole: { grant: { id: string } } }>(
      'mutation { grantRole(input: { subjectKind: GROUP, subject: "any", role: VIEWER, place: "default/none" }) { grant { id } } }',
    )
  const { fireTrigger } = await server
    .as('admin')
    .request<{ fireTrigger: { triggerTarget: { id: string } } }>(
      'mutation ($id: ID!) { fireTrigger(input: { id: $id, tag: "latest" }) { triggerTarget { id } } }',
      { id: found.triggers?.nodes[0]?.id },
    )
  const idOf = (list: string): string | undefined => found[list]?.nodes[0]?.id
  const { digest } = imageStream.tag.image
  return {
    id: imageStream.id,
    ids: [imageStream.id],
    digest,
    name: `ruby@${digest}`,
    uid: tools.uid,
    receiver: idOf('receivers'),
    mirroring: idOf('imageMirrorings'),
    tagProtection: idOf('tagProtections'),
    user: found.users?.nodes.find(({ name }) => name.startsWith('member'))?.id,
    token: created.createAccessToken.accessToken.id,
    session: found.sessions?.nodes.find(({ principal }) => principal === server.ids.member)?.id,
    rule: idOf('federationRules'),
    workload: idOf('workloads'),
    trigger: idOf('triggers'),
    target: fireTrigger.triggerTarget.id,
    grant: grantRole.grant.id,
  }
}

const REFUSED: readonly unknown[] = ['FORBIDDEN', 'UNAUTHENTICATED']
/** What a viewer gets that does not see what the field names. */
const HIDDEN: readonly unknown[] = [...REFUSED, 'NOT_FOUND']

const codesOf = ({ errors = [] }: GraphQLResponse<unknown>) =>
  errors.map(({ extensions }) => extensions?.code)

/** Reports whether a result has no content: no object, no name, no number but 0. */
function isNothing(value: unknown): boolean {
  if (value === null || value === 0 || value === false) return true
  if (Array.isArray(value)) return value.length === 0
  if (typeof value !== 'object') return false
  // a cursor from which a subscription begins, and the reference of the request
  const { pageInfo: _, ...fields } = value as Record<string, unknown>
  return fields.isResolved === false || Object.values(fields).every(isNothing)
}

/** A server admin reads also with a token what needs the right to give rights, and changes nothing of it. */
const reads = (field: RootField, { has }: Principal): boolean =>
  QUERIES.includes(field) && has.has('server-admin')
const mayUse = (field: RootField, principal: Principal): boolean =>
  neededBy(field).every((one) => principal.has.has(one) || (one === 'grant' && reads(field, principal)))

/** Returns what is wrong with the response that a principal gets; undefined for nothing. */
function faultOf(field: RootField, principal: Principal, response: GraphQLResponse<Record<string, unknown>>) {
  const codes = codesOf(response)
  const value = response.data?.[field.name]
  const isRight = mayUse(field, principal)
    ? codes.every((code) => !REFUSED.includes(code))
    : codes.length > 0
      ? codes.every((code) => HIDDEN.includes(code))
      : isNothing(value)
  return isRight
    ? undefined
    : { principal: principal.name, codes, value: JSON.stringify(value)?.slice(0, 200) }
}

describe('a query is answered and refused as the table of roles says', () => {
  test.each(QUERIES)('$name', async (field) => {
    const faults: unknown[] = []
    for (const principal of principals) faults.push(faultOf(field, principal, await run(field, principal)))
    expect(faults.filter((fault) => fault !== undefined)).toEqual([])
    const { data } = await run(field, admin())
    expect(data[field.name]).not.toBeNull()
  })
})

describe('a mutation is done and refused as the table of roles says', () => {
  const inOrder = [...MUTATIONS].sort((a, b) => Number(LAST.test(a.name)) - Number(LAST.test(b.name)))

  test.each(inOrder)(
    '$name',
    async (field) => {
      const faults: unknown[] = []
      // those that are refused first: they change nothing
      const ordered = [...principals].sort((a, b) => Number(mayUse(field, a)) - Number(mayUse(field, b)))
      for (const principal of ordered) faults.push(faultOf(field, principal, await run(field, principal)))
      expect(faults.filter((fault) => fault !== undefined)).toEqual([])
      expect(ordered.filter((principal) => mayUse(field, principal))).not.toEqual([])
    },
    60_000,
  )
})

import { type GraphQLField, type OperationDefinitionNode, parse, validate } from 'graphql'
import { beforeAll, describe, expect, test } from 'vitest'
import { accessOf } from '../../src/graphql/kit/access.ts'
import { exampleOf } from '../../src/graphql/kit/examples.ts'
import { createSchema } from '../../src/graphql/schema.ts'
import { startApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { clusterWithWorkload } from '../fixtures/kubernetes/cluster-with-workload.ts'
import { kubeconfigOf } from '../fixtures/kubernetes/kubectl.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { eventStream } from '../http/clients.ts'

type RootField = GraphQLField<unknown, unknown>

interface Example {
  readonly field: string
  readonly text: string
  readonly operation: OperationDefinitionNode
}

/** Mutations whose objects the other examples use, in this order. All queries run after them. */
const FIRST = [
  'setRegistryCredential',
  'createImageStream',
  'importImage',
  'tagImage',
  'setTagPolicy',
  'applyImageStream',
  'configureRegistry',
  'createReceiver',
  'mirrorImage',
  'protectTags',
  'connectCluster',
  'createTrigger',
]
/** Mutations that take something away, in this order, and those that bring it back. */
const LAST = [
  'rollbackTag',
  'untagImage',
  'restoreTag',
  'deleteImageStream',
  'restoreImageStream',
  'deleteReceiver',
  'deleteTrigger',
  'disconnectCluster',
  'deleteRegistryConfiguration',
  'deleteRegistryCredential',
  'pruneImages',
  'collectGarbage',
]

const schema = createSchema()

const fieldsOf = (type: { getFields(): Record<string, RootField> } | null | undefined): RootField[] =>
  Object.values(type?.getFields() ?? {})

const examplesOf = (fields: readonly RootField[]): Example[] =>
  fields.map((field) => {
    const text = exampleOf(field)
    if (text === undefined) throw new Error(`${field.name} has no example`)
    const [operation] = parse(text).definitions
    if (operation?.kind !== 'OperationDefinition')
      throw new Error(`${field.name}: the example is no operation`)
    return { field: field.name, text, operation }
  })

const isForPeople = (field: RootField): boolean => accessOf(field) === 'person'
const [queries, mutations] = [fieldsOf(schema.getQueryType()), fieldsOf(schema.getMutationType())]
const QUERIES = examplesOf(queries.filter((field) => !isForPeople(field)))
const MUTATIONS = examplesOf(mutations.filter((field) => !isForPeople(field)))
const isLast = (field: string): boolean => /^(?:revoke|delete)/.test(field)
/** Examples that need a person who has signed in; those that take something away are the last. */
const FOR_PEOPLE = examplesOf([...queries, ...mutations].filter(isForPeople)).sort(
  (a, b) => Number(isLast(a.field)) - Number(isLast(b.field)),
)
const SUBSCRIPTIONS = examplesOf(fieldsOf(schema.getSubscriptionType()))
const ALL = [...QUERIES, ...MUTATIONS, ...FOR_PEOPLE, ...SUBSCRIPTIONS]

const hasVariables = ({ operation }: Example): boolean => (operation.variableDefinitions ?? []).length > 0

/** Returns the mutations in the order in which each finds what it needs. */
function inOrder(names: readonly string[]): Example[] {
  const found = names.map((name) => MUTATIONS.find(({ field }) => field === name))
  return found.flatMap((example) => example ?? [])
}
const named = [...FIRST, ...LAST]
const OTHERS = MUTATIONS.filter(({ field }) => !named.includes(field))

/** What an example has as variables, since the server chooses it, read from the responses before. */
const VALUES = `{
  imageStream(name: "ruby") { id imports(first: 1) { nodes { id } } tag(name: "latest") { image { digest } } }
  receivers(first: 1) { nodes { id } }
  imageMirrorings(first: 1) { nodes { id } }
  tagProtections(first: 1) { nodes { id } }
  workloads(first: 1) { nodes { id } }
  trigger(name: "build-app") { id }
}`
interface Values {
  readonly imageStream: {
    readonly id: string
    readonly imports: { readonly nodes: readonly { readonly id: string }[] }
    readonly tag: { readonly image: { readonly digest: string } }
  }
  readonly receivers: { readonly nodes: readonly { readonly id: string }[] }
  readonly tagProtections: { readonly nodes: readonly { readonly id: string }[] }
  readonly imageMirrorings: { readonly nodes: readonly { readonly id: string }[] }
  readonly workloads: { readonly nodes: readonly { readonly id: string }[] }
  readonly trigger: { readonly id: string }
}

async function variablesOf(client: GraphQLClient): Promise<Record<string, unknown>> {
  const { imageStream, receivers, imageMirrorings, tagProtections, workloads, trigger } = await eventually(
    async () => {
      const values = await client.request<Values>(VALUES)
      // observed a little after the cluster was connected
      expect(values.workloads.nodes).toHaveLength(1)
      return values
    },
  )
  const { imageStream: tools } = await client.request<{ imageStream: { uid: string } }>(
    '{ imageStream(name: "tools") { uid } }',
  )
  const { digest } = imageStream.tag.image
  return {
    id: imageStream.id,
    ids: [imageStream.id],
    import: imageStream.imports.nodes[0]?.id,
    digest,
    name: `ruby@${digest}`,
    uid: tools.uid,
    receiver: receivers.nodes[0]?.id,
    mirroring: imageMirrorings.nodes[0]?.id,
    tagProtection: tagProtections.nodes[0]?.id,
    workload: workloads.nodes[0]?.id,
    trigger: trigger.id,
    target: await waitingTarget(client),
  }
}

/** Returns the `id` of a target whose delivery waits for approval. */
async function waitingTarget(client: GraphQLClient): Promise<string> {
  const { createTrigger } = await client.request<{ createTrigger: { trigger: { id: string } } }>(
    `mutation { createTrigger(input: {
      name: "approved", imageStreams: "ruby", tags: "latest", guards: { approval: true },
      action: { http: { url: "https://builds.example.org/approved" } }
    }) { trigger { id } } }`,
  )
  const { fireTrigger } = await client.request<{ fireTrigger: { triggerTarget: { id: string } } }>(
    'mutation ($id: ID!) { fireTrigger(input: { id: $id }) { triggerTarget { id } } }',
    { id: createTrigger.trigger.id },
  )
  return fireTrigger.triggerTarget.id
}

/** Returns those of the mutations that left an entry in the audit log. */
async function auditedOf(client: GraphQLClient, examples: readonly Example[]): Promise<string[]> {
  const audited: string[] = []
  for (const { field } of examples) {
    const { auditEntries } = await client.request<{
      auditEntries: { nodes: readonly { outcome: string }[] }
    }>(
      'query ($filter: AuditEntryFilter) { auditEntries(filter: $filter, first: 1) { nodes { outcome } } }',
      { filter: { action: field } },
    )
    if (auditEntries.nodes[0]?.outcome === 'DONE') audited.push(field)
  }
  return audited
}

/** Runs the examples for people on a server with sign-in. Returns their responses by field, and what the audit log has. */
async function runSignedIn(): Promise<{ responses: Map<string, unknown>; audited: string[] }> {
  await using server = await startSignedInApp()
  const admin = server.as('admin')
  const member = await server.as('member').request<{ sessions: Ids }>('{ sessions { nodes { id } } }')
  const found = await admin.request<Record<'users' | 'accessTokens' | 'grants', Ids>>(
    '{ users { nodes { id name } } accessTokens { nodes { id } } grants(namespace: "team") { nodes { id } } }',
  )
  const stranger = found.users.nodes.find(({ name }) => name?.startsWith('stranger'))
  const [token, grant, session] = [found.accessTokens, found.grants, member.sessions].map(
    ({ nodes }) => nodes[0]?.id,
  )
  const { createFederationRule } = await admin.request<{
    createFederationRule: { federationRule: { id: string } }
  }>(
    `mutation { createFederationRule(input: {
      name: "any", audience: "a", gitlab: { projectId: "1" }, grants: [{ role: PULLER, place: "team/*" }]
    }) { federationRule { id } } }`,
  )
  const rule = createFederationRule.federationRule.id
  const variables = { user: stranger?.id, token, grant, session, rule }
  const responses = new Map<string, unknown>()
  for (const { field, text } of FOR_PEOPLE) responses.set(field, await admin.execute(text, variables))
  return { responses, audited: await auditedOf(admin, FOR_PEOPLE) }
}

interface Ids {
  readonly nodes: readonly { readonly id: string; readonly name?: string }[]
}

describe('the example of a root field', () => {
  const responses = new Map<string, unknown>()
  const audited = new Set<string>()

  beforeAll(async () => {
    await using upstream = await startUpstream()
    const push = (tag: string, seed = tag) => upstream.push('library/ruby', tag, image({ seed }))
    for (const tag of ['latest', '3.4-slim', '3.4', '3.4.1', '3.5.0', 'alpine']) push(tag)
    await using kubernetes = await clusterWithWorkload('shop')
    await using app = await startApp()
    const { client } = app
    const { url } = app.app
    await new PushClient(url).push({ repository: 'shop/web', tag: 'v1' }, image({ seed: 'web' }), 'one POST')
    const here = ({ text }: Example) => text.replaceAll('docker.io', upstream.host)
    const run = async (examples: readonly Example[], variables: Record<string, unknown> = {}) => {
      for (const example of examples)
        responses.set(example.field, await client.execute(here(example), variables))
    }
    const events: { field: string; stream: Awaited<ReturnType<typeof eventStream>> }[] = []
    const subscribe = async (examples: readonly Example[], variables: Record<string, unknown> = {}) => {
      for (const example of examples) {
        const stream = await eventStream(`${url}/graphql`, here(example), { variables })
        events.push({ field: example.field, stream })
      }
    }

    await subscribe(SUBSCRIPTIONS.filter((example) => !hasVariables(example)))
    await run(inOrder(FIRST), { kubeconfig: kubeconfigOf(kubernetes) })
    const variables = await variablesOf(client)
    await subscribe(SUBSCRIPTIONS.filter(hasVariables), variables)
    await run(QUERIES, variables)
    await run(OTHERS, variables)
    // another image of the tag that is rolled back
    push('latest', 'newer')
    await client.request('mutation { importImage(input: { imageStream: "ruby" }) { import { state } } }')
    await run([...inOrder(['tagImage']), ...inOrder(LAST)], variables)
    const signedIn = await runSignedIn()
    for (const [field, response] of signedIn.responses) responses.set(field, response)
    for (const field of [...signedIn.audited, ...(await auditedOf(client, MUTATIONS))]) audited.add(field)
    for (const { field, stream } of events) {
      const { value } = await stream.events.next()
      responses.set(field, JSON.parse(value?.data ?? 'null'))
      stream.body.destroy()
    }
  })

  test('leaves an entry in the audit log for each mutation that changes something', () => {
    // the example's mirroring has ended, so that its cancellation changes nothing
    const unchanged = ['cancelImageMirroring', 'testTrigger']
    const isUnchanged = ({ field, text }: Example): boolean =>
      text.includes('dryRun: true') || unchanged.includes(field)
    const isMutation = ({ field }: Example): boolean => mutations.some(({ name }) => name === field)
    const changing = [...MUTATIONS, ...FOR_PEOPLE].filter((one) => isMutation(one) && !isUnchanged(one))
    expect(changing.map(({ field }) => field).filter((field) => !audited.has(field))).toEqual([])
    expect(changing.length).toBeGreaterThan(30)
  })

  test.each(ALL)('$field is one valid operation with its name', ({ field, text, operation }) => {
    expect(validate(schema, parse(text))).toEqual([])
    expect(parse(text).definitions).toHaveLength(1)
    const roots = operation.selectionSet.selections.flatMap((node) =>
      node.kind === 'Field' ? node.name.value : [],
    )
    expect(roots).toEqual([field])
    expect(operation.name?.value).toBe((field[0] ?? '').toUpperCase() + field.slice(1))
  })

  test.each(ALL)('$field runs and returns something', ({ field }) => {
    const response = responses.get(field)
    expect(response).toEqual({ data: { [field]: expect.anything() } })
    expect(JSON.stringify(response)).not.toContain('"FAILED"')
  })
})

import { isInterfaceType, isObjectType } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSchema } from '../../../src/graphql/schema.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { Attached, artifact } from '../../fixtures/artifacts.ts'
import { keyPair, pemOf } from '../../fixtures/authority.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { createStream, errorsOf, importImage } from '../../flows/operations.ts'
import { objectsOf, selectionOf } from '../selections.ts'
import { VALUES } from '../values.ts'

const schema = createSchema()
const node = schema.getType('Node')
const objects = objectsOf(schema)
const isNode = (type: (typeof objects)[number]): boolean => type.getInterfaces().some((one) => one === node)

test('every object type is a Node, or a value with the reason why it needs no id', () => {
  expect(isInterfaceType(node)).toBe(true)
  const values = objects.filter((type) => !isNode(type)).map(({ name }) => name)

  expect(values.sort()).toEqual(Object.keys(VALUES).sort())
})

let app: TestApp
let upstream: Upstream
const latest = image({ seed: 'latest' })
const sbom = artifact({ subject: latest, artifactType: 'application/spdx+json', annotations: {} })

/** The streams `app`, with everything that a stream may have, and `gone`, which is deleted. */
beforeAll(async () => {
  upstream = await startUpstream()
  upstream.push('team/app', 'latest', latest)
  for (const seed of [1, 2, 3, 4]) upstream.push('team/app', `1.${seed}`, image({ seed }))
  new Attached(upstream, 'team/app').add(sbom)
  app = await startApp({ maximumTags: 3 })
  const repository = `${upstream.host}/team/app`
  const importPolicy = { scheduled: true }
  await createStream(app.client, {
    spec: {
      dockerImageRepository: repository,
      importPolicy,
      tags: [{ name: 'own', from: { kind: 'DOCKER_IMAGE', name: `${repository}:1.1` }, importPolicy }],
    },
  })
  await createStream(app.client, {
    name: 'gone',
    spec: { tags: [{ name: 'v1', from: { kind: 'DOCKER_IMAGE', name: `${repository}:1.1` } }] },
  })
  upstream.push('team/app', 'latest', latest)
  await importImage(app.client)
  const at = '2025-03-01T08:00:00Z'
  const document = {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name: 'reported' },
    status: { tags: [{ tag: 'v1', items: [{ created: at, image: latest.digest }] }] },
  }
  const trusted = [{ cosign: { publicKeys: [pemOf(keyPair().publicKey)] } }]
  const { imageStream } = await app.client.request<{ imageStream: { id: string } }>(
    '{ imageStream(name: "gone") { id } }',
  )
  gone = imageStream.id
  await app.client.request(
    `mutation ($documents: String!, $trusted: [TrustRequirementInput!]!) {
      applyImageStream(input: { documents: $documents, importHistory: true }) { results { action } }
      setTagPolicy(input: { imageStream: "app", tag: "best", policy: { order: SEMVER } }) { decision { chosen } }
      setImageStreamTrust(input: { imageStream: "app", requirements: $trusted }) { imageStream { name } }
      untagImage(input: { imageStream: "app", tag: "own" }) { imageStream { name } }
      deleteImageStream(input: { imageStream: "gone" }) { deletedId } }`,
    { documents: JSON.stringify(document), trusted },
  )
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
let gone: string

const TIME = 'time: "2100-01-01T00:00:00Z"'
const GIVEN = {
  'ImageStream.tag': 'name: "latest"',
  'ImageStream.tagsAt': TIME,
  'ImageStreamTag.at': TIME,
}

const typeOf = (name: string) => {
  const type = schema.getType(name)
  if (!isObjectType(type)) throw new Error(`there is no object type ${name}`)
  return type
}
const select = (type: string): string => selectionOf(typeOf(type), GIVEN)

/** Queries that reach each type of object by several ways. */
const QUERIES: Readonly<Record<string, () => string>> = {
  'the root': () => `{ ${select('Query')} }`,
  'a stream': () => `{ imageStream(name: "app") { ${select('ImageStream')} } }`,
  'a deleted stream': () => `{ node(id: "${gone}") { ... on ImageStream { ${select('ImageStream')} } } }`,
  'a spec': () => `{ imageStream(name: "app") { spec { ${select('ImageStreamSpec')} } } }`,
  'a tag': () => `{ imageStreamTag(name: "app:latest") { ${select('ImageStreamTag')} } }`,
  'a tag with a policy': () => `{ imageStreamTag(name: "app:best") { ${select('ImageStreamTag')} } }`,
  'a tag with a reported history': () =>
    `{ imageStreamTag(name: "reported:v1") { ${select('ImageStreamTag')} } }`,
  'an image': () => `{ image(digest: "${latest.digest}") { ${select('Image')} } }`,
  'an image of a stream': () =>
    `{ imageStreamImage(name: "app@${latest.digest}") { ${select('ImageStreamImage')} } }`,
  'the imports': () =>
    `{ imageStream(name: "app") { imports(first: 10) { nodes { ${select('Import')} } } } }`,
  'the pushes': () => `{ imagePushes(first: 20) { nodes { ${select('ImagePush')} } } }`,
  'the changes': () => `{ imageStreamChanges(first: 20) { nodes { ${select('ImageStreamChange')} } } }`,
}

interface Identified {
  readonly __typename: string
  readonly id: string
}

/** Returns the objects with an id in a response, each once. */
function identified(value: unknown, found = new Map<string, Identified>()): Map<string, Identified> {
  if (typeof value !== 'object' || value === null) return found
  if ('id' in value && '__typename' in value) {
    found.set(String(value.id), { __typename: String(value.__typename), id: String(value.id) })
  }
  for (const part of Object.values(value)) identified(part, found)
  return found
}

/** Types of objects that the streams above have. */
const REACHED = [
  'AdditionalTag',
  'Image',
  'ImagePush',
  'ImageStream',
  'ImageStreamChange',
  'ImageStreamImage',
  'ImageStreamSpec',
  'ImageStreamTag',
  'ImageStreamTrust',
  'Import',
  'ImportResult',
  'ImportSchedule',
  'Referrer',
  'ReportedMove',
  'RepositoryWatch',
  'TagEvent',
  'TagPolicyDecision',
  'TagReference',
]

const nodesOf = async (ids: readonly string[]): Promise<readonly (Identified | null)[]> => {
  const found: (Identified | null)[] = []
  for (let at = 0; at < ids.length; at += 100) {
    const { nodes } = await app.client.request<{ nodes: (Identified | null)[] }>(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }',
      { ids: ids.slice(at, at + 100) },
    )
    found.push(...nodes)
  }
  return found
}

describe('the ids of a response', () => {
  test.each(Object.keys(QUERIES))('of %s return the same objects', async (name) => {
    const response = await app.client.execute(QUERIES[name]?.() ?? '')
    expect(errorsOf(response)).toEqual([])
    const found = [...identified(response.data).values()]

    expect(found.length).toBeGreaterThan(0)
    expect(await nodesOf(found.map(({ id }) => id))).toEqual(found)
  })

  test('are of every type that a stream leads to', async () => {
    const reached = new Set<string>()
    for (const query of Object.values(QUERIES)) {
      for (const { __typename } of identified((await app.client.execute(query())).data).values()) {
        reached.add(__typename)
      }
    }
    expect(REACHED.filter((name) => !reached.has(name))).toEqual([])
  })

  test('stay the same when the server starts again', async () => {
    const read = async () => [
      ...identified((await app.client.execute(QUERIES['a stream']?.() ?? '')).data).keys(),
    ]
    const before = await read()
    await app.restart()

    expect(await read()).toEqual(before)
  })
})

describe('nodes', () => {
  const nodes = (ids: readonly string[]) =>
    app.client.execute<{ nodes: unknown }>('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })

  test('are in the order of the ids, with null where there is no object', async () => {
    const { data } = await nodes([
      gone,
      'nonsense',
      gone,
      Buffer.from('TagReference:1/?').toString('base64url'),
    ])

    expect(data).toEqual({ nodes: [{ id: gone }, null, { id: gone }, null] })
  })

  test('are at most 100', async () => {
    expect(errorsOf(await nodes(Array(101).fill(gone)))).toEqual([{ code: 'INVALID', field: 'ids' }])
    expect(errorsOf(await nodes([]))).toEqual([])
  })
})

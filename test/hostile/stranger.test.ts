import {
  buildClientSchema,
  type GraphQLSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { type WalkArguments, walk } from './schema-walk.ts'

// Two servers do the same in the namespace "team". On one of them another team does the same in the namespace "hidden", with the
// same images, and follows tags of "team". Whoever may read only "team" must get the same responses from both.

const VAULT = 'hidden'
const FOREIGN = /hidden|canary/

const BASE = image({ seed: 'base 1.0' }).digest

let upstream: Upstream
let shared: SignedInApp
let alone: SignedInApp
let schema: GraphQLSchema
beforeAll(async () => {
  upstream = await startUpstream()
  for (const tag of ['1.0', '1.1', 'latest']) upstream.push('lib/base', tag, image({ seed: `base ${tag}` }))
  ;[shared, alone] = await Promise.all([startSignedInApp(), startSignedInApp()])
  for (const { as } of [shared, alone]) await fill(as('admin'), 'team')
  await fill(shared.as('admin'), VAULT)
  await followTeam(shared.as('admin'))
  const introspection = await shared.as('admin').request<IntrospectionQuery>(getIntrospectionQuery())
  schema = buildClientSchema(introspection)
}, 60_000)
afterAll(async () => {
  await shared[Symbol.asyncDispose]()
  await alone[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** Runs the mutation. */
async function run(client: GraphQLClient, name: string, input: object): Promise<void> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
  await client.request(`mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, { input })
}

/** Makes one of everything that a namespace can have. */
async function fill(client: GraphQLClient, namespace: string): Promise<void> {
  const canary = namespace === VAULT ? 'canary' : 'plain'
  const labels = [{ key: 'owner', value: canary }]
  const dockerImageRepository = `${upstream.host}/lib/base`
  await run(client, 'setRegistryCredential', {
    ...{ namespace, prefix: 'quay.io', username: canary, password: 'a secret' },
  })
  await run(client, 'createImageStream', {
    ...{ namespace, name: 'app', labels, spec: { dockerImageRepository } },
  })
  await run(client, 'createImageStream', { namespace, name: 'gone', labels, spec: { dockerImageRepository } })
  await run(client, 'deleteImageStream', { namespace, imageStream: 'gone' })
  await run(client, 'createReceiver', { namespace, sender: 'GENERIC', registry: 'quay.io' })
  const at = (tag: string) => ({ namespace, imageStream: 'app', tag })
  const from = (name: string) => ({ kind: 'IMAGE_STREAM_TAG', name })
  await run(client, 'tagImage', { ...at('alias'), alias: true, from: from('app:1.0') })
  await run(client, 'tagImage', { ...at('copied'), from: from('app:1.1') })
  await run(client, 'untagImage', at('copied'))
  await run(client, 'setTagPolicy', { ...at('newest'), policy: { order: 'SEMVER' } })
  await run(client, 'mirrorImage', {
    ...{ namespace, imageStream: 'mirrored', tag: 'base' },
    from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/lib/base:1.0` },
  })
  await run(client, 'importImage', at('1.1'))
}

/** Makes tags of the hidden namespace that follow, copy and mirror those of the team. */
async function followTeam(client: GraphQLClient): Promise<void> {
  const from = { kind: 'IMAGE_STREAM_TAG', name: 'team/app:1.0' }
  const at = { namespace: VAULT, imageStream: 'app' }
  await run(client, 'tagImage', { ...at, tag: 'follower', alias: true, from })
  await run(client, 'tagImage', { ...at, tag: 'copy', from })
}

/** Fields that differ between two servers. */
const OF_ONE_SERVER =
  /^(?:id|uid|.*[cC]ursor|.*Timestamp|.*At|created|since|resourceVersion|document|url|endpoint|path|setUp|prefix|hash|host|.*[dD]ocker.*|.*Host|sequence|version|requestId|annotations|message)$/

/** Returns the response without what differs between two servers, and without the name of each. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value === 'string') {
    return value.replaceAll(/(?:127\.0\.0\.1|localhost):\d+/g, 'host').replaceAll(/whpk_[\w+/=]+/g, 'key')
  }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OF_ONE_SERVER.test(name))
      .map(([name, field]) => [name, comparable(field)]),
  )
}

const TEAM: WalkArguments = {
  'Query.imageStream': '(namespace: "team", name: "app")',
  'Query.imageStreamTag': '(namespace: "team", name: "app:1.0")',
  'Query.imageStreamImage': `(namespace: "team", name: "app@${BASE}")`,
  'Query.image': `(digest: "${BASE}")`,
  'Query.imageDifference': '(from: "team/app:1.0", to: "team/app:1.1")',
  'Query.repository': '(namespace: "team", name: "mirrored")',
  'Query.resolveImage': '(namespace: "team", name: "app:1.0")',
  'Query.imageStreamTags': '(first: 20, artifacts: true)',
  'ImageStream.tag': '(name: "1.0")',
  'Query.auditEntries': '(namespace: "team", first: 60)',
  'Query.grants': '(namespace: "team", first: 60)',
  'Query.tagProtections': '(namespace: "team", first: 60)',
}

describe('whoever may read one namespace', () => {
  it.each(['member', 'token'] as const)(
    'gets the same from every field whether or not another namespace exists: %s',
    async (principal) => {
      const differences: unknown[] = []
      for (const query of walk(schema, TEAM, 3)) {
        const [here, there] = await Promise.all([shared, alone].map(({ as }) => as(principal).execute(query)))
        const [one, other] = [comparable(here), comparable(there)].map((response) => JSON.stringify(response))
        const text = JSON.stringify(here)
        if (one !== other) differences.push({ query, one, other })
        else if (FOREIGN.test(text)) differences.push({ query, text })
      }
      expect(differences).toEqual([])
    },
    120_000,
  )

  it.each(['member', 'token', 'stranger', 'anonymous'] as const)(
    'finds nothing else by the ids that others have: %s',
    async (principal) => {
      const ids = await idsSeenBy(shared.as('admin'))
      const own = await idsSeenBy(shared.as(principal))
      const found: string[] = []
      for (let at = 0; at < ids.length; at += 100) {
        const { data } = await shared
          .as(principal)
          .execute<{ nodes: ({ id: string } | null)[] }>(
            'query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }',
            { ids: ids.slice(at, at + 100) },
          )
        found.push(...data.nodes.flatMap((node) => (node && !own.includes(node.id) ? node.id : [])))
      }
      expect(ids.length).toBeGreaterThan(100)
      expect(found.map((id) => Buffer.from(id, 'base64url').toString())).toEqual([])
    },
    120_000,
  )
})

/** Operations that name something in a namespace, by its name or by an id of one of its things. */
const NAMING: readonly (readonly [name: string, operation: (namespace: string) => string])[] = [
  ['imageStream', (ns) => `{ imageStream(namespace: "${ns}", name: "app") { id } }`],
  ['imageStreamTag', (ns) => `{ imageStreamTag(name: "${ns}/app:1.0") { id } }`],
  ['imageStreamImage', (ns) => `{ imageStreamImage(name: "${ns}/app@${BASE}") { id } }`],
  [
    'imageDifference',
    (ns) => `{ imageDifference(from: "${ns}/app:1.0", to: "team/app:1.1") { __typename } }`,
  ],
  ['resolveImage', (ns) => `{ resolveImage(namespace: "${ns}", name: "app:1.0") { __typename } }`],
  ['repository', (ns) => `{ repository(name: "${ns}/mirrored") { id } }`],
  ...[
    'deletedImageStreams imageMirrorings imagePushes imageStreamChanges imageStreamTags imageStreams images receivers',
    'registryCredentials repositories',
  ].flatMap((names) =>
    names
      .split(' ')
      .map((name) => [name, (ns: string) => `{ ${name}(namespace: "${ns}") { totalCount } }`] as const),
  ),
  ['namespaces', (ns) => `{ namespaces(matching: "${ns}") { totalCount } }`],
  ['imagePrunePlan', (ns) => `{ imagePrunePlan(namespace: "${ns}") { __typename } }`],
  ...(
    [
      ['updateImageStream', 'imageStream: "NS/app", labels: []'],
      ['deleteImageStream', 'imageStream: "NS/app"'],
      ['importImage', 'imageStream: "NS/app"'],
      ['tagImage', 'imageStream: "NS/app", tag: "x", from: { kind: IMAGE_STREAM_TAG, name: "team/app:1.0" }'],
      ['tagImage', 'imageStream: "team/app", tag: "x", from: { kind: IMAGE_STREAM_TAG, name: "NS/app:1.0" }'],
      [
        'tagImage',
        'imageStream: "team/app", tag: "x", from: { kind: IMAGE_STREAM_IMAGE, name: "NS/app@BASE" }',
      ],
      ['untagImage', 'imageStream: "NS/app", tag: "1.0"'],
      ['restoreTag', 'imageStream: "NS/app", tag: "copied"'],
      ['rollbackTag', 'imageStream: "NS/app", tag: "1.0"'],
      ['setTagPolicy', 'imageStream: "NS/app", tag: "1.0", policy: { order: SEMVER }'],
      ['setImageStreamTrust', 'imageStream: "NS/app", requirements: []'],
      ['mirrorImage', 'imageStream: "NS/mirrored", from: { kind: IMAGE_STREAM_TAG, name: "team/app:1.0" }'],
      ['mirrorImage', 'imageStream: "team/x", from: { kind: IMAGE_STREAM_TAG, name: "NS/app:1.0" }'],
      ['createImageStream', 'namespace: "NS", name: "app"'],
      ['createReceiver', 'namespace: "NS", sender: GENERIC, registry: "quay.io"'],
      ['setRegistryCredential', 'namespace: "NS", prefix: "quay.io", username: "a", password: "b"'],
      ['deleteRegistryCredential', 'namespace: "NS", prefix: "quay.io"'],
      ['testRegistryCredential', 'namespace: "NS", prefix: "quay.io"'],
      ['pruneImages', 'namespace: "NS"'],
    ] as const
  ).map(
    ([name, input]) =>
      [
        `${name} of ${input.split(':', 1)[0]}`,
        (ns: string) =>
          `mutation { ${name}(input: { ${input.replaceAll('NS', ns).replaceAll('BASE', BASE)} }) { __typename } }`,
      ] as const,
  ),
]

describe('a namespace that the viewer does not see is like one that does not exist', () => {
  it.each(NAMING)('for %s', async (_, operation) => {
    for (const principal of ['member', 'token', 'stranger', 'anonymous'] as const) {
      const [exists, missing] = await Promise.all(
        [VAULT, 'absent'].map(async (namespace) =>
          JSON.stringify(await shared.as(principal).execute(operation(namespace))).replaceAll(
            namespace,
            'NS',
          ),
        ),
      )
      expect(exists).toBe(missing)
    }
  })
})

/** Of the time, of the request, and of what the client has used so far. */
const CHANGING_HEADERS = /^(?:date|x-request-id|ratelimit)$/

describe('a path of the registry', () => {
  const requests: readonly (readonly [method: string, path: string])[] = [
    ['GET', '/v2/NS/mirrored/tags/list'],
    ['GET', '/v2/NS/mirrored/manifests/base'],
    ['HEAD', '/v2/NS/mirrored/manifests/base'],
    ['GET', `/v2/NS/mirrored/manifests/${BASE}`],
    ['GET', `/v2/NS/mirrored/blobs/${image({ seed: 'base 1.0' }).config.digest}`],
    ['GET', `/v2/NS/mirrored/referrers/${BASE}`],
    ['POST', '/v2/NS/mirrored/blobs/uploads/'],
    ['PATCH', '/v2/NS/mirrored/blobs/uploads/5c0a1ffb-7a0e-4c62-8b1e-2a8d3b1e4f00'],
    ['DELETE', '/v2/NS/mirrored/manifests/base'],
    ['DELETE', `/v2/NS/mirrored/blobs/${image({ seed: 'base 1.0' }).config.digest}`],
  ]
  it.each(requests)(
    'responds alike for a repository that does not exist and one that is not visible: %s %s',
    async (method, path) => {
      for (const principal of ['member', 'token', 'stranger', 'anonymous'] as const) {
        const [exists, missing] = await Promise.all(
          [VAULT, 'absent'].map(async (namespace) => {
            const response = await fetch(`${shared.url}${path.replace('NS', namespace)}`, {
              method,
              headers: shared.headersOf(principal),
            })
            const headers = [...response.headers].filter(([name]) => !CHANGING_HEADERS.test(name))
            return JSON.stringify([response.status, headers, await response.text()]).replaceAll(
              namespace,
              'NS',
            )
          }),
        )
        expect(exists).toBe(missing)
      }
    },
  )
})

async function idsSeenBy(client: GraphQLClient): Promise<string[]> {
  const ids = new Set<string>()
  for (const query of walk(schema, TEAM, 2)) {
    const response = JSON.stringify(await client.execute(query))
    for (const [, id = ''] of response.matchAll(/"id":"([\w-]+)"/g)) ids.add(id)
  }
  return [...ids]
}

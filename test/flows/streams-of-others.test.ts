import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import {
  NAMESPACE,
  type PrincipalName,
  type SignedInApp,
  startSignedInApp,
} from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, deleteStream, importImage } from './operations.ts'

/** Everyone who has no rights in the namespace `secret`. */
const OTHERS: readonly PrincipalName[] = ['member', 'stranger', 'token', 'anonymous']
/** Those of them who have rights in the namespace `team`. */
const MEMBERS: readonly PrincipalName[] = ['member', 'token']

const SPEC = (host: string) => ({
  dockerImageRepository: `${host}/library/ruby`,
  importPolicy: { scheduled: true },
  lookupPolicy: { local: true },
  tags: [
    { name: 'pinned', from: { kind: 'DOCKER_IMAGE', name: `${host}/library/ruby:3.3` } },
    { name: 'newest', policy: { order: 'ALPHABETICAL' } },
  ],
})

let upstream: Upstream
let server: SignedInApp
let deletedUid: string
beforeAll(async () => {
  upstream = await startUpstream()
  server = await startSignedInApp()
  const admin = server.as('admin')
  for (const [seed, tag] of ['3.3', '3.4', 'edge'].entries())
    upstream.push('library/ruby', tag, image({ seed: String(seed) }))
  const labels = [{ key: 'plan', value: 'x' }]
  for (const namespace of ['secret', NAMESPACE])
    await createStream(admin, { namespace, name: 'app', labels, spec: SPEC(upstream.host) })
  await createStream(admin, { namespace: 'secret', name: 'old', spec: {} })
  const old = await admin.request<{ imageStream: { uid: string } }>(
    '{ imageStream(name: "secret/old") { uid } }',
  )
  deletedUid = old.imageStream.uid
  await deleteStream(admin, 'secret/old')
  await admin.request(
    `mutation ($key: String!) { setImageStreamTrust(input: { imageStream: "secret/app", requirements: [{ cosign: { publicKeys: [$key] } }] }) { imageStream { id } } }`,
    { key: PUBLIC_KEY },
  )
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8nXRh950IZbRj8Ra/N9sbqOPZrfM
5/KAQN0/KjHcorm/J5yctVd7iEcnessRQjU917hmKO6JWVGHpDguIyakZA==
-----END PUBLIC KEY-----`

/** The ids of a stream and of all its parts, and of its namespace. */
const PARTS = `query ($name: String!, $namespace: String!) {
  namespaces(matching: $namespace) { nodes { id } }
  imageStream(name: $name) {
    id
    spec { id tags { nodes { id schedule { id } } } }
    tags { nodes { id items { nodes { id } } policyDecision { id } } }
    imports { nodes { id results { nodes { id } } } }
    schedules { nodes { id } }
    repositoryWatch { id }
    trust { id }
  }
}`

/** Returns each value of a field in a response. */
const valuesOf = (field: string, value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, child]) =>
        key === field && typeof child === 'string' ? [child] : valuesOf(field, child),
      )
    : []

/** Fields that find streams, and things of them, in all namespaces. */
const LISTS = `query ($digest: Digest!) {
  namespaces { totalCount nodes { name imageStreamCount } }
  imageStreams { totalCount nodes { namespace name } }
  newest: imageStreams(orderBy: NEWEST_FIRST) { totalCount nodes { namespace name } }
  labelled: imageStreams(labels: [{ key: "plan", value: "x" }]) { totalCount nodes { namespace name } }
  withDigest: imageStreams(digest: $digest) { totalCount nodes { namespace name } }
  deletedImageStreams { totalCount nodes { namespace name } }
  imageStreamTags { totalCount nodes { name imageStream { namespace } } }
  newestTags: imageStreamTags(orderBy: NEWEST_FIRST) { totalCount nodes { name imageStream { namespace } } }
  tagsOfDigest: imageStreamTags(digest: $digest) { totalCount nodes { name imageStream { namespace } } }
  imageMirrorings { totalCount }
}`
const DIGEST = image({ seed: '0' }).digest

describe('image streams of another namespace', () => {
  test('are in no list and no number, and a list has all of one’s own', async () => {
    const all = await server
      .as('admin')
      .request<Record<string, { totalCount: number }>>(LISTS, { digest: DIGEST })
    expect(valuesOf('namespace', all)).toContain('secret')
    for (const principal of OTHERS) {
      const found = await server.as(principal).request<typeof all>(LISTS, { digest: DIGEST })
      expect(JSON.stringify(found)).not.toMatch(/secret/)
      for (const [list, { totalCount }] of Object.entries(found)) {
        const isOwn =
          MEMBERS.includes(principal) && !['deletedImageStreams', 'imageMirrorings'].includes(list)
        const others = ['namespaces', 'imageStreams', 'newest', 'labelled', 'withDigest'].includes(list)
          ? 1
          : 0
        expect([list, totalCount]).toEqual([list, isOwn ? others || (all[list]?.totalCount ?? 0) / 2 : 0])
      }
    }
  })

  test('have no cursor that leads to them', async () => {
    const page =
      'query ($after: String) { imageStreams(first: 1, after: $after) { nodes { namespace } pageInfo { endCursor hasNextPage } } }'
    interface Page {
      readonly imageStreams: {
        readonly nodes: object[]
        readonly pageInfo: { readonly endCursor: string | null }
      }
    }
    const { imageStreams } = await server.as('admin').request<Page>(page)
    const after = imageStreams.pageInfo.endCursor
    expect((await server.as('member').request<Page>(page, { after })).imageStreams.nodes).toEqual([
      { namespace: NAMESPACE },
    ])
    expect((await server.as('stranger').request<Page>(page, { after })).imageStreams.nodes).toEqual([])
  })

  test('are not found by the ids of their parts', async () => {
    const parts = await server.as('admin').request(PARTS, { name: 'secret/app', namespace: 'secret' })
    const ids = valuesOf('id', parts)
    const nodes = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }'
    const types = async (principal: PrincipalName) => {
      const found = await server
        .as(principal)
        .request<{ nodes: ({ __typename: string } | null)[] }>(nodes, { ids })
      return new Set(found.nodes.map((node) => node?.__typename ?? null))
    }
    expect(await types('admin')).toEqual(
      new Set([
        ...['Namespace', 'ImageStream', 'ImageStreamSpec', 'TagReference', 'ImageStreamTag', 'TagEvent'],
        ...[
          'TagPolicyDecision',
          'Import',
          'ImportResult',
          'ImportSchedule',
          'RepositoryWatch',
          'ImageStreamTrust',
        ],
      ]),
    )
    for (const principal of OTHERS) expect(await types(principal)).toEqual(new Set([null]))
  })

  test.each([
    ['imageStream', 'imageStream(name: "secret/NAME") { id }'],
    ['imageStreamTag', 'imageStreamTag(name: "secret/NAME:3.3") { id }'],
    ['imageStreamImage', `imageStreamImage(name: "secret/NAME@${DIGEST.slice(0, 20)}") { id }`],
    ['resolveImage', 'resolveImage(namespace: "secret", name: "NAME:3.3") { source message isPending }'],
    ['imageStreams', 'imageStreams(namespace: "secret", matching: "NAME") { totalCount nodes { id } }'],
    ['imageStreamTags', 'imageStreamTags(imageStream: "secret/NAME") { totalCount nodes { id } }'],
    ['imagePrunePlan', 'imagePrunePlan(namespace: "secret") { deletedImageStreamCount }'],
  ])('are for %s as if they did not exist', async (_, field) => {
    for (const principal of OTHERS) {
      const [existing, missing] = await Promise.all(
        ['app', 'gone'].map(async (name) => {
          const response = await server.as(principal).execute(`{ ${field.replace('NAME', name)} }`)
          return JSON.stringify(response)
            .replaceAll(name, 'NAME')
            .replaceAll(/"requestId":"[^"]*"/g, '')
        }),
      )
      expect(existing).toBe(missing)
      expect(existing).not.toMatch(/"id"/)
    }
  })

  test('are not found by their uid, also when they are deleted', async () => {
    const query = 'query ($uid: String!) { imageStreamByUid(uid: $uid) { name } }'
    const read = (principal: PrincipalName) => server.as(principal).request(query, { uid: deletedUid })
    expect(await read('admin')).toEqual({ imageStreamByUid: { name: 'old' } })
    for (const principal of OTHERS) expect(await read(principal)).toEqual({ imageStreamByUid: null })
  })

  test('do not let anyone follow their imports', async () => {
    const started = await importImage(server.as('admin'), { imageStream: 'secret/app' })
    for (const principal of OTHERS) {
      const following = server
        .as(principal)
        .follow('subscription ($id: ID!) { importProgressed(id: $id) { state } }', {
          id: started.id,
        })
      await expect(following.next()).rejects.toThrow('there is no import with this id')
    }
  })
})

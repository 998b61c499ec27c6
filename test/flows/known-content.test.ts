import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeId } from '../../src/graphql/kit/node.ts'
import { image, index } from '../fixtures/random-image.ts'
import {
  PRINCIPALS,
  type PrincipalName,
  type SignedInApp,
  startSignedInApp,
} from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { importImage } from './operations.ts'

const child = image({ seed: 'child', env: ['PASSWORD=secret'] })
const secret = index([child])
const older = image({ seed: 'older' })

let server: SignedInApp
let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
  server = await startSignedInApp()
  for (const content of [older, secret]) {
    upstream.push('team/app', 'latest', content)
    await importTeam()
  }
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

async function importTeam(): Promise<void> {
  const { state } = await importImage(server.as('member'), {
    imageStream: 'team/app:latest',
    from: `${upstream.host}/team/app:latest`,
    insecure: true,
    confirm: true,
    importMode: 'PRESERVE_ORIGINAL',
  })
  expect(state).toBe('SUCCEEDED')
}

const OUTSIDERS: readonly PrincipalName[] = ['stranger', 'anonymous']
const read = <Data>(principal: PrincipalName, query: string, variables?: Record<string, unknown>) =>
  server.as(principal).request<Data>(query, variables)

describe('an image of another namespace', () => {
  const queries: Readonly<
    Record<string, { query: string; variables?: Record<string, unknown>; hidden: unknown }>
  > = {
    'its digest': { query: `{ found: image(digest: "${secret.digest}") { digest } }`, hidden: null },
    'the digest of an image of its index': {
      query: `{ found: image(digest: "${child.digest}") { digest } }`,
      hidden: null,
    },
    'its global id': {
      query: 'query ($id: ID!) { found: node(id: $id) { id } }',
      variables: { id: nodeId('Image', child.digest) },
      hidden: null,
    },
    'a difference': {
      query: `{ found: imageDifference(from: "${older.digest}", to: "${child.digest}") { sizeDifference } }`,
      hidden: null,
    },
    'a list': {
      query: '{ found: images { totalCount nodes { digest } } }',
      hidden: { totalCount: 0, nodes: [] },
    },
    'a list by digest': {
      query: `{ found: images(digest: "${secret.digest}") { totalCount nodes { digest } } }`,
      hidden: { totalCount: 0, nodes: [] },
    },
    'the log of pushes': {
      query: '{ found: imagePushes(first: 5) { nodes { tag } } }',
      hidden: { nodes: [] },
    },
    'the log of changes': {
      query: '{ found: imageStreamChanges(last: 5) { nodes { tag } } }',
      hidden: { nodes: [] },
    },
  }

  test.each(Object.entries(queries))('is not found by %s', async (_name, { query, variables, hidden }) => {
    for (const principal of ['admin', 'member', 'token'] as const) {
      const { found } = await read<{ found: unknown }>(principal, query, variables)
      expect(found, principal).not.toEqual(hidden)
      expect(found, principal).not.toBeNull()
    }
    for (const principal of OUTSIDERS) {
      const { data, errors } = await server.as(principal).execute<{ found: unknown }>(query, variables)
      expect(data?.found ?? null, principal).toEqual(errors ? null : hidden)
      expect(JSON.stringify(errors ?? ''), principal).not.toMatch(/team|upstream/)
    }
  })
})

describe('the ids and cursors of the log', () => {
  interface Log {
    readonly imagePushes: { readonly nodes: readonly { readonly id: string; readonly cursor: string }[] }
    readonly imageStreamChanges: { readonly nodes: readonly { readonly id: string }[] }
  }
  const LOG = '{ imagePushes { nodes { id cursor } } imageStreamChanges { nodes { id } } }'

  test('find nothing for those who do not see the stream, and cannot be counted through', async () => {
    const { imagePushes, imageStreamChanges } = await read<Log>('member', LOG)
    const ids = [...imagePushes.nodes, ...imageStreamChanges.nodes].map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(3)
    const counted = [1, 2, 3].flatMap((n) => [nodeId('ImagePush', n), nodeId('ImageStreamChange', n)])
    const nodes = (principal: PrincipalName, wanted: readonly string[]) =>
      read<{ nodes: (object | null)[] }>(principal, 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
        ids: wanted,
      })

    expect((await nodes('member', ids)).nodes).toEqual(ids.map((id) => ({ id })))
    for (const principal of OUTSIDERS)
      expect((await nodes(principal, ids)).nodes).toEqual(ids.map(() => null))
    for (const principal of PRINCIPALS)
      expect((await nodes(principal, counted)).nodes).toEqual(counted.map(() => null))
  })

  test('give no right: a page after a cursor of another namespace is empty', async () => {
    const { imagePushes } = await read<Log>('member', LOG)
    const page = await read<Log>(
      'stranger',
      'query ($since: String) { imagePushes(since: $since) { nodes { id } } }',
      {
        since: imagePushes.nodes[0]?.cursor,
      },
    )
    expect(page.imagePushes.nodes).toEqual([])
  })

  test('of the end of the log do not show whether others pushed', async () => {
    const end = async () =>
      (
        await read<{ imagePushes: { pageInfo: { endCursor: string } } }>(
          'stranger',
          '{ imagePushes { pageInfo { endCursor } } }',
        )
      ).imagePushes.pageInfo.endCursor
    const [one, other] = [await end(), await end()]
    expect(one).not.toBe(other)
    expect(one.length).toBe(other.length)
  })
})

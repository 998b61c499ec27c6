import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import {
  NAMESPACE,
  type PrincipalName,
  type SignedInApp,
  startSignedInApp,
} from '../fixtures/signed-in-app.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { eventStream } from '../http/clients.ts'
import { createStream } from './operations.ts'

// Grants that are given and removed while subscriptions run.

/** Milliseconds in which a changed grant reaches them. */
const SOON = 1_000

let server: SignedInApp
let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
  server = await startSignedInApp()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

async function grant(input: object): Promise<string> {
  const { grantRole } = await server
    .as('admin')
    .request<{ grantRole: { grant: { id: string } } }>(
      'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { grant { id } } }',
      { input: { role: 'VIEWER', ...input } },
    )
  return grantRole.grant.id
}
const revoke = (id: string): Promise<unknown> =>
  server.as('admin').request('mutation ($id: ID!) { revokeGrant(input: { id: $id }) { deletedId } }', { id })

/** Collects results, also after the subscription has failed. */
class Results {
  readonly data: Record<string, Record<string, unknown>>[] = []
  readonly errors: unknown[] = []

  /** Over a WebSocket. */
  async overSocket(
    principal: PrincipalName,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<this> {
    const results = server.as(principal).follow<Record<string, Record<string, unknown>>>(query, variables)
    void (async () => {
      for await (const one of results) this.data.push(one)
    })().catch((error: unknown) => this.errors.push(error))
    return this
  }

  /** As server-sent events. */
  async asEvents(
    principal: PrincipalName,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<this> {
    const headers = server.headersOf(principal)
    const { events } = await eventStream(`${server.url}/graphql`, query, {
      headers,
      ...(variables && { variables }),
    })
    void (async () => {
      for await (const { event, data } of events) {
        if (event !== 'next') continue
        const { data: one, errors = [] } = JSON.parse(data ?? '')
        if (errors.length > 0) this.errors.push(...errors)
        else this.data.push(one)
      }
    })().catch((error: unknown) => this.errors.push(error))
    return this
  }
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

const PUSHES = 'subscription { imagePushed { namespace imageStreamName tag imageStreamTag { name } } }'
const VIEWERS = ['member', 'token', 'stranger', 'anonymous'] as const

describe('subscriptions to pushes', () => {
  test('deliver to each viewer what it may see at that moment, over WebSockets and event streams', async () => {
    const followers = await Promise.all(
      VIEWERS.map(async (principal) => ({
        principal,
        results: [
          await new Results().overSocket(principal, PUSHES),
          await new Results().asEvents(principal, PUSHES),
        ],
      })),
    )
    // the sockets have connected
    await wait(SOON)
    const pushed: { readonly name: string; readonly seenBy: readonly PrincipalName[] }[] = []
    const push = async (repository: string, tag: string, seenBy: readonly PrincipalName[]) => {
      const client = new PushClient(server.url, { headers: server.headersOf('admin') })
      await client.push({ repository, tag }, image({ seed: `${repository}:${tag}` }), 'one POST')
      pushed.push({ name: `${repository}:${tag}`, seenBy })
      await wait(SOON)
      for (const { principal, results } of followers) {
        const expected = pushed.filter(({ seenBy: viewers }) => viewers.includes(principal))
        const names = results.map(({ data }) =>
          data.map(
            ({ imagePushed }) =>
              `${imagePushed?.namespace}/${imagePushed?.imageStreamName}:${imagePushed?.tag}`,
          ),
        )
        const wanted = expected.map(({ name }) => name)
        expect([principal, ...names]).toEqual([principal, wanted, wanted])
      }
    }
    const MEMBERS = ['member', 'token'] as const

    await push('team/app', 'v1', MEMBERS)
    await push('secret/app', 'v1', [])

    const ofStranger = await grant({ subjectKind: 'USER', subject: server.ids.stranger, place: 'team/app' })
    const ofEveryone = await grant({ subjectKind: 'EVERYONE', place: 'secret/app' })
    await push('team/app', 'v2', [...MEMBERS, 'stranger'])
    await push('team/other', 'v1', MEMBERS)
    await push('secret/app', 'v2', VIEWERS)

    await revoke(ofStranger)
    await revoke(ofEveryone)
    await push('team/app', 'v3', MEMBERS)
    await push('secret/app', 'v3', [])

    await grant({ subjectKind: 'SIGNED_IN', place: 'secret/*' })
    // a token has at most its own grants, and what everyone may
    await push('secret/app', 'v4', ['member', 'stranger'])
    expect(followers.flatMap(({ results }) => results.flatMap(({ errors }) => errors))).toEqual([])
  })
})

describe.each(['overSocket', 'asEvents'] as const)('the progress of an import, %s,', (transport) => {
  test('is no longer delivered when the grant of its viewer goes, and its fields have the rights of the moment', async () => {
    for (const tag of ['1', '2']) upstream.push('library/ruby', tag, image({ seed: tag }))
    using gate = upstream.hold(({ kind }) => kind === 'manifest')
    const started = await createStream(server.as('admin'), {
      name: `${NAMESPACE}/app`,
      spec: { dockerImageRepository: `${upstream.host}/library/ruby` },
      waitSeconds: 0,
    })
    const ofStranger = await grant({ subjectKind: 'USER', subject: server.ids.stranger, place: 'team/app' })
    const query =
      'subscription ($id: ID!) { importProgressed(id: $id) { finishedAt imageStream { name } results { nodes { tag } } } }'
    const variables = { id: started.import?.id }
    const followed = await new Results()[transport]('stranger', query, variables)
    const ofMember = await new Results()[transport]('member', query, variables)
    await expect.poll(() => followed.data.length).toBeGreaterThan(0)
    await revoke(ofStranger)
    const before = followed.data.length
    gate.open()
    await expect.poll(() => ofMember.data.at(-1)?.importProgressed?.finishedAt).toEqual(expect.any(String))
    await expect.poll(() => followed.errors.length).toBe(1)
    expect(JSON.stringify(followed.errors) + String(followed.errors)).toContain(
      'there is no import with this id',
    )
    expect(followed.data.length).toBe(before)
  })
})

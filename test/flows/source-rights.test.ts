import { afterEach, beforeEach, expect, test } from 'vitest'
import type { GraphQLResponse } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type PrincipalName, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { inputOf, MIRROR_IMAGE } from '../graphql/mirroring/mirror.ts'
import { createStream } from './operations.ts'

// Tags of the namespace `team` that get images of the stream base/ruby, while its admin may pull there, and while not.

let server: SignedInApp
let grant: string
beforeEach(async () => {
  server = await startSignedInApp()
  grant = await mayPull()
  await push('1')
})
afterEach(() => server[Symbol.asyncDispose]())

async function mayPull(): Promise<string> {
  const { grantRole } = await server
    .as('admin')
    .request<{ grantRole: { grant: { id: string } } }>(
      'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { grant { id } } }',
      { input: { subjectKind: 'USER', subject: server.ids.member, role: 'PULLER', place: 'base/*' } },
    )
  return grantRole.grant.id
}
const mayNotPull = (): Promise<unknown> =>
  server
    .as('admin')
    .request('mutation ($id: ID!) { revokeGrant(input: { id: $id }) { deletedId } }', { id: grant })

/** Pushes another image to base/ruby:3. */
const push = (seed: string): Promise<void> =>
  new PushClient(server.url, { headers: server.headersOf('admin') }).push(
    { repository: 'base/ruby', tag: '3' },
    image({ seed }),
    'one POST',
  )

/** Returns the image of a tag, by the seed with which it was pushed, and why it does not move. */
async function stateOf(
  name: string,
): Promise<{ readonly image: string | undefined; readonly reasons: string[] }> {
  const { imageStreamTag } = await server.as('admin').request<{
    imageStreamTag: { image: { digest: string } | null; conditions: { reason: string; status: string }[] }
  }>(
    'query ($name: String!) { imageStreamTag(name: $name) { image { digest } conditions { reason status } } }',
    {
      name,
    },
  )
  const failed = imageStreamTag.conditions.filter(({ status }) => status === 'NOT_MET')
  return {
    image: ['1', '2', '3', '4'].find((seed) => image({ seed }).digest === imageStreamTag.image?.digest),
    reasons: failed.map(({ reason }) => reason),
  }
}

const FROM = { kind: 'IMAGE_STREAM_TAG', namespace: 'base', name: 'ruby:3' }
const tagImage = (as: PrincipalName, input: object): Promise<GraphQLResponse<unknown>> =>
  server
    .as(as)
    .execute('mutation ($input: TagImageInput!) { tagImage(input: $input) { imageStreamTag { name } } }', {
      input: { from: FROM, ...input },
    })
const codesOf = ({ errors = [] }: GraphQLResponse<unknown>): unknown[] =>
  errors.map(({ extensions }) => extensions?.code)
const updateTags = (as: PrincipalName, annotation: string): Promise<GraphQLResponse<unknown>> =>
  server
    .as(as)
    .execute(
      'mutation ($input: UpdateImageStreamInput!) { updateImageStream(input: $input) { imageStream { name } } }',
      {
        input: {
          imageStream: 'team/app',
          spec: { tags: [{ name: 'prod', from: FROM, annotations: [{ key: 'note', value: annotation }] }] },
        },
      },
    )

test.each([
  ['an alias', () => tagImage('member', { imageStream: 'team/app:prod', alias: true })],
  [
    'a spec tag',
    () =>
      createStream(server.as('member'), {
        name: 'team/app',
        spec: { tags: [{ name: 'prod', from: FROM }] },
      }),
  ],
])(
  '%s keeps its image while its author may not pull from the source, and moves again without another change',
  async (_, write) => {
    await write()
    expect(codesOf(await tagImage('admin', FOLLOWER))).toEqual([])
    await push('2')
    expect(await stateOf('team/app:prod')).toEqual({ image: '2', reasons: [] })

    await mayNotPull()
    expect(await stateOf('team/app:prod')).toEqual({ image: '2', reasons: [] })
    await push('3')
    expect(await stateOf('team/app:prod')).toEqual({ image: '2', reasons: ['NO_PULL_RIGHT'] })
    expect(await stateOf('live/app:prod')).toEqual({ image: '2', reasons: [] })

    grant = await mayPull()
    await expect.poll(() => stateOf('team/app:prod')).toEqual({ image: '3', reasons: [] })
    await expect.poll(() => stateOf('live/app:prod')).toEqual({ image: '3', reasons: [] })

    // the source has the same image again when the right comes back
    await mayNotPull()
    await push('4')
    await push('3')
    expect(await stateOf('team/app:prod')).toEqual({ image: '3', reasons: ['NO_PULL_RIGHT'] })
    await mayPull()
    await expect.poll(() => stateOf('team/app:prod')).toEqual({ image: '3', reasons: [] })
  },
)

/** A tag of a third namespace that follows the one of the team. */
const FOLLOWER = {
  imageStream: 'live/app:prod',
  from: { kind: 'IMAGE_STREAM_TAG', namespace: 'team', name: 'app:prod' },
  alias: true,
}

test('a copy requires the right once: it stays when the right is lost', async () => {
  await mayNotPull()
  expect(codesOf(await tagImage('member', { imageStream: 'team/app:copy' }))).toEqual(['NOT_FOUND'])
  grant = await mayPull()
  expect(codesOf(await tagImage('member', { imageStream: 'team/app:copy' }))).toEqual([])
  await mayNotPull()
  await push('2')
  expect(await stateOf('team/app:copy')).toEqual({ image: '1', reasons: [] })
})

test('a mirroring from this registry is refused without the right, and the tag keeps its image', async () => {
  const source = `localhost:${new URL(server.url).port}/base/ruby:3`
  const input = { ...inputOf(source), namespace: 'team', imageStream: 'app', tag: 'mirror', waitSeconds: 30 }
  const mirror = () => server.as('member').execute(MIRROR_IMAGE, { input })
  expect(codesOf(await mirror())).toEqual([])
  await mayNotPull()
  await push('2')
  expect(codesOf(await mirror())).toEqual(['NOT_FOUND'])
  expect(await stateOf('team/app:mirror')).toEqual({ image: '1', reasons: [] })
  await mayPull()
  expect(codesOf(await mirror())).toEqual([])
  await expect.poll(() => stateOf('team/app:mirror')).toEqual({ image: '2', reasons: [] })
})

test('an annotation is changed without the right, and does not change by whose rights the tag moves', async () => {
  expect(codesOf(await tagImage('member', { imageStream: 'team/app:prod', alias: true }))).toEqual([])
  await mayNotPull()
  expect(codesOf(await updateTags('member', 'one'))).toEqual([])
  await push('2')
  expect(await stateOf('team/app:prod')).toEqual({ image: '1', reasons: ['NO_PULL_RIGHT'] })

  // an admin who may pull everywhere changes no source
  expect(codesOf(await updateTags('admin', 'two'))).toEqual([])
  expect(await stateOf('team/app:prod')).toEqual({ image: '1', reasons: ['NO_PULL_RIGHT'] })
  await push('3')
  expect((await stateOf('team/app:prod')).image).toBe('1')

  // the source is written again, by one who may
  expect(codesOf(await tagImage('member', { imageStream: 'team/app:prod', alias: true }))).toEqual([
    'NOT_FOUND',
  ])
  expect(codesOf(await tagImage('admin', { imageStream: 'team/app:prod', alias: true }))).toEqual([])
  expect(await stateOf('team/app:prod')).toEqual({ image: '3', reasons: [] })
  await push('4')
  expect(await stateOf('team/app:prod')).toEqual({ image: '4', reasons: [] })
})

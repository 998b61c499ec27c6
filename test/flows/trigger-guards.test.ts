import { expect, test } from 'vitest'
import { tagOfReferrers } from '../../src/oci/tag.ts'
import { startApp } from '../fixtures/app.ts'
import { asImage } from '../fixtures/artifacts.ts'
import { keyPair, pemOf } from '../fixtures/authority.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Image, image, layer } from '../fixtures/random-image.ts'
import { signedSimply } from '../fixtures/signatures.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startTriggerReceiver, type TriggerReceiver } from '../fixtures/trigger-receiver.ts'

interface Event {
  readonly type: string
  readonly data: {
    readonly imageStream: string
    readonly tag: string
    readonly digest: string
    readonly baseImage?: object
  }
}

const digestsIn = ({ requests }: TriggerReceiver): string[] =>
  eventsIn(requests).map(({ data }) => data.digest)
const eventsIn = (requests: TriggerReceiver['requests']): Event[] =>
  requests.map(({ body }) => JSON.parse(body))

interface Target {
  readonly id: string
  readonly state: string
  readonly message: string | null
  readonly guard: string | null
  readonly approvedBy: string | null
  readonly image: { readonly digest: string }
}

async function createTrigger(client: GraphQLClient, url: string, input: object): Promise<string> {
  const { createTrigger } = await client.request<{ createTrigger: { trigger: { id: string } } }>(
    'mutation ($input: CreateTriggerInput!) { createTrigger(input: $input) { trigger { id } } }',
    {
      input: { namespace: 'team', name: 'guarded', imageStreams: 'app', action: { http: { url } }, ...input },
    },
  )
  return createTrigger.trigger.id
}

async function targetOf(client: GraphQLClient, digest: string): Promise<Target> {
  let found: Target | undefined
  await expect
    .poll(async () => {
      const { trigger } = await client.request<{ trigger: { targets: { nodes: Target[] } } }>(
        `{ trigger(namespace: "team", name: "guarded") { targets(first: 1) { nodes {
          id state message guard approvedBy image { digest } } } } }`,
      )
      found = trigger.targets.nodes[0]
      return found?.image.digest === digest && found.state !== 'PENDING' ? digest : found
    })
    .toBe(digest)
  if (!found) throw new Error('there is no target')
  return found
}

const approve = (client: GraphQLClient, { id }: Target, { digest }: Pick<Image, 'digest'>) =>
  client.request<{ approveDelivery: { triggerTarget: Target } }>(
    `mutation ($id: ID!, $digest: Digest!) { approveDelivery(input: { id: $id, digest: $digest }) {
      triggerTarget { approvedBy } } }`,
    { id, digest },
  )

const [first, second] = ['first', 'second'].map((seed) => image({ seed })) as [Image, Image]

test('a person approves exactly the image that was shown: the receiver gets that one, once', async () => {
  await using receiver = await startTriggerReceiver()
  await using server = await startSignedInApp({ tokenRole: 'ADMIN' })
  const [member, token] = [server.as('member'), server.as('token')]
  const pushing = new PushClient(server.url, { headers: server.headersOf('member') })
  await createTrigger(member, receiver.url, { guards: { approval: true } })
  await pushing.push({ repository: 'team/app', tag: 'v1' }, first, 'one POST')
  const shown = await targetOf(member, first.digest)
  expect(shown).toMatchObject({ state: 'WAITING', guard: 'APPROVAL', approvedBy: null })

  await expect(approve(token, shown, first)).rejects.toMatchObject({
    message: expect.stringContaining('only a person who has signed in may do this'),
  })
  await pushing.push({ repository: 'team/app', tag: 'v1' }, second, 'one POST')
  await expect(approve(member, shown, first)).rejects.toMatchObject({
    message: expect.stringContaining(`the tag points to ${second.digest} now`),
  })
  const newer = await targetOf(member, second.digest)
  expect(await approve(member, newer, second)).toMatchObject({
    approveDelivery: { triggerTarget: { approvedBy: 'member@example.org' } },
  })

  await expect.poll(() => digestsIn(receiver)).toEqual([second.digest])
  expect(
    await member.request('{ auditEntries(namespace: "team", first: 1) { nodes { action target } } }'),
  ).toEqual({
    auditEntries: { nodes: [{ action: 'approveDelivery', target: 'trigger team/guarded' }] },
  })
})

const change = (client: GraphQLClient, operation: string, input: object) =>
  client.request(
    `mutation ($input: ${operation[0]?.toUpperCase()}${operation.slice(1)}Input!) { ${operation}(input: $input) { __typename } }`,
    { input },
  )
const FORBIDDEN = { message: expect.stringContaining('only a person who has signed in may do this') }

test('an approval is one of what was shown: it ends when the trigger is changed, and only a person ends its guard', async () => {
  await using receiver = await startTriggerReceiver()
  await using other = await startTriggerReceiver()
  await using server = await startSignedInApp({ tokenRole: 'ADMIN' })
  const [member, token] = [server.as('member'), server.as('token')]
  const pushing = new PushClient(server.url, { headers: server.headersOf('member') })
  const id = await createTrigger(member, receiver.url, { guards: { approval: true } })
  await pushing.push({ repository: 'team/app', tag: 'v1' }, first, 'one POST')
  const shown = await targetOf(member, first.digest)
  await change(member, 'pauseTrigger', { id, message: 'a release' })
  await approve(member, shown, first)

  await expect(change(token, 'updateTrigger', { id, guards: {} })).rejects.toMatchObject(FORBIDDEN)
  await expect(change(token, 'deleteTrigger', { id })).rejects.toMatchObject(FORBIDDEN)
  await change(token, 'updateTrigger', { id, action: { http: { url: other.url } } })
  await change(member, 'resumeTrigger', { id })
  await expect
    .poll(() => targetOf(member, first.digest))
    .toMatchObject({ guard: 'APPROVAL', approvedBy: null })
  await approve(member, shown, first)

  await expect.poll(() => digestsIn(other)).toEqual([first.digest])
  expect(receiver.requests).toEqual([])
})

test('moves of a hidden base reach only receivers that were named with the right to pull it, and its image is not shown', async () => {
  await using receiver = await startTriggerReceiver()
  await using server = await startSignedInApp()
  const [admin, member] = [server.as('admin'), server.as('member')]
  const pushing = new PushClient(server.url, { headers: server.headersOf('admin') })
  const built = (...names: readonly string[]) => image({ seed: names.join(), layers: names.map(layer) })
  await pushing.push({ repository: 'hidden/base', tag: 'v1' }, built('debian', 'one'), 'one POST')
  await pushing.push({ repository: 'team/app', tag: 'v1' }, built('debian', 'one', 'app'), 'one POST')
  const id = await createTrigger(admin, receiver.url, { source: 'BASE_IMAGE', baseImages: 'hidden/base' })

  await expect(
    change(member, 'updateTrigger', { id, action: { http: { url: 'https://other.example/' } } }),
  ).rejects.toMatchObject({ message: expect.stringContaining('the right "pull" is missing') })
  const next = built('debian', 'two')
  await pushing.push({ repository: 'hidden/base', tag: 'v1' }, next, 'one POST')
  await expect.poll(() => receiver.requests.length).toBe(1)
  const shownTo = (client: GraphQLClient) =>
    client.request(
      '{ imageStreamTag(name: "team/app:v1") { triggerTargets { nodes { image { digest } } } } }',
    )
  const shown = (digest: object | null) => ({
    imageStreamTag: { triggerTargets: { nodes: [{ image: digest }] } },
  })
  expect(await shownTo(admin)).toEqual(shown({ digest: next.digest }))
  expect(await shownTo(member)).toEqual(shown(null))
})

test('app is rebuilt when its base image moves, and the receiver gets both images', async () => {
  await using receiver = await startTriggerReceiver()
  await using server = await startApp()
  const pushing = new PushClient(server.app.url)
  const built = (...names: readonly string[]) => image({ seed: names.join(), layers: names.map(layer) })
  const [ruby, newRuby] = [built('debian', 'ruby 3.3.1'), built('debian', 'ruby 3.3.2')]
  const app = built('debian', 'ruby 3.3.1', 'app')
  await pushing.push({ repository: 'library/ruby', tag: '3.3' }, ruby, 'one POST')
  await pushing.push({ repository: 'team/app', tag: 'v1' }, app, 'one POST')
  await createTrigger(server.client, receiver.url, { source: 'BASE_IMAGE', baseImages: 'library/ruby' })
  await pushing.push({ repository: 'library/ruby', tag: '3.3' }, newRuby, 'one POST')

  await expect.poll(() => receiver.requests.length).toBe(1)
  expect(eventsIn(receiver.requests)).toMatchObject([
    {
      type: 'io.imagestreams.baseimage.moved.v1',
      data: {
        ...{ imageStream: 'app', tag: 'v1', digest: app.digest },
        baseImage: {
          ...{ namespace: 'library', imageStream: 'ruby', tag: '3.3' },
          ...{ digest: newRuby.digest, previousDigest: ruby.digest },
        },
      },
    },
  ])
})

test('an image without a signature waits until one is pushed', async () => {
  await using receiver = await startTriggerReceiver()
  let passed = 0
  await using server = await startApp({}, { now: () => Date.now() + passed })
  const pushing = new PushClient(server.app.url)
  const keys = keyPair()
  await pushing.push({ repository: 'team/app', tag: 'v1' }, first, 'one POST')
  await server.client.request(
    `mutation ($key: String!) { setImageStreamTrust(input: { imageStream: "team/app",
      requirements: [{ cosign: { publicKeys: [$key] } }] }) { imageStream { name } } }`,
    { key: pemOf(keys.publicKey) },
  )
  const id = await createTrigger(server.client, receiver.url, { guards: { verified: true } })
  await pushing.push({ repository: 'team/app', tag: 'v1' }, second, 'one POST')
  await expect
    .poll(() => targetOf(server.client, second.digest))
    .toMatchObject({ state: 'WAITING', guard: 'VERIFIED', message: 'the image has no signature' })

  const signature = { repository: 'team/app', tag: tagOfReferrers(second.digest, '.sig') }
  await pushing.push(signature, asImage(signedSimply(second.digest, keys.privateKey)), 'one POST')
  passed += 90_000
  // any change of the trigger lets its worker look at the clock
  await server.client.request(
    'mutation ($id: ID!) { updateTrigger(input: { id: $id, tags: "v*" }) { trigger { id } } }',
    { id },
  )
  await expect.poll(() => digestsIn(receiver)).toEqual([second.digest])
})

test('wrong guards are refused, naming the field and what is allowed', async () => {
  await using server = await startApp()
  const window = { cron: '0 2 30 2 *', timeZone: 'Europe/Berlin', durationMinutes: 60 }
  const refused = (guards: object) => createTrigger(server.client, 'http://127.0.0.1:1/', { guards })

  await expect(refused({ windows: [window] })).rejects.toMatchObject({
    message: expect.stringContaining('"guards.windows.0.cron" is "0 2 30 2 *": it never occurs'),
  })
  await expect(
    refused({ windows: [{ ...window, cron: '0 2 * * *', timeZone: 'Berlin' }] }),
  ).rejects.toMatchObject({
    message: expect.stringContaining('must be an IANA time zone'),
  })
  await expect(refused({ platforms: ['arm64'] })).rejects.toMatchObject({
    message: expect.stringContaining('"guards.platforms.0" is "arm64"'),
  })
})

import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { createReceiver, deliveryOf, send } from '../../fixtures/receiver.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorsOf, follow } from '../../flows/operations.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const one = image({ seed: 1 })

const ISSUED = `secret url setUp receiver { id namespace sender authenticity registry aliases repositories path url
  enabled setUp secrets { createdAt expiresAt } state acceptedCount settings { signed } createdAt changedAt }`
const CREATE = `mutation ($input: CreateReceiverInput!) { createReceiver(input: $input) { ${ISSUED} } }`
const ROTATE = `mutation ($input: RotateReceiverSecretInput!) { rotateReceiverSecret(input: $input) { ${ISSUED} } }`
const UPDATE = `mutation ($input: UpdateReceiverInput!) { updateReceiver(input: $input) { receiver {
  enabled repositories secrets { createdAt expiresAt } state } } }`
const DELETE = `mutation ($input: DeleteReceiverInput!) { deleteReceiver(input: $input) {
  deletedId receiver { id sender state deliveries { totalCount } } } }`
const TEST = `mutation ($input: TestReceiverInput!) { testReceiver(input: $input) {
  receiver { id } delivery { id outcome message summary isTest senderAddress hints { nodes {
    action registry repository tag targets { nodes { tag state message } } } } }
  targets { totalCount nodes { tag imageStream { name } } } } }`
const LIST = `query ($namespace: String, $first: Int, $after: String) {
  receivers(namespace: $namespace, first: $first, after: $after) {
    totalCount nodes { id registry deliveries { totalCount nodes { outcome isTest receivedAt senderAddress } } }
    pageInfo { hasNextPage endCursor } } }`

interface Issued {
  readonly secret: string | null
  readonly url: string
  readonly setUp: readonly string[]
  readonly receiver: {
    readonly id: string
    readonly path: string
    readonly url: string
    readonly setUp: readonly string[]
  }
}

const create = async ({ client }: TestApp, input: object) =>
  (await client.request<{ createReceiver: Issued }>(CREATE, { input })).createReceiver

describe('createReceiver', () => {
  test('returns the URL, the secret once, and the instructions with both filled in', async () => {
    await using app = await startApp({}, { now: () => START })

    const issued = await create(app, {
      sender: 'HARBOR',
      registry: 'harbor.example',
      repositories: ['shop'],
      aliases: ['harbor.internal'],
    })

    expect(issued).toMatchObject({
      url: issued.receiver.url,
      receiver: {
        namespace: 'default',
        sender: 'HARBOR',
        authenticity: 'TOKEN',
        registry: 'harbor.example',
        aliases: ['harbor.internal'],
        repositories: ['shop'],
        enabled: true,
        secrets: [{ createdAt: new Date(START).toISOString(), expiresAt: null }],
        state: 'WAITING',
        acceptedCount: 0,
        settings: { signed: null },
        createdAt: new Date(START).toISOString(),
      },
    })
    expect(issued.receiver.path).toMatch(/^\/webhooks\/[\w-]{43}$/)
    expect(issued.url).toBe(`http://localhost:${new URL(app.app.url).port}${issued.receiver.path}`)
    expect(issued.secret).toMatch(/^[\w-]{43}$/)
    expect(issued.setUp.join('\n')).toContain(issued.url)
    expect(issued.setUp.join('\n')).toContain(issued.secret)
    // later responses have a placeholder for the secret
    expect(issued.receiver.setUp.join('\n')).toContain('SECRET')
    expect(issued.receiver.setUp.join('\n')).not.toContain(issued.secret)
  })

  test('has the secret in the URL where the sender supports no other method', async () => {
    await using app = await startApp()

    const { url, secret, receiver } = await create(app, { sender: 'DOCKER_HUB' })

    expect(url).toBe(`${receiver.url}?secret=${secret}`)
    expect(receiver.url).not.toContain(secret)
  })

  test('uses the server name of --public-url', async () => {
    await using app = await startApp({ publicUrl: new URL('https://streams.example.org') })

    const { url, receiver } = await create(app, { sender: 'GITHUB' })

    expect(url).toBe(`https://streams.example.org${receiver.path}`)
  })

  test('has no secret where the platform signs', async () => {
    await using app = await startApp()
    const settings = { serviceAccount: 'push@shop.iam.gserviceaccount.com' }

    const issued = await create(app, { sender: 'GOOGLE', registry: 'europe-docker.pkg.dev', settings })

    expect(issued).toMatchObject({ secret: null, receiver: { authenticity: 'JWT', secrets: [] } })
  })

  test.each([
    [{ sender: 'HARBOR' }, 'registry'],
    [{ sender: 'QUAY', repositories: ['A'] }, 'repositories.0'],
    [{ sender: 'QUAY', namespace: 'A' }, 'namespace'],
    [{ sender: 'QUAY', settings: { audience: 'x' } }, 'settings.audience'],
  ])('refuses %j, and names the field', async (input, field) => {
    await using app = await startApp()

    const response = await app.client.execute(CREATE, { input })

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
  })
})

describe('rotateReceiverSecret', () => {
  test('returns a new secret beside the old one, which ends after the given minutes or when it is dropped', async () => {
    let time = START
    await using app = await startApp({}, { now: () => time })
    const { secret, receiver } = await create(app, { sender: 'GENERIC', registry: 'registry.test' })
    time += MINUTE

    const { rotateReceiverSecret } = await app.client.request<{ rotateReceiverSecret: Issued }>(ROTATE, {
      input: { id: receiver.id, keepOldMinutes: 60 },
    })

    expect(rotateReceiverSecret.secret).not.toBe(secret)
    expect(rotateReceiverSecret).toMatchObject({
      receiver: {
        secrets: [
          { createdAt: new Date(time).toISOString(), expiresAt: null },
          {
            createdAt: new Date(START).toISOString(),
            expiresAt: new Date(time + 60 * MINUTE).toISOString(),
          },
        ],
      },
    })
    expect(
      await app.client.request(UPDATE, { input: { id: receiver.id, dropOldSecret: true } }),
    ).toMatchObject({
      updateReceiver: { receiver: { secrets: [{ expiresAt: null }] } },
    })
  })

  test.each([-1, 129_601])('refuses to keep the old secret for %i minutes', async (keepOldMinutes) => {
    await using app = await startApp()
    const { receiver } = await create(app, { sender: 'QUAY' })

    const response = await app.client.execute(ROTATE, { input: { id: receiver.id, keepOldMinutes } })

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'keepOldMinutes' }])
  })
})

describe('updateReceiver and deleteReceiver', () => {
  test('change the receiver; a deletion returns its id and its last state', async () => {
    await using app = await startApp()
    const { receiver } = await create(app, { sender: 'QUAY', repositories: ['team'] })
    const input = { id: receiver.id, enabled: false }

    expect(await app.client.request(UPDATE, { input })).toMatchObject({
      updateReceiver: { receiver: { enabled: false, repositories: ['team'], state: 'DISABLED' } },
    })
    expect(await app.client.request(DELETE, { input: { id: receiver.id } })).toEqual({
      deleteReceiver: {
        deletedId: receiver.id,
        receiver: { id: receiver.id, sender: 'QUAY', state: 'DISABLED', deliveries: { totalCount: 0 } },
      },
    })
    expect(
      await app.client.request('query ($id: ID!) { node(id: $id) { id } }', { id: receiver.id }),
    ).toEqual({
      node: null,
    })
  })

  test.each([
    ['rotateReceiverSecret', ROTATE],
    ['updateReceiver', UPDATE],
    ['deleteReceiver', DELETE],
    ['testReceiver', TEST],
  ])('%s is NOT_FOUND for an id that is not a receiver’s', async (_name, mutation) => {
    await using app = await startApp()
    const ids = ['Receiver:7', 'ImageStream:1', 'nonsense'].map((id) => Buffer.from(id).toString('base64url'))

    for (const id of ids) {
      expect(errorsOf(await app.client.execute(mutation, { input: { id } }))).toEqual([{ code: 'NOT_FOUND' }])
    }
  })
})

describe('testReceiver', () => {
  test('reports the tags that a delivery would import, and leaves a test in the log', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', one)
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    const { receiver } = await create(app, { sender: 'HARBOR', registry: upstream.host })
    upstream.reset()

    const { testReceiver } = await app.client.request<{ testReceiver: object }>(TEST, {
      input: { id: receiver.id, tag: 'v1' },
    })

    expect(testReceiver).toEqual({
      receiver: { id: receiver.id },
      delivery: {
        id: expect.any(String),
        outcome: 'ACCEPTED',
        message: null,
        summary: expect.stringContaining('team/app:v1'),
        isTest: true,
        senderAddress: null,
        hints: {
          nodes: [
            {
              ...{ action: 'PUSH', registry: upstream.host, repository: 'team/app', tag: 'v1' },
              targets: { nodes: [] },
            },
          ],
        },
      },
      targets: { totalCount: 1, nodes: [{ tag: 'v1', imageStream: { name: 'app' } }] },
    })
    expect(upstream.log).toEqual([])
    expect(await app.client.request(LIST, { namespace: 'default' })).toMatchObject({
      receivers: {
        nodes: [{ deliveries: { totalCount: 1, nodes: [{ outcome: 'ACCEPTED', isTest: true }] } }],
      },
    })
  })

  test('that is followed waits for the imports, and returns their results', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', one)
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    const { receiver } = await create(app, { sender: 'HARBOR', registry: upstream.host })

    const input = { id: receiver.id, tag: 'v1', follow: true }

    expect(await app.client.request(TEST, { input })).toMatchObject({
      testReceiver: {
        delivery: {
          hints: { nodes: [{ targets: { nodes: [{ tag: 'v1', state: 'FINISHED', message: null }] } }] },
        },
      },
    })
    const tooLong = await app.client.execute(TEST, { input: { ...input, waitSeconds: 301 } })
    expect(errorsOf(tooLong)).toEqual([{ code: 'INVALID', field: 'waitSeconds' }])
  })

  test('names an invalid tag', async () => {
    await using app = await startApp()
    const { receiver } = await create(app, { sender: 'QUAY' })

    const response = await app.client.execute(TEST, { input: { id: receiver.id, tag: 'a b' } })

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'tag' }])
  })
})

describe('receivers', () => {
  test('are listed for one or all namespaces, page by page', async () => {
    await using app = await startApp()
    const ids = []
    for (let at = 0; at < 5; at++) ids.push((await create(app, { sender: 'QUAY' })).receiver.id)
    await create(app, { sender: 'QUAY', namespace: 'elsewhere' })
    type Page = {
      receivers: {
        totalCount: number
        nodes: { id: string }[]
        pageInfo: { hasNextPage: boolean; endCursor: string }
      }
    }

    const first = await app.client.request<Page>(LIST, { namespace: 'default', first: 3 })
    const after = first.receivers.pageInfo.endCursor
    const rest = await app.client.request<Page>(LIST, { namespace: 'default', first: 3, after })

    expect(first.receivers).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true } })
    expect([...first.receivers.nodes, ...rest.receivers.nodes].map(({ id }) => id)).toEqual(ids)
    expect(await app.client.request(LIST)).toMatchObject({ receivers: { totalCount: 6 } })
  })

  test('contain deliveries with their source and outcome', async () => {
    await using app = await startApp({}, { now: () => START })
    const receiver = await createReceiver(app.client, { sender: 'GITHUB' })
    const reported = { registry: 'ghcr.io', repository: 'team/app', tag: 'v1', digest: one.digest }
    await send(receiver.url, deliveryOf('GITHUB', receiver, reported))
    await send(receiver.url, deliveryOf('GITHUB', { ...receiver, secret: 'wrong' }, reported))

    expect(await app.client.request(LIST, { namespace: 'default' })).toMatchObject({
      receivers: {
        nodes: [
          {
            deliveries: {
              nodes: [
                { outcome: 'REFUSED', isTest: false },
                {
                  outcome: 'ACCEPTED',
                  isTest: false,
                  receivedAt: new Date(START).toISOString(),
                  senderAddress: expect.stringMatching(/^127\.0\.0\.1$|^0:0:0:0::\/64$/),
                },
              ],
            },
          },
        ],
      },
    })
  })
})

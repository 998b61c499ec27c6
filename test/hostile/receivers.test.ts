import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AppOverrides, createApp } from '../../src/app/app.ts'
import type { Config } from '../../src/app/config.ts'
import { newSealingKey } from '../../src/secrets/sealing-key.ts'
import type { SenderKind } from '../../src/vendors/senders.ts'
import { testConfig } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import {
  createReceiver,
  deliveriesTo,
  deliveryOf,
  type IssuedReceiver,
  type ReportedChange,
  send,
} from '../fixtures/receiver.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { follow, history, pushLog } from '../flows/operations.ts'

const [one, forged] = [image({ seed: 1 }), image({ seed: 'forged' })]
/** A sender of each kind: the secret in a header, in the URL, and as a signature. */
const SENDERS: readonly SenderKind[] = ['GENERIC', 'QUAY', 'GITHUB']

let folder: string
let upstream: Upstream
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-receivers-'))
  upstream = await startUpstream()
  upstream.push('team/app', 'v1', one)
})
afterEach(async () => {
  await upstream[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** A server on the folder, and all that it logs. */
async function start(settings: Partial<Config> = {}, overrides: AppOverrides = {}) {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const server = await createApp(testConfig({ dataFolder: folder, ...settings }), { log, ...overrides })
  const client = connect(server.url)
  return {
    url: server.url,
    client,
    log: () => lines.join(''),
    create: (sender: SenderKind, input: object = {}) =>
      createReceiver(client, { sender, registry: upstream.host, ...input }),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const forgedPush = (more: Partial<ReportedChange> = {}): ReportedChange => ({
  registry: upstream.host,
  repository: 'team/app',
  tag: 'v1',
  digest: forged.digest,
  ...more,
})
const outcomes = async (client: Parameters<typeof deliveriesTo>[0], receiver: IssuedReceiver) =>
  (await deliveriesTo(client, receiver)).map(({ outcome }) => outcome)

describe('a forged delivery with the secret', () => {
  test('causes one request to the registry, and changes nothing', async () => {
    await using server = await start()
    await follow(server.client, `${upstream.host}/team/app`)
    const receiver = await server.create('GENERIC')
    const before = await pushLog(server.client)
    const head = upstream.requests.head

    expect((await send(receiver.url, deliveryOf('GENERIC', receiver, forgedPush()))).status).toBe(202)
    await expect
      .poll(async () => (await deliveriesTo(server.client, receiver))[0]?.hints[0]?.targets[0]?.import?.state)
      .toBe('SUCCEEDED')

    expect(upstream.requests.head).toBe(head + 1)
    expect(await history(server.client, 'app:v1')).toEqual([one.digest])
    expect(await pushLog(server.client)).toEqual(before)
  })

  test('causes no request to a host that no stream of the namespace imports from', async () => {
    await using other = await startUpstream()
    await using server = await start()
    const receiver = await server.create('GENERIC')

    await send(receiver.url, deliveryOf('GENERIC', receiver, forgedPush({ registry: other.host })))
    await send(receiver.url, deliveryOf('GENERIC', receiver, forgedPush({ registry: '169.254.169.254' })))
    await send(receiver.url, deliveryOf('GENERIC', receiver, forgedPush({ repository: 'un/known' })))

    expect(other.log).toEqual([])
    expect(upstream.log).toEqual([])
  })
})

test.each(SENDERS)('a delivery of %s is authenticated over HTTP, and stored once', async (kind) => {
  await using server = await start()
  await follow(server.client, `${upstream.host}/team/app`)
  const [receiver, other] = [await server.create(kind), await server.create(kind)]
  const delivery = deliveryOf(kind, receiver, forgedPush())
  const { method, body, headers } = delivery
  const anonymous = { method, body, headers: { 'content-type': headers['content-type'] ?? '' } }
  upstream.push('team/app', 'v1', forged)

  const refused = [
    await send(other.url, delivery),
    await send(receiver.url, { ...anonymous, query: new URLSearchParams() }),
    await send(receiver.url, { ...anonymous, query: new URLSearchParams({ secret: '' }) }),
    await send(receiver.url, deliveryOf(kind, { ...receiver, secret: '' }, forgedPush())),
  ]
  expect(refused).toEqual(
    refused.map(() => ({ status: 401, retryAfter: null, body: { error: 'unauthorized' } })),
  )
  expect(await outcomes(server.client, other)).toEqual(['REFUSED'])

  const responses = []
  for (let times = 0; times < 3; times++) responses.push(await send(receiver.url, delivery))
  await expect.poll(() => history(server.client, 'app:v1')).toEqual([forged.digest, one.digest])
  responses.push(await send(receiver.url, delivery))
  expect(responses.map(({ status }) => Math.floor(status / 100))).toEqual([2, 2, 2, 2])
  expect(await pushLog(server.client)).toHaveLength(2)
})

describe('a secret of a receiver', () => {
  test('is in no later response, no log line and no file', async () => {
    const seen: string[] = []
    const secrets: string[] = []
    {
      await using server = await start()
      await follow(server.client, `${upstream.host}/team/app`)
      for (const kind of [...SENDERS, 'DOCKER_HUB', 'ALIYUN', 'ECR', 'AZURE_EVENT_GRID'] as const) {
        const receiver = await server.create(kind)
        secrets.push(receiver.secret)
        await send(receiver.url, deliveryOf(kind, receiver, forgedPush()))
        await send(receiver.url, deliveryOf(kind, { ...receiver, secret: 'wrong' }, forgedPush()))
        seen.push(JSON.stringify(await deliveriesTo(server.client, receiver)))
      }
      const rest = await server.client.request(
        `{ receivers(first: 100) { nodes { id url path setUp secrets { createdAt } settings { audience }
           state message } } }`,
      )
      seen.push(JSON.stringify(rest), server.log())
    }
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
    seen.push(...files.map((path) => readFileSync(path).toString('latin1')))

    const all = seen.join('\n')
    expect(secrets.every((secret) => secret.length >= 43)).toBe(true)
    for (const secret of secrets) expect(all).not.toContain(secret)
  })

  test('is not a field of the schema', async () => {
    await using server = await start()
    await server.create('GENERIC')

    for (const field of ['secret', 'key', 'sealed', 'keyId', 'secrets { secret }', 'secrets { sealed }']) {
      const { errors } = await server.client.execute(`{ receivers { nodes { ${field} } } }`)
      expect(errors, field).toHaveLength(1)
    }
  })
})

describe('the key that encrypts secrets', () => {
  const [old, renewed] = [newSealingKey(), newSealingKey()]
  const createdWith = async (credentialsKey: string): Promise<IssuedReceiver> => {
    await using server = await start({ credentialsKey })
    return await server.create('GITHUB')
  }
  const statusAt = async (settings: Partial<Config>, receiver: IssuedReceiver): Promise<number> => {
    await using server = await start(settings)
    const url = server.url + new URL(receiver.url).pathname
    return (await send(url, deliveryOf('GITHUB', { ...receiver, url }, forgedPush()))).status
  }

  test('can be replaced without new secrets for senders', async () => {
    const receiver = await createdWith(old)

    expect(await statusAt({ credentialsKey: `${renewed},${old}` }, receiver)).toBe(202)
    expect(await statusAt({ credentialsKey: renewed }, receiver)).toBe(202)
    await expect(start({ credentialsKey: old })).rejects.toThrow(/1 receiver secret is sealed with the key/)
  })

  test('when it is lost, leaves receivers that refuse deliveries until they have a new secret', async () => {
    const receiver = await createdWith(old)
    const [, lostCredentialsKey = ''] =
      /--lost-credentials-key ([0-9a-f]{16})/.exec(
        await start({ credentialsKey: renewed }).then(
          () => '',
          (error: Error) => error.message,
        ),
      ) ?? []

    expect(await statusAt({ credentialsKey: renewed, lostCredentialsKey }, receiver)).toBe(401)
    await using server = await start({ credentialsKey: renewed })
    const { rotateReceiverSecret } = await server.client.request<{
      rotateReceiverSecret: { secret: string }
    }>('mutation ($id: ID!) { rotateReceiverSecret(input: { id: $id }) { secret } }', { id: receiver.id })
    const url = server.url + new URL(receiver.url).pathname
    const { secret } = rotateReceiverSecret
    expect((await send(url, deliveryOf('GITHUB', { url, secret }, forgedPush()))).status).toBe(202)
  })
})

describe('a client that guesses', () => {
  test('receives the same response for deleted, disabled and unknown receivers', async () => {
    await using server = await start()
    const [deleted, disabled] = [await server.create('GENERIC'), await server.create('GENERIC')]
    await server.client.request(
      'mutation ($id: ID!) { deleteReceiver(input: { id: $id }) { receiver { id } } }',
      {
        id: deleted.id,
      },
    )
    await server.client.request(
      'mutation ($id: ID!) { updateReceiver(input: { id: $id, enabled: false }) { receiver { id } } }',
      { id: disabled.id },
    )
    const never = `${server.url}/webhooks/${'A'.repeat(43)}`

    const responses = []
    for (const url of [deleted.url, disabled.url, never, `${server.url}/nothing/at/all`]) {
      const { status, body } = await send(url, deliveryOf('GENERIC', { ...deleted, url }, forgedPush()))
      responses.push({ status, body })
    }

    expect(new Set(responses.map((response) => JSON.stringify(response))).size).toBe(1)
    expect(responses[0]?.status).toBe(404)
  })

  test('cannot derive a key from another: each has 256 random bits', async () => {
    await using server = await start()
    const keys = []
    for (let times = 0; times < 5; times++) {
      const { url, secret } = await server.create('GENERIC')
      keys.push(new URL(url).pathname.slice('/webhooks/'.length), secret)
    }

    expect(new Set(keys).size).toBe(10)
    for (const key of keys) expect(Buffer.from(key, 'base64url')).toHaveLength(32)
  })
})

test('a hostile body is acknowledged, has no hints, and does not reach the log of the server', async () => {
  await using server = await start()
  const receiver = await server.create('GENERIC')
  const { method, query } = deliveryOf('GENERIC', receiver, forgedPush())
  const headers = { authorization: `Bearer ${receiver.secret}`, 'content-type': 'application/json' }
  const bodies = [
    '{"a":'.repeat(200_000),
    '{"__proto__":{"admin":true},"repository":"team/app","tag":"v1"}',
    '[]',
    'null',
    JSON.stringify({ repository: '../../etc', tag: '"; drop table receivers' }),
    JSON.stringify({ repository: 'team/app\n{"level":60}', tag: '\u001b[31m' }),
  ]

  for (const body of bodies) {
    const { status } = await send(receiver.url, { method, query, headers, body: Buffer.from(body) })
    expect(Math.floor(status / 100)).toBe(2)
    const [delivery] = await deliveriesTo(server.client, receiver)
    expect(JSON.stringify([delivery?.message, delivery?.summary])).not.toMatch(/\\u001b|\\n/)
  }
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
  expect(server.log()).not.toContain('internal error')
})

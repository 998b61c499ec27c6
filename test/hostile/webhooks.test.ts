import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AppOverrides, createApp } from '../../src/app/app.ts'
import type { Config } from '../../src/app/config.ts'
import { newSealingKey } from '../../src/secrets/sealing-key.ts'
import type { SenderKind } from '../../src/vendors/delivery/sender.ts'
import { ENTRIES_WITHOUT_HINTS, FROM_ONE_SOURCE } from '../../src/webhooks/receiver.ts'
import { testConfig } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import {
  createWebhook,
  deliveriesTo,
  deliveryOf,
  type IssuedWebhook,
  type ReportedChange,
  send,
} from '../fixtures/webhook.ts'
import { follow, history, pushLog } from '../flows/operations.ts'

const [one, forged] = [image({ seed: 1 }), image({ seed: 'forged' })]
/** Senders that show or sign with a secret, each in its own way. */
const SENDERS: readonly SenderKind[] = [
  'DISTRIBUTION',
  'GITLAB',
  'QUAY',
  'GITHUB',
  'HARBOR',
  'AZURE',
  'JFROG',
  'NEXUS',
  'ZOT',
  'GENERIC',
]

let folder: string
let upstream: Upstream
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-webhooks-'))
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
      createWebhook(client, { sender, registry: upstream.host, ...input }),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const told = (more: Partial<ReportedChange> = {}): ReportedChange => ({
  registry: upstream.host,
  repository: 'team/app',
  tag: 'v1',
  digest: forged.digest,
  ...more,
})
const outcomes = async (client: Parameters<typeof deliveriesTo>[0], webhook: IssuedWebhook) =>
  (await deliveriesTo(client, webhook)).map(({ outcome }) => outcome)

describe('a forged "pushed digest X"', () => {
  test('from who has the secret is only a hint: the registry is asked, and nothing changes', async () => {
    await using server = await start()
    await follow(server.client, `${upstream.host}/team/app`)
    const webhook = await server.create('GENERIC')
    const before = await pushLog(server.client)
    const head = upstream.requests.head

    expect((await send(webhook.url, deliveryOf('GENERIC', webhook, told()))).status).toBe(202)
    await expect
      .poll(async () => (await deliveriesTo(server.client, webhook))[0]?.hints[0]?.targets[0]?.import?.state)
      .toBe('SUCCEEDED')

    expect(upstream.requests.head).toBe(head + 1)
    expect(await history(server.client, 'app:v1')).toEqual([one.digest])
    expect(await pushLog(server.client)).toEqual(before)
  })

  test('of a deletion deletes nothing', async () => {
    await using server = await start()
    await follow(server.client, `${upstream.host}/team/app`)
    const webhook = await server.create('GENERIC')
    const delivery = deliveryOf('GENERIC', webhook, told())
    const body = Buffer.from(JSON.stringify({ repository: 'team/app', tag: 'v1', action: 'delete' }))
    const headers = { authorization: `Bearer ${webhook.secret}`, 'content-type': 'application/json' }

    expect((await send(webhook.url, { ...delivery, headers, body })).status).toBe(202)
    await expect
      .poll(async () => (await deliveriesTo(server.client, webhook))[0]?.hints[0]?.targets[0]?.import?.state)
      .toBe('SUCCEEDED')

    expect(await history(server.client, 'app:v1')).toEqual([one.digest])
  })

  test('makes nobody ask a host that no stream of the namespace names', async () => {
    await using other = await startUpstream()
    await using server = await start()
    const webhook = await server.create('GENERIC')

    await send(webhook.url, deliveryOf('GENERIC', webhook, told({ registry: other.host })))
    await send(webhook.url, deliveryOf('GENERIC', webhook, told({ registry: '169.254.169.254' })))
    await send(webhook.url, deliveryOf('GENERIC', webhook, told({ repository: 'nobody/knows' })))

    expect(other.log).toEqual([])
    expect(upstream.log).toEqual([])
  })
})

describe.each(SENDERS)('a delivery as %s sends it', (kind) => {
  test('that is signed for one webhook is refused at another', async () => {
    await using server = await start()
    const [ours, theirs] = [await server.create(kind), await server.create(kind)]

    const answer = await send(theirs.url, deliveryOf(kind, { ...ours, url: theirs.url }, told()))

    expect(answer).toEqual({ status: 401, body: { error: 'unauthorized' } })
    expect(await outcomes(server.client, theirs)).toEqual(['REFUSED'])
    expect(await outcomes(server.client, ours)).toEqual([])
  })

  test('that is sent again is acknowledged, and no push is told twice', async () => {
    await using server = await start()
    await follow(server.client, `${upstream.host}/team/app`)
    const webhook = await server.create(kind)
    const delivery = deliveryOf(kind, webhook, told())
    upstream.push('team/app', 'v1', forged)

    const answers = []
    for (let times = 0; times < 4; times++) answers.push(await send(webhook.url, delivery))
    await expect.poll(() => history(server.client, 'app:v1')).toEqual([forged.digest, one.digest])
    answers.push(await send(webhook.url, delivery))

    expect(answers.map(({ status }) => Math.floor(status / 100))).toEqual([2, 2, 2, 2, 2])
    await expect
      .poll(async () => {
        const hints = (await deliveriesTo(server.client, webhook)).flatMap(({ hints }) => hints)
        return hints.flatMap(({ targets }) => targets.map(({ import: one, state }) => one?.state ?? state))
      })
      .not.toContain('RUNNING')
    expect(await pushLog(server.client)).toHaveLength(2)
  })

  test('without its secret, or with an empty one, is refused', async () => {
    await using server = await start()
    const webhook = await server.create(kind)
    const { method, body, headers } = deliveryOf(kind, webhook, told())
    const bare = { 'content-type': headers['content-type'] ?? 'application/json' }

    const answers = [
      await send(webhook.url, { method, body, headers: bare, query: new URLSearchParams() }),
      await send(webhook.url, { method, body, headers: bare, query: new URLSearchParams({ secret: '' }) }),
      await send(webhook.url, deliveryOf(kind, { ...webhook, secret: '' }, told())),
    ]

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401])
  })
})

describe('a secret of a webhook', () => {
  test('is in no later answer, no log line and no file', async () => {
    const seen: string[] = []
    const secrets: string[] = []
    {
      await using server = await start()
      await follow(server.client, `${upstream.host}/team/app`)
      for (const kind of [...SENDERS, 'DOCKER_HUB', 'ALIYUN', 'ECR', 'AZURE_EVENT_GRID'] as const) {
        const webhook = await server.create(kind)
        secrets.push(webhook.secret)
        await send(webhook.url, deliveryOf(kind, webhook, told()))
        await send(webhook.url, deliveryOf(kind, { ...webhook, secret: 'wrong' }, told()))
        seen.push(JSON.stringify(await deliveriesTo(server.client, webhook)))
      }
      const rest = await server.client.ask(
        `{ webhooks(first: 100) { nodes { id url path setUp secrets { createdAt } settings { audience }
           health { state trouble } } } }`,
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

  test('is no field of anything, and cannot be asked for', async () => {
    await using server = await start()
    await server.create('GENERIC')

    for (const field of ['secret', 'key', 'sealed', 'keyId', 'secrets { secret }', 'secrets { sealed }']) {
      const { errors } = await server.client.answer(`{ webhooks { nodes { ${field} } } }`)
      expect(errors, field).toHaveLength(1)
    }
  })
})

describe('the key that secrets are sealed with', () => {
  const [old, renewed] = [newSealingKey(), newSealingKey()]
  const createdWith = async (credentialsKey: string): Promise<IssuedWebhook> => {
    await using server = await start({ credentialsKey })
    return await server.create('GITHUB')
  }
  const statusAt = async (settings: Partial<Config>, webhook: IssuedWebhook): Promise<number> => {
    await using server = await start(settings)
    const url = server.url + new URL(webhook.url).pathname
    return (await send(url, deliveryOf('GITHUB', { ...webhook, url }, told()))).status
  }

  test('is replaced by a new one in front of it, and no sender needs another secret', async () => {
    const webhook = await createdWith(old)

    expect(await statusAt({ credentialsKey: `${renewed},${old}` }, webhook)).toBe(202)
    expect(await statusAt({ credentialsKey: renewed }, webhook)).toBe(202)
    await expect(start({ credentialsKey: old })).rejects.toThrow(/1 webhook secret is sealed with the key/)
  })

  test('that is lost leaves the webhook, which believes nobody until it has a new secret', async () => {
    const webhook = await createdWith(old)
    const [, lostCredentialsKey = ''] =
      /--lost-credentials-key ([0-9a-f]{16})/.exec(
        await start({ credentialsKey: renewed }).then(
          () => '',
          (error: Error) => error.message,
        ),
      ) ?? []

    expect(await statusAt({ credentialsKey: renewed, lostCredentialsKey }, webhook)).toBe(401)
    await using server = await start({ credentialsKey: renewed })
    const { rotateWebhookSecret } = await server.client.ask<{ rotateWebhookSecret: { secret: string } }>(
      'mutation ($id: ID!) { rotateWebhookSecret(input: { id: $id }) { secret } }',
      { id: webhook.id },
    )
    const url = server.url + new URL(webhook.url).pathname
    const { secret } = rotateWebhookSecret
    expect((await send(url, deliveryOf('GITHUB', { url, secret }, told()))).status).toBe(202)
  })
})

describe('who guesses', () => {
  test('finds the same at an address that was deleted, is disabled or never was', async () => {
    await using server = await start()
    const [deleted, disabled] = [await server.create('GENERIC'), await server.create('GENERIC')]
    await server.client.ask('mutation ($id: ID!) { deleteWebhook(input: { id: $id }) { webhook { id } } }', {
      id: deleted.id,
    })
    await server.client.ask(
      'mutation ($id: ID!) { updateWebhook(input: { id: $id, enabled: false }) { webhook { id } } }',
      { id: disabled.id },
    )
    const never = `${server.url}/webhooks/${'A'.repeat(43)}`

    const answers = []
    for (const url of [deleted.url, disabled.url, never, `${server.url}/nothing/at/all`]) {
      const { status, body } = await send(url, deliveryOf('GENERIC', { ...deleted, url }, told()))
      answers.push({ status, body })
    }

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]?.status).toBe(404)
  })

  test('cannot learn a key from another: each has 256 bits of its own', async () => {
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

describe('a flood', () => {
  test('of what is not believed is slowed down, stays out of the log, and the real one gets through', async () => {
    let time = Date.now()
    await using server = await start({}, { now: () => time })
    const webhook = await server.create('GENERIC')
    const wrong = deliveryOf('GENERIC', { ...webhook, secret: 'wrong' }, told())

    const statuses: number[] = []
    for (let sent = 0; sent < FROM_ONE_SOURCE.capacity + 50; sent += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => send(webhook.url, wrong)))
      statuses.push(...answers.map(({ status }) => status))
    }

    expect(statuses.filter((status) => status === 401)).toHaveLength(FROM_ONE_SOURCE.capacity)
    expect(statuses.filter((status) => status === 429)).toHaveLength(50)
    expect((await outcomes(server.client, webhook)).length).toBe(ENTRIES_WITHOUT_HINTS.capacity)
    time += 1000
    expect((await send(webhook.url, deliveryOf('GENERIC', webhook, told()))).status).toBe(202)
  })
})

test.each([
  ['depth', '{"a":'.repeat(200_000)],
  ['prototype', '{"__proto__":{"admin":true},"repository":"team/app","tag":"v1"}'],
  ['array', '[]'],
  ['null', 'null'],
  ['names', JSON.stringify({ repository: '../../etc', tag: '"; drop table webhooks' })],
  ['log', JSON.stringify({ repository: 'team/app\n{"level":60}', tag: '\u001b[31m' })],
])('a body of %s that makes no sense is acknowledged, and leads to nothing', async (_what, text) => {
  await using server = await start()
  const webhook = await server.create('GENERIC')
  const { method, query } = deliveryOf('GENERIC', webhook, told())
  const headers = { authorization: `Bearer ${webhook.secret}`, 'content-type': 'application/json' }

  const { status } = await send(webhook.url, { method, query, headers, body: Buffer.from(text) })

  expect(Math.floor(status / 100)).toBe(2)
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
  expect(server.log()).not.toContain('internal error')
  const [delivery] = await deliveriesTo(server.client, webhook)
  expect(JSON.stringify([delivery?.reason, delivery?.note])).not.toMatch(/\\u001b|\\n/)
})

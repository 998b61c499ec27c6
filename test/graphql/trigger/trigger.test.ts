import { createHmac, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startTriggerReceiver, type TriggerReceiver } from '../../fixtures/trigger-receiver.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorsOf, follow, importImage } from '../../flows/operations.ts'

const TRIGGER = `id namespace name imageStreams tags state createdBy pausedUntil pausedBy pauseMessage disabledMessage
  action { kind host http { url format signature template headerNames } }`
const CREATE = `mutation ($input: CreateTriggerInput!) { createTrigger(input: $input) { secret trigger { ${TRIGGER} } } }`
const UPDATE = `mutation ($input: UpdateTriggerInput!) { updateTrigger(input: $input) { secret trigger { ${TRIGGER} } } }`
const PAUSE = `mutation ($input: PauseTriggerInput!) { pauseTrigger(input: $input) { trigger { ${TRIGGER} } } }`
const RESUME = `mutation ($input: ResumeTriggerInput!) { resumeTrigger(input: $input) { trigger { ${TRIGGER} } } }`
const FIRE = `mutation ($input: FireTriggerInput!) { fireTrigger(input: $input) { triggerTarget { state } } }`
const RETRY = `mutation ($input: RetryDeliveriesInput!) { retryDeliveries(input: $input) { triggerTargets { tagName state } } }`
const DELIVERY = `id tagName digest webhookId state isManual attemptCount startedAt endedAt message link
  request { method url headers body } attempts { httpStatus response message durationSeconds }`
const REACTIONS = `{ imageStreamTag(name: "app:v1") { triggerTargets { totalCount nodes {
  triggerName state isDelivered message failureCount nextAttemptAt image { digest } deliveredImage { digest }
  lastDelivery { ${DELIVERY} } trigger { name } } } } }`

interface Issued {
  readonly secret: string | null
  readonly trigger: { readonly id: string } & Record<string, unknown>
}
interface ShownDelivery {
  readonly id: string
  readonly webhookId: string
  readonly state: string
  readonly request: { readonly headers: readonly string[]; readonly body: string } | null
}
interface ShownTarget {
  readonly state: string
  readonly message: string | null
  readonly failureCount: number
  readonly lastDelivery: ShownDelivery | null
}

let app: TestApp
let upstream: Upstream
let receiver: TriggerReceiver
let time = Date.UTC(2026, 0, 1)
beforeEach(async () => {
  upstream = await startUpstream({ log: false })
  receiver = await startTriggerReceiver()
  app = await startApp({}, { now: () => time })
  upstream.push('team/app', 'v1', image({ seed: 'first' }))
  await follow(app.client, `${upstream.host}/team/app`, 'app')
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const create = async (input: object = {}): Promise<Issued> => {
  const defaults = { name: 'build-app', imageStreams: 'app', action: { http: { url: receiver.url } } }
  const variables = { input: { ...defaults, ...input } }
  return (await app.client.request<{ createTrigger: Issued }>(CREATE, variables)).createTrigger
}
const move = async (seed: string, tag = 'v1'): Promise<string> => {
  const pushed = image({ seed })
  upstream.push('team/app', tag, pushed)
  await importImage(app.client, { imageStream: 'app', all: true })
  return pushed.digest
}
const targets = async (): Promise<readonly ShownTarget[]> => {
  const { imageStreamTag } = await app.client.request<{
    imageStreamTag: { triggerTargets: { nodes: readonly ShownTarget[] } }
  }>(REACTIONS)
  return imageStreamTag.triggerTargets.nodes
}
const stateIs = (state: string) => expect.poll(async () => (await targets())[0]?.state).toBe(state)

describe('a trigger', () => {
  test('sends a signed CloudEvent when its tag moves, and shows what it sent without the secret', async () => {
    const { secret, trigger } = await create()
    const digest = await move('second')
    await expect.poll(() => receiver.requests.length).toBe(1)
    await stateIs('IDLE')

    const [request] = receiver.requests
    const {
      'webhook-id': id,
      'webhook-timestamp': at,
      'webhook-signature': signature,
    } = request?.headers ?? {}
    const key = Buffer.from((secret ?? '').replace('whsec_', ''), 'base64')
    const expected = createHmac('sha256', key).update(`${id}.${at}.${request?.body}`).digest('base64')
    expect(signature).toBe(`v1,${expected}`)
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      ...{ specversion: '1.0', type: 'io.imagestreams.tag.moved.v1', id, subject: 'v1' },
      data: {
        ...{ namespace: 'default', imageStream: 'app', tag: 'v1', digest },
        previousDigest: image({ seed: 'first' }).digest,
        platforms: ['linux/amd64'],
        repository: `${upstream.host}/team/app`,
      },
    })
    const [target] = await targets()
    expect(target).toMatchObject({
      ...{ triggerName: 'build-app', state: 'IDLE', isDelivered: true, message: null, failureCount: 0 },
      ...{ image: { digest }, deliveredImage: { digest }, trigger: { name: 'build-app' } },
      lastDelivery: {
        ...{ state: 'DELIVERED', webhookId: id, digest, isManual: false, attemptCount: 1 },
        attempts: [{ httpStatus: 204, response: '', message: null }],
        request: { method: 'POST', url: receiver.url, body: request?.body },
      },
    })
    expect(target?.lastDelivery?.request?.headers).toContain('webhook-signature: •••')
    expect(trigger).toMatchObject({
      state: 'ACTIVE',
      imageStreams: 'app',
      tags: '*',
      action: { host: receiver.host },
    })
  })

  test('says why the image was not delivered, and when it tries again', async () => {
    await create()
    receiver.answer = () => ({ status: 503, body: 'busy' })
    const digest = await move('second')
    await stateIs('RETRYING')

    expect(await targets()).toMatchObject([
      {
        ...{ isDelivered: false, failureCount: 1, message: 'it responded with status 503: "busy"' },
        ...{ image: { digest }, deliveredImage: null },
        lastDelivery: { state: 'RETRYING', attempts: [{ httpStatus: 503, response: 'busy' }] },
      },
    ])

    receiver.answer = () => ({ status: 204 })
    const { trigger } = await app.client.request<{ trigger: { id: string } }>(
      '{ trigger(name: "build-app") { id } }',
    )
    await app.client.request(RETRY, { input: { trigger: trigger.id } })
    await stateIs('IDLE')
  })

  test('follows no redirect of a receiver, and says what to do', async () => {
    await using other = await startTriggerReceiver()
    await create()
    receiver.answer = () => ({ status: 307, headers: { location: other.url } })
    await move('second')
    await stateIs('DEAD')

    expect((await targets())[0]?.message).toContain('give the URL that it redirects to')
    expect(other.requests).toEqual([])
  })

  test('is disabled by 410, and goes on once it is resumed', async () => {
    const { trigger } = await create()
    receiver.answer = () => ({ status: 410 })
    await move('second')
    await stateIs('DEAD')
    const shown = `{ trigger(name: "build-app") { state disabledMessage } }`
    expect(await app.client.request(shown)).toEqual({
      trigger: {
        state: 'DISABLED',
        disabledMessage: expect.stringMatching(/^it responded with status 410: .* resumeTrigger$/),
      },
    })
    await move('third')
    await stateIs('DISABLED')

    receiver.answer = () => ({ status: 204 })
    await app.client.request(RESUME, { input: { id: trigger.id } })
    await stateIs('IDLE')
    expect(receiver.requests).toHaveLength(2)
  })

  test('that is paused delivers the newest image when it is resumed, or its pause ends', async () => {
    const { trigger } = await create()
    const until = new Date(time + 60_000).toISOString()
    const input = { id: trigger.id, message: 'freeze', until }
    expect(await app.client.request(PAUSE, { input })).toMatchObject({
      pauseTrigger: { trigger: { state: 'PAUSED', pauseMessage: 'freeze', pausedUntil: until } },
    })
    for (const seed of ['a', 'b', 'c']) await move(seed)
    await stateIs('PAUSED')
    expect(receiver.requests).toHaveLength(0)
    expect(await targets()).toMatchObject([{ nextAttemptAt: null }])

    time += 61_000
    const newest = await move('d')
    await stateIs('IDLE')
    expect(receiver.requests.map(({ body }) => JSON.parse(body).data.digest)).toEqual([newest])
  })

  test('whose source is changed has nothing to do for tags of the source before', async () => {
    const { trigger } = await create()
    const { id } = trigger
    receiver.answer = () => ({ status: 503 })
    await move('second')
    await stateIs('RETRYING')

    await app.client.request(UPDATE, { input: { id, imageStreams: 'api' } })
    expect(await targets()).toEqual([])
    const deliveries = `query ($id: ID!) { node(id: $id) { ... on Trigger { deliveries { nodes { state message } } } } }`
    expect(await app.client.request(deliveries, { id })).toEqual({
      node: {
        deliveries: { nodes: [{ state: 'SUPERSEDED', message: 'the source of the trigger was changed' }] },
      },
    })

    receiver.answer = () => ({ status: 204 })
    await app.client.request(UPDATE, { input: { id, imageStreams: 'app' } })
    await move('third')
    await stateIs('IDLE')
    expect(await targets()).toMatchObject([{ isDelivered: true }])
  })

  test('that failed for good is attempted again once its action is changed', async () => {
    const { trigger } = await create({ action: { http: { url: `${receiver.url}/wrong` } } })
    receiver.answer = ({ path }) => ({ status: path.endsWith('wrong') ? 422 : 204 })
    await move('second')
    await stateIs('DEAD')

    await app.client.request(UPDATE, { input: { id: trigger.id, action: { http: { url: receiver.url } } } })
    await stateIs('IDLE')
    expect(await targets()).toMatchObject([{ isDelivered: true, message: null }])
  })

  test('and its tag can be named by one text', async () => {
    const { trigger } = await create({ name: 'one', imageStreams: 'team/web:v*' })
    expect(trigger).toMatchObject({ namespace: 'team', imageStreams: 'web', tags: 'v*' })
    const changed = await app.client.request(UPDATE, { input: { id: trigger.id, imageStreams: 'team/api' } })
    expect(changed).toMatchObject({ updateTrigger: { trigger: { imageStreams: 'api', tags: 'v*' } } })
    expect(
      errorsOf(await app.client.execute(UPDATE, { input: { id: trigger.id, imageStreams: 'shop/api' } })),
    ).toEqual([{ code: 'INVALID', field: 'imageStreams' }])

    const { trigger: ofApp } = await create({ name: 'two', tags: 'v*' })
    await app.client.request(FIRE, { input: { id: ofApp.id, imageStream: 'default/app:v1' } })
    await expect.poll(() => receiver.requests.length).toBe(1)
    expect(
      errorsOf(await app.client.execute(FIRE, { input: { id: ofApp.id, imageStream: 'other', tag: 'v1' } })),
    ).toEqual([{ code: 'INVALID', field: 'imageStream' }])
  })

  test('that has not reacted to a tag says why', async () => {
    await create({ name: 'new' })
    await create({ name: 'by-policy', source: 'POLICY' })
    await create({ name: 'from-base', source: 'BASE_IMAGE' })
    await create({ name: 'of-others', imageStreams: 'others' })
    const shown =
      '{ imageStreamTag(name: "app:v1") { silentTriggers { triggerName silence message trigger { name } } } }'
    const silent = async () => {
      const { imageStreamTag } = await app.client.request<{
        imageStreamTag: { silentTriggers: readonly { triggerName: string; silence: string }[] }
      }>(shown)
      return imageStreamTag.silentTriggers.map(({ triggerName, silence }) => [triggerName, silence])
    }
    await expect.poll(silent).toEqual([
      ['new', 'NOT_MOVED'],
      ['by-policy', 'NOT_MOVED_BY_POLICY'],
      ['from-base', 'BASE_NOT_MOVED'],
    ])
    await move('second')
    await expect.poll(silent).toEqual([
      ['by-policy', 'NOT_MOVED_BY_POLICY'],
      ['from-base', 'BASE_NOT_MOVED'],
    ])
  })

  test.each([
    ['placeholders in a URL', { http: { url: 'https://ci.test/{{ tag }}' } }, 'url'],
    ['one repository of several streams', { mirror: { repository: 'registry.test/all' } }, 'repository'],
  ])('is refused with %s', async (_what, action, field) => {
    const response = await app.client.execute(CREATE, { input: { name: 'bad', imageStreams: '*', action } })
    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: expect.stringContaining(field) }])
  })

  test('fired by hand sends the present image under an id of its own', async () => {
    const { trigger } = await create()
    await app.client.request(FIRE, { input: { id: trigger.id, tag: 'v1' } })
    await expect.poll(() => receiver.requests.length).toBe(1)
    await stateIs('IDLE')
    await app.client.request(FIRE, { input: { id: trigger.id, tag: 'v1' } })
    await expect.poll(() => receiver.requests.length).toBe(2)

    const ids = receiver.requests.map(({ headers }) => headers['webhook-id'])
    expect(ids[0]).toMatch(/-manual-1$/)
    expect(ids[1]).toMatch(/-manual-2$/)
  })

  test('that failed for good is retried under the same id, with the newest image', async () => {
    const { trigger } = await create()
    receiver.answer = () => ({ status: 422, body: 'no' })
    await move('second')
    await stateIs('DEAD')
    const metrics = await (await fetch(`${app.app.url}/metrics`)).text()
    expect(metrics).toContain('imagestreams_trigger_targets{state="dead"} 1')
    receiver.answer = () => ({ status: 204 })

    expect(await app.client.request(RETRY, { input: { trigger: trigger.id } })).toMatchObject({
      retryDeliveries: { triggerTargets: [{ tagName: 'v1' }] },
    })
    await stateIs('IDLE')
    const ids = receiver.requests.map(({ headers }) => headers['webhook-id'])
    expect(new Set(ids).size).toBe(1)
    const [target] = await targets()
    expect(
      errorsOf(await app.client.execute(RETRY, { input: { delivery: target?.lastDelivery?.id } })),
    ).toEqual([{ code: 'CONFLICT' }])
  })

  test('sends headers and a body of its own, and shows neither values nor secrets', async () => {
    const http = {
      url: receiver.url,
      format: 'TEMPLATE',
      template: '{"ref":"main","inputs":{"image":"{{ repository }}@{{ digest }}","tag":"{{tag}}"}}',
      signature: 'NONE',
      headers: [{ name: 'Authorization', value: 'Bearer very-secret' }],
    }
    const { secret, trigger } = await create({ action: { http } })
    const digest = await move('second')
    await stateIs('IDLE')

    expect(secret).toBeNull()
    expect(receiver.requests).toMatchObject([
      {
        headers: { authorization: 'Bearer very-secret' },
        body: JSON.stringify({
          ...{ ref: 'main', inputs: { image: `${upstream.host}/team/app@${digest}`, tag: 'v1' } },
        }),
      },
    ])
    expect(trigger).toMatchObject({ action: { http: { headerNames: ['authorization'] } } })
    expect(JSON.stringify(await targets())).not.toContain('very-secret')
  })

  test('is refused if it sends to this server', async () => {
    const { port } = new URL(app.app.url)
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const input = {
        name: 'own',
        imageStreams: 'app',
        action: { http: { url: `http://${host}:${port}/graphql` } },
      }
      expect(errorsOf(await app.client.execute(CREATE, { input }))).toEqual([
        { code: 'INVALID', field: 'action' },
      ])
    }
  })

  test('gets another receiver without the secrets that were for the one before', async () => {
    const action = (url: string, value?: string) => ({
      http: { url, signature: 'NONE', headers: [{ name: 'X-Key', value }] },
    })
    const { trigger } = await create({ action: action(receiver.url, 'first-key') })
    const update = (given: object) => app.client.execute(UPDATE, { input: { id: trigger.id, action: given } })

    const others = ['https://elsewhere.example/hook', receiver.url.replace('http:', 'https:')]
    for (const url of others) {
      expect(errorsOf(await update(action(url)))).toEqual([{ code: 'INVALID', field: 'action' }])
    }
    expect(errorsOf(await update(action(`${receiver.url}/two`)))).toEqual([])
    await move('second')
    await expect.poll(() => receiver.requests.length).toBe(1)
    expect(receiver.requests[0]).toMatchObject({ path: '/hook/two', headers: { 'x-key': 'first-key' } })
  })
})

const ROTATE = `mutation ($input: RotateWebhookKeyInput!) { rotateWebhookKey(input: $input) { webhookKeys } }`

test('a request can be verified with the published keys, also during a rotation', async () => {
  await create({ action: { http: { url: receiver.url, signature: 'KEY_PAIR' } } })
  const published = async (): Promise<readonly string[]> => {
    const response = await fetch(`${app.app.url}/.well-known/imagestreams/webhook-keys`)
    return ((await response.json()) as { keys: string[] }).keys
  }
  const [old = ''] = await published()
  await app.client.request(ROTATE, { input: {} })
  await move('second')
  await expect.poll(() => receiver.requests.length).toBe(1)

  const keys = await published()
  expect(keys).toEqual([expect.stringMatching(/^whpk_/), old])
  expect(await app.client.request('{ webhookKeys }')).toEqual({ webhookKeys: keys })
  const request = receiver.requests[0]
  const headers: Readonly<Record<string, unknown>> = request?.headers ?? {}
  const body = request?.body ?? ''
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
  const signatures = String(headers['webhook-signature']).split(' ')
  expect(signatures).toHaveLength(2)
  for (const [at, key] of keys.entries()) {
    const signature = Buffer.from((signatures[at] ?? '').replace('v1a,', ''), 'base64')
    expect(verify(null, signed, publicKeyOf(key), signature)).toBe(true)
  }
  expect(await app.client.request(ROTATE, { input: { dropOld: true } })).toMatchObject({
    rotateWebhookKey: { webhookKeys: [expect.any(String)] },
  })
})

const publicKeyOf = (text: string): KeyObject =>
  createPublicKey({
    key: {
      kty: 'OKP',
      crv: 'Ed25519',
      x: Buffer.from(text.replace('whpk_', ''), 'base64').toString('base64url'),
    },
    format: 'jwk',
  })

test('testTrigger shows what would be sent without sending it, and whether the host responds', async () => {
  const { trigger } = await create()
  const TEST = `mutation ($input: TestTriggerInput!) { testTrigger(input: $input) {
    request { method url headers body } isReachable message } }`
  const input = { id: trigger.id, tag: 'v1' }
  expect(await app.client.request(TEST, { input })).toMatchObject({
    testTrigger: { request: { method: 'POST', url: receiver.url }, isReachable: null, message: null },
  })
  expect(receiver.requests).toEqual([])
  expect(await app.client.request(TEST, { input: { ...input, contact: true } })).toMatchObject({
    testTrigger: { isReachable: true, message: null },
  })
  expect(receiver.requests).toMatchObject([{ method: 'HEAD', path: '/', body: '' }])
  await receiver[Symbol.asyncDispose]()
  expect(await app.client.request(TEST, { input: { ...input, contact: true } })).toMatchObject({
    testTrigger: { isReachable: false, message: 'the connection was refused' },
  })
  receiver = await startTriggerReceiver()
})

test('testTrigger says what this server would do itself, without doing it', async () => {
  const mirror = { repository: 'backup.example/team/{{ imageStream }}', tag: '{{ tag }}-copy' }
  const { trigger } = await create({ name: 'copy', action: { mirror } })
  const TEST = `mutation ($input: TestTriggerInput!) { testTrigger(input: $input) {
    request { url } plan isReachable message } }`
  expect(await app.client.request(TEST, { input: { id: trigger.id, tag: 'v1', contact: true } })).toEqual({
    testTrigger: {
      request: null,
      plan: 'copies default/app:v1 to backup.example/team/app:v1-copy',
      isReachable: null,
      message: null,
    },
  })
})

test('deliveryChanged delivers the begin and the end of each attempt', async () => {
  await create()
  const changes = app.client.follow<{ deliveryChanged: ShownDelivery }>(
    'subscription { deliveryChanged(trigger: "build-app") { id state attemptCount } }',
  )
  let release = (): void => {}
  receiver.answer = () =>
    new Promise((resolve) => {
      release = () => resolve({ status: 204 })
    })
  const first = changes.next()
  await new Promise((resolve) => setTimeout(resolve, 100))
  await move('second')
  expect((await first).value).toMatchObject({ deliveryChanged: { state: 'RUNNING', attemptCount: 0 } })
  await expect.poll(() => receiver.requests.length).toBe(1)
  release()
  expect((await changes.next()).value).toMatchObject({
    deliveryChanged: { state: 'DELIVERED', attemptCount: 1 },
  })
  await changes.return?.()
})

test('deliveryChanged of a trigger that does not exist is NOT_FOUND', async () => {
  const changes = app.client.follow('subscription { deliveryChanged(trigger: "nope") { id } }')
  await expect(changes.next()).rejects.toThrow('the namespace default has no trigger "nope"')
})

test.each([
  [{ name: 'Build' }, 'name'],
  [{ imageStreams: 'a b' }, 'imageStreams'],
  [{ action: {} }, 'action'],
  [{ action: { http: { url: 'ftp://x' } } }, 'action.http.url'],
  [{ action: { http: { url: 'https://u:p@x.example/' } } }, 'action.http.url'],
  [{ action: { http: { url: 'https://x.example', format: 'TEMPLATE' } } }, 'action.http.template'],
  [
    { action: { http: { url: 'https://x.example', format: 'TEMPLATE', template: '{"a":"{{ x }}"}' } } },
    'action.http.template',
  ],
  [
    { action: { http: { url: 'https://x.example', headers: [{ name: 'Host', value: 'y' }] } } },
    'action.http.headers.0.name',
  ],
  [
    { action: { http: { url: 'https://x.example', headers: [{ name: 'X', value: 'a\r\nb' }] } } },
    'action.http.headers.0.value',
  ],
  [{ action: { http: { url: 'https://x.example', secret: 'short' } } }, 'action.http.secret'],
])('createTrigger refuses %j and names the field', async (input, field) => {
  const defaults = { name: 'build-app', imageStreams: 'app', action: { http: { url: receiver.url } } }
  const response = await app.client.execute(CREATE, { input: { ...defaults, ...input } })
  expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
})

describe('an action that this server does itself', () => {
  const LOGIN = { username: 'pusher', password: 'secret of default' }
  const CREDENTIAL = `mutation ($input: SetRegistryCredentialInput!) {
    setRegistryCredential(input: $input) { registryCredential { prefix } } }`

  test('copies each new image of a tag to another registry, once, with the credential of the namespace', async () => {
    await using other = await startUpstream({ pushes: {}, auth: { scheme: 'bearer', credentials: LOGIN } })
    const mirror = { repository: `${other.host}/copies/{{ imageStream }}`, tag: '{{ tag }}-copy' }
    const { trigger } = await create({ imageStreams: '*', action: { mirror } })
    expect(trigger).toMatchObject({ action: { kind: 'MIRROR', host: `registry ${other.host}` } })

    const digest = await move('second')
    await stateIs('RETRYING')
    await app.client.request(CREDENTIAL, { input: { namespace: 'default', prefix: other.host, ...LOGIN } })
    await app.client.request(FIRE, { input: { id: trigger.id, imageStream: 'app:v1' } })
    await stateIs('IDLE')

    expect(other.tags('copies/app')).toEqual(new Map([['v1-copy', digest]]))
    const [target] = await targets()
    expect(target).toMatchObject({ isDelivered: true, lastDelivery: { state: 'DELIVERED', request: null } })
  })

  test('in a cluster that is not opened to the namespace says what a server admin has to do', async () => {
    await create({
      action: {
        setImage: {
          cluster: 'prod',
          clusterNamespace: 'shop',
          kind: 'DEPLOYMENT',
          workload: 'web',
          container: 'web',
        },
      },
    })
    await move('second')
    await stateIs('DEAD')
    expect((await targets())[0]?.message).toContain('a server admin adds an opening with updateCluster')
  })
})

import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { Webhook } from 'standardwebhooks'
import { expect, it } from 'vitest'
import { checkAction } from '../../../src/triggers/content/actions.ts'
import type { HttpInput } from '../../../src/triggers/content/kinds/http.ts'
import { newSecret, privateKeyOf, publicKeyText } from '../../../src/triggers/content/signature.ts'
import { startReceiver } from '../../fixtures/receivers-of-triggers/receiver.ts'
import { MOVE, startAttempts, WEBHOOK_ID } from './attempts.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/receivers-of-triggers/${name}`, import.meta.url), 'utf8'))
const isCloudEvent = formats.default(new Ajv({ strict: false })).compile(read('cloudevents.schema.json'))
const cdEvents = formats.default(new Ajv2020({ strict: false }))
cdEvents.addSchema({ $id: 'https://cdevents.dev/0.5.1/schema/links/embeddedlinksarray', type: 'array' })
const isCdEvent = cdEvents.compile(read('cdevents-artifact-published.schema.json'))

const http = (url: string, input: Partial<HttpInput> = {}) => ({
  kind: 'HTTP' as const,
  input: { url, format: 'CLOUD_EVENT' as const, signature: 'NONE' as const, ...input },
})

it('standardwebhooks verifies the signature', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  const secret = newSecret()
  await attempts.run(http(receiver.url, { signature: 'SECRET', secret }), { signing: [secret] })
  const { body, headers } = receiver.request
  const verified = new Webhook(secret).verify(body, headers as Record<string, string>)
  expect(verified).toMatchObject({ id: WEBHOOK_ID, data: { tag: 'v1' } })
  expect(headers['webhook-id']).toBe(WEBHOOK_ID)
  expect(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>)).toThrow()
})

it('during a rotation receivers verify with the old secret and with the new one', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  const secrets = [newSecret(), newSecret()]
  await attempts.run(http(receiver.url, { signature: 'SECRET' }), { signing: secrets })
  const { body, headers } = receiver.request
  for (const secret of secrets) {
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      id: WEBHOOK_ID,
    })
  }
  expect(() => new Webhook(newSecret()).verify(body, headers as Record<string, string>)).toThrow()
})

it('a receiver verifies with the public key of this server, and holds no secret', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  const privateKey = privateKeyOf(Buffer.alloc(32, 7))
  const { settings } = await attempts.run(http(receiver.url, { signature: 'KEY_PAIR' }), {
    keyPairs: [{ kind: 'PAIR', privateKey }],
  })
  const { body, headers } = receiver.request
  const raw = Buffer.from(publicKeyText(privateKey).slice('whpk_'.length), 'base64').toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw }, format: 'jwk' })
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
  const [version, signature = ''] = String(headers['webhook-signature']).split(',')
  expect(version).toBe('v1a')
  expect(verify(null, signed, publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  expect(JSON.stringify(settings)).not.toContain('whsec_')
})

it('a body that is too large is not sent, and not made again', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  const platforms = Array.from({ length: 4_000 }, (_, at) => `linux/${at}-${'x'.repeat(20)}`)
  const { answer, request } = await attempts.run(http(receiver.url), { move: { ...MOVE, platforms } })
  expect(answer.failure).toEqual({
    kind: 'NEVER',
    message: expect.stringMatching(/^action makes a body of \d+ bytes or more: at most 65536 are sent$/),
  })
  expect([request, receiver.requests]).toEqual([null, []])
})

it('of a long body the first characters are kept', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  const template = JSON.stringify('x'.repeat(10_000))
  const { request } = await attempts.run(http(receiver.url, { format: 'TEMPLATE', template }))
  expect(receiver.request.body).toBe(template)
  expect(JSON.parse(request ?? '')).toMatchObject({ body: template.slice(0, 8_000), isBodyShortened: true })
})

it('the key pair of this server does not sign what a namespace has written', () => {
  const signature = 'KEY_PAIR'
  expect(() =>
    checkAction(http('https://hook.test/', { format: 'TEMPLATE', template: '{}', signature }), 'action'),
  ).toThrow('action.http.signature must be SECRET or NONE for the format TEMPLATE')
})

it('a CloudEvent in structured mode matches the schema of CloudEvents', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  await attempts.run(http(receiver.url))
  const { headers, body } = receiver.request
  const event = JSON.parse(body)
  expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8')
  expect(isCloudEvent(event), JSON.stringify(isCloudEvent.errors)).toBe(true)
  expect(event).toEqual({
    ...{ specversion: '1.0', type: 'io.imagestreams.tag.moved.v1', id: WEBHOOK_ID, subject: 'v1' },
    source: 'https://streams.example.org/namespaces/team/imagestreams/app',
    time: '2026-02-03T00:00:00.000Z',
    datacontenttype: 'application/json',
    data: {
      ...{ namespace: 'team', imageStream: 'app', tag: 'v1' },
      ...{ digest: MOVE.digest, previousDigest: MOVE.previousDigest, platforms: MOVE.platforms },
      dockerImageReference: MOVE.dockerImageReference,
      repository: 'registry.example.org/team/app',
    },
  })
})

it('a CloudEvent in binary mode has its attributes in headers, encoded by the rules of the binding', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  const move = { ...MOVE, imageStream: 'a b"ü%' }
  await attempts.run(http(receiver.url, { format: 'CLOUD_EVENT_BINARY' }), { move })
  const { headers, body } = receiver.request
  expect(headers).toMatchObject({
    ...{
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': WEBHOOK_ID,
      'ce-subject': 'v1',
    },
    'ce-type': 'io.imagestreams.tag.moved.v1',
    'ce-time': '2026-02-03T00:00:00.000Z',
  })
  for (const [name, value] of Object.entries(headers).filter(([name]) => name.startsWith('ce-'))) {
    expect(value, name).toMatch(/^(?:[\x21\x23\x24\x26-\x7e]|%[0-9A-F]{2})+$/)
  }
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') ? [[name.slice(3), decodeURIComponent(String(value))]] : [],
  )
  expect(isCloudEvent(Object.fromEntries(attributes)), JSON.stringify(isCloudEvent.errors)).toBe(true)
  expect(JSON.parse(body)).toMatchObject({ imageStream: 'a b"ü%' })
})

it('CDEvents: artifact.published matches the published schema, which accepts the example of the conformance tests', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  expect(isCdEvent(read('cdevents-artifact-published.json')), JSON.stringify(isCdEvent.errors)).toBe(true)
  await attempts.run(http(receiver.url, { format: 'CD_EVENT' }))
  const event = JSON.parse(receiver.request.body)
  expect(isCloudEvent(event)).toBe(true)
  expect(isCdEvent(event.data), JSON.stringify(isCdEvent.errors)).toBe(true)
  const { context, subject } = event.data
  const purl = `pkg:oci/app@${MOVE.digest}?repository_url=registry.example.org%2Fteam%2Fapp&tag=v1`
  expect(subject).toEqual({ id: purl, source: context.source, content: {} })
  // the attributes repeat the context. Source: CDEvents, cloudevents-binding.md
  expect(event).toMatchObject({
    ...{ id: context.id, source: context.source, type: context.type, time: context.timestamp },
    subject: subject.id,
  })
  expect(context.type).toBe('dev.cdevents.artifact.published.0.3.0')
})

it('CDEvents in binary mode have the type in a header, as the receiver of Flux expects', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 200)
  await attempts.run(http(receiver.url, { format: 'CD_EVENT_BINARY' }))
  const { headers, body } = receiver.request
  expect(headers['ce-type']).toBe('dev.cdevents.artifact.published.0.3.0')
  expect(headers['ce-subject']).toContain('pkg:oci/app@sha256:')
  expect(isCdEvent(JSON.parse(body))).toBe(true)
})

it('secrets are masked however short they are, and however a receiver repeats them', async () => {
  await using attempts = startAttempts()
  const secret = 'long&secret<key'
  const encoded = Buffer.from(secret).toString('base64')
  await using receiver = await startReceiver(() => ({
    status: 200,
    body: `long&amp;secret&lt;key ${encoded}`,
  }))
  const headers = [
    { name: 'x-pin', value: '123' },
    { name: 'x-key', value: secret },
  ]
  const { request, answer } = await attempts.run(http(receiver.url, { headers }))
  expect(JSON.parse(request ?? '').headers).toMatchObject({ 'x-pin': '•••', 'x-key': '•••' })
  expect(answer.text).toBe('••• •••')
})

it('nothing is sent to this server itself, which would act without end', async () => {
  await using attempts = startAttempts()
  const { answer } = await attempts.run(http('https://streams.example.org/graphql'))
  expect(answer.failure).toEqual({
    kind: 'NEVER',
    message: 'action sends to streams.example.org, which is this server: it would act without end',
  })
})

it('a template is filled, and headers with secrets are masked in what is kept', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(({ headers }) => ({
    status: 200,
    body: `got ${headers['x-key']}`,
  }))
  const { request, answer, settings } = await attempts.run(
    http(receiver.url, {
      format: 'TEMPLATE',
      template: '{"image":"{{ repository }}@{{ digest }}","tags":["{{ tag }}"]}',
      headers: [{ name: 'X-Key', value: 'very-secret-value' }],
    }),
  )
  expect(JSON.parse(receiver.request.body)).toEqual({ image: MOVE.dockerImageReference, tags: ['v1'] })
  expect(receiver.request.headers['x-key']).toBe('very-secret-value')
  expect(answer).toMatchObject({ status: 200, text: 'got •••', failure: null })
  expect(JSON.stringify({ request, settings })).not.toContain('very-secret')
})

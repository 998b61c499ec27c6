import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import {
  createNotificationEndpoint,
  MAX_ENVELOPE,
  type NotificationEndpointOptions,
} from '../../src/external-registry/notification-endpoint.ts'
import {
  createNotificationInbox,
  type NotificationInbox,
} from '../../src/external-registry/notification-inbox.ts'
import { BodyBudget } from '../../src/request-body/body-budget.ts'
import { type Scripted, startScripted } from '../fixtures/hostile-registry.ts'
import { envelopeOf, pushEvent } from '../fixtures/notifications.ts'

const SECRET = 'loopback only'
const authorization = `Bearer ${SECRET}`

let db: Database
let inbox: NotificationInbox
let server: Scripted
let received: number
let errors: unknown[]
/** Promises of the handler: none may reject. */
let handled: Promise<void>[]
let bodies: BodyBudget

async function listen(changes: Partial<NotificationEndpointOptions> = {}): Promise<Scripted> {
  const endpoint = createNotificationEndpoint({
    inbox,
    secret: SECRET,
    onReceived: () => {
      received++
    },
    onError: (error) => errors.push(error),
    ...changes,
  })
  return startScripted((request, response) => {
    const memory = bodies.open('the registry')
    handled.push(endpoint(request, response, memory).finally(memory.release))
  })
}

beforeEach(async () => {
  db = openDatabase(':memory:')
  inbox = createNotificationInbox({ db, now: () => 0 })
  received = 0
  errors = []
  handled = []
  bodies = new BodyBudget(4 * MAX_ENVELOPE)
  server = await listen()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect((await Promise.allSettled(handled)).map(({ status }) => status)).not.toContain('rejected')
  db[Symbol.dispose]()
})

const post = (body: string, { url = server.url, ...init }: RequestInit & { url?: string } = {}) =>
  fetch(url, { method: 'POST', body, headers: { authorization }, ...init })
const stored = (): number => inbox.open(1000).length

describe('the endpoint of notifications', () => {
  it.each([
    'application/vnd.docker.distribution.events.v1+json',
    'application/vnd.docker.distribution.events.v2+json',
    'application/json',
    'text/plain',
  ])('responds with 202 after %s is stored, and calls the callback', async (type) => {
    const headers = { authorization, 'content-type': type }
    const response = await post(envelopeOf(pushEvent()), { headers })

    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({ received: 1 })
    expect([stored(), received]).toEqual([1, 1])
  })

  it('responds with 202 to a repeated delivery, without a callback', async () => {
    const body = envelopeOf(pushEvent())
    await post(body)

    expect((await post(body)).status).toBe(202)
    expect([stored(), received]).toEqual([1, 1])
  })

  it('stores each event once for concurrent deliveries', async () => {
    const bodies = Array.from({ length: 40 }, (_, at) => envelopeOf(pushEvent({ id: `event-${at % 10}` })))
    const responses = await Promise.all(bodies.map((body) => post(body)))

    expect(responses.map(({ status }) => status)).toEqual(bodies.map(() => 202))
    expect(stored()).toBe(10)
  })

  it.each<[string, Record<string, string>]>([
    ['no secret', {}],
    ['another secret', { authorization: 'Bearer something else' }],
    ['a part of the secret', { authorization: authorization.slice(0, -1) }],
    ['the secret and more', { authorization: `${authorization}x` }],
    ['the secret without its scheme', { authorization: SECRET }],
    ['an endless secret', { authorization: `Bearer ${'x'.repeat(8000)}` }],
  ])('responds with 401 to %s, whatever the body is', async (_, headers) => {
    const wrong = await post(envelopeOf(pushEvent()), { headers })
    const garbage = await post('garbage', { headers })

    expect([wrong.status, garbage.status]).toEqual([401, 401])
    expect(await wrong.text()).toBe(await garbage.text())
    expect([stored(), received]).toEqual([0, 0])
  })

  it.each(['GET', 'PUT', 'DELETE'])('rejects %s', async (method) => {
    const response = await fetch(server.url, { method, headers: { authorization } })

    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
  })

  it('reports what is wrong with an invalid envelope, and stores nothing', async () => {
    const response = await post(envelopeOf(pushEvent(), pushEvent({ tag: '?' })))

    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      errors: [{ code: 'UNKNOWN', message: 'events[1].target.tag is not a tag' }],
    })
    expect([stored(), received]).toEqual([0, 0])
  })

  it('accepts an envelope of the maximum size, and rejects one more byte', async () => {
    const empty = envelopeOf(pushEvent({ id: 'a' }))
    const exact = empty + ' '.repeat(MAX_ENVELOPE - empty.length)

    expect((await post(exact)).status).toBe(202)
    expect((await post(`${exact} `)).status).toBe(413)
  })

  it('limits a body without a Content-Length', async () => {
    const endless = new ReadableStream({
      start(controller) {
        for (let at = 0; at < 20; at++) controller.enqueue(new Uint8Array(MAX_ENVELOPE / 10))
        controller.close()
      },
    })
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { authorization },
      body: endless,
      duplex: 'half',
    } as RequestInit)

    expect(response.status).toBe(413)
    expect(stored()).toBe(0)
  })

  it('stores nothing of an incomplete body', async () => {
    const [host = '', port] = server.host.split(':')
    const socket = connect(Number(port), host)
    socket.write(
      `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 5000\r\n\r\n{"events":`,
    )
    await expect.poll(() => handled.length).toBe(1)
    socket.destroy()
    await once(socket, 'close')
    await Promise.all(handled)

    expect([stored(), received]).toEqual([0, 0])
    expect(errors).toEqual([])
  })

  it('responds with 503 without internal details when it cannot be stored', async () => {
    const full = new Error('database or disk is full')
    await using broken = await listen({ inbox: { receive: () => Promise.reject(full) } })
    const response = await post(envelopeOf(pushEvent()), { url: broken.url })

    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain('disk')
    expect(errors).toEqual([full])
  })

  it('requires a secret', () => {
    const options = { inbox, secret: '', onReceived: () => {}, onError: () => {} }

    expect(() => createNotificationEndpoint(options)).toThrow('the secret is empty')
  })
})

import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createEgress } from '../../src/egress/egress.ts'
import { createKubernetesClient } from '../../src/kubernetes/client/client.ts'
import type { KubernetesError } from '../../src/kubernetes/client/errors.ts'
import type { KubernetesClient } from '../../src/kubernetes/client/kubernetes-client.ts'
import { startScripted } from '../fixtures/hostile-registry.ts'

const { signal } = new AbortController()
const PODS = '/api/v1/pods'
const TOKEN = 'canary-of-the-token'

/** Returns the error of a use of a server that responds like this. */
async function failureOf(
  respond: RequestListener,
  use: (client: KubernetesClient) => Promise<unknown>,
): Promise<KubernetesError> {
  await using server = await startScripted(respond)
  await using egress = createEgress({ loopback: true, timeouts: { headers: 300, body: 300, stream: 300 } })
  const client = createKubernetesClient(
    {
      server: server.url,
      ca: null,
      insecure: false,
      credential: { kind: 'TOKEN', token: TOKEN },
      client: null,
      proxy: null,
    },
    { request: egress.request, now: () => 0 },
  )
  const error = await use(client).then(
    () => undefined,
    (failure: KubernetesError) => failure,
  )
  expect(JSON.stringify([error?.message, error?.cause, error?.stack])).not.toContain(TOKEN)
  if (!error) throw new Error('it did not fail')
  return error
}

async function itemsOf<Item>(iterable: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of iterable) items.push(item)
  return items
}
const get = (client: KubernetesClient) => client.get(`${PODS}/web`, signal)
const list = (client: KubernetesClient) => itemsOf(client.list(PODS, { signal }))
const watch = (client: KubernetesClient) => itemsOf(client.watch(PODS, { resourceVersion: '1', signal }))
const sends =
  (body: unknown): RequestListener =>
  (_, response) =>
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
const deep = `{"metadata":{"name":"a"},"spec":${'['.repeat(1000)}${']'.repeat(1000)}}`

describe('an API server', () => {
  test.each([
    ['HTML', '<html>', get, 'it is not a JSON object'],
    ['a list', [1], get, 'it is not a JSON object'],
    ['depth', deep, get, 'it is not a JSON object'],
    ['no metadata', { kind: 'Pod' }, get, 'not an object with valid metadata'],
    ['a name that is a number', { metadata: { name: 7 } }, get, 'not an object with valid metadata'],
    ['labels that are numbers', { metadata: { name: 'a', labels: { a: 1 } } }, get, 'valid metadata'],
    ['no items', { metadata: {}, items: 'none' }, list, 'it is not a list'],
    ['no version', { metadata: {}, items: [] }, list, 'a list has no version'],
    ['no objects', { metadata: { resourceVersion: '1' }, items: [7] }, list, 'an item of a list is not'],
    [
      'the same page for ever',
      { metadata: { resourceVersion: '1', continue: 'again' }, items: [] },
      list,
      'a page of a list repeats',
    ],
    [
      'no resources',
      { kind: 'Pod' },
      (client: KubernetesClient) => client.resources('v1', signal),
      'list of resources',
    ],
    ['an unknown event', `${JSON.stringify({ type: 'X', object: {} })}\n`, watch, 'an unknown type'],
    ['an event that is no JSON', 'x\n', watch, 'not a JSON object'],
    ['an event without an object', '{"type":"ADDED"}\n', watch, 'or no valid object'],
    ['a bookmark without a version', '{"type":"BOOKMARK","object":{}}\n', watch, 'a bookmark has no version'],
  ])('that sends %s is unreadable', async (_, body, use, message) => {
    const error = await failureOf(sends(body), use)

    expect(error).toMatchObject({ name: 'KubernetesError', status: null, reason: 'Unreadable' })
    expect(error.message).toContain(message)
  })

  test('that sends pages for ever is left at a limit', async () => {
    let pages = 0
    const error = await failureOf((_, response) => {
      response.end(JSON.stringify({ metadata: { resourceVersion: '1', continue: `${pages++}` }, items: [] }))
    }, list)

    expect(error.message).toContain('a list has more than 4000 pages')
    expect(pages).toBe(4000)
  })

  test('that sends an error in a watch fails the watch with its status and reason', async () => {
    const object = { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd is gone' }
    const error = await failureOf(sends(`${JSON.stringify({ type: 'ERROR', object })}\n`), watch)

    expect(error).toMatchObject({ status: 500, reason: 'InternalError', message: 'etcd is gone' })
  })

  test('that sends an endless line ends the watch at a limit', async () => {
    let written = 0
    const error = await failureOf((_, response) => {
      const more = () => {
        do written += 65_536
        while (response.write('x'.repeat(65_536)))
      }
      response.on('drain', more)
      more()
    }, watch)

    expect(error.message).toContain('an event has more than 4194304 bytes')
    expect(written).toBeLessThan(16 * 1024 * 1024)
  })

  test('that sends a huge object is cut off', async () => {
    const error = await failureOf((_, response) => {
      response.writeHead(200, { 'content-length': String(5 * 1024 * 1024) })
      response.write('{')
    }, get)

    expect(error).toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('larger than 4194304'),
    })
  })

  test('that redirects is not followed, and receives no second request', async () => {
    let requests = 0
    const error = await failureOf((_, response) => {
      requests += 1
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    }, get)

    expect(error).toMatchObject({ status: 302, reason: 'Unreadable' })
    expect(requests).toBe(1)
  })

  test('that does not respond is unreachable', async () => {
    expect(await failureOf(() => {}, get)).toMatchObject({
      status: null,
      reason: 'Unreachable',
      message: 'cannot reach the API server: no response arrived in time',
    })
  })

  test('that closes the connection of a watch fails the watch', async () => {
    const error = await failureOf((_, response) => {
      response.write('\n')
      setImmediate(() => response.destroy())
    }, watch)

    expect(error).toMatchObject({ reason: 'Unreachable' })
  })
})

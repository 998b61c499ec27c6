import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { createReceiver, deliveryOf, send } from '../fixtures/receiver.ts'
import { buildServer } from '../fixtures/server-process.ts'

const SUBSCRIPTION = encodeURIComponent('subscription { imagePushed { tag } }')

test('a server that stops finishes a push of several requests, and has all others come again', async ({
  onTestFinished,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-draining-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const build = await buildServer()
  await using server = await build.start({ DATA: folder, DRAIN_SECONDS: '600' })
  const { url } = server
  const receiver = await (async () => {
    await using client = connect(url)
    return createReceiver(client, { sender: 'GENERIC', registry: 'quay.io' })
  })()
  const pushed = image({ seed: 'draining', layers: [layer('draining')] })
  const upload = async ({ digest, bytes }: { digest: string; bytes: Uint8Array }) =>
    fetch(`${url}/v2/team/app/blobs/uploads/?digest=${digest}`, { method: 'POST', body: Buffer.from(bytes) })

  // given a push of which one layer is on its way, and subscribers
  const [first] = pushed.layers
  if (!first) throw new Error('the image has no layer')
  const slow = request(`${url}/v2/team/app/blobs/uploads/?digest=${first.digest}`, {
    method: 'POST',
    headers: { 'content-length': first.bytes.length },
  })
  slow.write(first.bytes.subarray(0, 1))
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(socket, 'open')
  const stream = await fetch(`${url}/graphql?query=${SUBSCRIPTION}`, {
    headers: { accept: 'text/event-stream' },
  })
  expect(stream.status).toBe(200)

  server.kill('SIGTERM')

  // then streams end, so that their clients come again
  const [code] = await once(socket, 'close')
  expect(code).toBe(1001)
  expect(await stream.text()).not.toContain('complete')
  // nothing new begins
  const ready = await fetch(`${url}/readyz`)
  expect([ready.status, ready.headers.get('connection'), await ready.json()]).toEqual([
    503,
    'close',
    { status: 'not ready', problems: [{ reason: 'STOPPING', message: 'the server stops' }] },
  ])
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const change = { registry: 'quay.io', repository: 'team/app', tag: 'v1', digest: pushed.digest }
  expect(await send(receiver.url, deliveryOf('GENERIC', receiver, change))).toMatchObject({
    status: 503,
    retryAfter: '10',
  })
  const refused = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const [error] = await once(refused, 'error')
  expect(String(error)).toContain('503')
  await expect(
    fetch(`${url}/graphql?query=${SUBSCRIPTION}`, { headers: { accept: 'text/event-stream' } }),
  ).rejects.toThrow()
  // the push goes on
  slow.end(first.bytes.subarray(1))
  const [stored] = await once(slow, 'response')
  stored.resume()
  expect([stored.statusCode, stored.headers.connection]).toEqual([201, 'close'])
  expect((await upload(pushed.config)).status).toBe(201)
  const put = {
    method: 'PUT',
    headers: { 'content-type': pushed.mediaType },
    body: Buffer.from(pushed.bytes),
  }
  expect((await fetch(`${url}/v2/team/app/manifests/v1`, put)).status).toBe(201)
  // and its end is that of the server
  expect((await server.ended).end).toBe(0)
})

test('a request that does not end is cut after the time for draining', async () => {
  const app = await startApp({ drainSeconds: 0 })
  const endless = request(`${app.app.url}/v2/team/app/blobs/uploads/?digest=${layer('x').digest}`, {
    method: 'POST',
    headers: { 'content-length': 9 },
  })
  const cut = once(endless, 'error')
  endless.write('x')
  await eventually(async () =>
    expect(await (await fetch(`${app.app.url}/metrics`)).text()).toMatch(/^imagestreams_connections [2-9]/m),
  )
  await app[Symbol.asyncDispose]()
  await cut
})

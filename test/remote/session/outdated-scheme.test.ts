import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, type ServerCertificate } from '../../fixtures/certificates.ts'
import { image } from '../../fixtures/random-image.ts'
import { password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const app = image({ seed: 'app' })
let certificate: ServerCertificate
beforeAll(async () => {
  certificate = await (await createAuthority()).issue(['127.0.0.1'])
})

async function start(options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream = await startUpstream(options)
  upstream.push('team/app', '1', app)
  return upstream
}

const portOf = ({ host }: Upstream): number => Number(host.split(':')[1])

const resolve = (client: TestClient, { host }: Upstream) =>
  client.repository(`${host}/team/app`, { insecure: true }).resolveTag(tag('1'), null)

/** Responds to plain HTTP with 400, as Go and nginx do at a port with TLS, and passes TLS on to the upstream. */
async function startTlsPort(upstream: Upstream, port: number): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (first) => {
      if (first[0] !== 0x16) {
        socket.end('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n')
        return
      }
      const target = connect(portOf(upstream), '127.0.0.1')
      sockets.add(target)
      target.on('error', () => {})
      target.write(first)
      socket.pipe(target).pipe(socket)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const AUTHENTICATIONS: readonly [string, UpstreamOptions][] = [
  ['without authentication', {}],
  ['with basic authentication', { auth: { scheme: 'basic', credentials: LOGIN } }],
  ['with tokens', { auth: { scheme: 'bearer', credentials: LOGIN } }],
]
const credentials = password(LOGIN.username, LOGIN.password)

describe('a port that changes its scheme', () => {
  test.each(AUTHENTICATIONS)('from HTTP to TLS and back is read at once: %s', async (_, options) => {
    const first = await start(options)
    const port = portOf(first)
    await using client = new TestClient({ credentials })
    expect(await resolve(client, first)).toEqual({ digest: app.digest })
    await first[Symbol.asyncDispose]()
    client.clock.time += 60_000

    const second = await start({ ...options, port, tls: certificate })
    for (const _ of [1, 2]) expect(await resolve(client, second)).toEqual({ digest: app.digest })
    await second[Symbol.asyncDispose]()
    client.clock.time += 60_000

    await using third = await start({ ...options, port })
    for (const _ of [1, 2]) expect(await resolve(client, third)).toEqual({ digest: app.digest })
  })

  test.each(AUTHENTICATIONS)(
    'to TLS that responds to plain HTTP with 400 is read at once: %s',
    async (_, options) => {
      const first = await start(options)
      await using client = new TestClient({ credentials })
      await resolve(client, first)
      await first[Symbol.asyncDispose]()
      const { auth } = options
      const realm = `https://${first.host}/token`
      await using hidden = await start({ ...(auth && { auth: { ...auth, realm } }), tls: certificate })
      await using _port = await startTlsPort(hidden, portOf(first))

      for (const _ of [1, 2]) expect(await resolve(client, first)).toEqual({ digest: app.digest })
    },
  )

  test('during an outage is read when the circuit permits a request again', async () => {
    const first = await start()
    await using client = new TestClient()
    await resolve(client, first)
    await first[Symbol.asyncDispose]()
    for (let request = 0; request < 8; request += 1) await refusalOf(resolve(client, first))
    await using second = await start({ port: portOf(first), tls: certificate })
    client.clock.time += 600_000

    expect(await resolve(client, second)).toEqual({ digest: app.digest })
  })
})

test("the scheme of a vendor's API at the registry's own host is that of the registry", async () => {
  const first = await start()
  await using client = new TestClient()
  const signal = new AbortController().signal
  const context = { insecure: true, lane: 'test', namespace: null, signal }
  const api = client.remote.api({ registry: first.host, repository: 'team/app' }, context)
  const url = new URL('/v2/team/app/tags/list?n=1', await api.origin())
  const request = { method: 'GET', headers: {}, maxBytes: 1000 } as const
  await first[Symbol.asyncDispose]()
  await using second = await start({ port: portOf(first), tls: certificate })

  expect((await api.requestUrl(url, request)).status).toBe(200)
  expect((await api.origin()).protocol).toBe('https:')
  await second[Symbol.asyncDispose]()
  await expect(api.requestUrl(new URL('/x', await api.origin()), request)).rejects.toMatchObject({
    reason: 'RegistryUnavailable',
  })
})

describe('a scheme that is not outdated', () => {
  test('is kept after a 400, which is returned after one attempt by TLS a minute', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    await resolve(client, upstream)
    upstream.hook = () => errorResponse(400, 'NAME_INVALID')

    for (let request = 0; request < 3; request += 1) {
      expect(await refusalOf(resolve(client, upstream))).toMatchObject({ status: 400 })
    }
    upstream.hook = undefined
    expect(await resolve(client, upstream)).toEqual({ digest: app.digest })
  })

  test('of TLS is never replaced by plain HTTP where that is not acceptable', async () => {
    const authority = await createAuthority()
    const first = await start({ tls: await authority.issue(['registry.test']) })
    const port = portOf(first)
    const resolver = async () => [{ address: '127.0.0.1', family: 4 }]
    await using client = new TestClient({ egress: { ca: [authority.ca], resolve: resolver } })
    const verified = () => client.repository(`registry.test:${port}/team/app`).resolveTag(tag('1'), null)
    expect(await verified()).toEqual({ digest: app.digest })
    await first[Symbol.asyncDispose]()
    await using second = await start({ port })

    for (const _ of [1, 2]) await refusalOf(verified())

    expect(second.log).toEqual([])
  })
})

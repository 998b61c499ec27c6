import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createEgress, type Egress, type EgressOptions } from '../../src/egress/egress.ts'
import { ForbiddenTargetError, ProxyError, TlsError } from '../../src/egress/errors.ts'
import type { Route } from '../../src/egress/route.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { closedPort, startScripted, startSilent } from '../fixtures/hostile-registry.ts'
import { startHttpProxy } from '../fixtures/http-proxy.ts'

const open = (options: Partial<EgressOptions> = {}): Egress => createEgress({ loopback: true, ...options })
const options = { signal: new AbortController().signal, maxBytes: 1024 }
const hello = (_: unknown, response: ServerResponse) => void response.end('hello')
const route = (changes: Partial<Route>): Route => ({
  id: JSON.stringify(changes),
  ca: [],
  client: null,
  proxy: null,
  ...changes,
})
const through = (url: string, authorization: string | null = null): Route =>
  route({ proxy: { url, authorization } })
const portOf = (host: string): string => host.split(':')[1] ?? ''

describe('a route with certificates', () => {
  test('trusts its authority, and no other route does', async () => {
    const authority = await createAuthority()
    await using server = await startScripted(hello, { tls: await authority.issue(['127.0.0.1']) })
    await using egress = open()
    const trusted = route({ ca: [authority.ca] })
    expect((await egress.request(server.url, { ...options, route: trusted })).status).toBe(200)
    await expect(egress.request(server.url, options)).rejects.toThrow(TlsError)
    const other = route({ ca: [(await createAuthority()).ca] })
    await expect(egress.request(server.url, { ...options, route: other })).rejects.toThrow(TlsError)
  })

  test('trusts the server’s authorities in addition to its own', async () => {
    const authority = await createAuthority()
    await using server = await startScripted(hello, { tls: await authority.issue(['127.0.0.1']) })
    await using egress = open({ ca: [authority.ca] })
    const own = route({ ca: [(await createAuthority()).ca] })
    expect((await egress.request(server.url, { ...options, route: own })).status).toBe(200)
  })

  test('sends its client certificate to a server that requests one, and only on that route', async () => {
    const authority = await createAuthority()
    const subjects: string[] = []
    const tls = {
      ...(await authority.issue(['127.0.0.1'])),
      ...{ ca: authority.ca, requestCert: true, rejectUnauthorized: true },
    }
    await using server = await startScripted(
      (request, response) => {
        subjects.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN))
        response.end()
      },
      { tls },
    )
    await using egress = open({ ca: [authority.ca] })
    const { cert, key } = await authority.issueClient('imagestreams')
    const client = route({ client: { certificate: cert, key } })
    expect((await egress.request(server.url, { ...options, route: client })).status).toBe(200)
    expect(subjects).toEqual(['imagestreams'])
    // the TLS alert and the end of the connection arrive in either order
    await expect(egress.request(server.url, options)).rejects.toThrow(/client certificate|was lost/)
  })
})

describe('connections after a change (threats: pooled socket outlives policy change)', () => {
  test('that are idle are closed, and the next request opens another', async () => {
    await using server = await startScripted(hello)
    await using egress = open()
    await egress.request(server.url, options)
    const closed = once(server.requests[0]?.socket ?? expect.fail('there was no request'), 'close')
    egress.renew()
    await closed
    await egress.request(server.url, options)
    expect(server.requests[1]?.socket).not.toBe(server.requests[0]?.socket)
  })

  test('that are in use are closed after their exchange', async () => {
    let held: ServerResponse | undefined
    await using server = await startScripted((_, response) => {
      held = response
      response.write('hel')
    })
    await using egress = open()
    const exchange = egress.request(server.url, options)
    await expect.poll(() => held).toBeDefined()
    const closed = once(server.requests[0]?.socket ?? expect.fail('there was no request'), 'close')
    egress.renew()
    held?.end('lo')
    expect(Buffer.from((await exchange).body).toString()).toBe('hello')
    await closed
  })

  test('of the least recently used routes are closed when there are many', async () => {
    await using server = await startScripted(hello)
    await using egress = open()
    await egress.request(server.url, { ...options, route: route({ id: 'first' }) })
    const closed = once(server.requests[0]?.socket ?? expect.fail('there was no request'), 'close')
    for (let n = 0; n < 64; n += 1)
      await egress.request(server.url, { ...options, route: route({ id: `${n}` }) })
    await closed
  })
})

describe('a route through a proxy', () => {
  test('tunnels https, so that the proxy learns the name and nothing more', async () => {
    const authority = await createAuthority()
    await using server = await startScripted(hello, { tls: await authority.issue(['registry.example']) })
    await using proxy = await startHttpProxy({ resolve: () => server.host })
    await using egress = open({ ca: [authority.ca], resolve: async () => Promise.reject(new Error('no')) })
    const { body } = await egress.request('https://registry.example/v2/?secret=1', {
      ...options,
      headers: { authorization: 'Bearer secret' },
      route: through(proxy.url),
    })
    expect(Buffer.from(body).toString()).toBe('hello')
    expect(proxy.requests).toEqual(['CONNECT registry.example:443'])
    expect(server.authorizations()).toEqual(['Bearer secret'])
  })

  test('sends requests without TLS to the proxy itself', async () => {
    await using server = await startScripted(hello)
    await using proxy = await startHttpProxy({ resolve: () => server.host })
    await using egress = open({ resolve: async () => Promise.reject(new Error('no')) })
    const { body } = await egress.request('http://registry.example/v2/?n=1', {
      ...options,
      route: through(proxy.url),
    })
    expect(Buffer.from(body).toString()).toBe('hello')
    expect(proxy.requests).toEqual(['GET http://registry.example/v2/?n=1'])
    expect(server.requests[0]?.headers.host).toBe('registry.example')
  })

  test('sends its login to the proxy only', async () => {
    const authority = await createAuthority()
    const login = { username: 'me', password: 'canary' }
    const basic = `Basic ${Buffer.from('me:canary').toString('base64')}`
    await using secure = await startScripted(hello, { tls: await authority.issue(['127.0.0.1']) })
    await using plain = await startScripted(hello)
    await using proxy = await startHttpProxy({ login })
    await using egress = open({ ca: [authority.ca] })
    for (const { url } of [secure, plain]) {
      expect((await egress.request(url, { ...options, route: through(proxy.url, basic) })).status).toBe(200)
    }
    expect(proxy.logins).toEqual([basic, basic])
    for (const { requests } of [secure, plain])
      expect(requests[0]?.headers['proxy-authorization']).toBeUndefined()
    const refused = egress.request(secure.url, { ...options, route: through(proxy.url, 'Basic wrong') })
    await expect(refused).rejects.toThrow('its proxy requires another login (407)')
  })

  test('does not connect directly when the proxy is gone', async () => {
    await using server = await startScripted(hello)
    await using egress = open()
    const gone = through(`http://${await closedPort()}`)
    for (const url of [server.url, `https://${server.host}`]) {
      await expect(egress.request(url, { ...options, route: gone })).rejects.toThrow(ProxyError)
    }
    expect(server.requests).toEqual([])
  })

  test.each([
    ['does not speak HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 'does not respond as a proxy'],
    ['refuses', 'HTTP/1.1 403 Forbidden\r\n\r\n', 'its proxy responded with 403'],
    [
      'redirects',
      'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n',
      'its proxy responded with 302',
    ],
    [
      'responds in place of the target',
      'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
      'does not respond as a proxy',
    ],
    ['never ends its headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`, 'does not respond as a proxy'],
  ])('fails with the error of the proxy: %s', async (_, reply, message) => {
    await using proxy = await startHttpProxy({ reply })
    await using egress = open()
    await expect(
      egress.request('https://127.0.0.1:5000/', { ...options, route: through(proxy.url) }),
    ).rejects.toThrow(message)
  })

  test('does not wait for a silent proxy', async () => {
    await using proxy = await startSilent()
    await using egress = open({ timeouts: { connect: 200 } })
    await expect(
      egress.request('https://127.0.0.1:5000/', { ...options, route: through(`http://${proxy.host}`) }),
    ).rejects.toThrow('its proxy did not respond in time')
  })
})

describe('a request whose address is being resolved while connections are renewed', () => {
  test('is sent over a new connection', async () => {
    await using server = await startScripted(hello)
    await using proxy = await startHttpProxy({ resolve: () => server.host })
    let started = (): void => {}
    const exchange = new Promise<void>((looking) => {
      started = looking
    })
    let known: ((addresses: []) => void) | undefined
    await using egress = open({
      resolve: () => {
        started()
        return new Promise((resolve) => {
          known = resolve
        })
      },
    })
    const request = egress.request('http://registry.example/', { ...options, route: through(proxy.url) })
    await exchange
    egress.renew()
    known?.([])
    expect((await request).status).toBe(200)
  })
})

describe('a proxy is refused', () => {
  const outside = { loopback: false }

  test.each([
    ['a forbidden address', 'http://127.0.0.1:3128'],
    ['the metadata service', 'http://169.254.169.254'],
    ['an address of a private network that is not allowed', 'http://10.1.2.3:3128'],
    ['this machine by name', 'http://localhost:3128'],
    ['a port of another protocol', 'http://192.0.2.1:6379'],
    ['another scheme', 'socks5://192.0.2.1:1080'],
    ['a URL with a login in it', 'http://me:canary@192.0.2.1:3128'],
    ['not a URL', 'proxy'],
  ])('if it is %s', async (_, url) => {
    await using egress = open(outside)
    for (const target of ['https://8.8.8.8/', 'http://8.8.8.8/']) {
      await expect(egress.request(target, { ...options, route: through(url) })).rejects.toThrow(
        ForbiddenTargetError,
      )
    }
  })

  test('if its name resolves to a forbidden address, at any lookup', async () => {
    await using proxy = await startHttpProxy()
    let lookups = 0
    await using egress = open({
      ...outside,
      allowedCidrs: ['192.0.2.0/24'],
      timeouts: { connect: 100 },
      resolve: async () => [{ address: lookups++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 }],
    })
    const rebinding = through(`http://proxy.example:${portOf(proxy.url.slice('http://'.length))}`)
    // the target is an address, so that only the proxy's name is resolved; 192.0.2.1 does not respond
    await expect(egress.request('https://8.8.8.8/', { ...options, route: rebinding })).rejects.toThrow(
      ProxyError,
    )
    await expect(egress.request('https://8.8.8.8/', { ...options, route: rebinding })).rejects.toThrow(
      ForbiddenTargetError,
    )
    expect(proxy.connections).toBe(0)
  })
})

describe('the target of a request through a proxy', () => {
  test.each(['https://169.254.169.254/', 'http://169.254.169.254/', 'https://[fd00:ec2::254]/'])(
    'is refused like a target without a proxy: %s',
    async (url) => {
      await using proxy = await startHttpProxy()
      await using egress = open()
      await expect(egress.request(url, { ...options, route: through(proxy.url) })).rejects.toThrow(
        ForbiddenTargetError,
      )
      expect(proxy.requests).toEqual([])
    },
  )

  test.each(['https:', 'http:'])(
    'is refused if its name resolves to a forbidden address here: %s',
    async (scheme) => {
      await using proxy = await startHttpProxy()
      await using egress = open({ resolve: async () => [{ address: '10.0.0.1', family: 4 }] })
      await expect(
        egress.request(`${scheme}//inside.example/`, { ...options, route: through(proxy.url) }),
      ).rejects.toThrow(ForbiddenTargetError)
      expect(proxy.requests).toEqual([])
    },
  )

  test('may be a name that only the proxy can resolve, also while the local lookup hangs', async () => {
    await using server = await startScripted(hello)
    await using proxy = await startHttpProxy({ resolve: () => server.host })
    await using egress = open({ resolve: () => new Promise(() => {}) })
    const { status } = await egress.request('http://registry.corp/', {
      ...options,
      route: through(proxy.url),
    })
    expect(status).toBe(200)
  })
})

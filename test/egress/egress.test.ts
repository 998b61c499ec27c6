import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createEgress, type EgressOptions } from '../../src/egress/egress.ts'
import {
  BodyTooLargeError,
  ConnectionError,
  EgressTimeoutError,
  ForbiddenTargetError,
  TlsError,
} from '../../src/egress/errors.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { closedPort, startScripted, startSilent } from '../fixtures/hostile-registry.ts'

const open = (options: Partial<EgressOptions> = {}) => createEgress({ loopback: true, ...options })
const options = { signal: new AbortController().signal, maxBytes: 1024 }
const hello = (_: unknown, response: ServerResponse) => void response.end('hello')

describe('egress', () => {
  test('returns status, headers and body of one exchange', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(418, { 'x-one': '1', 'www-authenticate': ['Bearer', 'Basic'] }).end('short')
    })
    await using egress = open()
    const { status, headers, body } = await egress.request(`${server.url}/pot?x=1`, options)
    expect(status).toBe(418)
    expect(headers['x-one']).toBe('1')
    expect(headers['www-authenticate']).toEqual(['Bearer', 'Basic'])
    expect(Buffer.from(body).toString()).toBe('short')
    expect(server.requests[0]?.url).toBe('/pot?x=1')
  })

  test('does not follow redirects', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    await using egress = open()
    expect((await egress.request(server.url, options)).status).toBe(302)
    expect(server.requests).toHaveLength(1)
  })

  test('requests no compression, also when the caller does, and decompresses nothing', async () => {
    const bomb = gzipSync(Buffer.alloc(1024 * 1024))
    await using server = await startScripted((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    })
    await using egress = open()
    const { body } = await egress.request(server.url, {
      ...options,
      maxBytes: 4096,
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(body.byteLength).toBe(bomb.byteLength)
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('sends a body', async () => {
    const bodies: string[] = []
    await using server = await startScripted(async (request, response) => {
      bodies.push(String((await request.toArray()).join('')))
      response.end()
    })
    await using egress = open()
    await egress.request(server.url, { ...options, method: 'POST', body: 'a=1' })
    expect(bodies).toEqual(['a=1'])
  })

  test('reuses connections, up to the limit', async () => {
    let most = 0
    const waiting: ServerResponse[] = []
    await using server = await startScripted((_, response) => {
      most = Math.max(most, waiting.push(response))
      if (waiting.length === 3) for (const held of waiting.splice(0)) held.end()
    })
    await using egress = open({ connectionsPerOrigin: 3 })
    await Promise.all(Array.from({ length: 51 }, () => egress.request(server.url, options)))
    expect(most).toBe(3)
    expect(new Set(server.requests.map(({ socket }) => socket)).size).toBe(3)
  })

  test('reads up to the limit of bytes', async () => {
    await using server = await startScripted((request, response) => {
      const size = Number(request.url?.slice(1))
      if (request.headers['x-chunked']) response.write('x')
      response.end('x'.repeat(request.headers['x-chunked'] ? size - 1 : size))
    })
    await using egress = open()
    expect((await egress.request(`${server.url}/1024`, options)).body.byteLength).toBe(1024)
    await expect(egress.request(`${server.url}/1025`, options)).rejects.toThrow(BodyTooLargeError)
    const chunked = { ...options, headers: { 'x-chunked': '1' } }
    expect((await egress.request(`${server.url}/1024`, chunked)).body.byteLength).toBe(1024)
    await expect(egress.request(`${server.url}/1025`, chunked)).rejects.toThrow(BodyTooLargeError)
  })

  test('closes the connection of an endless body', async () => {
    let hungUp: Promise<unknown> | undefined
    await using server = await startScripted((_, response) => {
      hungUp = once(response, 'close')
      const more = () => {
        while (response.write(Buffer.alloc(65536)));
      }
      response.on('drain', more)
      more()
    })
    await using egress = open()
    await expect(egress.request(server.url, { ...options, maxBytes: 1_000_000 })).rejects.toThrow(
      BodyTooLargeError,
    )
    await hungUp
  })

  test('accepts any announced length in the response to a HEAD', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': '1000000' }).end()
    })
    await using egress = open()
    expect((await egress.request(server.url, { ...options, method: 'HEAD' })).headers['content-length']).toBe(
      '1000000',
    )
  })

  test('ends with the signal, before, while waiting, and while reading', async () => {
    let arrived = () => {}
    await using server = await startScripted((request, response) => {
      if (request.url === '/body') response.write('x')
      arrived()
    })
    await using egress = open()
    const aborted = { ...options, signal: AbortSignal.abort(new Error('gone')) }
    await expect(egress.request(server.url, aborted)).rejects.toThrow('gone')
    for (const path of ['/headers', '/body']) {
      const controller = new AbortController()
      const came = new Promise<void>((resolve) => {
        arrived = resolve
      })
      const exchange = egress.request(`${server.url}${path}`, { ...options, signal: controller.signal })
      void came.then(() => controller.abort(new Error('gone')))
      await expect(exchange).rejects.toThrow('gone')
    }
  })

  test('fails current and later requests after it was disposed of', async () => {
    await using server = await startScripted(() => {})
    const egress = open()
    const exchange = egress.request(server.url, options)
    const [failed] = await Promise.all([
      exchange.catch((error: unknown) => error),
      egress[Symbol.asyncDispose](),
    ])
    expect(failed).toBeInstanceOf(ConnectionError)
    await expect(egress.request(server.url, options)).rejects.toThrow('this server is shutting down')
  })
})

describe('a failed exchange', () => {
  test('reports a closed port', async () => {
    await using egress = open()
    const refused = egress.request(`http://${await closedPort()}/`, options)
    await expect(refused).rejects.toThrow(ConnectionError)
    await expect(refused).rejects.toThrow('the connection was refused')
  })

  test('reports a name that does not resolve', async () => {
    await using egress = open({
      resolve: async () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' })),
    })
    await expect(egress.request('http://nowhere.test/', options)).rejects.toThrow(
      'its host name does not resolve',
    )
  })

  test.each([
    ['http', 'headers'],
    ['https', 'connect'],
  ])('reports a host that accepts the %s connection and sends nothing', async (scheme, phase) => {
    await using silent = await startSilent()
    await using egress = open({ timeouts: { connect: 100, headers: 100 } })
    const error = await egress
      .request(`${scheme}://${silent.host}/`, options)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(EgressTimeoutError)
    expect(error).toMatchObject({ phase })
  })

  test('reports a body that arrives so slowly that no other timeout fires', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(drip))
    })
    await using egress = open()
    const error = await egress
      .request(server.url, { ...options, timeout: 150 })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'EgressTimeoutError', phase: 'total' })
  })

  test('reports a response that is cut off', async () => {
    await using server = await startScripted((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x', () => response.destroy())
    })
    await using egress = open()
    await expect(egress.request(server.url, options)).rejects.toThrow(ConnectionError)
  })

  test('reports a response that is not HTTP', async () => {
    await using server = await startScripted((request) => request.socket.end('SSH-2.0-OpenSSH_9\r\n'))
    await using egress = open()
    await expect(egress.request(server.url, options)).rejects.toThrow('its response is not HTTP')
  })
})

describe('egress and TLS', () => {
  test('trusts an authority only if given, and any certificate when insecure', async () => {
    const authority = await createAuthority()
    await using server = await startScripted(hello, { tls: await authority.issue(['127.0.0.1']) })
    await using stranger = open()
    await using friend = open({ ca: [authority.ca] })
    await expect(stranger.request(server.url, options)).rejects.toThrow(TlsError)
    expect((await stranger.request(server.url, { ...options, insecure: true })).status).toBe(200)
    // the unverified connection must not be reused for a request that requires verification
    await expect(stranger.request(server.url, options)).rejects.toThrow('is not trusted here')
    expect((await friend.request(server.url, options)).status).toBe(200)
  })

  test('refuses expired certificates and those of another host', async () => {
    const authority = await createAuthority()
    await using expired = await startScripted(hello, {
      tls: await authority.issue(['127.0.0.1'], { expired: true }),
    })
    await using other = await startScripted(hello, { tls: await authority.issue(['registry.test']) })
    await using egress = open({ ca: [authority.ca] })
    await expect(egress.request(expired.url, options)).rejects.toThrow('its certificate has expired')
    await expect(egress.request(other.url, options)).rejects.toThrow(
      'its certificate is for another host name',
    )
  })

  test('verifies the certificate for the name, and sends the name, though it connects to an address', async () => {
    const authority = await createAuthority()
    await using server = await startScripted(hello, { tls: await authority.issue(['registry.test']) })
    await using egress = open({
      ca: [authority.ca],
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    })
    const host = server.host.replace('127.0.0.1', 'registry.test')
    expect((await egress.request(`https://${host}/`, options)).status).toBe(200)
    expect(server.requests[0]?.headers.host).toBe(host)
  })

  test('distinguishes a server without TLS from one with an invalid certificate', async () => {
    await using server = await startScripted(hello)
    await using egress = open()
    const error = await egress.request(`https://${server.host}/`, options).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'TlsError', problem: 'protocol' })
  })
})

describe('egress connects to no forbidden address', () => {
  const FORBIDDEN = [
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '①②⑦.⓪.⓪.①',
    '127.0.0.1.',
    '[::ffff:10.0.0.1]',
    '[::127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:7f00:1::]',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '192.0.0.192',
    '0.0.0.0',
    '[::]',
    'localhost',
    'LOCALHOST.',
    '[fe80::1]',
    '[ff02::1]',
    'user:secret@127.0.0.1',
  ]

  test.each(FORBIDDEN)('%s', async (host) => {
    await using server = await startScripted(hello)
    await using egress = open({ loopback: false, timeouts: { connect: 1000 } })
    for (const scheme of ['http', 'https']) {
      const port = server.host.split(':')[1]
      await expect(egress.request(`${scheme}://${host}:${port}/`, options)).rejects.toThrow(
        ForbiddenTargetError,
      )
    }
    expect(server.requests).toEqual([])
  })

  test('with an error that contains neither address nor rule', async () => {
    await using egress = open({ loopback: false })
    await expect(egress.request('http://10.1.2.3/', options)).rejects.toThrow(
      /^this server may not connect there$/,
    )
  })

  test.each(['file:///etc/passwd', 'ftp://example.org/', 'data:,x', 'nonsense', 'http://u:p@example.org/'])(
    'nor to %s',
    async (url) => {
      await using egress = open()
      await expect(egress.request(url, options)).rejects.toThrow(ForbiddenTargetError)
    },
  )

  test.each([22, 25, 6379])('nor to port %d', async (port) => {
    await using egress = open()
    await expect(egress.request(`http://127.0.0.1:${port}/`, options)).rejects.toThrow(ForbiddenTargetError)
  })

  test('when one of the addresses of a name is forbidden', async () => {
    await using server = await startScripted(hello)
    await using egress = open({
      resolve: async () => [
        { address: '127.0.0.1', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ],
    })
    const port = server.host.split(':')[1]
    await expect(egress.request(`http://mixed.test:${port}/`, options)).rejects.toThrow(ForbiddenTargetError)
    expect(server.requests).toEqual([])
  })

  test('when a name resolves to another address the second time: it is resolved once for each connection', async () => {
    await using server = await startScripted(hello)
    let lookups = 0
    await using egress = open({
      resolve: async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }],
    })
    const url = `http://rebound.test:${server.host.split(':')[1]}/`
    expect((await egress.request(url, options)).status).toBe(200)
    expect(lookups).toBe(1)
    server.requests[0]?.socket.destroy()
    const later = async () => {
      for (;;) await egress.request(url, options)
    }
    await expect(later()).rejects.toThrow(Error)
    await expect(egress.request(url, options)).rejects.toThrow(ForbiddenTargetError)
  })
})

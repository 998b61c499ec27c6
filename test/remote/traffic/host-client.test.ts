import { describe, expect, expectTypeOf, test } from 'vitest'
import type { RemoteRegistry } from '../../../src/imagestream/image/remote-registry.ts'
import { CredentialsError } from '../../../src/remote/login/credentials.ts'
import type { RegistryClient } from '../../../src/remote/registry-client.ts'
import { apiHostOf, isLoopbackHost } from '../../../src/remote/traffic/host-names.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { closedPort, startScripted } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { allTags, password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const app = image({ seed: 'app' })

async function start() {
  const upstream = await startUpstream()
  for (const name of ['1', '2', '3']) upstream.push('team/app', name, app)
  return upstream
}

test('the client implements the port of imports', () => {
  expectTypeOf<RegistryClient>().toExtend<RemoteRegistry>()
})

describe('the host of a registry', () => {
  test('is registry-1.docker.io for Docker Hub', () => {
    expect(apiHostOf('docker.io')).toBe('registry-1.docker.io')
    expect(apiHostOf('quay.io')).toBe('quay.io')
  })

  test.each(['localhost', 'localhost:5000', '127.0.0.1:5000', '[::1]:5000', 'registry.localhost'])(
    '%s is loopback',
    (host) => {
      expect(isLoopbackHost(host)).toBe(true)
    },
  )

  test.each(['localhost.evil.test', '128.0.0.1', 'notlocalhost', '127.0.0.1.evil.test', '[::2]'])(
    '%s is not loopback',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false)
    },
  )
})

describe('the scheme', () => {
  test('falls back to http for a loopback registry, once per host', async () => {
    await using registry = await startScripted((_, response) => response.writeHead(404).end())
    let handshakes = 0
    await using client = new TestClient()
    const { egress } = client
    const request = egress.request.bind(egress)
    egress.request = (url, options) => {
      if (String(url).startsWith('https:')) handshakes += 1
      return request(url, options)
    }
    for (const name of ['a', 'b']) await refusalOf(allTags(client.repository(`${registry.host}/${name}`)))
    expect(handshakes).toBe(1)
    expect(registry.requests).toHaveLength(2)
  })

  const resolve = async () => [{ address: '127.0.0.1', family: 4 }]

  test('stays https for any other registry', async () => {
    await using upstream = await start()
    await using client = new TestClient({ egress: { resolve } })
    const name = `${upstream.host.replace('127.0.0.1', 'registry.test')}/team/app`
    const refused = await refusalOf(client.repository(name).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toContain('failed: it does not speak TLS as expected')
    expect(upstream.log).toEqual([])
  })

  test('may be http for an insecure request to any registry', async () => {
    await using upstream = await start()
    await using client = new TestClient({ egress: { resolve } })
    const name = `${upstream.host.replace('127.0.0.1', 'registry.test')}/team/app`
    expect((await client.repository(name, { insecure: true }).resolveTag(tag('1'), null)).digest).toBe(
      app.digest,
    )
    expect((await refusalOf(client.repository(name).resolveTag(tag('1'), null))).reason).toBe(
      'RegistryUnavailable',
    )
  })

  test('is discovered again when the registry returns with the other scheme', async () => {
    const authority = await createAuthority()
    await using first = await start()
    const egress = { ca: [authority.ca] }
    await using client = new TestClient({ egress, limits: { tries: 1 } })
    const repository = client.repository(`${first.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    await first[Symbol.asyncDispose]()
    expect((await refusalOf(repository.resolveTag(tag('1'), null))).message).toContain(
      'the connection was refused',
    )
    const tls = await authority.issue(['127.0.0.1'])
    const { createServer } = await import('node:https')
    const second = createServer(tls, (_, response) => {
      response.writeHead(200, { 'content-type': app.mediaType, 'docker-content-digest': app.digest }).end()
    })
    await new Promise<void>((resolve) =>
      second.listen(Number(first.host.split(':')[1]), '127.0.0.1', resolve),
    )
    try {
      expect((await repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
    } finally {
      second.closeAllConnections()
      second.close()
    }
  })
})

describe('TLS', () => {
  test('fails for an unverified certificate unless its authority is trusted or the request is insecure', async () => {
    const authority = await createAuthority()
    await using upstream = await startUpstream({ tls: await authority.issue(['127.0.0.1']) })
    upstream.push('team/app', '1', app)
    await using stranger = new TestClient()
    await using friend = new TestClient({ egress: { ca: [authority.ca] } })
    const name = `${upstream.host}/team/app`
    const refused = await refusalOf(stranger.repository(name).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toBe(
      `the request to ${upstream.host}/team/app failed: its certificate comes from an authority that is not trusted here; ca in configureRegistry or --ca-file adds a trusted authority`,
    )
    expect((await friend.repository(name).resolveTag(tag('1'), null)).digest).toBe(app.digest)
    expect((await stranger.repository(name, { insecure: true }).resolveTag(tag('1'), null)).digest).toBe(
      app.digest,
    )
  })
})

describe('a failure', () => {
  test.each([
    [408, [187.5, 375]],
    [429, [2250, 4500]],
    [500, [187.5, 375]],
    [502, [187.5, 375]],
    [503, [187.5, 375]],
    [504, [187.5, 375]],
  ])('with status %d is retried after %j ms', async (status, delays) => {
    await using upstream = await start()
    let failures = 2
    upstream.hook = () => (failures-- > 0 ? errorResponse(status, 'TRY_AGAIN') : undefined)
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    expect((await repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
    expect(client.clock.sleeps).toEqual(delays)
  })

  test('of the connection is retried', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    let failures = 2
    upstream.hook = () => (failures-- > 0 ? 'reset' : undefined)
    expect((await repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
  })

  test.each([400, 403, 404])('with status %d is not retried', async (status) => {
    await using upstream = await start()
    upstream.hook = () => errorResponse(status, 'NO')
    await using client = new TestClient()
    await refusalOf(client.repository(`${upstream.host}/team/app`).fetchManifest(app.digest))
    expect(upstream.log).toHaveLength(1)
    expect(client.clock.sleeps).toEqual([])
  })

  test('that persists is reported after three attempts, with the same message each time', async () => {
    await using upstream = await start()
    upstream.hook = () => errorResponse(503, 'UNAVAILABLE')
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    const refused = await refusalOf(allTags(repository))
    expect(refused).toMatchObject({ reason: 'RegistryUnavailable', status: 503, repository: 'team/app' })
    expect(refused.message).toBe(
      `cannot read the list of tags of team/app from ${upstream.host}: it responded with 503 UNAVAILABLE: unavailable`,
    )
    expect(upstream.log).toHaveLength(3)
    expect((await refusalOf(allTags(repository))).message).toBe(refused.message)
  })

  test('of a closed port is reported as a refused connection', async () => {
    const host = await closedPort()
    await using client = new TestClient()
    const refused = await refusalOf(allTags(client.repository(`${host}/team/app`)))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toBe(`the request to ${host}/team/app failed: the connection was refused`)
  })

  test('of an unknown host is the result of all concurrent requests', async () => {
    let lookups = 0
    const resolve = async () => {
      lookups += 1
      throw Object.assign(new Error('no'), { code: 'ENOTFOUND' })
    }
    await using client = new TestClient({ egress: { resolve } })
    const repository = client.repository('nowhere.test/team/app')
    const all = Array.from({ length: 20 }, () => refusalOf(repository.resolveTag(tag('1'), null)))
    expect(new Set((await Promise.all(all)).map(({ message }) => message))).toEqual(
      new Set(['the request to nowhere.test/team/app failed: its host name does not resolve']),
    )
    expect(lookups).toBe(1)
  })

  test('is reported in one short line, without secrets of the registry or of this server', async () => {
    await using upstream = await start()
    const leak =
      'no\u001b[31m\r\n{"level":60} https://user:hunter2@db/ Bearer abcdefghijkl opensesame eyJhbGciOiJub25l.eyJzdWIi.c2ln \u202etxt 123e4567-e89b-12d3-a456-426614174000 '
    upstream.hook = () => ({
      status: 403,
      headers: {},
      body: JSON.stringify({ errors: [{ code: 'DENIED', message: leak + 'x'.repeat(5000) }] }),
    })
    await using client = new TestClient({ credentials: password('me', 'opensesame') })
    const { reason, message } = await refusalOf(
      client.repository(`${upstream.host}/team/app`).fetchManifest(app.digest),
    )
    expect(reason).toBe('Forbidden')
    expect(message).toContain(
      `${upstream.host} denies this server access to team/app: it responded with 403 DENIED: no [31m {"level":60} https://***@db/ Bearer *** *** *** txt … x`,
    )
    expect(message.length).toBeLessThan(400)
  })

  test.each<[string, Partial<UpstreamResponse>, string]>([
    [
      'a web page',
      { headers: { 'content-type': 'text/html' }, body: '<h1>Bad gateway</h1>' },
      '502 and a web page',
    ],
    ['plain text', { body: 'upstream is down\n' }, '502 upstream is down'],
    ['nothing', { body: '' }, '502'],
    ['JSON of another shape', { body: '{"detail":"x"}' }, '502'],
  ])('with %s as the body is reported', async (_, response, text) => {
    await using upstream = await start()
    upstream.hook = () => ({ status: 502, headers: {}, body: '', ...response })
    await using client = new TestClient()
    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).fetchManifest(app.digest))
    expect(refused.message.endsWith(`of team/app from ${upstream.host}: it responded with ${text}`)).toBe(
      true,
    )
  })

  test('of the credentials file is reported without its content', async () => {
    await using upstream = await start()
    const find = async () => {
      throw new CredentialsError('the credentials file is not JSON')
    }
    await using client = new TestClient({ credentials: { find } })
    const refused = await refusalOf(allTags(client.repository(`${upstream.host}/team/app`)))
    expect(refused.reason).toBe('InternalError')
    expect(refused.message).toBe(
      `no request was sent to ${upstream.host}/team/app: the credentials file is not JSON`,
    )
    expect(upstream.log).toEqual([])
  })

  test('by an abort of the first request is not the result of the waiting ones', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const gate = upstream.hold()
    const impatient = new AbortController()
    const name = `${upstream.host}/team/app`
    const first = client.repository(name, { signal: impatient.signal }).resolveTag(tag('1'), null)
    await gate.arrived(1)
    const second = client.repository(name).resolveTag(tag('1'), null)
    impatient.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    gate.open()
    expect((await second).digest).toBe(app.digest)
  })

  test('by an aborted signal is the signal’s reason', async () => {
    await using upstream = await start()
    upstream.hook = () => 'silence'
    await using client = new TestClient()
    const controller = new AbortController()
    const gate = upstream.hold()
    const repository = client.repository(`${upstream.host}/team/app`, { signal: controller.signal })
    const all = Array.from({ length: 30 }, () => repository.resolveTag(tag('1'), null))
    void gate.arrived(1).then(() => controller.abort(new Error('gone')))
    for (const one of all) await expect(one).rejects.toThrow('gone')
    await expect(allTags(repository)).rejects.toThrow('gone')
  })
})

describe('a registry that requests a pause', () => {
  const limited = (headers: Record<string, string>) => errorResponse(429, 'TOOMANYREQUESTS', headers)

  test('receives the next request after the pause', async () => {
    await using upstream = await start()
    let failures = 1
    upstream.hook = () => (failures-- > 0 ? limited({ 'retry-after': '5' }) : undefined)
    await using client = new TestClient()
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    expect(client.clock.sleeps).toEqual([5000])
  })

  test.each([
    ['a number', '3600'],
    ['a billion', '1000000000'],
  ])(
    'that is too long (%s) is TooManyRequests, and receives no request until its end',
    async (_, seconds) => {
      await using upstream = await start()
      upstream.hook = () => limited({ 'retry-after': seconds })
      await using client = new TestClient()
      const repository = client.repository(`${upstream.host}/team/app`)
      const refused = await refusalOf(repository.resolveTag(tag('1'), null))
      expect(refused).toMatchObject({ reason: 'TooManyRequests', status: 429 })
      const again = await refusalOf(client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
      expect(again.message).toBe(refused.message)
      expect(client.clock.sleeps).toEqual([])
      expect(upstream.log).toHaveLength(1)
      client.clock.time += 3_600_000
      upstream.hook = undefined
      expect((await repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
    },
  )

  test('receives none of the requests that waited in the queue', async () => {
    await using upstream = await start()
    await using client = new TestClient({ limits: { requestsPerHost: 4 } })
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    upstream.reset()
    upstream.hook = () => limited({ 'retry-after': '3600' })
    const all = Array.from({ length: 40 }, () => refusalOf(repository.resolveTag(tag('1'), null)))
    expect(new Set((await Promise.all(all)).map(({ reason }) => reason))).toEqual(
      new Set(['TooManyRequests']),
    )
    expect(upstream.log.length).toBeLessThanOrEqual(4)
  })

  test('repeatedly is TooManyRequests after the longest wait', async () => {
    await using upstream = await start()
    upstream.hook = () => limited({ 'retry-after': '9' })
    await using client = new TestClient({ limits: { tries: 100 } })
    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('TooManyRequests')
    expect(client.clock.sleeps).toEqual([9000, 9000])
  })

  test('receives a limited number of requests at a time', async () => {
    await using upstream = await start()
    await using client = new TestClient({ limits: { requestsPerHost: 4 } })
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    const gate = upstream.hold()
    const all = Array.from({ length: 40 }, () => repository.resolveTag(tag('1'), null))
    for (let answered = 4; answered <= 40; answered += 4) {
      await gate.arrived(answered)
      expect(gate.waiting).toHaveLength(4)
      gate.release(4)
    }
    await Promise.all(all)
  })

  test('receives a request of a small import before the rest of a large one', async () => {
    await using upstream = await start()
    await using client = new TestClient({ limits: { requestsPerHost: 1 } })
    const name = `${upstream.host}/team/app`
    const large = client.repository(name, { lane: 'large' })
    await large.resolveTag(tag('1'), null)
    const order: string[] = []
    const gate = upstream.hold()
    const all = Array.from({ length: 20 }, () =>
      large.resolveTag(tag('1'), null).then(() => order.push('large')),
    )
    await gate.arrived(1)
    all.push(
      client
        .repository(name, { lane: 'small' })
        .resolveTag(tag('2'), null)
        .then(() => order.push('small')),
    )
    gate.open()
    await Promise.all(all)
    expect(order.indexOf('small')).toBeLessThan(4)
  })
})

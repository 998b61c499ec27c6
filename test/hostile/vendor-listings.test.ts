import { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Secret } from '../../src/logins/registry-login.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { type Scripted, startScripted } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { always } from '../fixtures/registry-client.ts'
import { ListingClient } from '../vendors/world.ts'

// Vendor APIs controlled by an attacker, and addresses with redirects: which secrets they can receive, and their cost.

const CANARY = 'c4nary-s3cret'
const SECRETS: readonly (readonly [string, string, Secret])[] = [
  ['DOCKER_HUB', 'a password', { kind: 'password', username: 'someone', password: CANARY }],
  ['QUAY', 'an OAuth token', { kind: 'password', username: '$oauthtoken', password: CANARY }],
  ['GITHUB', 'a personal access token', { kind: 'password', username: 'someone', password: CANARY }],
  ['HARBOR', 'a robot account', { kind: 'password', username: 'robot$x', password: CANARY }],
  ['JFROG', 'an access token', { kind: 'identity', username: '', token: CANARY }],
]

let attacker: Scripted
let connect: ReturnType<typeof vi.spyOn>
beforeEach(async () => {
  attacker = await startScripted((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
})
afterEach(async () => {
  await attacker[Symbol.asyncDispose]()
})

/** Reports whether the attacker received the secret in any encoding. */
const receivedSecret = (): boolean =>
  attacker.requests.some(({ headers, url }) => {
    const all = JSON.stringify(headers) + url
    return all.includes(CANARY) || all.includes(Buffer.from(`robot$x:${CANARY}`).toString('base64'))
  })

describe.each(SECRETS)('the API of %s, requested with %s', (vendor, _what, secret) => {
  test.each([301, 302, 307, 308])('is not followed when it redirects with %s', async (status) => {
    await using redirecting = await startScripted((_request, response) => {
      response.writeHead(status, { location: `${attacker.url}/collect` }).end()
    })
    await using client = new ListingClient({
      configuration: { vendor, apiUrl: redirecting.url },
      credentials: always(secret),
    })

    const error = await client.refusal(`${redirecting.host}/team/app`)

    expect(error).toMatchObject({ code: 'VENDOR_LISTING', reason: 'InvalidListing' })
    expect(attacker.requests).toEqual([])
  })

  test('that repeats the received secret does not bring it into a message', async () => {
    await using echoing = await startScripted((request, response) => {
      const received = request.headers.authorization ?? ''
      const decoded = Buffer.from(received.replace('Basic ', ''), 'base64').toString()
      request.resume().on('end', () => {
        const message = `${received} ${decoded} ${CANARY} https://user:${CANARY}@elsewhere.example/`
        response.writeHead(418, { 'content-type': 'application/json' }).end(JSON.stringify({ message }))
      })
    })
    await using client = new ListingClient({
      configuration: { vendor, apiUrl: echoing.url },
      credentials: always(secret),
    })

    const error = await client.refusal(`${echoing.host}/team/app`)

    expect(error.message).toContain('418')
    expect(JSON.stringify([error.message, error])).not.toContain(CANARY)
    expect(error.message).not.toContain(Buffer.from(`robot$x:${CANARY}`).toString('base64'))
  })

  test('receives nothing over plain HTTP, except on this machine', async () => {
    await using client = new ListingClient({
      configuration: { vendor, apiUrl: 'http://vendor.example' },
      credentials: always(secret),
    })
    connect = vi.spyOn(Socket.prototype, 'connect')

    const error = await client.refusal('registry.example/team/app')

    expect(error.reason).toBe('ForbiddenTarget')
    expect(connect).not.toHaveBeenCalled()
    connect.mockRestore()
  })

  test.each([
    'https://10.0.0.1',
    'https://169.254.169.254',
    'https://[::ffff:10.0.0.1]',
    'https://vendor.example:22',
  ])('is not requested at %s', async (apiUrl) => {
    await using client = new ListingClient({
      configuration: { vendor, apiUrl },
      credentials: always(secret),
    })
    connect = vi.spyOn(Socket.prototype, 'connect')

    const error = await client.refusal('registry.example/team/app')

    expect(error).toMatchObject({ reason: 'ForbiddenTarget' })
    expect(connect).not.toHaveBeenCalled()
    connect.mockRestore()
  })
})

test('a redirected search passes on neither its query nor a credential', async () => {
  await using zot = await startScripted((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="zot"' }).end()
    } else response.writeHead(307, { location: `${attacker.url}/collect` }).end()
  })
  await using client = new ListingClient({
    configuration: { vendor: 'ZOT', apiUrl: null },
    credentials: always({ kind: 'password', username: 'someone', password: CANARY }),
  })

  expect(await client.refusal(`${zot.host}/team/app`)).toMatchObject({ reason: 'InvalidListing' })
  expect(attacker.requests).toEqual([])
})

test('a link to a next page on another host is not followed', async () => {
  const results = [{ name: 'latest', digest: image({ seed: 'one' }).digest, last_updated: null }]
  await using hub = await startScripted((_request, response) => {
    const body = { count: 2, next: `${attacker.url}/v2/next`, previous: null, results }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await using client = new ListingClient({ configuration: { vendor: 'DOCKER_HUB', apiUrl: hub.url } })

  await client.refusal(`${hub.host}/team/app`)

  expect(attacker.requests).toEqual([])
  expect(hub.requests.length).toBeGreaterThan(1)
})

test("a registry's credential is not sent to another vendor that its name suggests", async () => {
  await using client = new ListingClient({
    configuration: { vendor: null, apiUrl: null },
    credentials: always({ kind: 'password', username: 'someone', password: CANARY }),
  })

  expect(await client.find('docker.io.evil.example/team/app')).toBeNull()
  expect(receivedSecret()).toBe(false)
})

test('many tags in one response are not read past the limit, and other requests proceed meanwhile', async () => {
  const digest = image({ seed: 'one' }).digest
  const tags = Array.from({ length: 200_000 }, (_, at) => `v${at}`)
  const body = JSON.stringify({ manifest: { [digest]: { tag: tags } }, tags })
  await using google = await startScripted((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
  await using client = new ListingClient({
    configuration: { vendor: 'GOOGLE', apiUrl: null },
    vendorLimits: { tags: 50_000 },
  })
  const listing = await client.listing(`${google.host}/team/app`)
  let claims = 0
  let turns = 0
  const read = async (): Promise<void> => {
    for await (const page of listing.pages()) {
      claims += page.claims.length
      setImmediate(() => {
        turns += 1
      })
    }
  }

  await expect(read()).rejects.toMatchObject({ reason: 'ListingTooLong' })
  expect(claims).toBe(50_000)
  expect(turns).toBeGreaterThanOrEqual(49)
})

test("an unverifiable certificate is accepted only for an insecure registry itself, not for its vendor's API", async () => {
  const authority = await createAuthority()
  const tls = await authority.issue(['127.0.0.1'])
  await using api = await startScripted((_request, response) => response.writeHead(200).end('{}'), { tls })
  await using client = new ListingClient({
    configuration: { vendor: 'HARBOR', apiUrl: api.url },
    credentials: always({ kind: 'password', username: 'robot$x', password: CANARY }),
  })
  const refusalOf = async (name: string) => {
    const listing = await client.listing(name, { insecure: true })
    return listing
      .pages()
      [Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error)
  }

  expect(await refusalOf('registry.example/team/app')).toMatchObject({ reason: 'RegistryUnavailable' })
  expect(api.requests).toEqual([])
  expect(await refusalOf(`${api.host}/team/app`)).toMatchObject({ reason: 'InvalidListing' })
  expect(api.requests).toHaveLength(1)
})

import { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { closedPort, startScripted, startSilent } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { type Statements, watchStatements, writesTo } from '../fixtures/statements.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { follow, importImage, pushLog, resultsOf } from '../flows/operations.ts'

const app = image({ seed: 'app' })

/** Tables that an import of new content writes to. */
const CONTENT = ['images', 'image_configs', 'tag_events', 'push_log']

let server: TestApp
let statements: Statements
beforeEach(async () => {
  server = await startApp()
  statements = watchStatements()
})
afterEach(async () => {
  statements[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

/** All content of the server except the imports and the time of the last check. */
async function contentOfServer(): Promise<unknown> {
  const { imageStreams } = await server.client.request<{ imageStreams: { nodes: { document: string }[] } }>(
    '{ imageStreams { nodes { document } } }',
  )
  return {
    streams: imageStreams.nodes.map(({ document }) => JSON.parse(document).status),
    log: await pushLog(server.client),
  }
}

/** Imports `host/team/app` into a new stream; expects that it fails as a result, and imports nothing. */
async function expectFailure(
  reference: string,
  reason: string,
  message: string | RegExp,
  name = 'app',
): Promise<void> {
  const imported = await follow(server.client, reference, name)
  expect(imported).toMatchObject({ state: 'FAILED', reason, imported: 0, unchanged: 0 })
  expect(imported.message).toMatch(message)
  expect(imported.finishedAt).not.toBeNull()
  expect(writesTo(statements.run, ...CONTENT)).toEqual([])
  expect(await pushLog(server.client)).toEqual([])
}

/** Addresses of the connections that were opened meanwhile, without those of the test's own client. */
async function connectionsDuring(work: () => Promise<void>): Promise<readonly string[]> {
  const connect = vi.spyOn(Socket.prototype, 'connect')
  try {
    await work()
    const options = (connect.mock.calls as unknown[][]).flat(2) as (Partial<Record<string, unknown>> | null)[]
    return options
      .filter((each) => typeof each === 'object' && each !== null && 'port' in each)
      .map((each) => `${each?.host ?? each?.hostname}:${each?.port}`)
      .filter((target) => target !== new URL(server.app.url).host)
  } finally {
    connect.mockRestore()
  }
}

describe('an unusable registry', () => {
  test('with an unknown host name', async () => {
    await expectFailure(
      'registry.invalid/team/app',
      'REGISTRY_UNAVAILABLE',
      /the request to registry\.invalid\/team\/app failed: its host name/,
    )
  })

  test('with a closed port', async () => {
    const host = await closedPort()
    await expectFailure(`${host}/team/app`, 'REGISTRY_UNAVAILABLE', /the connection was refused/)
  })

  test('that does not respond, or stops midway, times out without delaying other imports', async () => {
    await using silent = await startSilent()
    await using stopping = await startUpstream()
    await using good = await startUpstream()
    for (const tag of ['good', 'stuck']) stopping.push('team/app', tag, app)
    stopping.hook = ({ kind, reference }) =>
      kind === 'head' && reference === 'stuck' ? 'silence' : undefined
    good.push('team/app', 'latest', app)
    const ended: string[] = []
    const stuck = follow(server.client, `${silent.host}/team/app`, 'silent').finally(() =>
      ended.push('silent'),
    )
    const halfway = follow(server.client, `${stopping.host}/team/app`, 'stopping').finally(() =>
      ended.push('stopping'),
    )

    const other = await follow(server.client, `${good.host}/team/app`, 'good')
    expect(ended).toEqual([])
    const [atOnce, midway] = await Promise.all([stuck, halfway])

    expect(other).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(atOnce).toMatchObject({ state: 'FAILED', reason: 'REGISTRY_UNAVAILABLE' })
    expect(atOnce.message).toContain('the connection was not established in time')
    // imported content is kept
    expect(midway).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 1, failed: 1 })
    expect((await resultsOf(server.client, midway)).find(({ tag }) => tag === 'stuck')).toMatchObject({
      reason: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('no response arrived in time'),
    })
  })

  test('with an unverifiable certificate fails, unless the import is insecure', async () => {
    const authority = await createAuthority()
    await using upstream = await startUpstream({ tls: await authority.issue(['127.0.0.1']) })
    upstream.push('team/app', 'latest', app)
    const reference = `${upstream.host}/team/app`

    await expectFailure(
      reference,
      'REGISTRY_UNAVAILABLE',
      /certificate comes from an authority that is not trusted/,
    )
    expect(upstream.log).toEqual([])
    expect(await importImage(server.client, { insecure: true })).toMatchObject({ state: 'SUCCEEDED' })
  })

  test('with an expired certificate, or one for another name', async () => {
    const authority = await createAuthority()
    await using trusting = await startApp({ ca: [authority.ca] })
    for (const [certificate, message] of [
      [await authority.issue(['127.0.0.1'], { expired: true }), 'has expired'],
      [await authority.issue(['registry.test']), 'is for another host name'],
    ] as const) {
      await using upstream = await startUpstream({ tls: certificate })
      const imported = await follow(trusting.client, `${upstream.host}/team/app`, `app-${message.length}`)
      expect(imported).toMatchObject({ state: 'FAILED', reason: 'REGISTRY_UNAVAILABLE' })
      expect(imported.message).toContain(`its certificate ${message}`)
    }
  })

  test('that does not speak HTTP, or sends web pages', async () => {
    await using pages = await startScripted((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome!</html>'),
    )
    await expectFailure(`${pages.host}/team/app`, 'REGISTRY_UNAVAILABLE', /the response is a web page/)
  })
})

describe('a private address is FORBIDDEN_TARGET, and no connection is opened to it', () => {
  test.each([
    '10.0.0.1/team/app',
    '10.0.0.1:5000/team/app',
    '169.254.169.254/team/app',
    '192.168.1.1/team/app',
    '[fd00:ec2::254]/team/app',
    '[::ffff:10.0.0.1]:5000/team/app',
    '0.0.0.0:5000/team/app',
    '127.0.0.1:22/team/app',
  ])('%s', async (reference) => {
    const connections = await connectionsDuring(() =>
      expectFailure(reference, 'FORBIDDEN_TARGET', /this server may not connect there/),
    )

    expect(connections).toEqual([])
  })

  test('whereas a connection to another address is opened, which shows that these tests detect connections', async () => {
    const host = await closedPort()

    expect(
      await connectionsDuring(() => expectFailure(`${host}/team/app`, 'REGISTRY_UNAVAILABLE', /refused/)),
    ).toContain(host)
  })

  test("including this machine's own address, if other machines may use the server", async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'latest', app)
    await using open = await startApp({ openToEverybody: true })

    const imported = await follow(open.client, `${upstream.host}/team/app`)

    expect(imported).toMatchObject({ state: 'FAILED', reason: 'FORBIDDEN_TARGET' })
    expect(upstream.log).toEqual([])
  })
})

describe('an import', () => {
  test('of a missing repository is NOT_FOUND, of one that needs a login UNAUTHORIZED', async () => {
    await using open = await startUpstream()
    await using closed = await startUpstream({
      auth: { scheme: 'bearer', credentials: { username: 'me', password: 'secret' } },
    })
    closed.push('team/app', 'latest', app)

    await expectFailure(`${open.host}/team/app`, 'NOT_FOUND', /does not have the repository team\/app/, 'a')
    await expectFailure(`${closed.host}/team/app`, 'UNAUTHORIZED', /does not exist or needs a login/, 'b')
  })

  test('of a repository without tags succeeds', async () => {
    await using upstream = await startUpstream()
    upstream.create('team/app')

    expect(await follow(server.client, `${upstream.host}/team/app`)).toMatchObject({
      state: 'SUCCEEDED',
      total: 0,
    })
  })

  test('that fails changes nothing on a stream that was imported before', async () => {
    await using upstream = await startUpstream()
    for (const tag of ['latest', '1']) upstream.push('team/app', tag, app)
    await follow(server.client, `${upstream.host}/team/app`)
    const before = await contentOfServer()
    statements.reset()

    for (const status of [401, 403, 404, 500, 502]) {
      upstream.hook = () => ({ status, headers: { 'content-type': 'text/html' }, body: '<html>' })
      expect(await importImage(server.client)).toMatchObject({ state: 'FAILED', imported: 0 })
    }

    expect(writesTo(statements.run, ...CONTENT)).toEqual([])
    expect(await contentOfServer()).toEqual(before)
    upstream.hook = undefined
    expect(await importImage(server.client)).toMatchObject({ state: 'SUCCEEDED', unchanged: 2 })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Right, ROLES } from '../../src/access/right/role.ts'
import { FILES_PATH } from '../../src/http/endpoints/graphiql.ts'
import { createRoutes, type RouteOptions } from '../../src/http/routes.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import type { SignedInApp } from '../fixtures/signed-in-app.ts'
import { headersOf, type Principal, startWithEveryPrincipal } from './every-principal.ts'

// Every route of the server, and every operation of the registry, for every kind of principal.

const SIGN_IN_PATHS = ['', '/callback', '/command-line', '/device', '/device/code', '/token'].map(
  (path) => `/sign-in${path}`,
)

/** Returns the table of routes with everything enabled, without what serves them. */
function allRoutes(): Map<string, string> {
  const [served, origins] = [() => undefined, { allowedOrigins: [] }]
  const endpoints = {
    registry: { handle: served },
    respondToken: served,
    notifications: served,
    metrics: {},
    signIn: {},
    signInPages: { paths: SIGN_IN_PATHS },
    webhookKeys: served,
  }
  const { at, below } = createRoutes({ endpoints, origins, graphiql: {} } as unknown as RouteOptions)
  return new Map([...at, ...below].map(([path, { access }]) => [path, access]))
}

/** What each route requires. */
const ROUTES: Readonly<Record<string, string>> = {
  '/': 'anyone',
  '/healthz': 'anyone',
  '/readyz': 'anyone',
  '/.well-known/imagestreams/webhook-keys': 'anyone',
  [FILES_PATH]: 'anyone',
  '/metrics': 'view-everything',
  '/graphql': 'viewer',
  '/token': 'viewer',
  '/sign-out': 'viewer',
  '/v2': 'viewer',
  '/webhooks/registry': 'secret',
  '/sign-in/first-admin': 'secret',
  ...Object.fromEntries(SIGN_IN_PATHS.map((path) => [path, 'secret'])),
}

const web = image({ seed: 'web' })
const BLOB = web.config.digest
const UPLOAD = '5c0a1ffb-7a0e-4c62-8b1e-2a8d3b1e4f00'

/** Every operation on a repository, with its right; those that take something away are the last. */
const OPERATIONS: readonly (readonly [
  method: string,
  path: string,
  right: Right,
  body: Uint8Array | null,
])[] = [
  ['GET', 'manifests/v1', 'pull', null],
  ['HEAD', `manifests/${web.digest}`, 'pull', null],
  ['GET', `blobs/${BLOB}`, 'pull', null],
  ['HEAD', `blobs/${BLOB}`, 'pull', null],
  ['GET', 'tags/list', 'pull', null],
  ['GET', `referrers/${web.digest}`, 'pull', null],
  ['POST', 'blobs/uploads/', 'push', null],
  ['POST', `blobs/uploads/?mount=${BLOB}&from=team/app`, 'push', null],
  ['GET', `blobs/uploads/${UPLOAD}`, 'push', null],
  ['PATCH', `blobs/uploads/${UPLOAD}`, 'push', new Uint8Array(1)],
  ['PUT', `blobs/uploads/${UPLOAD}?digest=${BLOB}`, 'push', null],
  ['DELETE', `blobs/uploads/${UPLOAD}`, 'push', null],
  ['PUT', 'manifests/v2', 'push', web.bytes],
  ['DELETE', 'manifests/v2', 'delete', null],
  ['DELETE', `manifests/${web.digest}`, 'delete', null],
  ['DELETE', `blobs/${BLOB}`, 'delete', null],
]

let server: SignedInApp
let principals: readonly Principal[]
beforeAll(async () => {
  ;({ server, principals } = await startWithEveryPrincipal())
  const headers = server.headersOf('admin')
  await new PushClient(server.url, { headers }).push(
    { repository: 'default/web', tag: 'v1' },
    web,
    'one POST',
  )
}, 60_000)
afterAll(() => server[Symbol.asyncDispose]())

async function send(principal: Principal, method: string, path: string, body: Uint8Array | null = null) {
  const headers = { ...headersOf(principal), ...(body && { 'content-type': web.mediaType }) }
  const init = { method, headers, redirect: 'manual', ...(body && { body: Buffer.from(body) }) } as const
  const response = await fetch(`${server.url}${path}`, init)
  return { status: response.status, text: await response.text() }
}

test('each route declares what it requires', () => {
  expect(Object.fromEntries(allRoutes())).toEqual(ROUTES)
})

describe('a route', () => {
  const paths = Object.keys(ROUTES).filter(
    (path) => path !== '/metrics' && path !== '/v2' && path !== '/token',
  )

  test.each(paths)('%s responds alike to everyone, and fails for no one', async (path) => {
    const statuses = new Set<number>()
    // a POST would sign out
    for (const principal of principals) statuses.add((await send(principal, 'GET', path)).status)
    expect([...statuses]).toHaveLength(1)
    expect([...statuses][0]).toBeLessThan(500)
  })

  test('/metrics is for those who may view everything', async () => {
    for (const principal of principals) {
      const { status, text } = await send(principal, 'GET', '/metrics')
      const refused = principal.secret === undefined ? 401 : 403
      expect([principal.name, status]).toEqual([
        principal.name,
        principal.has.has('server-admin') ? 200 : refused,
      ])
      expect(text.includes('imagestreams_')).toBe(status === 200)
    }
  })

  test('/token gives no more than the rights of its client, and nothing for a token of this server', async () => {
    const wanted = 'repository:default/web:pull,push,delete'
    for (const principal of principals) {
      const { status, text } = await send(principal, 'GET', `/token?scope=${wanted}`)
      const isSigned = principal.name.startsWith('machine')
      expect([principal.name, status]).toEqual([principal.name, isSigned ? 401 : 200])
      if (isSigned) continue
      const actions = ['pull', 'push', 'delete'].filter((action) => principal.has.has(action as Right))
      const { scope } = JSON.parse(text) as { scope: string }
      expect([principal.name, scope]).toEqual([
        principal.name,
        actions.length > 0 ? `repository:default/web:${actions.join()}` : '',
      ])
    }
  })
})

describe('an operation of the registry is done and refused as the table of roles says', () => {
  test.each(OPERATIONS)('%s %s needs the right %s', async (method, path, right, body) => {
    const faults: unknown[] = []
    // those that are refused first: they change nothing
    const ordered = [...principals].sort((a, b) => Number(a.has.has(right)) - Number(b.has.has(right)))
    for (const principal of ordered) {
      const { status, text } = await send(principal, method, `/v2/default/web/${path}`, body)
      const refused = principal.secret === undefined ? 401 : 403
      // an unknown upload, and what another principal has removed
      const isRight = principal.has.has(right) ? status < 300 || status === 404 : status === refused
      if (!isRight) faults.push({ principal: principal.name, status, text })
    }
    expect(faults).toEqual([])
  })

  test('the list of repositories has those that the client sees', async () => {
    await new PushClient(server.url, { headers: server.headersOf('admin') }).push(
      ...([{ repository: 'default/listed', tag: 'v1' }, web, 'one POST'] as const),
    )
    for (const principal of principals) {
      const { text } = await send(principal, 'GET', '/v2/_catalog')
      const { repositories } = JSON.parse(text) as { repositories: string[] }
      expect([
        principal.name,
        repositories.includes('default/listed') || repositories.includes('listed'),
      ]).toEqual([principal.name, principal.has.has('view')])
    }
  })

  test('every role is a principal of this test', () => {
    for (const role of Object.keys(ROLES))
      expect(principals.map(({ name }) => name)).toContain(`person: ${role}`)
  })
})

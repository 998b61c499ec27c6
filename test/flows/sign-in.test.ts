import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PRINCIPALS, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

let server: SignedInApp
beforeAll(async () => {
  server = await startSignedInApp()
})
afterAll(() => server[Symbol.asyncDispose]())

const statusOf = async (path: string, init: RequestInit = {}): Promise<number> =>
  (await fetch(`${server.url}${path}`, { redirect: 'manual', ...init })).status

const post = (headers: Record<string, string>, query = '{ server { version } }') => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ query }),
})

describe('a server with sign-in', () => {
  it('answers clients with each kind of credential, and without one', async () => {
    for (const principal of PRINCIPALS)
      expect(await statusOf('/graphql', post(server.headersOf(principal)))).toBe(200)
  })

  it('takes an access token as the password of Basic', async () => {
    const basic = Buffer.from(`anyone:${server.secrets.token}`).toString('base64')
    expect(await statusOf('/graphql', post({ authorization: `Basic ${basic}` }))).toBe(200)
  })

  it('refuses a credential that is not valid, and does not continue without it', async () => {
    for (const authorization of ['Bearer ist_x', 'Bearer', 'Digest x', `Bearer ${server.secrets.token}0`])
      expect(await statusOf('/graphql', post({ authorization }))).toBe(401)
  })

  it('responds to health checks of everyone, also with an invalid credential', async () => {
    for (const path of ['/healthz', '/readyz'])
      expect(await statusOf(path, { headers: { authorization: 'Bearer ist_x' } })).toBe(200)
  })

  it('has metrics for those who may view everything', async () => {
    const statuses = await Promise.all(
      PRINCIPALS.map((principal) => statusOf('/metrics', { headers: server.headersOf(principal) })),
    )
    expect(statuses).toEqual([200, 403, 403, 403, 401])
  })
})

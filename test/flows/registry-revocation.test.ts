import { expect, test } from 'vitest'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'

const PULL = 'repository:team/web:pull'

test('a token of the registry ends with the session for which it was issued', async () => {
  await using app = await startSignedInApp()
  const password = Buffer.from(`member:${app.secrets.member}`).toString('base64')
  const issued = await fetch(`${app.url}/token?scope=${PULL}`, {
    headers: { authorization: `Basic ${password}` },
  })
  const { token } = (await issued.json()) as { token: string }
  const headers = { authorization: `Bearer ${token}` }
  const pull = async () => (await fetch(`${app.url}/v2/team/web/tags/list`, { headers })).status
  expect(await pull()).toBe(404)

  await fetch(`${app.url}/sign-out`, { method: 'POST', headers: app.headersOf('member') })
  expect(await pull()).toBe(401)
})

test('a token of the registry is not accepted by the API', async () => {
  await using app = await startSignedInApp()
  const password = Buffer.from(`ci:${app.secrets.token}`).toString('base64')
  const issued = await fetch(`${app.url}/token?scope=${PULL}`, {
    headers: { authorization: `Basic ${password}` },
  })
  const { token } = (await issued.json()) as { token: string }
  const response = await fetch(`${app.url}/graphql?query={__typename}`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
  })
  expect([response.status, await response.text()]).toEqual([401, expect.stringContaining('registry alone')])
})

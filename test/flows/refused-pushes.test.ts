import { expect, test } from 'vitest'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'

const ENTRIES = `query ($action: String) {
  auditEntries(filter: { action: $action }, first: 10) { nodes { action namespace target outcome principal } }
}`

test('pushes and deletes that are denied are recorded like refused mutations, and pulls are not', async () => {
  await using server = await startSignedInApp({ memberRole: 'PULLER', tokenRole: 'PULLER' })
  const headers = server.headersOf('member')
  const to = { repository: 'team/app', tag: 'v1' }
  const pushed = image({ seed: 'refused' })
  await new PushClient(server.url, { headers: server.headersOf('admin') }).push(to, pushed, 'one POST')

  const { status } = await fetch(`${server.url}/v2/team/app/manifests/v1`, { method: 'DELETE', headers })
  const upload = await fetch(`${server.url}/v2/team/app/blobs/uploads/`, { method: 'POST', headers })
  const foreign = await fetch(`${server.url}/v2/other/app/manifests/v1`, { headers })

  expect([status, upload.status, foreign.status]).toEqual([403, 403, 403])
  const refused = { namespace: 'team', target: 'team/app', outcome: 'REFUSED', principal: server.ids.member }
  for (const action of ['push', 'delete'] as const) {
    const { auditEntries } = await server
      .as('admin')
      .request<{ auditEntries: { nodes: readonly { outcome: string }[] } }>(ENTRIES, { action })
    expect(auditEntries.nodes.filter(({ outcome }) => outcome === 'REFUSED')).toEqual([
      { action, ...refused },
    ])
  }
  const { auditEntries } = await server
    .as('admin')
    .request<{ auditEntries: { nodes: readonly object[] } }>(ENTRIES, { action: 'pull' })
  expect(auditEntries.nodes).toEqual([])
})

test('a role that a protection of tags excepts is that of the principal, whatever the scope of its token', async () => {
  await using server = await startSignedInApp({ memberRole: 'EDITOR', tokenRole: 'PUSHER' })
  await server.as('admin').request(`mutation {
    protectTags(input: { namespace: "team", tags: "v*", exceptRoles: [EDITOR] }) { tagProtection { id } } }`)
  const push = async (principal: 'member' | 'token', seed: string) => {
    const scope = 'repository:team/app:pull,push'
    const password = server.secrets[principal]
    const headers = { authorization: `Basic ${Buffer.from(`me:${password}`).toString('base64')}` }
    const response = await fetch(`${server.url}/token?scope=${scope}`, { headers })
    const { token } = (await response.json()) as { token: string }
    const client = new PushClient(server.url, { headers: { authorization: `Bearer ${token}` } })
    await client.push({ repository: 'team/app', tag: 'v1' }, image({ seed }), 'one POST')
  }
  await push('member', 'first')
  await push('member', 'second')
  await expect(push('token', 'third')).rejects.toThrow('403')
})

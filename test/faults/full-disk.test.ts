import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { mountSmallDisk } from '../fixtures/small-disk.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorsOf, type Imported, importImage } from '../flows/operations.ts'
import { ended, mirror, mirroringOf } from '../graphql/mirroring/mirror.ts'

const large = layer(Array.from({ length: 100_000 }, (_, at) => (at * 7919).toString(36)).join(''))
const disk = mountSmallDisk('16m')

describe.runIf(disk)('a disk that fills up while the server runs', () => {
  test('is UNAVAILABLE; imports and mirrorings that it interrupted end once there is room, without a restart', async () => {
    if (!disk) return
    await using _mounted = disk
    await using upstream = await startUpstream()
    upstream.push('team/app', '1', image({ seed: 'one', layers: [large] }))
    upstream.push('team/app', '2', image({ seed: 'two' }))
    await using app = await startApp({ dataFolder: join(disk.folder, 'data'), minimumFreeBytes: 0 })
    const { client } = app
    const blobs = upstream.hold(({ reference }) => reference === large.digest)
    const mirroring = await mirror(app, `${upstream.host}/team/app:1`, { waitSeconds: 0 })
    await blobs.arrived(1)
    const manifests = upstream.hold(({ kind, method }) => kind === 'manifest' && method === 'GET')
    const from = `${upstream.host}/team/app:2`
    const imported = await importImage(client, { tag: '2', from, confirm: true, waitSeconds: 0 })
    await manifests.arrived(1)

    await disk.fill()
    blobs.open()
    manifests.open()

    const refused = await client.execute(
      'mutation { createImageStream(input: { name: "b" }) { imageStream { id } } }',
    )
    expect(errorsOf(refused)).toEqual([{ code: 'UNAVAILABLE' }])
    // no update is lost, and the event loop is not blocked
    const followed = ended(app, mirroring.id)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect((await mirroringOf(app, mirroring.id)).state).toBe('RUNNING')
    disk.free()

    expect(await followed).toMatchObject({ state: 'FAILED', reason: 'STORAGE_FULL' })
    await eventually(async () => {
      const { node } = await client.request<{ node: Imported }>(
        'query ($id: ID!) { node(id: $id) { ... on Import { state } } }',
        { id: imported.id },
      )
      expect(node.state).toBe('SUCCEEDED')
    })
    expect(await mirror(app, `${upstream.host}/team/app:1`)).toMatchObject({ state: 'SUCCEEDED' })
  })
})

const small = mountSmallDisk()

test.runIf(small)('a full disk refuses sign-ins and the end of a session with what to do', async () => {
  if (!small) return
  await using _mounted = small
  await using app = await startApp({ dataFolder: join(small.folder, 'data'), signIn: 'tokens' })
  const { searchParams: body } = new URL(app.app.firstAdminLink ?? '')
  const post = (path: string, init: RequestInit) =>
    fetch(`${app.app.url}${path}`, { method: 'POST', redirect: 'manual', ...init })

  await small.fill()
  const refused = await post('/sign-in/first-admin', { body })
  expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('free space')])
  small.free()
  const { session } = (await (await post('/sign-in/first-admin', { body })).json()) as { session: string }
  expect(session).toMatch(/^iss_/)

  await small.fill()
  const signOut = { headers: { cookie: `imagestreams=${session}`, origin: app.app.url } }
  expect((await post('/sign-out', signOut)).status).toBe(503)
  small.free()
  expect((await post('/sign-out', signOut)).status).toBe(204)
})

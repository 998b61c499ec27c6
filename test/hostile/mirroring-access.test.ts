import { expect, test } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorsOf } from '../flows/operations.ts'
import { inputOf, MIRROR_IMAGE } from '../graphql/mirroring/mirror.ts'

const web = image({ seed: 'web' })

/** Pushes the image as the server admin. */
async function pushAsAdmin(app: SignedInApp, repository: string): Promise<void> {
  const send = async (method: string, path: string, body: Uint8Array, type: string) => {
    const headers = { ...app.headersOf('admin'), 'content-type': type }
    const response = await fetch(`${app.url}/v2/${repository}/${path}`, {
      method,
      headers,
      body: Buffer.from(body),
    })
    expect(response.status).toBe(201)
  }
  for (const { digest, bytes } of [web.config, ...web.layers])
    await send('POST', `blobs/uploads/?digest=${digest}`, bytes, 'application/octet-stream')
  await send('PUT', 'manifests/v1', web.bytes, web.mediaType)
}

test('a mirroring links no blob of a repository that its requester may not pull, and reads no image there', async () => {
  await using app = await startSignedInApp()
  await using upstream = await startUpstream()
  upstream.push('base/web', '1.0', web)
  await pushAsAdmin(app, 'secret/web')
  const client = app.as('member')
  const input = (reference: string, more: object = {}) => ({
    input: { ...inputOf(reference), namespace: 'team', insecure: true, waitSeconds: 30, ...more },
  })
  const blobs = 1 + web.layers.length
  const planned = await client.request<object>(
    MIRROR_IMAGE,
    input(`${upstream.host}/base/web:1.0`, { dryRun: true }),
  )
  expect(planned).toMatchObject({ mirrorImage: { plan: { fetchBlobCount: blobs } } })

  const mirrored = await client.request<object>(MIRROR_IMAGE, input(`${upstream.host}/base/web:1.0`))

  expect(mirrored).toMatchObject({ mirrorImage: { imageMirroring: { state: 'SUCCEEDED' } } })
  expect(upstream.requests.blob).toBeGreaterThanOrEqual(blobs)
  const own = `localhost:${new URL(app.url).port}`
  for (const name of ['secret/web:v1', 'secret/nowhere:v1']) {
    const errors = errorsOf(await client.execute(MIRROR_IMAGE, input(`${own}/${name}`)))
    expect(errors).toEqual([{ code: 'NOT_FOUND' }])
  }
  const elsewhere = { ...input(`${upstream.host}/base/web:1.0`).input, namespace: 'other' }
  expect(errorsOf(await client.execute(MIRROR_IMAGE, { input: elsewhere }))).toEqual([{ code: 'NOT_FOUND' }])
})

import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { importImage } from './operations.ts'

test('an image that a protected tag does not get is fetched once, and its unchanged tag costs one request', async () => {
  await using upstream = await startUpstream()
  await using app = await startApp()
  const digest = upstream.push('team/app', 'v1', image({ seed: 'first' }))
  const from = `${upstream.host}/team/app:v1`
  const run = () => importImage(app.client, { imageStream: 'app', tag: 'v1', from, confirm: true })
  await run()
  await app.client.request('mutation { protectTags(input: { tags: "v*" }) { tagProtection { id } } }')
  upstream.push('team/app', 'v1', image({ seed: 'second' }))

  expect(await run()).toMatchObject({ failed: 1 })
  upstream.reset()
  expect(await run()).toMatchObject({ failed: 1 })

  expect(upstream.requests).toMatchObject({ head: 1, manifest: 0, blob: 0, listing: 0 })
  const { imageStreamTag } = await app.client.request<{ imageStreamTag: object }>(
    '{ imageStreamTag(name: "app:v1") { image { digest } conditions { status reason } } }',
  )
  expect(imageStreamTag).toMatchObject({
    image: { digest },
    conditions: [{ status: 'NOT_MET', reason: 'PROTECTED_TAG' }],
  })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { Follower } from '../../flows/follower.ts'
import { endOfLog, errorsOf, follow, history, importImage } from '../../flows/operations.ts'

const BEGAN = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000
const [first, second, third] = [1, 2, 3].map((seed) => image({ seed }).digest)

let upstream: Upstream
let app: TestApp
let now = BEGAN
beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp({}, { now: () => now })
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  await follow(app.client, `${upstream.host}/team/app`)
  for (const seed of [2, 3]) {
    now += HOUR
    upstream.push('team/app', 'latest', image({ seed }))
    await importImage(app.client)
  }
  now += HOUR
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface RolledBack {
  readonly imageStreamTag: { readonly imageStream: { readonly resourceVersion: string } }
}

const rollBack = (input: object) =>
  app.client.execute<{ rollbackTag: RolledBack }>(
    `mutation ($input: RollbackTagInput!) { rollbackTag(input: $input) {
      imageStreamTag { name image { digest } spec { from { kind name } } imageStream { resourceVersion } }
      event { created image { digest } } previous { created image { digest } } } }`,
    { input: { imageStream: 'app', tag: 'latest', ...input } },
  )

test('a tag is rolled back by a digest, and by a time; subscribers receive it, and imports do not change it', async () => {
  using follower = await Follower.start(app.app.url, { since: await endOfLog(app.client) })

  expect((await rollBack({ digest: first })).data.rollbackTag).toEqual({
    imageStreamTag: {
      name: 'app:latest',
      image: { digest: first },
      spec: { from: { kind: 'IMAGE_STREAM_IMAGE', name: `app@${first}` } },
      imageStream: { resourceVersion: expect.any(String) },
    },
    event: { created: new Date(now).toISOString(), image: { digest: first } },
    previous: { created: new Date(BEGAN + 2 * HOUR).toISOString(), image: { digest: third } },
  })
  now += HOUR
  await importImage(app.client)
  expect((await rollBack({ at: new Date(BEGAN + HOUR).toISOString() })).data.rollbackTag).toMatchObject({
    event: { image: { digest: second } },
    previous: { image: { digest: first } },
  })

  expect(await history(app.client, 'app:latest')).toEqual([second, first, third, second, first])
  expect((await follower.take(2)).map(({ image }) => image.digest)).toEqual([first, second])
})

test('a rollback to the present image adds no entry', async () => {
  const before = await history(app.client, 'app:latest')

  const { data } = await rollBack({ digest: before[0] })

  expect(data.rollbackTag).toMatchObject({ previous: null, event: { image: { digest: before[0] } } })
  expect(await history(app.client, 'app:latest')).toEqual(before)
})

test('to the previous image restores the one before, and again the one that was rolled back', async () => {
  const [newest, ...older] = await history(app.client, 'app:latest')
  const previous = older.find((digest) => digest !== newest)

  for (const digest of [previous, newest]) {
    now += HOUR
    const { data } = await rollBack({ to: 'PREVIOUS' })
    expect(data.rollbackTag).toMatchObject({ imageStreamTag: { image: { digest } } })
  }
})

test('to the previous image is refused for a tag that never had another one', async () => {
  upstream.push('team/app', 'single', image({ seed: 1 }))
  await importImage(app.client)

  const response = await rollBack({ to: 'PREVIOUS', tag: 'single' })
  expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'to' }])
  expect(response.errors?.[0]?.message).toContain('never pointed to another image')
})

test('an impossible rollback is refused with an error that names the possible ones', async () => {
  const stranger = image({ seed: 'stranger' }).digest
  const response = await rollBack({ digest: stranger })

  expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'digest' }])
  expect(response.errors?.[0]?.message).toContain(`${third} since 2026-01-01T02:00:00.000Z`)
  expect(errorsOf(await rollBack({}))).toEqual([{ code: 'INVALID', field: 'to' }])
  expect(errorsOf(await rollBack({ to: 'PREVIOUS', digest: first }))).toEqual([
    { code: 'INVALID', field: 'to' },
  ])
  expect(errorsOf(await rollBack({ at: '2020-01-01T00:00:00Z' }))).toEqual([{ code: 'INVALID', field: 'at' }])
  expect(errorsOf(await rollBack({ digest: first, tag: 'none' }))).toEqual([{ code: 'NOT_FOUND' }])
  expect(errorsOf(await rollBack({ digest: first, resourceVersion: '1' }))).toEqual([{ code: 'CONFLICT' }])
})

test('of two rollbacks with the same version, one succeeds and the other is CONFLICT', async () => {
  const { data } = await rollBack({ digest: third })
  const { resourceVersion } = data.rollbackTag.imageStreamTag.imageStream

  const responses = await Promise.all([first, second].map((digest) => rollBack({ digest, resourceVersion })))

  expect(responses.flatMap(errorsOf)).toEqual([{ code: 'CONFLICT' }])
})

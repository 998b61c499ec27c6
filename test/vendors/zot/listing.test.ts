import { expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { password } from '../../fixtures/registry-client.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { zotSide } from '../../fixtures/vendors/zot.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const LOGIN = { username: 'alice', password: 's3cret' }
const one = image({ seed: 'one' })

test('one ImageList query returns 5,000 tags; more tags need pages', async () => {
  await using zot = await startVendor(zotSide())
  const { registry, client, name } = zot
  for (let at = 0; at < 5000; at += 1) registry.push(REPOSITORY, `v${at}`, one)

  const whole = await client.read(name)
  expect(whole).toMatchObject({ isComplete: true })
  expect(whole.claims).toHaveLength(5000)
  expect(registry.requests.vendor).toBe(1)

  registry.push(REPOSITORY, 'v5000', one)
  const more = await client.read(name)
  expect(new Set(tagsOf(more.claims)).size).toBe(5001)
  expect(registry.requests.vendor).toBe(3)
})

test('the credential of the registry is accepted', async () => {
  await using zot = await startVendor(zotSide({ auth: { scheme: 'basic', credentials: LOGIN } }), {
    credentials: password(LOGIN.username, LOGIN.password),
  })
  zot.registry.push(REPOSITORY, 'latest', one)

  expect((await zot.client.read(zot.name)).claims).toMatchObject([
    { tag: 'latest', digest: one.digest, changedAt: zot.registry.world.time },
  ])
})

test('a zot without TaggedTimestamp is queried without it', async () => {
  await using zot = await startVendor(zotSide({ isOld: true }))
  const { registry, client, name } = zot
  registry.push(REPOSITORY, 'latest', one)

  expect((await client.read(name)).claims).toMatchObject([{ tag: 'latest', digest: one.digest }])
  expect(registry.log.map(({ status }) => status)).toEqual([422, 200])
})

test('GraphQL errors with 200 are an odd shape', async () => {
  await using zot = await startVendor(zotSide())
  zot.registry.hook = () => json(200, { errors: [{ message: 'internal error' }], data: null })

  expect(await zot.client.refusal(zot.name)).toMatchObject({
    reason: 'InvalidListing',
    message: expect.stringContaining('its search returned an error'),
  })
})

test('an unknown repository is NotFound', async () => {
  await using zot = await startVendor(zotSide())
  zot.registry.hook = () => json(200, { errors: [{ message: 'repository name not found' }], data: null })

  expect(await zot.client.refusal(zot.name)).toMatchObject({ reason: 'NotFound' })
})

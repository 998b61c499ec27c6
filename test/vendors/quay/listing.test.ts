import { expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { always, password } from '../../fixtures/registry-client.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { quaySide } from '../../fixtures/vendors/quay.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const one = image({ seed: 'one' })
const two = image({ seed: 'two' })
const three = image({ seed: 'three' })
const TOKEN = 'oauth-t0ken'

test('the history has the moves between two imports, each with its end_ts', async () => {
  await using quay = await startVendor(quaySide())
  const { registry, client, name } = quay
  registry.push(REPOSITORY, 'latest', one)
  const first = registry.world.time
  registry.push(REPOSITORY, 'latest', two)
  const second = registry.world.time
  registry.push(REPOSITORY, 'latest', three)
  const third = registry.world.time

  const { claims, moves } = await client.firstPage(name)

  expect(claims).toEqual([{ tag: 'latest', digest: three.digest, changedAt: third }])
  expect(moves).toEqual([
    { tag: 'latest', digest: three.digest, from: third, until: null },
    { tag: 'latest', digest: two.digest, from: second, until: third },
    { tag: 'latest', digest: one.digest, from: first, until: second },
  ])
  expect(registry.requests.vendor).toBe(1)
})

test('a deleted tag is a move with an end, and not a claim', async () => {
  await using quay = await startVendor(quaySide())
  const { registry, client, name } = quay
  registry.push(REPOSITORY, 'gone', one)
  registry.delete(REPOSITORY, 'gone')

  const { claims, moves } = await client.read(name)

  expect(claims).toEqual([])
  expect(moves).toMatchObject([{ tag: 'gone', until: registry.world.time }])
})

test('an end_ts in the future is an expiration: the tag exists until then', async () => {
  const expires = Date.UTC(2026, 5, 1)
  await using quay = await startVendor(quaySide({ expiring: new Map([['nightly', expires]]) }))
  const { registry, client, name } = quay
  registry.push(REPOSITORY, 'nightly', one)

  const before = await client.read(name)
  client.client.clock.time = expires
  const after = await client.read(name)

  expect(before.claims).toMatchObject([{ tag: 'nightly', digest: one.digest }])
  expect(before.moves).toMatchObject([{ tag: 'nightly', until: null }])
  expect(after.claims).toEqual([])
  expect(after.moves).toMatchObject([{ tag: 'nightly', until: expires }])
})

test('an old digest that is tagged again comes first, because it moved last', async () => {
  await using quay = await startVendor(quaySide())
  const { registry, client, name } = quay
  registry.push(REPOSITORY, 'old', one)
  registry.push(REPOSITORY, 'new', two)
  registry.retag(REPOSITORY, 'latest', one.digest)

  expect(tagsOf((await client.firstPage(name)).claims)).toEqual(['latest', 'new', 'old'])
})

test('a page has 100 tags, the maximum of limit, and a number', async () => {
  await using quay = await startVendor(quaySide())
  const { registry, client, name } = quay
  for (let at = 0; at < 150; at += 1) registry.push(REPOSITORY, 'latest', at % 2 ? one : two)

  const { claims, moves, isComplete } = await client.read(name)

  expect(registry.log.map(({ query }) => [query.get('limit'), query.get('page')])).toEqual([
    ['100', '1'],
    ['100', '2'],
  ])
  expect(claims).toHaveLength(1)
  expect(moves).toHaveLength(150)
  expect(isComplete).toBe(true)
})

test.each([
  ['as docker login takes it', password('$oauthtoken', TOKEN)],
  ['as a bearer token', always({ kind: 'registry', token: TOKEN })],
])('an OAuth token %s reads private repositories', async (_what, credentials) => {
  await using quay = await startVendor(quaySide({ oauthToken: TOKEN }), { credentials })
  quay.registry.push(REPOSITORY, 'latest', one)

  expect((await quay.client.read(quay.name)).claims).toHaveLength(1)
  expect(quay.registry.requests.vendor).toBe(1)
})

test.each([
  ['a robot account', password('team+robot', 'r0bot t0ken')],
  ['a password', password('alice', 's3cret')],
])('%s is not sent to the API, which accepts OAuth tokens only', async (_what, credentials) => {
  await using quay = await startVendor(quaySide(), { credentials })
  quay.registry.push(REPOSITORY, 'latest', one)

  expect((await quay.client.read(quay.name)).claims).toHaveLength(1)
  expect(quay.registry.log.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

test('a refused OAuth token does not prevent anonymous access', async () => {
  await using quay = await startVendor(quaySide(), { credentials: password('$oauthtoken', 'another') })
  quay.registry.push(REPOSITORY, 'latest', one)

  expect((await quay.client.read(quay.name)).claims).toHaveLength(1)
  expect(quay.registry.log.map(({ status }) => status)).toEqual([401, 200])
})

test('a response without has_additional is an odd shape', async () => {
  await using quay = await startVendor(quaySide())
  quay.registry.hook = () => json(200, { tags: [], page: 1 })

  expect(await quay.client.refusal(quay.name)).toMatchObject({ reason: 'InvalidListing' })
})

test('moves without a start, or with an end before it, are left out', async () => {
  await using quay = await startVendor(quaySide())
  const day = (number: number): number => Date.UTC(2025, 0, number) / 1000
  const row = (start: unknown, end: unknown) => ({
    name: 'latest',
    start_ts: start,
    end_ts: end,
    manifest_digest: one.digest,
  })
  const tags = [row('soon', undefined), row(0, day(1)), row(day(2), day(1)), row(day(1), day(2))]
  quay.registry.hook = () => json(200, { tags, page: 1, has_additional: false })

  expect((await quay.client.read(quay.name)).moves).toEqual([
    { tag: 'latest', digest: one.digest, from: day(1) * 1000, until: day(2) * 1000 },
  ])
})

import { expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { password } from '../../fixtures/registry-client.ts'
import { gitlabSide } from '../../fixtures/vendors/gitlab.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const LOGIN = { username: 'alice', password: 'glpat-s3cret' }
const one = image({ seed: 'one' })
const two = image({ seed: 'two' })

test('5,000 tags cost 5 requests of 1,000 each, with the newest publication first', async () => {
  await using gitlab = await startVendor(gitlabSide())
  const { registry, client, name } = gitlab
  for (let at = 0; at < 5000; at += 1) registry.push(REPOSITORY, `v${at}`, one)

  const { claims, isComplete } = await client.read(name)

  expect(new Set(tagsOf(claims)).size).toBe(5000)
  expect(claims[0]?.tag).toBe('v4999')
  expect(isComplete).toBe(true)
  expect(registry.requests.vendor).toBe(5)
  expect(registry.log.every(({ query }) => query.get('n') === '1000')).toBe(true)
  expect(registry.log.every(({ query }) => query.get('sort') === '-published_at')).toBe(true)
})

test('published_at is the time of the change, and a reported move', async () => {
  await using gitlab = await startVendor(gitlabSide())
  const { registry, client, name } = gitlab
  registry.push(REPOSITORY, 'latest', one)
  registry.push(REPOSITORY, 'latest', two)
  const at = registry.world.time

  const { claims, moves } = await client.read(name)

  expect(claims).toEqual([{ tag: 'latest', digest: two.digest, changedAt: at }])
  expect(moves).toEqual([{ tag: 'latest', digest: two.digest, from: at, until: null }])
})

test('the pull token of the registry is accepted, and requested once', async () => {
  await using gitlab = await startVendor(gitlabSide({ auth: { scheme: 'bearer', credentials: LOGIN } }), {
    credentials: password(LOGIN.username, LOGIN.password),
  })
  const { registry, client, name } = gitlab
  registry.push(REPOSITORY, 'latest', one)

  await client.read(name)
  await client.read(name)

  expect(registry.requests).toMatchObject({ token: 1, vendor: 3 })
  const [token] = registry.log.filter(({ kind }) => kind === 'token')
  expect(token?.query.getAll('scope')).toEqual(['repository:team/app:pull'])
})

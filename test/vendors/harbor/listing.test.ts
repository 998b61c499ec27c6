import { expect, test } from 'vitest'
import { image, releases } from '../../fixtures/random-image.ts'
import { password } from '../../fixtures/registry-client.ts'
import { harborSide } from '../../fixtures/vendors/harbor.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const LOGIN = { username: 'robot$reader', password: 'r0bot s3cret' }
const one = image({ seed: 'one' })

test('the slashes of a repository are encoded twice, as %252F', async () => {
  await using harbor = await startVendor(harborSide())
  const { registry, client } = harbor
  registry.push('acme/team/app', 'latest', one)

  expect((await client.read(`${registry.host}/acme/team/app`)).claims).toHaveLength(1)
  expect(registry.log.map(({ path }) => path)).toEqual([
    '/api/v2.0/projects/acme/repositories/team%252Fapp/artifacts',
  ])
})

test('retagging an old digest (harbor#22640) is invisible on the first page, and found by a full scan', async () => {
  await using harbor = await startVendor(harborSide())
  const { registry, client, name } = harbor
  registry.push(REPOSITORY, 'old', one)
  for (const [tag, content] of releases(150)) registry.push(REPOSITORY, tag, content)
  registry.retag(REPOSITORY, 'latest', one.digest)

  const first = await client.firstPage(name)
  const whole = await client.read(name)

  expect(tagsOf(first.claims)).not.toContain('latest')
  expect(whole.claims.find(({ tag }) => tag === 'latest')).toMatchObject({
    digest: one.digest,
    changedAt: registry.world.time,
  })
})

test('several tags of one artifact are several claims, each with its own push_time', async () => {
  await using harbor = await startVendor(harborSide())
  const { registry, client, name } = harbor
  registry.push(REPOSITORY, 'a', one)
  const first = registry.world.time
  registry.retag(REPOSITORY, 'b', one.digest)

  expect((await client.read(name)).claims).toEqual([
    { tag: 'a', digest: one.digest, changedAt: first },
    { tag: 'b', digest: one.digest, changedAt: registry.world.time },
  ])
})

test('only artifacts with a tag are requested, a hundred on each page', async () => {
  await using harbor = await startVendor(harborSide())
  const { registry, client, name } = harbor
  for (const [tag, content] of releases(101)) registry.push(REPOSITORY, tag, content)

  const { isComplete } = await client.read(name)

  expect(isComplete).toBe(true)
  expect(registry.log.map(({ query }) => Object.fromEntries(query))).toEqual([
    { page_size: '100', page: '1', with_tag: 'true', q: 'tags=*' },
    { page_size: '100', page: '2', with_tag: 'true', q: 'tags=*' },
  ])
})

test('pages without Link are read until one is not full', async () => {
  await using harbor = await startVendor(harborSide())
  const { registry, client, name } = harbor
  for (const [tag, content] of releases(100)) registry.push(REPOSITORY, tag, content)
  registry.hook = (_request, { headers: { link: _link, ...headers }, ...response }) => ({
    ...response,
    headers,
  })

  const { claims, isComplete } = await client.read(name)

  expect(claims).toHaveLength(100)
  expect(isComplete).toBe(true)
  expect(registry.requests.vendor).toBe(2)
})

test('a robot account is sent with Basic authentication', async () => {
  await using harbor = await startVendor(harborSide({ login: LOGIN }), {
    credentials: password(LOGIN.username, LOGIN.password),
  })
  harbor.registry.push(REPOSITORY, 'latest', one)

  expect((await harbor.client.read(harbor.name)).claims).toHaveLength(1)
  expect(harbor.registry.requests.vendor).toBe(1)
})

test('a refused login does not prevent anonymous access', async () => {
  await using harbor = await startVendor(harborSide(), { credentials: password('robot$old', 'expired') })
  harbor.registry.push(REPOSITORY, 'latest', one)

  expect((await harbor.client.read(harbor.name)).claims).toHaveLength(1)
  expect(harbor.registry.log.map(({ status }) => status)).toEqual([401, 200])
})

test('a repository without a project has no listing', async () => {
  await using harbor = await startVendor(harborSide())

  expect(await harbor.client.find(`${harbor.registry.host}/app`)).toBeNull()
})

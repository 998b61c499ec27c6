import { expect, test } from 'vitest'
import { image, releases } from '../../fixtures/random-image.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { azureSide } from '../../fixtures/vendors/azure.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const one = image({ seed: 'one' })

test('a token for metadata_read is requested, even if pulling needs none', async () => {
  await using azure = await startVendor(azureSide())
  const { registry, client, name } = azure
  registry.push(REPOSITORY, 'latest', one)

  await client.read(name)

  const [token] = registry.log.filter(({ path }) => path === '/oauth2/token')
  expect(token?.query.getAll('scope')).toEqual(['repository:team/app:metadata_read'])
})

test.each([
  ['by the Link of each', true],
  ['by the last tag of each, where none says that there is a next', false],
])('the next page begins after the tag in last=, the last one of this page: %s', async (_what, links) => {
  await using azure = await startVendor(azureSide({ links }))
  const { registry, client, name } = azure
  for (const [tag, content] of releases(200, { images: 5 })) registry.push(REPOSITORY, tag, content)

  const { claims, isComplete } = await client.read(name)

  expect(new Set(tagsOf(claims)).size).toBe(200)
  expect(claims).toHaveLength(200)
  expect(isComplete).toBe(true)
  const pages = registry.log.filter(({ status, path }) => status === 200 && path.endsWith('/_tags'))
  expect(pages.map(({ query }) => query.get('last'))).toEqual([null, '1.10.0', ...(links ? [] : ['1.0.0'])])
  expect(pages.every(({ query }) => query.get('orderby') === 'timedesc')).toBe(true)
})

test('lastUpdateTime is the time of the change, with seven decimals of a second', async () => {
  await using azure = await startVendor(azureSide())
  const { registry, client, name } = azure
  registry.push(REPOSITORY, 'latest', one)

  expect((await client.read(name)).claims).toMatchObject([{ changedAt: registry.world.time }])
})

test('a repository without tags has no list, and is empty', async () => {
  await using azure = await startVendor(azureSide())
  azure.registry.hook = ({ path }, response) =>
    path.endsWith('/_tags') && response.status !== 401
      ? json(200, { registry: 'team.azurecr.io', imageName: REPOSITORY })
      : undefined

  expect(await azure.client.read(azure.name)).toMatchObject({ claims: [] })
})

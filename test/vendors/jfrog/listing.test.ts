import { expect, test } from 'vitest'
import { image, index } from '../../fixtures/random-image.ts'
import { always, password } from '../../fixtures/registry-client.ts'
import { jfrogSide } from '../../fixtures/vendors/jfrog.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'docker-local/team/app'
const HEX = 'cd'.repeat(32)
const one = image({ seed: 'one' })
const both = index([one, image({ seed: 'two' })])

test('one AQL query lists all tags: folders, with the checksum of manifest.json or list.manifest.json', async () => {
  await using jfrog = await startVendor(jfrogSide())
  const { registry, client } = jfrog
  registry.push(REPOSITORY, '1.0', one)
  registry.push(REPOSITORY, 'latest', both)

  const { claims, isComplete } = await client.read(`${registry.host}/${REPOSITORY}`)

  expect(claims).toEqual([
    { tag: 'latest', digest: both.digest, changedAt: registry.world.time },
    { tag: '1.0', digest: one.digest, changedAt: registry.world.time - 1000 },
  ])
  expect(isComplete).toBe(true)
  expect(registry.log.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /artifactory/api/search/aql',
  ])
})

test('a virtual repository may have its name before each path', async () => {
  await using jfrog = await startVendor(jfrogSide({ prefixesPaths: true }))
  const { registry, client } = jfrog
  registry.push(REPOSITORY, 'latest', one)

  const { claims } = await client.read(`${registry.host}/${REPOSITORY}`)

  expect(claims).toMatchObject([{ tag: 'latest', digest: one.digest }])
})

test('digests listed as tags, deeper folders and other files are not tags', async () => {
  await using jfrog = await startVendor(
    jfrogSide({
      strays: [
        { path: `team/app/sha256:${HEX}`, name: 'manifest.json' },
        { path: `team/app/sha256__${HEX}`, name: 'manifest.json' },
        { path: 'team/app/web/1.0', name: 'manifest.json' },
        { path: 'team/apple/1.0', name: 'manifest.json' },
        { path: 'team/app', name: 'manifest.json' },
        { path: 'team/app/2.0', name: 'config.json' },
      ],
    }),
  )
  const { registry, client } = jfrog
  registry.push(REPOSITORY, 'latest', one)

  const { claims } = await client.read(`${registry.host}/${REPOSITORY}`)

  expect(tagsOf(claims)).toEqual(['latest'])
  expect(client.warnings).toEqual([])
})

test('a tag with a list.manifest.json and a manifest.json points to the former', async () => {
  await using jfrog = await startVendor(
    jfrogSide({ strays: [{ path: 'team/app/latest', name: 'manifest.json' }] }),
  )
  const { registry, client } = jfrog
  registry.push(REPOSITORY, 'latest', both)

  const { claims } = await client.read(`${registry.host}/${REPOSITORY}`)

  expect(claims).toMatchObject([{ tag: 'latest', digest: both.digest }])
})

test('fewer results than the count are not complete', async () => {
  await using jfrog = await startVendor(jfrogSide({ most: 2 }))
  const { registry, client } = jfrog
  for (const tag of ['a', 'b', 'c']) registry.push(REPOSITORY, tag, one)

  const { claims, isComplete } = await client.read(`${registry.host}/${REPOSITORY}`)

  expect(tagsOf(claims)).toEqual(['c', 'b'])
  expect(isComplete).toBe(false)
})

test.each([
  ['Basic', password('alice', 's3cret'), `Basic ${Buffer.from('alice:s3cret').toString('base64')}`],
  ['a bearer', always({ kind: 'identity', username: '', token: 'a-t0ken' }), 'Bearer a-t0ken'],
])('the credential is sent as %s', async (_what, credentials, sent) => {
  await using jfrog = await startVendor(jfrogSide(), { credentials })
  jfrog.registry.push(REPOSITORY, 'latest', one)

  await jfrog.client.refusal(`${jfrog.registry.host}/${REPOSITORY}`)

  expect(jfrog.registry.log.map(({ headers }) => headers.authorization)).toEqual([sent])
})

test('a repository without a folder of its own has no listing', async () => {
  await using jfrog = await startVendor(jfrogSide())

  expect(await jfrog.client.find(`${jfrog.registry.host}/app`)).toBeNull()
})

import { expect, test } from 'vitest'
import { noCredentials } from '../../../src/remote/login/credentials.ts'
import { image, releases } from '../../fixtures/random-image.ts'
import { always, password } from '../../fixtures/registry-client.ts'
import { githubSide } from '../../fixtures/vendors/github.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const PAT = 'ghp_0123456789abcdef'
const one = image({ seed: 'one' })
const two = image({ seed: 'two' })
const asAlice = { credentials: password('alice', PAT) }

test('there is no listing without a token, also for public packages', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), { credentials: noCredentials })

  expect(await github.client.find(github.name)).toBeNull()
  expect(github.registry.log).toEqual([])
})

test('a personal access token is sent as bearer token, and the name of a version is its digest', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), asAlice)
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'latest', one)
  registry.push(REPOSITORY, '1.0', one)

  const { claims } = await client.read(name)

  expect(claims).toMatchObject([
    { tag: 'latest', digest: one.digest },
    { tag: '1.0', digest: one.digest },
  ])
  expect(registry.log.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${PAT}`])
})

test('a page of untagged versions is not the last one', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), asAlice)
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'first', one)
  for (const [, content] of releases(320)) registry.push(REPOSITORY, null, content)

  const { claims, pages, isComplete } = await client.read(name)

  expect(tagsOf(claims)).toEqual(['first'])
  expect(pages.map((page) => page.claims.length)).toEqual([0, 0, 0, 1])
  expect(isComplete).toBe(true)
})

test('the first page is requested with its ETag, and reused after a 304', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), asAlice)
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'latest', one)

  const before = await client.read(name)
  const unchanged = await client.read(name)
  registry.push(REPOSITORY, 'latest', two)
  const after = await client.read(name)

  expect(registry.log.map(({ status }) => status)).toEqual([200, 304, 200])
  expect(unchanged).toEqual(before)
  expect(after.claims).toMatchObject([{ tag: 'latest', digest: two.digest }])
})

test('a page of one token is not reused for another', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), {
    credentials: {
      find: async (_registry, _repository, namespace) => ({
        id: `${namespace}`,
        secret: { kind: 'password', username: 'alice', password: namespace === 'ours' ? PAT : 'another' },
      }),
    },
  })
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'latest', one)
  const readAs = async (namespace: string) => {
    for await (const page of (await client.listing(name, { namespace })).pages()) return page.claims
    return []
  }

  expect(await readAs('ours')).toHaveLength(1)
  await expect(readAs('theirs')).rejects.toMatchObject({ reason: 'Unauthorized' })
  expect(registry.log.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, undefined])
})

test("a user's package is found at the path of users, which is requested first from then on", async () => {
  await using github = await startVendor(githubSide({ token: PAT, owners: 'users' }), asAlice)
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'latest', one)

  await client.read(name)
  registry.push('team/other', 'latest', two)
  await client.read(`${registry.host}/team/other`)

  expect(registry.log.map(({ path, status }) => [path.split('/')[1], status])).toEqual([
    ['orgs', 404],
    ['users', 200],
    ['users', 200],
  ])
})

test('an owner in upper case is the same owner', async () => {
  await using github = await startVendor(githubSide({ token: PAT, ownerName: 'Team' }), asAlice)
  github.registry.push(REPOSITORY, 'latest', one)

  expect((await github.client.read(github.name)).claims).toHaveLength(1)
})

test("a package's name may have slashes", async () => {
  await using github = await startVendor(githubSide({ token: PAT }), asAlice)
  const { registry, client } = github
  registry.push('team/app/web', 'latest', one)

  expect((await client.read(`${registry.host}/team/app/web`)).claims).toHaveLength(1)
  expect(registry.log.map(({ path }) => path)).toEqual(['/orgs/team/packages/container/app%2Fweb/versions'])
})

test('an old version that is tagged again keeps its position: a full scan finds it', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), asAlice)
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'old', one)
  for (const [tag, content] of releases(120)) registry.push(REPOSITORY, tag, content)
  registry.retag(REPOSITORY, 'latest', one.digest)

  const first = await client.firstPage(name)
  const whole = await client.read(name)

  expect(tagsOf(first.claims)).not.toContain('latest')
  expect(whole.claims.find(({ tag }) => tag === 'latest')).toMatchObject({
    digest: one.digest,
    changedAt: registry.world.time,
  })
})

test('versions that are not sorted newest first are an odd shape: a reader of the first page would miss changes', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), asAlice)
  const { registry, client, name } = github
  registry.push(REPOSITORY, 'one', one)
  registry.push(REPOSITORY, 'two', two)
  registry.hook = (_request, response) => ({
    ...response,
    body: JSON.stringify(JSON.parse(response.body.toString()).reverse()),
  })

  expect(await client.refusal(name)).toMatchObject({ reason: 'InvalidListing' })
})

test('a token for the registry itself is sent too', async () => {
  await using github = await startVendor(githubSide({ token: PAT }), {
    credentials: always({ kind: 'registry', token: PAT }),
  })
  github.registry.push(REPOSITORY, 'latest', one)

  expect((await github.client.read(github.name)).claims).toHaveLength(1)
})

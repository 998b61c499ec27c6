import semver from 'semver'
import { expect, test } from 'vitest'
import type { TestApp } from '../fixtures/app.ts'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { RUBY_REPOSITORY, RubyReplay, replay, tagsAt } from '../fixtures/ruby-history.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { history, type Imported, importImage, pushLog, tagDigests } from './operations.ts'

interface Decided {
  readonly decision: {
    readonly chosen: string | null
    readonly ranked: { readonly totalCount: number }
  } | null
  readonly import: Imported | null
}

async function setTagPolicy({ client }: TestApp, input: object): Promise<Decided> {
  const { setTagPolicy } = await client.request<{ setTagPolicy: Decided }>(
    `mutation ($input: SetTagPolicyInput!) { setTagPolicy(input: $input) {
      decision { chosen ranked { totalCount } } import { state imported failed message } } }`,
    { input },
  )
  return setTagPolicy
}

const chosenOf = async ({ client }: TestApp, name: string): Promise<string | null | undefined> => {
  const { imageStreamTag } = await client.request<{
    imageStreamTag: { policyDecision: { chosen: string | null } | null } | null
  }>('query ($name: String!) { imageStreamTag(name: $name) { policyDecision { chosen } } }', { name })
  return imageStreamTag?.policyDecision?.chosen
}

const RELEASE = /^\d+\.\d+\.\d+$/

/** Highest release in the range according to npm's semver. */
const highest = (tags: Iterable<string>, range: string): string | null =>
  semver.maxSatisfying(
    [...tags].filter((tag) => RELEASE.test(tag)),
    range,
  )

const DATES = ['2016-01-01', '2017-01-01', '2018-06-01', '2020-01-01', '2023-01-01', '2026-01-01'].map(
  (date) => new Date(date),
)

test('a rule follows twelve years of the ruby image: at each date its tag points to the highest release of that date', async () => {
  await using upstream = await startUpstream({ log: false, pageSize: 5000 })
  await using app = await startApp({ importMode: 'PreserveOriginal' })
  const ruby = new RubyReplay(upstream)
  const repository = `${upstream.host}/${RUBY_REPOSITORY}`
  const rules = {
    two: { range: '^2', filter: '^(\\d+\\.\\d+\\.\\d+)$' },
    'two-slim': { range: '^2', filter: '^(\\d+\\.\\d+\\.\\d+)-slim$' },
    any: { range: '*', filter: '^(\\d+\\.\\d+\\.\\d+)$' },
  }
  const histories = new Map<string, string[]>()

  for (const [at, date] of DATES.entries()) {
    ruby.advanceTo(date)
    if (at === 0) {
      for (const [tag, { range, filter }] of Object.entries(rules)) {
        const policy = { order: 'SEMVER', range, filter: { pattern: filter } }
        await setTagPolicy(app, { imageStream: 'ruby', tag, repository, policy })
      }
    } else {
      if (at === 2) await app.restart()
      await importImage(app.client, { imageStream: 'ruby' })
    }

    const upstreamTags = tagsAt(date)
    const names = [...upstreamTags.keys()]
    const slim = names.filter((tag) => tag.endsWith('-slim')).map((tag) => tag.slice(0, -'-slim'.length))
    const expected = new Map([
      ['two', highest(names, '^2')],
      ['two-slim', `${highest(slim, '^2')}-slim`],
      ['any', highest(names, '*')],
    ])
    const digests = await tagDigests(app.client, 'ruby')
    for (const [tag, chosen] of expected) {
      expect(await chosenOf(app, `ruby:${tag}`), `${tag} at ${date}`).toBe(chosen)
      const digest = upstreamTags.get(chosen as never) ?? ''
      expect(digests.get(tag), `${tag} at ${date}`).toBe(digest)
      const before = histories.get(tag) ?? []
      if (before[0] !== digest) histories.set(tag, [digest, ...before])
    }
    expect([...digests.keys()].sort()).toEqual([...expected.keys()].sort())
  }

  for (const tag of Object.keys(rules)) {
    expect(await history(app.client, `ruby:${tag}`)).toEqual(histories.get(tag))
    expect(histories.get(tag)?.length).toBeGreaterThan(2)
  }
  const pushes = await pushLog(app.client)
  for (const [tag, digests] of histories) {
    const chosen = pushes.filter((push) => push.tag === tag).map((push) => push.image.digest)
    expect(chosen).toEqual([...digests].reverse())
  }
})

test('a rule costs one tag list and one HEAD, and its chosen image is fetched once', async () => {
  await using upstream = await startUpstream({ pageSize: 5000 })
  await using app = await startApp()
  const ruby = replay(upstream, RUBY_REPOSITORY, { until: new Date('2020-01-01') })
  const repository = `${upstream.host}/${RUBY_REPOSITORY}`
  const policy = { order: 'SEMVER', range: '^2', filter: { pattern: '^\\d+\\.\\d+\\.\\d+$' } }

  const { decision } = await setTagPolicy(app, { imageStream: 'ruby', tag: 'two', repository, policy })
  expect(decision?.chosen).toBe(highest(tagsAt(new Date('2020-01-01')).keys(), '^2'))
  // the index and its linux/amd64 image with the config
  expect(upstream.requests).toMatchObject({ listing: 1, head: 1, manifest: 2, blob: 1 })

  upstream.reset()
  expect(await importImage(app.client, { imageStream: 'ruby' })).toMatchObject({ unchanged: 1 })
  expect(upstream.requests).toMatchObject({ listing: 1, head: 1, manifest: 0, blob: 0 })

  ruby.advanceTo(new Date('2022-01-01'))
  upstream.reset()
  expect(await importImage(app.client, { imageStream: 'ruby' })).toMatchObject({ imported: 1 })
  expect(upstream.requests).toMatchObject({ listing: 1, head: 1, manifest: 2, blob: 1 })
})

test('a rule moves nothing because of a list that lacks its tag, and moves down when the registry lost the tag', async () => {
  await using upstream = await startUpstream()
  await using app = await startApp()
  for (const tag of ['1.1.0', '1.2.0']) upstream.push('team/app', tag, image({ seed: tag }))
  const policy = { order: 'SEMVER', range: '^1' }
  await setTagPolicy(app, { imageStream: 'app', tag: 'one', repository: `${upstream.host}/team/app`, policy })
  expect(await chosenOf(app, 'app:one')).toBe('1.2.0')

  const body = JSON.stringify({ name: 'team/app', tags: ['1.1.0'] })
  upstream.hook = ({ kind }) =>
    kind === 'listing' ? { status: 200, headers: { 'content-type': 'application/json' }, body } : undefined
  expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', unchanged: 1 })
  expect(await chosenOf(app, 'app:one')).toBe('1.2.0')
  expect(await pushLog(app.client)).toHaveLength(1)

  upstream.untag('team/app', '1.2.0')
  expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
  expect(await chosenOf(app, 'app:one')).toBe('1.1.0')
  expect(await pushLog(app.client)).toHaveLength(2)

  const listed = JSON.stringify({ name: 'team/app', tags: ['1.1.0', '1.2.0'] })
  upstream.hook = ({ kind }) =>
    kind === 'listing'
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: listed }
      : undefined
  expect(await importImage(app.client)).toMatchObject({ state: 'SUCCEEDED', unchanged: 1 })
  const { imageStreamTag } = await app.client.request<{ imageStreamTag: { conditions: object[] } }>(
    '{ imageStreamTag(name: "app:one") { conditions { type status reason message } } }',
  )
  expect(imageStreamTag.conditions).toMatchObject([
    {
      ...{ type: 'POLICY_CHOICE', status: 'NOT_MET', reason: 'NOT_FOUND' },
      message: expect.stringContaining('1.1.0 was chosen instead of 1.2.0: '),
    },
  ])
})

test('several rules and the import of the whole repository share one tag list', async () => {
  await using upstream = await startUpstream()
  await using app = await startApp()
  for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
    upstream.push('team/app', version, image({ seed: version }))
  }
  const repository = `${upstream.host}/team/app`
  const tags = ['^1', '^2', '*'].map((range, at) => ({
    name: `rule-${at}`,
    from: { kind: 'DOCKER_IMAGE', name: repository },
    policy: { order: 'SEMVER', range },
  }))

  await app.client.request(
    'mutation ($input: CreateImageStreamInput!) { createImageStream(input: $input) { import { state } } }',
    { input: { name: 'app', spec: { dockerImageRepository: repository, tags } } },
  )

  expect(await tagDigests(app.client)).toEqual(
    new Map([
      ['1.0.0', image({ seed: '1.0.0' }).digest],
      ['1.1.0', image({ seed: '1.1.0' }).digest],
      ['2.0.0', image({ seed: '2.0.0' }).digest],
      ['rule-0', image({ seed: '1.1.0' }).digest],
      ['rule-1', image({ seed: '2.0.0' }).digest],
      ['rule-2', image({ seed: '2.0.0' }).digest],
    ]),
  )
  expect(upstream.requests).toMatchObject({ listing: 1, manifest: 3, blob: 3 })
})

test('the newest rule costs a HEAD per tag that passes the filter, and fetches each image once', async () => {
  await using upstream = await startUpstream()
  await using app = await startApp()
  const nightly = (day: number) => image({ seed: day, created: new Date(Date.UTC(2025, 0, day)) })
  // names that do not show the order
  for (const [at, name] of ['e4', '07', 'c1', '9b'].entries()) {
    upstream.push('team/app', `nightly-${name}`, nightly(at + 1))
  }
  upstream.push('team/app', 'latest', nightly(20))
  const input = {
    imageStream: 'app',
    tag: 'nightly',
    repository: `${upstream.host}/team/app`,
    policy: { order: 'NEWEST', filter: { pattern: '^nightly-' } },
  }

  const rehearsed = await setTagPolicy(app, { ...input, dryRun: true })
  expect(rehearsed.decision).toEqual({ chosen: 'nightly-9b', ranked: { totalCount: 4 } })
  upstream.reset()
  const { decision } = await setTagPolicy(app, input)
  expect(decision).toEqual(rehearsed.decision)
  expect(upstream.requests).toMatchObject({ listing: 1, head: 4, manifest: 4, blob: 4 })

  upstream.push('team/app', 'nightly-00', nightly(9))
  for (const fetched of [1, 0]) {
    upstream.reset()
    await importImage(app.client)
    expect(upstream.requests).toMatchObject({ listing: 1, head: 5, manifest: fetched, blob: fetched })
  }
  expect(await history(app.client, 'app:nightly')).toEqual([nightly(9).digest, nightly(4).digest])
})

import { describe, expect, test } from 'vitest'
import type { TestApp } from '../../fixtures/app.ts'
import { startApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { createStream, errorsOf, follow, importImage, reportsOf } from '../../flows/operations.ts'
import { shared } from '../shared.ts'
import { picture, startWithUpstream } from '../writes.ts'

const DECISION = `chosen decidedAt ranked { totalCount nodes { tag value message } }
  excluded { totalCount nodes { tag value reason message } }`
const SET_TAG_POLICY = `mutation ($input: SetTagPolicyInput!) { setTagPolicy(input: $input) {
  imageStreamTag { name image { digest } spec { generation from { kind name }
    importPolicy { scheduled importMode } policy { order range includePrereleases lowest filter { pattern extract } } } }
  decision { ${DECISION} }
  import { id state finishedAt total imported message } } }`

interface Decision {
  readonly chosen: string | null
  readonly [field: string]: unknown
}

interface TagPolicySet {
  readonly imageStreamTag: { readonly [field: string]: unknown } | null
  readonly decision: Decision | null
  readonly import: { readonly id: string; readonly state: string } | null
}

const setTagPolicy = async ({ client }: TestApp, input: object): Promise<TagPolicySet> => {
  const all = { imageStream: 'app', tag: 'stable', policy: { order: 'SEMVER' }, ...input }
  return (await client.request<{ setTagPolicy: TagPolicySet }>(SET_TAG_POLICY, { input: all })).setTagPolicy
}

const decisionOf = async ({ client }: TestApp, name = 'app:stable'): Promise<Decision | null> => {
  const { imageStreamTag } = await client.request<{
    imageStreamTag: { policyDecision: Decision | null } | null
  }>(`query ($name: String!) { imageStreamTag(name: $name) { policyDecision { ${DECISION} } } }`, { name })
  return imageStreamTag?.policyDecision ?? null
}

const two = image({ seed: 2 })

/** `team/app` with 1.0 and latest, which are one image, and 2.0 and 2.1.0-rc1, which are another. */
async function start() {
  const it = await startWithUpstream()
  for (const tag of ['2.0', '2.1.0-rc1']) it.upstream.push('team/app', tag, two)
  return it
}

describe('setTagPolicy', () => {
  test('chooses among the stream’s own tags at once, with the reason', async () => {
    await using it = await start()
    await follow(it.app.client, it.repository)

    const set = await setTagPolicy(it.app, { policy: { order: 'SEMVER', range: '1 - 2' } })

    expect(set).toEqual({
      imageStreamTag: {
        name: 'app:stable',
        image: { digest: two.digest },
        spec: {
          generation: 2,
          from: null,
          importPolicy: { scheduled: false, importMode: 'LEGACY' },
          policy: { order: 'SEMVER', range: '1 - 2', includePrereleases: false, lowest: false, filter: null },
        },
      },
      decision: {
        chosen: '2.0',
        decidedAt: expect.any(String),
        ranked: {
          totalCount: 2,
          nodes: [
            { tag: '2.0', value: '2.0', message: expect.any(String) },
            { tag: '1.0', value: '1.0', message: '1.0 is lower than 2.0' },
          ],
        },
        excluded: {
          totalCount: 2,
          nodes: [
            { tag: '2.1.0-rc1', value: '2.1.0-rc1', reason: 'PRERELEASE', message: expect.any(String) },
            { tag: 'latest', value: 'latest', reason: 'NOT_A_VERSION', message: expect.any(String) },
          ],
        },
      },
      import: null,
    })
    expect(await decisionOf(it.app)).toEqual(set.decision)
  })

  test('chooses among the tags of a repository, in a stream that it creates, and waits for the import', async () => {
    await using it = await start()
    const filter = { pattern: '^(\\d+)\\.(\\d+)$', extract: '$1.$2' }

    const set = await setTagPolicy(it.app, {
      imageStream: 'shop',
      repository: it.repository,
      scheduled: true,
      policy: { order: 'NUMERICAL', lowest: true, filter },
    })

    expect(set).toMatchObject({
      imageStreamTag: {
        name: 'shop:stable',
        image: { digest: expect.not.stringContaining(two.digest) },
        spec: {
          from: { kind: 'DOCKER_IMAGE', name: it.repository },
          importPolicy: { scheduled: true },
          policy: { order: 'NUMERICAL', lowest: true, filter },
        },
      },
      decision: { chosen: '1.0', ranked: { totalCount: 2 }, excluded: { totalCount: 2 } },
      import: { state: 'SUCCEEDED', total: 1, imported: 1 },
    })
    expect(await decisionOf(it.app, 'shop:stable')).toEqual(set.decision)
  })

  test('with waitSeconds: 0 returns at once, and the import can be followed', async () => {
    await using it = await start()
    using gate = it.upstream.hold(({ kind }) => kind === 'listing')

    const set = await setTagPolicy(it.app, { repository: it.repository, waitSeconds: 0 })
    expect(set).toMatchObject({
      imageStreamTag: { image: null },
      decision: null,
      import: { finishedAt: null },
    })
    expect(await decisionOf(it.app)).toBeNull()
    gate.open()

    expect((await reportsOf(it.app.client, set.import?.id ?? '')).at(-1)?.state).toBe('SUCCEEDED')
    expect(await decisionOf(it.app)).toMatchObject({ chosen: '2.0' })
  })

  test('in a dry run returns the decision for both kinds of policies, and stores nothing', async () => {
    await using it = await start()
    await follow(it.app.client, it.repository)
    const before = await picture(it.app)

    for (const source of [{}, { repository: it.repository }]) {
      const policy = { order: 'SEMVER', includePrereleases: true }
      const set = await setTagPolicy(it.app, { dryRun: true, policy, ...source })
      expect(set).toMatchObject({
        imageStreamTag: null,
        decision: { chosen: '2.1.0-rc1', decidedAt: null, ranked: { totalCount: 3 } },
      })
    }
    expect(await picture(it.app)).toEqual(before)
  })

  test('lists the closest tags of a repository in which no tag can be chosen', async () => {
    await using it = await start()

    const set = await setTagPolicy(it.app, {
      repository: it.repository,
      policy: { order: 'SEMVER', range: '^3' },
    })

    expect(set).toMatchObject({
      imageStreamTag: { image: null },
      decision: { chosen: null, ranked: { totalCount: 0 }, excluded: { totalCount: 4 } },
      import: { state: 'FAILED', message: expect.stringContaining('chooses none of its 4 tags') },
    })
  })

  const server = shared(() => startApp())
  test.each([
    ['a range that is none', { policy: { order: 'SEMVER', range: 'x y' } }, 'policy.range'],
    ['a range of numbers', { policy: { order: 'NUMERICAL', range: '^1' } }, 'policy.range'],
    [
      'a pattern that would grow without bound',
      { policy: { order: 'ALPHABETICAL', filter: { pattern: '((a{1,100}){1,100}){1,100}' } } },
      'policy.filter.pattern',
    ],
    ['a repository with a digest', { repository: `a.test/b@sha256:${'0'.repeat(64)}` }, 'repository'],
    ['a schedule for its own tags', { scheduled: true }, 'scheduled'],
    ['a wait that is too long', { waitSeconds: 301 }, 'waitSeconds'],
  ])('refuses %s as INVALID, and creates no stream', async (_what, input, field) => {
    const { client } = server()
    const response = await client.execute(SET_TAG_POLICY, {
      input: { imageStream: 'app', tag: 'stable', policy: { order: 'SEMVER' }, ...input },
    })

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
    expect(await client.request('{ imageStreams { nodes { name } } }')).toEqual({
      imageStreams: { nodes: [] },
    })
  })

  test('refuses an outdated resourceVersion as CONFLICT; of two with the same version one is written', async () => {
    await using it = await startWithUpstream()
    const { imageStream } = await createStream(it.app.client)
    const decide = (tag: string) =>
      it.app.client.execute(SET_TAG_POLICY, {
        input: {
          imageStream: 'app',
          tag,
          policy: { order: 'SEMVER' },
          resourceVersion: imageStream.resourceVersion,
        },
      })

    const responses = await Promise.all([decide('a'), decide('b')])

    expect(responses.map(errorsOf).filter((errors) => errors.length > 0)).toEqual([[{ code: 'CONFLICT' }]])
    const { imageStream: now } = await it.app.client.request<{
      imageStream: { spec: { tags: { nodes: unknown[] } } }
    }>('{ imageStream(name: "app") { spec { tags { nodes { name } } } } }')
    expect(now.spec.tags.nodes).toHaveLength(1)
  })
})

describe('a policy in a spec', () => {
  const tags = (repository: string) => [
    {
      name: 'stable',
      from: { kind: 'DOCKER_IMAGE', name: repository },
      policy: { order: 'SEMVER', range: '^2' },
    },
    { name: 'last', policy: { order: 'ALPHABETICAL', filter: { pattern: '^1' } } },
  ]

  test('is applied when the stream is created and when it is updated', async () => {
    await using it = await start()
    await createStream(it.app.client, {
      spec: { dockerImageRepository: it.repository, tags: tags(it.repository) },
    })

    expect(await decisionOf(it.app)).toMatchObject({ chosen: '2.0' })
    expect(await decisionOf(it.app, 'app:last')).toMatchObject({ chosen: '1.0', ranked: { totalCount: 1 } })

    const [stable] = tags(it.repository)
    await it.app.client.request(
      'mutation ($input: UpdateImageStreamInput!) { updateImageStream(input: $input) { imageStream { id } } }',
      {
        input: {
          imageStream: 'app',
          spec: { tags: [{ ...stable, policy: { order: 'SEMVER', lowest: true } }] },
        },
      },
    )
    await importImage(it.app.client)

    expect(await decisionOf(it.app)).toMatchObject({ chosen: '1.0' })
    expect(await decisionOf(it.app, 'app:last')).toBeNull()
  })

  test('is refused with its path in the spec', async () => {
    await using it = await startWithUpstream()
    const [stable, last] = tags(`${it.repository}:latest`)
    for (const [tag, field] of [
      [stable, 'spec.tags.0.from.name'],
      [{ ...last, policy: { order: 'NEWEST', range: '^1' } }, 'spec.tags.0.policy.range'],
      [{ ...last, from: { kind: 'IMAGE_STREAM_TAG', name: 'a:b' } }, 'spec.tags.0.from.kind'],
    ]) {
      const response = await it.app.client.execute(
        'mutation ($input: CreateImageStreamInput!) { createImageStream(input: $input) { imageStream { id } } }',
        { input: { name: 'app', spec: { tags: [tag] } } },
      )
      expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
    }
  })

  test('is null for a tag without one', async () => {
    await using it = await start()
    await follow(it.app.client, it.repository)
    await importImage(it.app.client, { tag: 'latest', from: `${it.repository}:latest` })

    expect(
      await it.app.client.request(
        '{ imageStreamTag(name: "app:latest") { spec { policy { order } } policyDecision { chosen } } }',
      ),
    ).toEqual({ imageStreamTag: { spec: { policy: null }, policyDecision: null } })
    expect(await decisionOf(it.app, 'app:1.0')).toBeNull()
  })
})

describe('policyDecision', () => {
  test('returns pages of ranked and excluded tags', async () => {
    await using it = await start()
    await follow(it.app.client, it.repository)
    await setTagPolicy(it.app, {})
    const decide = (first: number) =>
      it.app.client.execute<{ imageStreamTag: { policyDecision: unknown } }>(
        `query ($first: Int!) { imageStreamTag(name: "app:stable") { policyDecision {
          ranked(first: $first) { totalCount nodes { tag } pageInfo { hasNextPage } }
          excluded(first: $first) { nodes { tag } } } } }`,
        { first },
      )

    expect((await decide(1)).data?.imageStreamTag.policyDecision).toEqual({
      ranked: { totalCount: 2, nodes: [{ tag: '2.0' }], pageInfo: { hasNextPage: true } },
      excluded: { nodes: [{ tag: '2.1.0-rc1' }] },
    })
    for (const first of [0, 501]) {
      expect(errorsOf(await decide(first))[0]).toEqual({ code: 'INVALID', field: 'first' })
    }
  })

  test('of the largest pages of streams and tags is TOO_COMPLEX', async () => {
    await using it = await startWithUpstream()
    const response = await it.app.client.execute(
      `{ imageStreams(first: 100) { nodes { tags(first: 100) { nodes { policyDecision {
        ranked(first: 100) { nodes { tag } } } } } } } }`,
    )

    expect(errorsOf(response)).toEqual([{ code: 'TOO_COMPLEX' }])
  })
})

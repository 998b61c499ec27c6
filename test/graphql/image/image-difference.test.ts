import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { attestation, image, index, layer } from '../../fixtures/random-image.ts'
import { type Statements, watchStatements } from '../../fixtures/statements.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorsOf, follow } from '../../flows/operations.ts'

const [base, oldApp, newApp] = [layer('base'), layer('old app'), layer('new app, which is larger')]
const arm64 = { os: 'linux', architecture: 'arm64' }
const s390x = { os: 'linux', architecture: 's390x' }
const older = image({ seed: 1, layers: [base, oldApp], env: ['RUBY=3.2'], labels: { team: 'web' } })
const newer = image({
  seed: 1,
  layers: [base, newApp],
  env: ['RUBY=3.3', 'JIT=1'],
  entrypoint: ['/bin/serve'],
})
const same = image({ seed: 'same', platform: arm64 })
const gone = image({ seed: 'gone', platform: s390x })
const [olderIndex, newerIndex] = [index([older, same, gone]), index([attestation(newer), same, newer])]
/** Enough children to detect one statement for each. */
const many = ['a', 'b'].map((seed) =>
  index(
    Array.from({ length: 20 }, (_, at) =>
      image({ seed: `${seed}${at}`, platform: { os: 'linux', architecture: `arch${at}` } }),
    ),
  ),
)

let upstream: Upstream
let app: TestApp
let statements: Statements
beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp({ importMode: 'PreserveOriginal' })
  statements = watchStatements()
  for (const [at, content] of [older, newer, olderIndex, newerIndex, ...many].entries()) {
    upstream.push('team/app', `t${at}`, content)
  }
  await follow(app.client, `${upstream.host}/team/app`)
})
afterAll(async () => {
  statements[Symbol.dispose]()
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const FIELDS = `from { digest } to { digest } sizeDifference
  layers { shared { digest size } removed { digest } added { digest } sharedSize removedSize addedSize }
  env { key from to } labels { key from to } settings { field from to }`
const QUERY = `query ($from: String!, $to: String!) { imageDifference(from: $from, to: $to) { ${FIELDS}
  platforms { platform { architecture } isChanged from { digest image { digest } } to { digest size }
    difference { ${FIELDS} platforms { isChanged } } } } }`

interface Platform {
  readonly platform: { readonly architecture: string }
  readonly isChanged: boolean
  readonly difference: { readonly env: readonly object[] } | null
}
interface Difference {
  readonly imageDifference: {
    readonly platforms: readonly Platform[]
    readonly sizeDifference: number
  } | null
}

const compare = async (from: string, to: string) =>
  (await app.client.request<Difference>(QUERY, { from, to })).imageDifference

const sizeOf = (...contents: { readonly bytes: Buffer }[]): number =>
  contents.reduce((sum, { bytes }) => sum + bytes.length, 0)

describe('imageDifference', () => {
  test('of two images contains their layers, variables, labels, settings and sizes', async () => {
    expect(await compare(older.digest, newer.digest)).toEqual({
      from: { digest: older.digest },
      to: { digest: newer.digest },
      sizeDifference: sizeOf(newer, newer.config, newApp) - sizeOf(older, older.config, oldApp),
      layers: {
        shared: [{ digest: base.digest, size: sizeOf(base) }],
        removed: [{ digest: oldApp.digest }],
        added: [{ digest: newApp.digest }],
        sharedSize: sizeOf(base),
        removedSize: sizeOf(oldApp),
        addedSize: sizeOf(newApp),
      },
      env: [
        { key: 'JIT', from: null, to: '1' },
        { key: 'RUBY', from: '3.2', to: '3.3' },
      ],
      labels: [{ key: 'team', from: 'web', to: null }],
      settings: [{ field: 'ENTRYPOINT', from: ['/bin/start'], to: ['/bin/serve'] }],
      platforms: [],
    })
  })

  test('of an image from itself is empty', async () => {
    expect(await compare(older.digest, older.digest)).toMatchObject({
      sizeDifference: 0,
      layers: { removed: [], added: [], shared: [{ digest: base.digest }, { digest: oldApp.digest }] },
      env: [],
      labels: [],
      settings: [],
      platforms: [],
    })
  })

  test('of two indexes compares platform by platform, without attestations', async () => {
    const difference = await compare(olderIndex.digest, newerIndex.digest)

    expect(difference).toMatchObject({
      layers: { shared: [], removed: [], added: [] },
      env: [],
      settings: [],
    })
    expect(difference?.platforms).toMatchObject([
      { platform: { architecture: 'arm64' }, isChanged: false, difference: { env: [], labels: [] } },
      {
        platform: { architecture: 'amd64' },
        isChanged: true,
        from: { digest: older.digest, image: { digest: older.digest } },
        to: { digest: newer.digest, size: newer.bytes.length },
        difference: {
          env: [{ key: 'JIT' }, { key: 'RUBY' }],
          layers: { added: [{ digest: newApp.digest }] },
          platforms: [],
        },
      },
      { platform: { architecture: 's390x' }, isChanged: true, to: null, difference: null },
    ])
  })

  test('of an image and an index compares it with the image for its platform', async () => {
    for (const [from, to] of [
      [older, newerIndex],
      [newerIndex, older],
    ] as const) {
      const difference = await compare(from.digest, to.digest)
      const amd64 = difference?.platforms.find(({ platform }) => platform.architecture === 'amd64')

      expect(difference).toMatchObject({
        env: [],
        labels: [],
        settings: [],
        layers: { added: [], removed: [] },
      })
      expect(difference?.platforms).toHaveLength(2)
      expect(amd64).toMatchObject({ isChanged: true, difference: { env: [{ key: 'JIT' }, { key: 'RUBY' }] } })
    }
    expect((await compare(newer.digest, newerIndex.digest))?.platforms).toMatchObject([
      { platform: { architecture: 'arm64' }, from: null, difference: null },
      { platform: { architecture: 'amd64' }, isChanged: false, difference: { sizeDifference: 0 } },
    ])
  })

  test('of an unknown image is null', async () => {
    const unknown = image({ seed: 'unknown' }).digest

    expect(await compare(unknown, newer.digest)).toBeNull()
    expect(await compare(newer.digest, unknown)).toBeNull()
  })

  test('accepts digests, tags and images of histories, and refuses other texts', async () => {
    for (const from of ['sha256:12:', 'app@sha256:', 'APP:v1', 'app:']) {
      const response = await app.client.execute(QUERY, { from, to: newer.digest })
      expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'from' }])
    }
    expect(await compare('none:v1', newer.digest)).toBeNull()
  })

  test('reads the images of all platforms together', async () => {
    const statementsOf = async (from: string, to: string) => {
      await compare(from, to)
      const run = await statements.of(async () => {
        const difference = await compare(from, to)
        expect(difference?.platforms.every(({ difference }) => difference?.env.length === 1)).toBe(true)
      })
      return run.length
    }
    const [from, to] = many.map(({ digest }) => digest)

    expect(await statementsOf(from ?? '', to ?? '')).toBeLessThanOrEqual(10)
    expect((await compare(from ?? '', to ?? ''))?.platforms).toHaveLength(20)
  })
})

test('of an index of which one image was imported compares that one, and names the others', async () => {
  await using legacy = await startApp({ importMode: 'Legacy' })
  await follow(legacy.client, `${upstream.host}/team/app`)

  const { imageDifference } = await legacy.client.request<Difference>(QUERY, {
    from: olderIndex.digest,
    to: newer.digest,
  })

  expect(imageDifference).toMatchObject({
    sizeDifference: null,
    env: [],
    settings: [],
    layers: { added: [] },
  })
  expect(imageDifference?.platforms).toMatchObject([
    {
      platform: { architecture: 'amd64' },
      isChanged: true,
      difference: { env: [{ key: 'JIT' }, { key: 'RUBY' }] },
    },
    {
      platform: { architecture: 'arm64' },
      isChanged: true,
      from: { digest: same.digest, image: null },
      to: null,
      difference: null,
    },
    { platform: { architecture: 's390x' }, difference: null },
  ])
  const both = await legacy.client.request<Difference>(QUERY, {
    from: olderIndex.digest,
    to: newerIndex.digest,
  })
  expect(both.imageDifference?.platforms[0]).toMatchObject({
    platform: { architecture: 'arm64' },
    isChanged: false,
    difference: null,
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { TagPolicyInput } from '../../src/policy/policy.ts'
import { artifact, asImage } from '../fixtures/artifacts.ts'
import { type Image, image, index } from '../fixtures/random-image.ts'
import { ALL, fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { PolicyWorld, ruled } from './policy-world.ts'

const HELM = 'application/vnd.cncf.helm.config.v1+json'
const chart = (version: string): Image =>
  asImage(artifact({ subject: null, configType: HELM, annotations: { version } }))
const release = (seed: string) => image({ seed })
const SIGNATURE = `sha256-${'a'.repeat(64)}.sig`

let world: PolicyWorld
beforeEach(() => {
  world = new PolicyWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const push = (tag: string, content: Image): void => void world.remote.push(UPSTREAM, tag, content)
const newest: TagPolicyInput = { order: 'SEMVER' }
const follow = (policy: TagPolicyInput) =>
  world.create({ spec: { tags: [fromImage('stable', UPSTREAM, { policy })] } })
const listed = (artifacts?: boolean): string[] =>
  world.tags.ofStreams([world.stream().id], { order: 'NAME', page: ALL, artifacts }).map(({ name }) => name)
const count = (artifacts?: boolean) =>
  world.tags.countOfStreams([world.stream().id], { artifacts }).get(world.stream().id)

describe('an artifact in a repository', () => {
  it('is imported with its kind and type, without its config', async () => {
    push('1.0.0', release('1'))
    push('chart', chart('1'))
    const { imported } = await world.create()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', imported: 2 })
    expect(world.images.byDigest(SYSTEM, chart('1').digest)).toMatchObject({
      kind: 'ARTIFACT',
      artifactType: HELM,
      os: null,
    })
    expect(world.images.byDigest(SYSTEM, release('1').digest)).toMatchObject({
      kind: 'IMAGE',
      artifactType: null,
    })
    expect(world.remote.requested('config')).toEqual([release('1').config.digest])
  })

  it('is listed only on request', async () => {
    push('1.0.0', release('1'))
    push('chart', chart('1'))
    await world.create()
    world.push(release('2'), `ruby:${SIGNATURE}`)

    expect(listed(false)).toEqual(['1.0.0'])
    expect(count(false)).toBe(1)
    expect(listed(true)).toEqual(['1.0.0', 'chart', SIGNATURE])
    expect(listed()).toEqual(listed(true))
  })

  it('that replaces an image leaves the list, and comes back with an image', async () => {
    push('v1', release('1'))
    await world.create()
    push('v1', chart('1'))
    await world.import()
    expect(listed(false)).toEqual([])

    push('v1', release('1'))
    await world.import()
    expect(listed(false)).toEqual(['v1'])
  })

  it.each(['Legacy', 'PreserveOriginal'] as const)(
    'can be the cache of a build, in mode %s',
    async (importMode) => {
      const CACHE = 'application/vnd.buildkit.cacheconfig.v0'
      const config = { ...release('config'), mediaType: CACHE }
      const layer = { ...release('layer'), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }
      const cache = index([layer, config])
      world.remote.push(UPSTREAM, 'cache', cache)
      for (const { digest } of [config, layer]) world.remote.lose(UPSTREAM, digest)
      const { imported } = await world.create({
        spec: {
          dockerImageRepository: UPSTREAM,
          importPolicy: { insecure: false, scheduled: false, importMode },
        },
      })

      expect(imported).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
      expect(world.images.byDigest(SYSTEM, cache.digest)).toMatchObject({
        kind: 'ARTIFACT',
        artifactType: CACHE,
      })
      expect(await world.import()).toMatchObject({ unchanged: 1 })
    },
  )

  it('makes an index of artifacts one', async () => {
    const platform = { os: 'linux', architecture: 'amd64' }
    const charts = index([chart('1'), chart('2')].map((one) => ({ ...one, platform })))
    world.remote.push(UPSTREAM, 'charts', charts)
    const importPolicy = { insecure: false, scheduled: false, importMode: 'PreserveOriginal' } as const
    await world.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy } })

    expect(world.images.byDigest(SYSTEM, charts.digest as Digest)).toMatchObject({
      kind: 'ARTIFACT',
      artifactType: HELM,
    })
  })
})

describe('a policy over a repository', () => {
  it('passes over artifacts, and says so', async () => {
    push('1.0.0', release('1'))
    push('2.0.0', chart('2'))
    push('3.0.0', chart('3'))
    const { imported } = await follow(newest)

    expect(imported).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(world.digests('stable')).toEqual([release('1').digest])
    const why = expect.stringContaining(`is an artifact of type ${HELM}`)
    expect(world.decision('ruby:stable')).toMatchObject({
      chosen: '1.0.0',
      excluded: [
        { tag: '2.0.0', reason: 'ARTIFACT', message: why },
        { tag: '3.0.0', reason: 'ARTIFACT', message: why },
      ],
    })
  })

  it('fetches the artifacts that it chooses once, and no other tag', async () => {
    push('1.0.0', release('1'))
    push('2.0.0', chart('2'))
    for (let minor = 0; minor < 50; minor++) push(`0.${minor}.0`, release(`0.${minor}`))
    await follow(newest)
    expect(world.remote.requested('resolve')).toEqual(['2.0.0', '1.0.0'])
    world.remote.takeCalls()

    expect(await world.import()).toMatchObject({ unchanged: 1 })
    expect(world.remote.requested('resolve')).toEqual(['2.0.0', '1.0.0'])
    expect(world.remote.requested('manifest')).toEqual([])
  })

  it('passes over many artifacts, and fails when there are too many', async () => {
    push('1.0.0', release('1'))
    for (let patch = 0; patch < 100; patch++) push(`2.0.${patch}`, chart(String(patch)))
    await follow(newest)
    expect(world.digests('stable')).toEqual([release('1').digest])

    push('2.1.0', chart('2.1'))
    const again = await world.import()
    expect(again).toMatchObject({ state: 'FAILED' })
    expect(world.digests('stable')).toEqual([release('1').digest])
    expect(world.condition('stable')?.message).toContain('is an artifact')
  })

  it('moves down when an artifact replaces the chosen image', async () => {
    push('1.0.0', release('1'))
    push('2.0.0', release('2'))
    await follow(newest)
    push('2.0.0', chart('2'))
    await world.import()

    expect(world.digests('stable')).toEqual([release('1').digest, release('2').digest])
  })

  it('chooses artifacts with artifacts: true', async () => {
    push('1.0.0', release('1'))
    push('2.0.0', chart('2'))
    await follow({ ...newest, artifacts: true })

    expect(world.digests('stable')).toEqual([chart('2').digest])
  })

  it('has no choice among artifacts only', async () => {
    push('2.0.0', chart('2'))
    await follow(newest)

    expect(world.condition('stable')).toMatchObject({
      reason: 'NotFound',
      message: expect.stringContaining('artifact'),
    })
  })

  it.each([undefined, true])('by time considers artifacts: %s', async (artifacts) => {
    const created = 'org.opencontainers.image.created'
    push('old', image({ seed: 'old', created: new Date('2020-01-01') }))
    const late = asImage(
      artifact({ subject: null, configType: HELM, annotations: { [created]: '2025-01-01T00:00:00Z' } }),
    )
    push('late', late)
    await follow({ order: 'NEWEST', ...(artifacts && { artifacts }) })

    expect(world.decision('ruby:stable')?.chosen).toBe(artifacts ? 'late' : 'old')
  })
})

describe('a policy over the tags of its own stream', () => {
  it('chooses no artifact, and moves when one replaces the chosen image', () => {
    world.createWith('web', [ruled('stable', newest)])
    world.push(release('1'), 'web:1.0.0')
    world.push(chart('2'), 'web:2.0.0')
    expect(world.digests('stable', 'web')).toEqual([release('1').digest])
    expect(world.decision('web:stable')).toMatchObject({
      chosen: '1.0.0',
      excluded: [{ tag: '2.0.0', reason: 'ARTIFACT' }],
    })

    world.push(release('3'), 'web:3.0.0')
    expect(world.stored('web:stable')).toBe('3.0.0')
    world.push(chart('3'), 'web:3.0.0')
    expect(world.stored('web:stable')).toBe('1.0.0')
  })

  it('chooses artifacts with artifacts: true', () => {
    world.createWith('web', [ruled('stable', { ...newest, artifacts: true })])
    world.push(release('1'), 'web:1.0.0')
    world.push(chart('2'), 'web:2.0.0')

    expect(world.digests('stable', 'web')[0]).toBe(chart('2').digest)
  })
})

it('the tag of a signature is recorded without being one of the images', () => {
  world.push(release('1'), `web:${SIGNATURE}`)
  const tag = world.tags.named([world.stream('web').id], tagName(SIGNATURE))[0]

  expect(tag?.image?.digest).toBe(release('1').digest)
  expect(
    world.tags.ofStreams([world.stream('web').id], { order: 'NAME', page: ALL, artifacts: false }),
  ).toEqual([])
})

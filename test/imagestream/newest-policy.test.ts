import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { MAXIMUM_IMAGES } from '../../src/imagestream/import/choose-tag.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import type { TagDecision } from '../../src/imagestream/tag/policy-choice.ts'
import type { TagPolicyInput } from '../../src/policy/policy.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const day = (number: number): Date => new Date(Date.UTC(2025, 0, number))
const ARM = { os: 'linux', architecture: 'arm64' }
/** An image of a day of January. */
const of = (number: number) => image({ seed: number, created: day(number) })
const push = (tags: Readonly<Record<string, number>>): void => {
  for (const [tag, number] of Object.entries(tags)) domain.remote.push(UPSTREAM, tag, of(number))
}

const NEWEST: TagPolicyInput = { order: 'NEWEST' }
const newest = (policy: Partial<TagPolicyInput> = {}, more: Partial<SpecTagInput> = {}): SpecTagInput =>
  fromImage('nightly', UPSTREAM, { policy: { ...NEWEST, ...policy }, ...more })
const whole: Partial<SpecTagInput> = {
  importPolicy: { insecure: false, scheduled: false, importMode: 'PreserveOriginal' },
}
const create = (...tags: SpecTagInput[]) => domain.create({ spec: { tags } })

const decision = (): TagDecision | undefined =>
  domain.policies.decisionOf(domain.stream().id, tagName('nightly'), 100)

/** Number of requests of each kind since the last call. */
const requests = () => {
  const counts = { list: 0, resolve: 0, manifest: 0, config: 0, catalog: 0 }
  for (const { kind } of domain.remote.takeCalls()) counts[kind]++
  return counts
}

describe('the newest of a repository', () => {
  it('is the tag whose image was created last, and with lowest the one created first', async () => {
    push({ a: 3, b: 9, c: 5 })
    await create(newest(), fromImage('first', UPSTREAM, { policy: { order: 'NEWEST', lowest: true } }))

    expect(domain.digests('nightly')).toEqual([of(9).digest])
    expect(domain.digests('first')).toEqual([of(3).digest])
    expect(decision()?.ranked).toMatchObject([
      { tag: 'b', value: '2025-01-09T00:00:00.000Z' },
      { tag: 'c', value: '2025-01-05T00:00:00.000Z' },
      { tag: 'a' },
    ])
    expect(domain.tagNames().sort()).toEqual(['first', 'nightly'])
  })

  it('has the condition PolicyChoice=False where the image of a listed tag cannot be used: it may be newer', async () => {
    push({ a: 3, b: 9, c: 5 })
    domain.remote.lose(UPSTREAM, of(9).digest)
    domain.remote.fail(UPSTREAM, 'c', 'NotFound')
    await create(newest())

    expect(domain.digests('nightly')).toEqual([of(3).digest])
    expect(domain.condition('nightly')).toMatchObject({
      ...{ type: 'PolicyChoice', status: 'False', reason: 'NotFound' },
      message: expect.stringContaining('a was chosen instead of c (and 1 more): '),
    })
    push({ b: 9 })
    domain.remote.untag(UPSTREAM, 'c')
    await domain.import()
    expect(domain.digests('nightly')[0]).toBe(of(9).digest)
    expect(domain.condition('nightly')).toBeUndefined()
  })

  it('costs a HEAD for each tag, and a manifest and config for each unknown image', async () => {
    push({ a: 3, b: 9, c: 5 })
    await create(newest())
    expect(requests()).toMatchObject({ list: 1, resolve: 3, manifest: 3, config: 3 })

    await domain.import()
    expect(requests()).toMatchObject({ list: 1, resolve: 3, manifest: 0, config: 0 })

    push({ d: 20 })
    await domain.import()
    expect(requests()).toMatchObject({ list: 1, resolve: 4, manifest: 1, config: 1 })
    expect(domain.digests('nightly')).toEqual([of(20).digest, of(9).digest])
  })

  it('reads the same images once for several rules', async () => {
    push({ a: 3, b: 9 })
    await create(newest(), fromImage('first', UPSTREAM, { policy: { order: 'NEWEST', lowest: true } }))

    expect(requests()).toMatchObject({ list: 1, resolve: 2, manifest: 2, config: 2 })
  })

  it('is chosen among the filtered tags only', async () => {
    push({ 'nightly-a': 3, 'nightly-b': 4, latest: 9 })
    await create(newest({ filter: { pattern: '^nightly-' } }))

    expect(domain.remote.requested('resolve').sort()).toEqual(['nightly-a', 'nightly-b'])
    expect(domain.digests('nightly')).toEqual([of(4).digest])
    expect(decision()?.excluded).toMatchObject([{ tag: 'latest', reason: 'FILTERED' }])
  })

  it('excludes a tag that is gone or invalid, and reports why', async () => {
    push({ a: 3, gone: 9 })
    domain.remote.fail(UPSTREAM, 'gone', 'NotFound')
    domain.remote.push(UPSTREAM, 'arm', index([image({ seed: 'arm', platform: ARM, created: day(20) })]))
    const { imported } = await create(newest())

    expect(imported).toMatchObject({ state: 'SUCCEEDED' })
    expect(domain.digests('nightly')).toEqual([of(3).digest])
    expect(decision()?.excluded).toMatchObject([
      { tag: 'arm', reason: 'NO_IMAGE', message: expect.stringContaining('no image for linux/amd64') },
      { tag: 'gone', reason: 'NO_IMAGE', message: expect.stringContaining('NotFound') },
    ])
  })

  it('is not decided while the registry refuses an image', async () => {
    push({ a: 3, b: 9 })
    await create(newest())
    domain.remote.fail(UPSTREAM, 'b', 'TooManyRequests')
    await domain.import()

    expect(domain.condition('nightly')).toMatchObject({ reason: 'TooManyRequests' })
    expect(domain.digests('nightly')).toEqual([of(9).digest])
    expect(decision()).toMatchObject({ chosen: 'b' })
  })

  it('compares an index by its image for the platform, and fetches only that image', async () => {
    const old = index([
      image({ seed: 1, created: day(1) }),
      image({ seed: 2, platform: ARM, created: day(30) }),
    ])
    const young = index([
      image({ seed: 3, created: day(2) }),
      image({ seed: 4, platform: ARM, created: day(2) }),
    ])
    domain.remote.push(UPSTREAM, 'old', old).push(UPSTREAM, 'young', young)
    await create(newest({}, whole))

    expect(domain.digests('nightly')).toEqual([young.digest])
    // of "old" the index and one image; of "young" all images, since it is imported
    expect(requests()).toMatchObject({ resolve: 2, manifest: 5, config: 3 })
  })

  it('may be an index without an image for the platform in mode PreserveOriginal', async () => {
    const arm = index([image({ seed: 'arm', platform: ARM, created: day(20) })])
    push({ a: 3 })
    domain.remote.push(UPSTREAM, 'arm', arm)
    await create(newest({}, whole))

    expect(domain.digests('nightly')).toEqual([arm.digest])
  })

  it('is an error above the maximum of tags, and fetches no image', async () => {
    for (let tag = 0; tag <= MAXIMUM_IMAGES; tag++) domain.remote.push(UPSTREAM, `build-${tag}`, of(1))
    push({ latest: 9 })
    await create(newest({ filter: { pattern: '^build-' } }))

    expect(domain.condition('nightly')).toMatchObject({
      reason: 'TooManyTags',
      message: expect.stringMatching(/images of 501 tags, at most 500/),
    })
    expect(requests()).toMatchObject({ list: 1, resolve: 0 })

    await domain.import({ tag: 'nightly', dryRun: true })
    domain.remote.untag(UPSTREAM, 'build-0')
    await domain.import()

    expect(domain.condition('nightly')).toBeUndefined()
    expect(decision()).toMatchObject({ rankedCount: MAXIMUM_IMAGES, excludedCount: 1 })
  })

  it('is reported by a dry run, which stores no image', async () => {
    push({ a: 3, b: 9 })
    await domain.create({ spec: { tags: [] } })
    const before = domain.dump()
    const { importId, decision: now } = domain.setTagPolicy(SYSTEM, {
      namespace: 'default',
      imageStream: 'ruby',
      tag: 'nightly',
      policy: NEWEST,
      repository: UPSTREAM,
      scheduled: false,
      insecure: false,
      dryRun: true,
    })
    const run = await domain.finished(importId ?? 0)

    expect(now()).toMatchObject({ chosen: 'b', decidedAt: null, rankedCount: 2 })
    expect(domain.results(run.id)).toMatchObject([{ state: 'IMPORTED', image: { digest: of(9).digest } }])
    expect(domain.dump()).toEqual(before)
  })
})

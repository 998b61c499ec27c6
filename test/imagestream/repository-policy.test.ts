import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import type { TagDecision } from '../../src/imagestream/tag/policy-choice.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'
import type { TagPolicyInput } from '../../src/policy/policy.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const release = (tag: string, seed: string = tag) => image({ seed })
const push = (...tags: string[]): void => {
  for (const tag of tags) domain.remote.push(UPSTREAM, tag, release(tag))
}

const THREE: TagPolicyInput = { order: 'SEMVER', range: '^3.0' }

/** A spec tag with a rule that chooses one of the upstream's tags. */
const chosen = (
  name: string,
  policy: TagPolicyInput = THREE,
  more: Partial<SpecTagInput> = {},
): SpecTagInput => fromImage(name, UPSTREAM, { policy, ...more })

const create = (...tags: SpecTagInput[]) => domain.create({ spec: { tags } })

const decision = (tag = 'stable'): TagDecision | undefined =>
  domain.policies.decisionOf(domain.stream().id, tagName(tag), 100)

/** Requests since the last call, as short texts. */
const requests = (): string[] =>
  domain.remote.takeCalls().map(({ kind, subject }) => (kind === 'resolve' ? `${kind} ${subject}` : kind))

describe('a rule over a repository', () => {
  it('imports the chosen tag, and no other', async () => {
    push('3.3.1', '3.4.0', '4.0.0', 'latest')
    const { imported } = await create(chosen('stable'))

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 1, imported: 1 })
    expect(domain.tagNames()).toEqual(['stable'])
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
    expect(domain.tag('stable')?.dockerImageReference).toBe(`${UPSTREAM}@${release('3.4.0').digest}`)
    expect(domain.log()).toMatchObject([{ tag: 'stable', source: 'IMPORT' }])
  })

  it('costs the tag list and one tag, and without changes the tag list and one HEAD', async () => {
    push('3.3.1', '3.4.0', '4.0.0', 'latest')
    await create(chosen('stable'))
    expect(requests()).toEqual(['list', 'resolve 3.4.0', 'manifest', 'config'])

    const again = await domain.import()

    expect(again).toMatchObject({ state: 'SUCCEEDED', total: 1, unchanged: 1 })
    expect(requests()).toEqual(['list', 'resolve 3.4.0'])
    expect(domain.history('stable')).toHaveLength(1)
  })

  it('reports the decision with its reasons and time', async () => {
    push('3.3.1', '3.4.0', '4.0.0', 'latest')
    await create(chosen('stable'))

    expect(decision()).toEqual({
      decidedAt: domain.time,
      chosen: '3.4.0',
      rankedCount: 2,
      excludedCount: 2,
      ranked: [
        { tag: '3.4.0', value: '3.4.0', message: expect.stringContaining('highest') },
        { tag: '3.3.1', value: '3.3.1', message: '3.3.1 is lower than 3.4.0' },
      ],
      excluded: [
        { tag: '4.0.0', value: '4.0.0', reason: 'OUT_OF_RANGE', message: expect.stringContaining('^3.0') },
        { tag: 'latest', value: 'latest', reason: 'NOT_A_VERSION', message: expect.any(String) },
      ],
    })

    domain.time += 60_000
    push('5.0.0')
    await domain.import()

    expect(decision()).toMatchObject({ decidedAt: domain.time, chosen: '3.4.0', excludedCount: 3 })
  })

  it('moves to a tag that ranks higher, and not to one that ranks lower', async () => {
    push('3.3.1')
    await create(chosen('stable'))
    push('3.2.9')
    await domain.import()
    push('3.3.2', '4.0.0')
    await domain.import()

    expect(domain.digests('stable')).toEqual([release('3.3.2').digest, release('3.3.1').digest])
    expect(domain.log()).toHaveLength(2)
  })

  it('follows the chosen tag, and moves to the next best when that is gone', async () => {
    push('3.3.1', '3.3.2')
    await create(chosen('stable'))
    domain.remote.push(UPSTREAM, '3.3.2', release('3.3.2', 'rebuilt'))
    await domain.import()
    domain.remote.untag(UPSTREAM, '3.3.2')
    await domain.import()

    expect(domain.digests('stable')).toEqual([
      release('3.3.1').digest,
      release('', 'rebuilt').digest,
      release('3.3.2').digest,
    ])
  })

  it('adds no history entry if another tag with the same image is chosen, and reports the new choice', async () => {
    push('3.3.1')
    await create(chosen('stable'))
    domain.remote.push(UPSTREAM, '3.3.2', release('3.3.1'))
    const again = await domain.import()

    expect(again).toMatchObject({ unchanged: 1 })
    expect(domain.history('stable')).toHaveLength(1)
    expect(decision()).toMatchObject({ chosen: '3.3.2' })
  })

  it('chooses among the filtered tags, by the extracted text', async () => {
    push('3.3.1-slim', '3.3.2-slim', '3.4.0-slim-bookworm', '3.5.0')
    await create(
      chosen('slim', { order: 'SEMVER', range: '^3', filter: { pattern: '^(.+)-slim$', extract: '$1' } }),
    )

    expect(domain.digests('slim')).toEqual([release('3.3.2-slim').digest])
    expect(decision('slim')?.ranked.map(({ value }) => value)).toEqual(['3.3.2', '3.3.1'])
  })

  it('never chooses a referrers tag', async () => {
    push('3.3.1', `sha256-${'f'.repeat(64)}.sig`)
    await create(chosen('last', { order: 'ALPHABETICAL' }))

    expect(decision('last')).toMatchObject({ chosen: '3.3.1', rankedCount: 1, excludedCount: 0 })
  })

  it('reads a tag list of any length', async () => {
    const one = release('1')
    for (let patch = 0; patch < 25_000; patch++) domain.remote.push(UPSTREAM, `3.0.${patch}`, one)
    push('4.0.0')
    await create(chosen('stable'))

    expect(decision()).toMatchObject({ chosen: '3.0.24999', rankedCount: 25_000, excludedCount: 1 })
    expect(decision()?.ranked).toHaveLength(100)
    expect(domain.remote.requested('resolve')).toEqual(['3.0.24999'])
  })

  it('moves tags that follow its tag in the same import', async () => {
    push('3.3.1')
    await create(chosen('stable'), {
      name: 'prod',
      from: { kind: 'ImageStreamTag', name: 'stable' },
      reference: false,
    })
    push('3.3.2')
    await domain.import()

    expect(domain.digests('prod')).toEqual(domain.digests('stable'))
    expect(domain.log().map(({ tag, source }) => `${source} ${tag}`)).toEqual([
      'IMPORT stable',
      'TAG prod',
      'IMPORT stable',
      'TAG prod',
    ])
  })

  it('is applied again as soon as it changes', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    const { importId } = domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { tags: [chosen('stable', { order: 'SEMVER', range: '~3.3' })] },
    })
    expect(decision()).toBeUndefined()
    await domain.finished(importId ?? 0)

    expect(domain.digests('stable')).toEqual([release('3.3.1').digest, release('3.4.0').digest])
    expect(decision()).toMatchObject({ chosen: '3.3.1' })
  })

  it('is not applied to a spec that changed during the import', async () => {
    push('3.3.1')
    await create(chosen('stable'))
    push('3.3.2')
    const gate = domain.remote.hold(({ kind, subject }) => kind === 'resolve' && subject === '3.3.2')
    const importId = domain.beginImport()
    await gate.reached
    const written = domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { tags: [chosen('stable', { order: 'SEMVER', lowest: true })] },
    })
    gate.release()
    await domain.finished(importId)
    await domain.finished(written.importId ?? 0)

    expect(domain.results(importId)).toMatchObject([{ state: 'FAILED', reason: 'Superseded' }])
    expect(domain.digests('stable')).toEqual([release('3.3.1').digest])
    expect(decision()).toMatchObject({ chosen: '3.3.1', rankedCount: 2 })
  })

  it('can be scheduled', async () => {
    push('3.3.1')
    const { stream } = await create(
      chosen('stable', THREE, {
        importPolicy: { insecure: false, scheduled: true, importMode: 'Legacy' },
      }),
    )
    push('3.3.2')
    domain.time += 60 * 60_000
    const importId = domain.db.transact((tx) =>
      domain.importer.request(tx, stream.id, domain.schedules.take(tx, stream.id)),
    )
    await domain.finished(importId)

    expect(domain.digests('stable')[0]).toBe(release('3.3.2').digest)
  })
})

describe('several rules over one repository', () => {
  const rules = [
    chosen('three'),
    chosen('newest-three', { order: 'SEMVER', range: '3.x' }),
    chosen('four', { order: 'SEMVER', range: '^4' }),
  ]

  it('share one tag list, and request a tag once that several choose', async () => {
    push('3.3.1', '3.4.0', '4.0.0')
    await create(...rules)

    expect(domain.remote.requested('list')).toHaveLength(1)
    expect(domain.remote.requested('resolve').sort()).toEqual(['3.4.0', '4.0.0'])
    expect(domain.digests('newest-three')).toEqual(domain.digests('three'))
  })

  it('share the tag list with the import of all tags', async () => {
    push('3.3.1', '3.4.0', '4.0.0')
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, tags: rules } })

    expect(domain.remote.requested('list')).toHaveLength(1)
    expect(domain.tagNames().sort()).toEqual(['3.3.1', '3.4.0', '4.0.0', 'four', 'newest-three', 'three'])
    expect(domain.digests('three')).toEqual(domain.digests('3.4.0'))
  })
})

describe('a rule over a repository that chooses nothing', () => {
  const FOUR: TagPolicyInput = { order: 'SEMVER', range: '^4' }

  it('fails its tag, with the number of tags and the nearest one', async () => {
    push('3.4.0', 'latest')
    const { imported } = await create(chosen('next', FOUR), chosen('stable'))

    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 1, failed: 1 })
    expect(domain.condition('next')).toMatchObject({
      reason: 'NotFound',
      message: `${UPSTREAM}: the policy chooses none of its 2 tags; nearest is 3.4.0: "3.4.0" is not in ^4`,
    })
    expect(decision('next')).toMatchObject({ chosen: null, rankedCount: 0, excludedCount: 2 })
  })

  it('keeps the tag’s image, stores an equal failure once, and recovers with a success', async () => {
    push('4.0.0')
    await create(chosen('next', FOUR))
    domain.remote.untag(UPSTREAM, '4.0.0')
    push('3.4.0')
    await domain.import()
    const { resourceVersion } = domain.stream()
    await domain.import()

    expect(domain.stream().resourceVersion).toBe(resourceVersion)
    expect(domain.digests('next')).toEqual([release('4.0.0').digest])
    expect(domain.condition('next')?.message).toContain('the policy chooses none of its 2 tags')

    push('4.0.0')
    await domain.import()

    expect(domain.condition('next')).toBeUndefined()
    expect(domain.history('next')).toHaveLength(1)
    expect(decision('next')).toMatchObject({ chosen: '4.0.0' })
  })

  it('reports a repository without tags', async () => {
    push('latest')
    domain.remote.untag(UPSTREAM, 'latest')
    await create(chosen('next', FOUR))

    expect(domain.condition('next')?.message).toContain('the repository has no tags to choose from')
  })
})

describe('a list that lacks the chosen tag', () => {
  const unanswered = (status: number) =>
    new RegistryError('no such request', {
      reason: 'RegistryUnavailable',
      registry: 'registry.test',
      repository: 'ruby',
      status,
    })
  const NEWEST: TagPolicyInput = { order: 'NEWEST' }
  const dated = (tag: string, day: number) => {
    domain.remote.push(UPSTREAM, tag, image({ seed: tag, created: new Date(Date.UTC(2025, 0, day)) }))
  }

  it.each<[string, TagPolicyInput, string]>([
    ['SEMVER', THREE, '3.4.0'],
    ['the lowest SEMVER', { order: 'SEMVER', lowest: true }, '3.3.1'],
    ['ALPHABETICAL', { order: 'ALPHABETICAL' }, '3.4.0'],
    ['NEWEST', NEWEST, '3.4.0'],
  ])('moves no tag while the registry has the chosen one by name: %s', async (_, policy, best) => {
    dated('3.3.1', 1)
    dated('3.3.9', 2)
    dated('3.4.0', 3)
    await create(chosen('stable', policy))
    const before = domain.digests('stable')
    expect(decision()?.chosen).toBe(best)
    domain.remote.hideFromLists(UPSTREAM, best)

    expect(await domain.import()).toMatchObject({ state: 'SUCCEEDED', unchanged: 1 })
    expect(domain.digests('stable')).toEqual(before)
    expect(decision()?.chosen).toBe(best)
    expect(domain.log()).toHaveLength(1)
  })

  it('moves no tag when it is empty', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    for (const tag of ['3.3.1', '3.4.0']) domain.remote.hideFromLists(UPSTREAM, tag)

    expect(await domain.import()).toMatchObject({ state: 'SUCCEEDED', unchanged: 1 })
    expect(domain.condition('stable')).toBeUndefined()
  })

  it('costs no more than the request by name, and none where a listed tag ranks higher', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    requests()
    domain.remote.hideFromLists(UPSTREAM, '3.4.0')
    await domain.import()
    expect(requests()).toEqual(['list', 'resolve 3.4.0'])

    push('3.4.1')
    await domain.import()
    expect(requests()).toEqual(['list', 'resolve 3.4.1', 'manifest', 'config'])
    expect(domain.digests('stable')[0]).toBe(release('3.4.1').digest)
  })

  it.each(['Unauthorized', 'TooManyRequests', 'RegistryUnavailable'] as const)(
    'fails the import, and keeps the image, where the request by name is refused: %s',
    async (reason) => {
      push('3.3.1', '3.4.0')
      await create(chosen('stable'))
      domain.remote.hideFromLists(UPSTREAM, '3.4.0')
      domain.remote.fail(UPSTREAM, '3.4.0', reason)
      for (let times = 0; times < 3; times++) {
        expect(await domain.import()).toMatchObject({ state: 'FAILED', reason })
        domain.time += 3_600_000
      }

      expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
      expect(domain.log()).toHaveLength(1)
    },
  )

  it('moves down after two complete lists, a minute apart, where the registry does not serve a request by name', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    domain.remote.hideFromLists(UPSTREAM, '3.4.0')
    domain.remote.refuse(UPSTREAM, '3.4.0', unanswered(405))

    expect(await domain.import()).toMatchObject({ state: 'FAILED', reason: 'RegistryUnavailable' })
    domain.time += 30_000
    expect(await domain.import()).toMatchObject({ state: 'FAILED', reason: 'RegistryUnavailable' })
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
    domain.time += 60_000
    expect(await domain.import()).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(domain.digests('stable')[0]).toBe(release('3.3.1').digest)
    expect(decision()?.chosen).toBe('3.3.1')
  })

  it('counts from the first list again once a list has the tag', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    for (const isListed of [false, true, false]) {
      if (isListed) {
        domain.remote.showInLists(UPSTREAM, '3.4.0')
        domain.remote.fail(UPSTREAM, '3.4.0', null)
      } else {
        domain.remote.hideFromLists(UPSTREAM, '3.4.0')
        domain.remote.refuse(UPSTREAM, '3.4.0', unanswered(501))
      }
      expect(await domain.import()).toMatchObject({ state: isListed ? 'SUCCEEDED' : 'FAILED' })
      domain.time += 3_600_000
    }
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
  })

  it('compares with the tag that was imported last, not with one whose import failed', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    push('3.5.0')
    domain.remote.fail(UPSTREAM, '3.5.0', 'Forbidden')
    expect(await domain.import()).toMatchObject({ state: 'FAILED', reason: 'Forbidden' })
    expect(decision()).toMatchObject({ chosen: '3.5.0' })
    for (const tag of ['3.4.0', '3.5.0']) domain.remote.hideFromLists(UPSTREAM, tag)
    await domain.import()

    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
    expect(decision()).toMatchObject({ chosen: '3.4.0' })
  })

  it('has the same result in a dry run', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    domain.remote.hideFromLists(UPSTREAM, '3.4.0')
    const run = await domain.import({ dryRun: true })

    expect(domain.results(run.id)).toMatchObject([{ tag: 'stable', state: 'UNCHANGED' }])
    expect(domain.importer.dryRunDecision(run.id, tagName('stable'))).toMatchObject({ chosen: '3.4.0' })
  })
})

describe('a chosen tag that cannot be used', () => {
  it('gives way to the next best, which the decision explains, until it can be used', async () => {
    push('3.3.1')
    const broken = release('3.4.0')
    domain.remote.push(UPSTREAM, '3.4.0', broken)
    domain.remote.lose(UPSTREAM, broken.digest)
    expect((await create(chosen('stable'))).imported).toMatchObject({ state: 'SUCCEEDED' })

    expect(domain.digests('stable')).toEqual([release('3.3.1').digest])
    expect(decision()).toMatchObject({
      chosen: '3.3.1',
      excluded: [
        {
          tag: '3.4.0',
          reason: 'NO_IMAGE',
          message: expect.stringContaining('a part of the image is missing'),
        },
      ],
    })
    push('3.4.0')
    await domain.import()
    expect(domain.digests('stable')).toEqual([broken.digest, release('3.3.1').digest])
  })

  it('gives way to the next best when it is listed and the registry does not find it', async () => {
    push('3.3.1', '3.4.0')
    domain.remote.fail(UPSTREAM, '3.4.0', 'NotFound')
    await create(chosen('stable'))

    expect(domain.digests('stable')).toEqual([release('3.3.1').digest])
    expect(decision()).toMatchObject({ chosen: '3.3.1', excluded: [{ tag: '3.4.0', reason: 'NO_IMAGE' }] })
  })

  it('is named by the condition PolicyChoice=False, with the time since when, until it is chosen or gone', async () => {
    push('3.3.1')
    const broken = release('3.4.0')
    domain.remote.push(UPSTREAM, '3.4.0', broken)
    domain.remote.lose(UPSTREAM, broken.digest)
    await create(chosen('stable'))
    const since = domain.time
    expect(domain.condition('stable')).toMatchObject({
      ...{ type: 'PolicyChoice', status: 'False', reason: 'InvalidManifest', generation: 1 },
      message: expect.stringMatching(
        /^3\.3\.1 was chosen instead of 3\.4\.0: .*a part of the image is missing/,
      ),
      lastTransitionTime: since,
    })
    expect(domain.reports).toEqual([])
    const { resourceVersion } = domain.stream()
    domain.time += 60_000
    await domain.import()
    expect(domain.stream().resourceVersion).toBe(resourceVersion)
    push('3.4.1')
    domain.remote.fail(UPSTREAM, '3.4.1', 'NotFound')
    await domain.import()
    expect(domain.condition('stable')).toMatchObject({
      reason: 'NotFound',
      message: expect.stringContaining('3.3.1 was chosen instead of 3.4.1 (and 1 more): '),
      lastTransitionTime: since,
    })

    for (const tag of ['3.4.0', '3.4.1']) domain.remote.untag(UPSTREAM, tag)
    await domain.import()
    expect(domain.condition('stable')).toBeUndefined()
    expect(domain.stream().resourceVersion).toBe(resourceVersion + 2)
  })

  it('has no condition where it ranks lower than the chosen one, or where it is gone from the list', async () => {
    push('3.3.1', '3.4.0')
    domain.remote.fail(UPSTREAM, '3.3.1', 'NotFound')
    await create(chosen('stable'))
    expect(domain.condition('stable')).toBeUndefined()
    domain.remote.fail(UPSTREAM, '3.3.1', null)
    domain.remote.untag(UPSTREAM, '3.4.0')
    await domain.import()

    expect(decision()).toMatchObject({ chosen: '3.3.1' })
    expect(domain.condition('stable')).toBeUndefined()
  })

  it('loses its condition with the policy', async () => {
    push('3.3.1', '3.4.0')
    domain.remote.fail(UPSTREAM, '3.4.0', 'NotFound')
    await create(chosen('stable'))
    expect(domain.condition('stable')).toMatchObject({ type: 'PolicyChoice' })
    await domain.import({ tag: 'stable', from: `${UPSTREAM}:3.3.1`, replaceSource: true })

    expect(domain.condition('stable')).toBeUndefined()
  })

  it('keeps its last image when it was imported before', async () => {
    push('3.3.1', '3.4.0')
    await create(chosen('stable'))
    const broken = release('3.4.0', 'rebuilt')
    domain.remote.push(UPSTREAM, '3.4.0', broken)
    domain.remote.lose(UPSTREAM, broken.digest)

    expect(await domain.import()).toMatchObject({ state: 'FAILED', reason: 'InvalidManifest' })
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
  })

  it('fails the import after ten tags', async () => {
    const tags = Array.from({ length: 12 }, (_, patch) => `3.0.${patch}`)
    push(...tags)
    for (const tag of tags) domain.remote.fail(UPSTREAM, tag, 'NotFound')
    expect((await create(chosen('stable'))).imported).toMatchObject({ state: 'FAILED', reason: 'NotFound' })
    expect(domain.remote.requested('resolve')).toHaveLength(11)
  })
})

describe('a rule over a repository that cannot be read', () => {
  it('fails with the registry’s error, and keeps the last decision', async () => {
    push('3.4.0')
    await create(chosen('stable'))
    const before = decision()
    domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    const failed = await domain.import()

    expect(failed).toMatchObject({ state: 'FAILED', failed: 1, reason: 'RegistryUnavailable' })
    expect(domain.condition('stable')).toMatchObject({ reason: 'RegistryUnavailable' })
    expect(decision()).toEqual(before)
    expect(domain.internalErrors).toEqual([])
  })

  it('fails if the chosen tag is refused, and reports the choice', async () => {
    push('3.3.1', '3.4.0')
    domain.remote.fail(UPSTREAM, '3.4.0', 'Forbidden')
    await create(chosen('stable'))

    expect(domain.condition('stable')).toMatchObject({ reason: 'Forbidden' })
    expect(decision()).toMatchObject({ chosen: '3.4.0' })
  })
})

describe('importImage', () => {
  beforeEach(async () => {
    push('3.3.1')
    await create(chosen('stable'), { name: 'own', policy: { order: 'ALPHABETICAL' }, reference: false })
    push('3.3.2')
  })

  it('of a tag with a rule over a repository applies the rule', async () => {
    expect(await domain.import({ tag: 'stable' })).toMatchObject({ total: 1, imported: 1 })
    expect(domain.digests('stable')[0]).toBe(release('3.3.2').digest)
  })

  it('may change import options, and keeps the rule', async () => {
    await domain.import({ tag: 'stable', scheduled: true })

    expect(domain.streams.specTag(domain.stream().id, tagName('stable'))).toMatchObject({
      scheduled: 1,
      policy: expect.stringContaining('^3.0'),
    })
  })

  it('of a tag with a rule over its own stream is an error', () => {
    expect(() => domain.beginImport({ tag: 'own' })).toThrow(/policy chooses .* own tags/)
  })

  it('with "from" and replaceSource removes the rule', async () => {
    await domain.import({ tag: 'stable', from: `${UPSTREAM}:3.3.1`, replaceSource: true })

    expect(domain.streams.specTag(domain.stream().id, tagName('stable'))?.policy).toBeNull()
    expect(decision()).toBeUndefined()
  })

  it('in a dry run reports the rule’s choice, and stores nothing', async () => {
    const before = domain.dump()
    const run = await domain.import({ tag: 'stable', dryRun: true })

    expect(domain.results(run.id)).toMatchObject([{ tag: 'stable', state: 'IMPORTED' }])
    expect(domain.importer.dryRunDecision(run.id, tagName('stable'))).toMatchObject({ chosen: '3.3.2' })
    expect(domain.dump()).toEqual(before)
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { SetTagPolicyInput } from '../../src/imagestream/commands/set-tag-policy.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const release = (tag: string) => image({ seed: tag })
const push = (...tags: string[]): void => {
  for (const tag of tags) domain.remote.push(UPSTREAM, tag, release(tag))
}

const setTagPolicy = (input: Partial<SetTagPolicyInput> = {}) =>
  domain.setTagPolicy(SYSTEM, {
    namespace: 'default',
    imageStream: 'ruby',
    tag: 'stable',
    policy: { order: 'SEMVER' },
    scheduled: false,
    insecure: false,
    dryRun: false,
    ...input,
  })
const specTag = (tag = 'stable') => domain.streams.specTag(domain.stream().id, tagName(tag))
const pushes = () => domain.log().map(({ tag, source }) => `${source} ${tag}`)

describe('setTagPolicy for the stream’s own tags', () => {
  beforeEach(async () => {
    push('3.3.1', '3.4.0', 'latest')
    await domain.create()
  })

  it('lets the policy choose at once and from then on', async () => {
    const { importId, decision } = setTagPolicy()

    expect(importId).toBeNull()
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
    expect(decision()).toMatchObject({ chosen: '3.4.0', rankedCount: 2, decidedAt: domain.time })
    expect(pushes().at(-1)).toBe('TAG stable')

    push('3.5.0')
    await domain.import()

    expect(domain.digests('stable')).toEqual([release('3.5.0').digest, release('3.4.0').digest])
    expect(decision()).toMatchObject({ chosen: '3.5.0' })
  })

  it('replaces the source of the tag, and keeps its history and reference policy', async () => {
    await domain.import({ tag: 'stable', from: `${UPSTREAM}:3.3.1`, referencePolicy: 'Local' })
    setTagPolicy()

    expect(specTag()).toMatchObject({ fromKind: null, fromName: null, referencePolicy: 'Local' })
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest, release('3.3.1').digest])
  })

  it('moves the tag back after a push to it', () => {
    setTagPolicy()
    const { imageId, dockerImageReference } = domain.history('3.3.1')[0] ?? {}
    const { id: streamId, generation } = domain.stream()
    domain.db.transact((tx) =>
      domain.recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId, namespace: 'default', streamName: 'ruby', tag: tagName('stable') },
        {
          imageId: imageId ?? 0,
          dockerImageReference: dockerImageReference ?? '',
          generation,
          source: 'REGISTRY',
          upstreamDigest: null,
          at: domain.time,
        },
      ),
    )
    expect(domain.digests('stable')[0]).toBe(release('3.3.1').digest)

    setTagPolicy()

    expect(domain.digests('stable')[0]).toBe(release('3.4.0').digest)
    expect(domain.stream().generation).toBe(generation)
  })

  it('without a change writes nothing', () => {
    setTagPolicy()
    const { resourceVersion } = domain.stream()
    const log = domain.log()
    setTagPolicy()

    expect(domain.stream().resourceVersion).toBe(resourceVersion)
    expect(domain.log()).toEqual(log)
  })

  it('keeps the tag’s image while no tag can be chosen', () => {
    setTagPolicy({ tag: 'latest', policy: { order: 'SEMVER', range: '^9' } })

    expect(domain.digests('latest')).toEqual([release('latest').digest])
  })

  it('in a dry run returns the decision, and writes nothing', () => {
    const changes = domain.changes()
    const { importId, decision } = setTagPolicy({ dryRun: true })

    expect(importId).toBeNull()
    expect(decision()).toMatchObject({ chosen: '3.4.0', decidedAt: null, excludedCount: 1 })
    expect(domain.changes()).toBe(changes)
  })

  it.each([
    ['tagImage', () => tagged()],
    ['rollbackTag', () => rolledBack()],
    [
      'importImage with from and replaceSource',
      () => domain.import({ tag: 'stable', from: `${UPSTREAM}:3.3.1`, replaceSource: true }),
    ],
  ])('is replaced by %s', async (_by, end) => {
    setTagPolicy()
    await end()
    push('3.5.0')
    await domain.import({ all: true })

    expect(specTag()?.policy).toBeNull()
    expect(domain.digests('stable')[0]).not.toBe(release('3.5.0').digest)
    expect(domain.policies.decisionOf(domain.stream().id, tagName('stable'), 1)).toBeUndefined()
  })

  it('is removed by untagImage, with the tag', async () => {
    setTagPolicy()
    domain.tagRemoval.remove(SYSTEM, { namespace: 'default', imageStream: 'ruby', tag: 'stable' })
    push('3.5.0')
    await domain.import()

    expect(domain.tag('stable')).toBeUndefined()
    expect(specTag()).toBeUndefined()
  })
})

const tagged = () =>
  domain.tagging.tagImage(SYSTEM, {
    namespace: 'default',
    imageStream: 'ruby',
    tag: 'stable',
    from: { kind: 'ImageStreamTag', name: 'ruby:3.3.1' },
    alias: true,
    reference: false,
    scheduled: false,
    insecure: false,
  })

const rolledBack = () =>
  domain.rollBackTag(SYSTEM, {
    namespace: 'default',
    imageStream: 'ruby',
    tag: 'stable',
    digest: release('3.4.0').digest,
  })

describe('setTagPolicy for a repository', () => {
  const of = (input: Partial<SetTagPolicyInput> = {}) => setTagPolicy({ repository: UPSTREAM, ...input })

  it('creates the stream, and requests the import that chooses', async () => {
    push('3.3.1', '3.4.0')
    const { importId, decision } = of({ scheduled: true, importMode: 'PreserveOriginal' })
    expect(decision()).toBeUndefined()
    await domain.finished(importId ?? 0)

    expect(domain.digests('stable')).toEqual([release('3.4.0').digest])
    expect(decision()).toMatchObject({ chosen: '3.4.0', decidedAt: domain.time })
    expect(domain.tagNames()).toEqual(['stable'])
    expect(specTag()).toMatchObject({
      fromKind: 'DockerImage',
      fromName: UPSTREAM,
      scheduled: 1,
      importMode: 'PreserveOriginal',
      policy: '{"order":"SEMVER"}',
    })
    expect(domain.schedules.ofStreams([domain.stream().id])).toMatchObject([{ tag: 'stable' }])
  })

  it('imports again where the policy does not change', async () => {
    push('3.3.1')
    await domain.finished(of().importId ?? 0)
    push('3.4.0')
    await domain.finished(of().importId ?? 0)

    expect(domain.stream().generation).toBe(1)
    expect(domain.digests('stable')).toEqual([release('3.4.0').digest, release('3.3.1').digest])
  })

  it('in a dry run returns the decision and the import, and creates no stream', async () => {
    push('3.3.1', '3.4.0')
    const before = domain.dump()
    const { importId, decision } = of({ dryRun: true })
    const run = await domain.finished(importId ?? 0)

    expect(run).toMatchObject({ state: 'SUCCEEDED', imported: 1, streamId: null })
    expect(decision()).toMatchObject({ chosen: '3.4.0', decidedAt: null })
    expect(domain.dump()).toEqual(before)
  })

  it('in a dry run returns why no tag can be chosen', async () => {
    push('latest')
    const { importId, decision } = of({ dryRun: true })

    expect(await domain.finished(importId ?? 0)).toMatchObject({ state: 'FAILED', reason: 'NotFound' })
    expect(decision()).toMatchObject({ chosen: null, excluded: [{ tag: 'latest' }] })
  })
})

describe('setTagPolicy refuses', () => {
  it.each<[what: string, field: string, input: Partial<SetTagPolicyInput>]>([
    ['a repository with a tag', 'repository', { repository: `${UPSTREAM}:3` }],
    ['a repository that is none', 'repository', { repository: 'Ruby' }],
    ['a range that is none', 'policy.range', { policy: { order: 'SEMVER', range: 'newest' } }],
    [
      'a pattern that is none',
      'policy.filter.pattern',
      { policy: { order: 'ALPHABETICAL', filter: { pattern: '(' } } },
    ],
    ['scheduled without a repository', 'scheduled', { scheduled: true }],
    ['insecure without a repository', 'insecure', { insecure: true }],
    ['an import mode without a repository', 'importMode', { importMode: 'Legacy' }],
    ['a name that is no tag', 'tag', { tag: '-' }],
    ['a name that is no stream', 'imageStream', { imageStream: 'Ruby' }],
  ])('%s, written or not, and nothing is stored', (_what, field, input) => {
    const before = domain.dump()
    for (const dryRun of [false, true]) {
      expect(() => setTagPolicy({ ...input, dryRun })).toThrow(
        expect.objectContaining({ code: 'INVALID', field }),
      )
    }
    expect(domain.dump()).toEqual(before)
  })

  it('a resource version that is not the newest, and one of a missing stream', async () => {
    expect(() => setTagPolicy({ resourceVersion: '1' })).toThrow(
      expect.objectContaining({ code: 'CONFLICT' }),
    )
    push('3.3.1')
    await domain.create({ spec: { tags: [fromImage('latest', `${UPSTREAM}:3.3.1`)] } })
    const { resourceVersion } = domain.stream()

    for (const dryRun of [false, true]) {
      expect(() => setTagPolicy({ resourceVersion: String(resourceVersion - 1), dryRun })).toThrow(
        expect.objectContaining({ code: 'CONFLICT' }),
      )
    }
    setTagPolicy({ resourceVersion: String(resourceVersion) })
    expect(specTag()).toBeDefined()
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { TagPolicyInput } from '../../src/policy/policy.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { following, one, two } from './follow-world.ts'
import { PolicyWorld, ruled } from './policy-world.ts'

let world: PolicyWorld

beforeEach(() => {
  world = new PolicyWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const ONE = one.digest
const TWO = two.digest
const three = image({ seed: 3 })
const THREE = three.digest

const SEMVER: TagPolicyInput = { order: 'SEMVER' }
const NEWEST: TagPolicyInput = { order: 'NEWEST' }

/** An image that was created in that year. */
const from = (year: number) => image({ seed: year, created: new Date(Date.UTC(year)) })

describe('a tag with a policy over its own stream', () => {
  it('gets the chosen image at once, as an event of its own spec tag’s generation and a push of source TAG', () => {
    world.push(one, 'web:1.2')
    world.push(two, 'web:1.10')
    world.time += 1000
    world.specify('web', [ruled('stable', SEMVER)])

    const [chosen] = world.eventsOf('web:1.10')
    expect(world.eventsOf('web:stable')).toMatchObject([
      {
        imageId: chosen?.imageId,
        dockerImageReference: chosen?.dockerImageReference,
        createdAt: world.time,
        generation: 2,
      },
    ])
    expect(world.logged(2)).toEqual(['TAG web:stable'])
    expect(world.decision('web:stable')).toMatchObject({ chosen: '1.10', rankedCount: 2, excludedCount: 0 })
  })

  it('moves with a push of a better tag, in the same transaction', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.push(two, 'web:1.1')

    expect(world.digestsOf('web:stable')).toEqual([TWO, ONE])
    expect(world.logged()).toEqual([
      'REGISTRY web:1.0',
      'TAG web:stable',
      'REGISTRY web:1.1',
      'TAG web:stable',
    ])
    expect(() =>
      world.db.transact(() => {
        world.push(three, 'web:1.2')
        throw new Error('undone')
      }),
    ).toThrow('undone')
    expect(world.digestsOf('web:stable')).toEqual([TWO, ONE])
    expect(world.decision('web:stable')?.chosen).toBe('1.1')
  })

  it('moves with the chosen tag, and stays when another one moves', () => {
    world.push(one, 'web:1.0')
    world.push(one, 'web:1.1')
    world.specify('web', [ruled('stable', SEMVER)])
    world.push(two, 'web:1.0')
    expect(world.digestsOf('web:stable')).toEqual([ONE])

    world.push(three, 'web:1.1')
    expect(world.digestsOf('web:stable')).toEqual([THREE, ONE])
  })

  it('gets imported images, without being a result of the import', async () => {
    world.remote.push(UPSTREAM, '3.2', one).push(UPSTREAM, '3.3', two)
    const tags = [ruled('stable', { order: 'SEMVER', range: '^3' })]
    const { imported } = await world.create({ spec: { dockerImageRepository: UPSTREAM, tags } })

    expect(imported).toMatchObject({ imported: 2, total: 2 })
    expect(world.digestsOf('ruby:stable')[0]).toBe(TWO)
    expect(world.decision('ruby:stable')?.chosen).toBe('3.3')
  })

  it('replaces the repository’s tag of its name', async () => {
    world.remote.push(UPSTREAM, '3.3', one).push(UPSTREAM, 'stable', two)
    const spec = { dockerImageRepository: UPSTREAM, tags: [ruled('stable', SEMVER)] }
    const { imported } = await world.create({ spec })

    expect(imported).toMatchObject({ total: 1 })
    expect(world.digestsOf('ruby:stable')).toEqual([ONE])
  })

  it('does not move with events that move nothing', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.push(two, 'web:stable')
    world.push(one, 'web:1.0')
    const before = world.dump()
    world.push(one, 'web:1.0')

    expect(world.digestsOf('web:stable')).toEqual([TWO, ONE])
    expect(world.dump()).toEqual(before)
  })

  it('has no new entry where another tag with the same image is chosen', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.push(one, 'web:1.1')

    expect(world.digestsOf('web:stable')).toEqual([ONE])
    expect(world.stored('web:stable')).toBe('1.1')
  })

  it('gets a rewritten reference of the chosen tag, which is not a push', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    const { id: streamId } = world.stream('web')
    world.db.transact((tx) =>
      world.recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId, namespace: 'default', streamName: 'web', tag: tagName('1.0') },
        {
          imageId: 1,
          dockerImageReference: `mirror.test/web@${ONE}`,
          generation: 1,
          source: 'IMPORT',
          upstreamDigest: null,
          at: world.time,
        },
      ),
    )

    expect(world.eventsOf('web:stable').map((event) => event.dockerImageReference)).toEqual([
      `mirror.test/web@${ONE}`,
    ])
    expect(world.logged()).toEqual(['REGISTRY web:1.0', 'TAG web:stable'])
  })

  it('waits while no tag can be chosen', () => {
    world.createWith('web', [ruled('stable', SEMVER)])
    expect(world.decision('web:stable')).toMatchObject({ chosen: null, rankedCount: 0 })
    expect(world.tag('stable', 'web')).toBeUndefined()

    world.push(one, 'web:edge')
    expect(world.digestsOf('web:stable')).toEqual([])
    world.push(two, 'web:1.0')
    expect(world.digestsOf('web:stable')).toEqual([TWO])
  })

  it('can be pushed to, and moves again with the next change of the chosen tag', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.push(two, 'web:stable')
    expect(world.digestsOf('web:stable')).toEqual([TWO, ONE])

    world.push(three, 'web:1.0')
    expect(world.digestsOf('web:stable')).toEqual([THREE, TWO, ONE])
  })

  it('is decided again when its policy changes', () => {
    world.push(one, 'web:1.0')
    world.push(two, 'web:2.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.specify('web', [ruled('stable', { ...SEMVER, range: '^1' })])

    expect(world.digestsOf('web:stable')).toEqual([ONE, TWO])
    expect(world.stored('web:stable')).toBe('1.0')
  })

  it('continues after a restart from its stored choice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-'))
    const file = join(folder, 'streams.db')
    {
      await using before = new PolicyWorld({ file })
      before.push(one, 'web:1.0')
      before.push(two, 'web:1.1')
      before.specify('web', [ruled('stable', SEMVER)])
    }
    {
      await using after = new PolicyWorld({ file })
      after.push(three, 'web:1.0')
      expect(after.digestsOf('web:stable')).toEqual([TWO])
      after.untag('web:1.1')
      expect(after.digestsOf('web:stable')).toEqual([THREE, TWO])
    }
    rmSync(folder, { recursive: true })
  })

  it('whose spec tag changes in another field raises the generation of the newest event, without a push', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.specify('web', [ruled('stable', SEMVER, { annotations: [{ key: 'why', value: 'so' }] })])

    expect(world.eventsOf('web:stable')).toMatchObject([{ generation: 3 }])
    expect(world.log()).toHaveLength(2)
  })

  it('that does not change is not written, and moves nothing', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
    world.push(two, 'web:stable')
    const before = world.dump()
    world.specify('web', [ruled('stable', { ...SEMVER, lowest: false, range: null })])

    expect(world.dump()).toEqual(before)
  })
})

describe('a tag that cannot be chosen', () => {
  it('is one that follows another, has a policy, has no image, or is the tag itself; the decision has the reason', async () => {
    world.remote.push(UPSTREAM, '1.0', one)
    const { imported } = await world.create({
      spec: {
        tags: [
          fromImage('1.0', `${UPSTREAM}:1.0`),
          fromImage('5.0', `${UPSTREAM}:none`),
          following('2.0', '1.0'),
          ruled('3.0', NEWEST),
          ruled('4.0', SEMVER),
        ],
      },
    })
    expect(imported).toMatchObject({ imported: 1, failed: 1 })

    expect(world.decision('ruby:4.0')).toMatchObject({
      chosen: '1.0',
      rankedCount: 1,
      excludedCount: 3,
      excluded: expect.arrayContaining([
        { tag: '2.0', reason: 'FOLLOWS', message: 'it follows default/ruby:1.0', value: null },
        expect.objectContaining({ tag: '3.0', reason: 'FOLLOWS' }),
        expect.objectContaining({ tag: '5.0', reason: 'NO_IMAGE' }),
      ]),
    })
    expect(world.decision('ruby:3.0')?.chosen).toBe('1.0')
  })

  it('is one with the signature of another image', () => {
    world.push(one, 'web:1.0')
    world.push(two, `web:sha256-${'0'.repeat(64)}.sig`)
    world.specify('web', [ruled('last', { order: 'ALPHABETICAL' })])
    world.push(three, `web:sha256-${'1'.repeat(64)}.sig`)

    expect(world.digestsOf('web:last')).toEqual([ONE])
    expect(world.decision('web:last')).toMatchObject({ rankedCount: 1, excludedCount: 0 })
  })

  it('is one that starts to follow another tag, until it stops', () => {
    world.push(one, 'web:1.0')
    world.push(two, 'web:2.0')
    world.push(three, 'other:x')
    world.specify('web', [ruled('stable', SEMVER)])
    world.specify('web', [ruled('stable', SEMVER), following('2.0', 'other:x')])
    expect(world.digestsOf('web:stable')).toEqual([ONE, TWO])
    expect(world.digestsOf('web:2.0')[0]).toBe(THREE)

    world.specify('web', [ruled('stable', SEMVER), { name: '2.0', reference: false }])
    expect(world.digestsOf('web:stable')).toEqual([THREE, ONE, TWO])
  })
})

describe('when the chosen tag is removed, the next one is chosen', () => {
  const next = () => [
    world.digestsOf('web:stable'),
    world.decision('web:stable')?.chosen,
    world.stored('web:stable'),
  ]

  beforeEach(() => {
    world.push(one, 'web:1.0')
    world.push(two, 'web:2.0')
    world.specify('web', [ruled('stable', SEMVER)])
  })

  it('by untagImage', () => {
    world.time += 1000
    world.untag('web:2.0')

    expect(next()).toEqual([[ONE, TWO], '1.0', '1.0'])
    expect(world.eventsOf('web:stable')[0]?.createdAt).toBe(world.time)
  })

  it('by a deletion in the integrated registry', () => {
    const { id } = world.stream('web')
    world.db.transact((tx) => world.receiver.removeTags(tx, SYSTEM, id, [tagName('2.0')]))

    expect(next()).toEqual([[ONE, TWO], '1.0', '1.0'])
  })

  it('but not by a spec without it, as the tag keeps its image', () => {
    world.specify('web', [ruled('stable', SEMVER), { name: '2.0', reference: false }])
    expect(next()).toEqual([[TWO], '2.0', '2.0'])
    world.specify('web', [ruled('stable', SEMVER)])

    expect(next()).toEqual([[TWO], '2.0', '2.0'])
  })

  it('and without candidates the tag keeps its image until there are some', () => {
    world.untag('web:2.0')
    world.untag('web:1.0')
    expect(next()).toEqual([[ONE, TWO], null, null])

    world.push(three, 'web:0.1')
    expect(next()).toEqual([[THREE, ONE, TWO], '0.1', '0.1'])
  })
})

describe('a tag that its registry does not have any longer', () => {
  const push = (...tags: string[]): void => {
    for (const tag of tags) world.remote.push(UPSTREAM, tag, image({ seed: tag }))
  }
  const best = () => world.decision('ruby:stable')?.chosen
  beforeEach(async () => {
    push('1.1.0', '1.2.0')
    await world.create({ spec: { dockerImageRepository: UPSTREAM, tags: [ruled('stable', SEMVER)] } })
  })

  it('is no candidate after a 404 by name, keeps its own image, and is one again when it is found', async () => {
    expect(best()).toBe('1.2.0')
    world.remote.untag(UPSTREAM, '1.2.0')
    await world.import()

    expect(world.digests('stable')).toEqual([
      image({ seed: '1.1.0' }).digest,
      image({ seed: '1.2.0' }).digest,
    ])
    expect(world.digests('1.2.0')).toEqual([image({ seed: '1.2.0' }).digest])
    expect(world.decision('ruby:stable')).toMatchObject({
      chosen: '1.1.0',
      excluded: expect.arrayContaining([
        {
          ...{ tag: '1.2.0', value: null, reason: 'NO_IMAGE' },
          message: 'the registry that it was imported from does not have it any longer',
        },
      ]),
    })
    // the same image: no event, and still a candidate
    push('1.2.0')
    await world.import()
    expect(best()).toBe('1.2.0')
    expect(world.digests('stable')[0]).toBe(image({ seed: '1.2.0' }).digest)
  })

  it.each(['Unauthorized', 'TooManyRequests', 'RegistryUnavailable'] as const)(
    'stays a candidate while the registry refuses the request or fails, however often: %s',
    async (reason) => {
      world.remote.hideFromLists(UPSTREAM, '1.2.0')
      world.remote.fail(UPSTREAM, '1.2.0', reason)
      for (let times = 0; times < 3; times++) {
        world.time += 60 * 60_000
        await world.import()
      }
      expect(world.condition('1.2.0')).toMatchObject({ reason })
      expect(best()).toBe('1.2.0')
      expect(world.history('stable')).toHaveLength(1)
    },
  )

  it('stays gone while later requests are refused', async () => {
    const spec = {
      tags: [fromImage('1.3.0', `${UPSTREAM}:1.3.0`), fromImage('1.1', UPSTREAM), ruled('best', SEMVER)],
    }
    push('1.3.0', 'latest')
    await world.create({ name: 'other', spec })
    const chosen = () => world.decision('other:best')?.chosen
    expect(chosen()).toBe('1.3.0')
    world.remote.untag(UPSTREAM, '1.3.0')
    await world.import({ imageStream: 'other' })
    expect(chosen()).toBe('1.1')
    world.remote.fail(UPSTREAM, '1.3.0', 'RegistryUnavailable')
    await world.import({ imageStream: 'other' })
    expect(chosen()).toBe('1.1')
  })

  it('is not one whose new source does not exist, nor one that was pushed', async () => {
    world.push(image({ seed: 'pushed' }), 'web:2.0.0')
    world.push(image({ seed: 'imported' }), 'web:1.0.0')
    world.specify('web', [ruled('best', SEMVER), fromImage('2.0.0', `${UPSTREAM}:none`)])
    const { id } = world.stream('web')
    const request = { repository: false, specTags: 'all', repositoryTags: [] } as const
    await world.finished(world.db.transact((tx) => world.importer.request(tx, id, request)))

    expect(world.condition('2.0.0', 'web')).toMatchObject({ reason: 'NotFound' })
    expect(world.decision('web:best')?.chosen).toBe('2.0.0')
  })

  it('leaves the tag with its image where there is no other candidate', async () => {
    for (const tag of ['1.1.0', '1.2.0']) world.remote.untag(UPSTREAM, tag)
    await world.import()

    expect(best()).toBeNull()
    expect(world.digests('stable')[0]).toBe(image({ seed: '1.2.0' }).digest)
  })
})

describe('the newest image', () => {
  it('is the one that was created last, in any order of pushes', () => {
    world.createWith('web', [ruled('last', NEWEST), ruled('first', { ...NEWEST, lowest: true })])
    for (const [tag, year] of Object.entries({ a: 2021, b: 2023, c: 2020, d: 2022 })) {
      world.push(from(year), `web:${tag}`)
    }

    expect(world.decision('web:last')?.ranked.map(({ tag }) => tag)).toEqual(['b', 'd', 'a', 'c'])
    expect(world.digestsOf('web:last')).toEqual([from(2023).digest, from(2021).digest])
    expect(world.digestsOf('web:first')).toEqual([from(2020).digest, from(2021).digest])
  })

  it('changes when its tag moves to an older image', () => {
    world.push(from(2022), 'web:a')
    world.push(from(2023), 'web:b')
    world.specify('web', [ruled('last', NEWEST)])
    world.push(from(2021), 'web:b')

    expect(world.digestsOf('web:last')).toEqual([from(2022).digest, from(2023).digest])
    expect(world.stored('web:last')).toBe('a')
  })

  it('stays on the same tag when that gets an even newer image', () => {
    world.push(from(2022), 'web:a')
    world.push(from(2023), 'web:b')
    world.specify('web', [ruled('last', NEWEST)])
    world.push(from(2024), 'web:b')

    expect(world.digestsOf('web:last')).toEqual([from(2024).digest, from(2023).digest])
  })
})

describe('a tag that follows a tag with a policy', () => {
  it('moves with it, in any stream', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER), following('prod', 'stable')])
    world.createWith('app', [following('base', 'web:stable')])
    world.push(two, 'web:1.1')

    expect(world.digestsOf('web:prod')).toEqual([TWO, ONE])
    expect(world.digestsOf('app:base')).toEqual([TWO, ONE])
    expect(world.logged(4)).toEqual(['REGISTRY web:1.1', 'TAG web:stable', 'TAG web:prod', 'TAG app:base'])
  })

  it('that is written together with it gets one event', () => {
    world.push(one, 'web:1.0')
    world.push(two, 'web:2.0')
    world.specify('web', [ruled('stable', { ...SEMVER, range: '^1' })])
    world.specify('web', [ruled('stable', SEMVER), following('prod', 'stable')])

    expect(world.digestsOf('web:prod')).toEqual([TWO])
  })
})

describe('one write of a spec', () => {
  const pinned = (name: string, digest: string) => ({
    name,
    from: { kind: 'ImageStreamImage', name: `store@${digest}` } as const,
    reference: false,
  })

  it('gives a tag with a policy one event for many candidates', () => {
    for (const content of [one, two, three]) world.push(content, 'store:x')
    world.createWith('web', [
      pinned('1.0', ONE),
      following('prod', 'stable'),
      pinned('1.1', TWO),
      ruled('stable', SEMVER),
      pinned('1.2', THREE),
    ])

    expect(world.digestsOf('web:stable')).toEqual([THREE])
    expect(world.digestsOf('web:prod')).toEqual([THREE])

    world.specify('web', [
      pinned('1.0', TWO),
      pinned('1.1', ONE),
      pinned('1.2', TWO),
      ruled('stable', SEMVER),
    ])
    expect(world.digestsOf('web:stable')).toEqual([TWO, THREE])
  })
})

describe('a tag’s policy is removed', () => {
  beforeEach(() => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', SEMVER)])
  })
  const ended = () => {
    const { id } = world.stream('web')
    expect(world.streams.specTag(id, tagName('stable'))?.policy ?? null).toBeNull()
    expect(world.decision('web:stable')).toBeUndefined()
    expect(world.stored('web:stable')).toBeUndefined()
    world.push(three, 'web:1.1')
    expect(world.digestsOf('web:stable')[0]).not.toBe(THREE)
  }

  it('with tagImage, which gives it another source', () => {
    world.push(two, 'other:x')
    world.retag('web:stable', 'other:x')
    ended()
  })

  it('with tagImage to an alias of the chosen tag', () => {
    world.retag('web:stable', '1.0', { alias: true })
    ended()
  })

  it('with importImage from a registry', async () => {
    world.remote.push(UPSTREAM, 'x', two)
    await world.import({ imageStream: 'web', tag: 'stable', from: `${UPSTREAM}:x`, replaceSource: true })
    ended()
  })

  it('with a roll back', () => {
    world.push(two, 'web:1.0')
    world.rollBackTag(SYSTEM, { namespace: 'default', imageStream: 'web', tag: 'stable', digest: ONE })
    expect(world.digestsOf('web:stable')).toEqual([ONE, TWO, ONE])
    ended()
  })

  it('with the tag itself', () => {
    world.untag('web:stable')
    ended()
  })

  it('with the stream', () => {
    world.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'web' })

    expect(world.db.prepare('select * from policy_choices').all()).toEqual([])
  })
})

describe('a preview of a policy', () => {
  it('is returned without being stored', () => {
    world.push(one, 'web:1.0')
    world.push(two, 'web:2.0')
    const before = world.dump()
    const policy = {
      order: 'SEMVER',
      range: '^1',
      includePrereleases: false,
      lowest: false,
      filter: null,
    } as const
    const { id } = world.stream('web')

    expect(world.policies.preview(id, tagName('stable'), policy, 10)).toMatchObject({
      chosen: '1.0',
      ranked: [{ tag: '1.0' }],
      excluded: [{ tag: '2.0', reason: 'OUT_OF_RANGE' }],
    })
    expect(world.policies.preview(null, tagName('stable'), policy, 10)).toMatchObject({
      chosen: null,
      rankedCount: 0,
    })
    expect(world.dump()).toEqual(before)
  })

  it('never chooses the tag that it is for', () => {
    world.push(one, 'web:1.0')
    world.push(two, 'web:2.0')
    const policy = {
      order: 'SEMVER',
      range: null,
      includePrereleases: false,
      lowest: false,
      filter: null,
    } as const

    expect(world.policies.preview(world.stream('web').id, tagName('2.0'), policy, 10)).toMatchObject({
      chosen: '1.0',
      rankedCount: 1,
    })
  })
})

describe('the stored decision about a repository', () => {
  const decision = {
    chosen: tagName('3.3'),
    rankedCount: 1000,
    excludedCount: 1,
    ranked: Array.from({ length: 1000 }, (_, at) => ({
      tag: tagName(`3.${at}`),
      value: `3.${at}.0`,
      message: '',
    })),
    excluded: [
      { tag: tagName('edge'), value: null, reason: 'NOT_A_VERSION', message: 'no version' },
    ] as const,
  }
  const stable = { ...ruled('stable', SEMVER), from: { kind: 'DockerImage', name: UPSTREAM } as const }
  const record = () =>
    world.db.transact((tx) =>
      world.choices.recordChoice(
        tx,
        { streamId: world.stream('web').id, tag: tagName('stable') },
        {
          ...decision,
          passedOver: null,
          decidedAt: 5,
        },
      ),
    )

  it('is the one of the last import, with a bounded number of tags', () => {
    world.createWith('web', [stable])
    expect(world.decision('web:stable')).toBeUndefined()
    record()

    const found = world.decision('web:stable', 2)
    expect(found).toEqual({ ...decision, decidedAt: 5, ranked: decision.ranked.slice(0, 2) })
    expect(world.decision('web:stable', 1000)?.ranked).toHaveLength(100)
    expect(world.stored('web:stable')).toBe('3.3')
  })

  it('is deleted when the policy or the repository changes, and kept when another field does', () => {
    world.createWith('web', [stable])
    record()
    world.specify('web', [
      { ...stable, importPolicy: { insecure: false, scheduled: true, importMode: 'Legacy' } },
    ])
    expect(world.decision('web:stable')?.chosen).toBe('3.3')
    world.specify('web', [{ ...stable, from: { kind: 'DockerImage', name: `${UPSTREAM}/other` } }])
    expect(world.decision('web:stable')).toBeUndefined()

    record()
    world.specify('web', [{ ...stable, policy: NEWEST }])
    expect(world.decision('web:stable')).toBeUndefined()
  })

  it('is undefined for a tag that no longer has a policy', () => {
    world.createWith('web', [])
    record()

    expect(world.stored('web:stable')).toBeUndefined()
  })

  it('does not change with the stream’s own tags', () => {
    world.createWith('web', [stable])
    world.push(one, 'web:3.4')

    expect(world.digestsOf('web:stable')).toEqual([])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const TAGS = ['latest', '3.3', '3.4', 'edge'] as const
const REASONS = ['Unauthorized', 'RegistryUnavailable', 'TooManyRequests'] as const

/** A simple model of a stream after imports. */
class Model {
  readonly upstream = new Map<string, number>()
  readonly failing = new Map<string, (typeof REASONS)[number]>()
  /** Seeds of each tag's images, newest first; empty for one that only ever failed. */
  readonly histories = new Map<string, number[]>()
  readonly conditions = new Map<string, string>()
  /** Tag and seed of every push, oldest first. */
  readonly log: [string, number][] = []

  /** Tags that are unlisted and missing: they are no longer requested. */
  readonly gone = new Set<string>()

  /** Listed tags, and known tags that are no longer listed. */
  sweep(): void {
    this.import([...this.upstream.keys()])
    for (const tag of this.histories.keys()) {
      if (this.upstream.has(tag) || this.gone.has(tag)) continue
      this.conditions.set(tag, this.failing.get(tag) ?? 'NotFound')
      if (!this.failing.has(tag)) this.gone.add(tag)
    }
  }

  import(tags: readonly string[]): void {
    for (const tag of tags) {
      if (this.upstream.has(tag) || this.failing.has(tag)) this.gone.delete(tag)
      const seed = this.upstream.get(tag)
      const failure = this.failing.get(tag) ?? (seed === undefined ? 'NotFound' : undefined)
      const history = this.histories.get(tag)
      if (failure === 'NotFound' && !history?.length) continue
      if (failure || seed === undefined) {
        this.conditions.set(tag, failure ?? '')
        this.histories.set(tag, history ?? [])
        continue
      }
      this.conditions.delete(tag)
      if (history?.[0] === seed) continue
      this.histories.set(tag, [seed, ...(history ?? [])])
      this.log.push([tag, seed])
    }
  }
}

const tag = fc.constantFrom(...TAGS)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), tag, seed: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'heal' as const), tag }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('fail' as const), tag, reason: fc.constantFrom(...REASONS) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('import' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('import one' as const), tag }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

async function walk(domain: TestDomain, model: Model, one: Step): Promise<void> {
  domain.time += 1000
  if (one.do === 'move') {
    domain.remote.push(UPSTREAM, one.tag, image({ seed: one.seed }))
    model.upstream.set(one.tag, one.seed)
  } else if (one.do === 'remove') {
    domain.remote.untag(UPSTREAM, one.tag)
    model.upstream.delete(one.tag)
  } else if (one.do === 'fail' || one.do === 'heal') {
    domain.remote.fail(UPSTREAM, one.tag, one.do === 'fail' ? one.reason : null)
    if (one.do === 'fail') model.failing.set(one.tag, one.reason)
    else model.failing.delete(one.tag)
  } else if (one.do === 'import') {
    await domain.import()
    model.sweep()
  } else {
    await domain.import({ tag: one.tag })
    model.import([one.tag])
  }
}

const digestOf = (seed: number): string => image({ seed }).digest

function check(domain: TestDomain, model: Model): void {
  expect([...domain.tagNames()].sort()).toEqual([...model.histories.keys()].sort())
  for (const [name, seeds] of model.histories) {
    expect(domain.digests(name)).toEqual(seeds.map(digestOf))
    expect(domain.condition(name)?.reason).toBe(model.conditions.get(name))
    const times = domain.history(name).map(({ createdAt }) => createdAt)
    expect(times).toEqual([...times].sort((a, b) => b - a))
  }
  const log = domain.log()
  // ascending; other changes of the stream, such as its creation, have numbers of the same log
  const sequences = log.map(({ sequence }) => sequence)
  expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b))
  const byTag = (name: string) =>
    log
      .filter((push) => push.tag === name)
      .map(({ dockerImageReference }) => dockerImageReference.split('@')[1])
  for (const name of TAGS) {
    expect(byTag(name)).toEqual(model.log.filter(([of]) => of === name).map(([, seed]) => digestOf(seed)))
  }
}

/** The tags as computed from the change log alone. */
function replay(domain: TestDomain): Map<string, number> {
  const tags = new Map<string, number>()
  for (const { tag: name, imageId, previousImageId } of domain.log()) {
    expect(previousImageId).toBe(tags.get(name) ?? null)
    tags.set(name, imageId)
  }
  return tags
}

describe('a stream, after any changes upstream', () => {
  it('has the observed history, newest first, and a log from which the tags can be computed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await using domain = new TestDomain()
        const model = new Model()
        // an existing repository without tags
        domain.remote.push(UPSTREAM, 'latest', image({ seed: 0 })).untag(UPSTREAM, 'latest')
        await domain.create()

        for (const one of steps) await walk(domain, model, one)

        check(domain, model)
        const now = domain.tagNames().flatMap((name) =>
          domain
            .history(name)
            .slice(0, 1)
            .map(({ imageId }) => [name, imageId] as const),
        )
        expect(replay(domain)).toEqual(new Map(now))
        expect(domain.internalErrors).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  it('is not changed by an import of the same tags', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        await using domain = new TestDomain()
        const model = new Model()
        domain.remote.push(UPSTREAM, 'latest', image({ seed: 0 })).untag(UPSTREAM, 'latest')
        await domain.create()
        for (const one of steps) await walk(domain, model, one)
        await domain.import()
        const { tags, tag_events, tag_conditions, images, push_log } = domain.dump()
        const { resourceVersion } = domain.stream()

        await domain.import()

        expect(domain.dump()).toMatchObject({ tags, tag_events, tag_conditions, images, push_log })
        expect(domain.stream().resourceVersion).toBe(resourceVersion)
      }),
      { numRuns: 12 },
    )
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPolicy } from '../../src/policy/check-policy.ts'
import { decide } from '../../src/policy/decide.ts'
import { type TagPolicyInput, writePolicy } from '../../src/policy/policy.ts'
import { ruleOf } from '../../src/policy/rule.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

const NAMES = ['1.0.0', '1.1', 'v1.1', '1.1.0-slim', '2.0.0-rc1', '2.0.0', '9', '10', 'latest', 'edge']

const RULES: Readonly<Record<string, TagPolicyInput>> = {
  any: { order: 'SEMVER' },
  one: { order: 'SEMVER', range: '^1', includePrereleases: true },
  oldest: { order: 'SEMVER', lowest: true },
  slim: { order: 'SEMVER', filter: { pattern: '^(.*)-slim$' } },
  number: { order: 'NUMERICAL' },
  last: { order: 'ALPHABETICAL', filter: { pattern: '^[a-z]' } },
  newest: { order: 'NEWEST' },
}

const createdAt = (build: number): number => Date.UTC(2025, 0, build)
/** Builds with creation times, which determine the newest. */
const imageOf = (build: number) => image({ seed: build, created: new Date(createdAt(build)) })

/** A short import reads a list that lacks the tags which the rules chose before. */
type Step = { readonly name: string; readonly build: number | null } | 'import' | 'short import'
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ name: fc.constantFrom(...NAMES), build: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ name: fc.constantFrom(...NAMES), build: fc.constant(null) }) },
  { weight: 2, arbitrary: fc.constant('import' as const) },
  { weight: 1, arbitrary: fc.constant('short import' as const) },
)

/** Builds that each rule's tag has pointed to, newest first, by a full decision at each import. */
class Model {
  readonly upstream = new Map<string, number>()
  /** By rule, at the last import that chose a tag. */
  readonly lastChosen = new Map<string, string>()
  readonly builds = new Map<string, number[]>(Object.keys(RULES).map((tag) => [tag, []]))

  chosen(policy: TagPolicyInput): string | null {
    const candidates = [...this.upstream].map(([tag, build]) => ({
      tag: tagName(tag),
      createdAt: createdAt(build),
    }))
    return decide(ruleOf(writePolicy(checkPolicy(policy))), candidates, { shown: 0 }).chosen
  }

  /** Returns the tags that each rule which chooses them now chose at the last import too. */
  held(): string[] {
    return [...this.upstream.keys()].filter((name) =>
      Object.entries(RULES).every(
        ([tag, policy]) => this.chosen(policy) !== name || this.lastChosen.get(tag) === name,
      ),
    )
  }

  import(): void {
    for (const [tag, policy] of Object.entries(RULES)) {
      const chosen = this.chosen(policy)
      if (chosen !== null) this.lastChosen.set(tag, chosen)
      const build = chosen === null ? undefined : this.upstream.get(chosen)
      const before = this.builds.get(tag) ?? []
      if (build !== undefined && before[0] !== build) this.builds.set(tag, [build, ...before])
    }
  }
}

test('after any changes upstream, each import sets a rule’s tag to the choice of a full decision, with one history entry for each change', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using domain = new TestDomain()
      const model = new Model()
      // the repository exists from the start, and is empty
      domain.remote.push(UPSTREAM, 'latest', imageOf(1)).untag(UPSTREAM, 'latest')
      await domain.create({
        spec: { tags: Object.entries(RULES).map(([name, policy]) => fromImage(name, UPSTREAM, { policy })) },
      })

      for (const one of [...steps, 'import' as const]) {
        if (typeof one !== 'string') {
          const { name, build } = one
          if (build === null) {
            domain.remote.untag(UPSTREAM, name)
            model.upstream.delete(name)
          } else {
            domain.remote.push(UPSTREAM, name, imageOf(build))
            model.upstream.set(name, build)
          }
          continue
        }
        const hidden = one === 'import' ? [] : model.held()
        for (const name of hidden) domain.remote.hideFromLists(UPSTREAM, name)
        await domain.import()
        for (const name of hidden) domain.remote.showInLists(UPSTREAM, name)
        model.import()
        for (const [tag, policy] of Object.entries(RULES)) {
          const chosen = model.chosen(policy)
          expect(domain.digests(tag), tag).toEqual(
            model.builds.get(tag)?.map((build) => imageOf(build).digest),
          )
          expect(domain.condition(tag)?.reason, tag).toBe(chosen === null ? 'NotFound' : undefined)
          const decision = domain.policies.decisionOf(domain.stream().id, tagName(tag), 100)
          expect(decision, tag).toMatchObject({ chosen })
          if (one === 'short import') continue
          expect((decision?.rankedCount ?? 0) + (decision?.excludedCount ?? 0)).toBe(model.upstream.size)
        }
      }
      expect(domain.log()).toHaveLength([...model.builds.values()].flat().length)
      expect(domain.internalErrors).toEqual([])
    }),
    { numRuns: 16 },
  )
})

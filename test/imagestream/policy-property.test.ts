import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPolicy } from '../../src/policy/check-policy.ts'
import { type TagPolicyInput, writePolicy } from '../../src/policy/policy.ts'
import { attestation, image } from '../fixtures/random-image.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { FollowModel } from './follow-model.ts'
import { FollowWorld } from './follow-world.ts'
import { keysOf, Rehearsal, type Stage, stepsOn, type Wanted } from './tag-steps.ts'

/** Creation times of the images, two of them equal; the last image has none. */
const CREATED = [2019, 2020, 2020, 2021].map((year) => new Date(Date.UTC(year)))
const STAGE: Stage = {
  streams: ['a', 'b'],
  tags: ['1.0', '1.1', '2.0-rc1', '7', 'x', 'stable', 'next'],
  images: [
    ...CREATED.map((created, seed) => image({ seed, created })),
    attestation(image({ seed: 'unknown' })),
  ],
}
const createdAt = (at: number): number | null => CREATED[at]?.getTime() ?? null

const RULES: readonly TagPolicyInput[] = [
  { order: 'SEMVER' },
  { order: 'SEMVER', range: '^1' },
  { order: 'SEMVER', range: '*', includePrereleases: true, lowest: true },
  { order: 'NUMERICAL', filter: { pattern: '^(?:1\\.)?(\\d)$' } },
  { order: 'ALPHABETICAL' },
  { order: 'NEWEST' },
  { order: 'NEWEST', lowest: true, filter: { pattern: '^[\\dx]' } },
]
const rule = fc
  .constantFrom(...RULES)
  .map((policy) => ({ kind: 'rule' as const, rule: writePolicy(checkPolicy(policy)) }))
const key = fc.constantFrom(...keysOf(STAGE))
const wanted: fc.Arbitrary<Wanted> = fc.oneof(
  { weight: 4, arbitrary: rule },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('follow' as const, 'reference' as const), of: key }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'none' as const }) },
)
const step = stepsOn(STAGE, wanted)

describe('tags with policies, after any changes', () => {
  it('have the image that a decision over all tags chooses, with one event for each change', async () => {
    let chosen = 0
    let withoutAny = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }), async (steps) => {
        await using world = new FollowWorld()
        const model = new FollowModel(createdAt)
        const rehearsal = new Rehearsal(STAGE, world, model)

        for (const one of steps) {
          rehearsal.play(one)
          for (const [name, stream] of model.streams) {
            for (const [tag, expected] of stream.chosen) {
              const { id } = world.stream(name)
              expect(world.policies.decisionOf(id, tagName(tag), 0)?.chosen).toBe(expected)
              if (expected === null) withoutAny++
              else chosen++
            }
          }
        }
        rehearsal.checkLog()
      }),
      { numRuns: 40 },
    )
    // the drawn cases cover the property
    expect(chosen).toBeGreaterThan(200)
    expect(withoutAny).toBeGreaterThan(20)
  })
})

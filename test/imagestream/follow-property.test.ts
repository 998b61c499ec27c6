import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { FollowModel, type Key } from './follow-model.ts'
import { FollowWorld } from './follow-world.ts'
import { keysOf, Rehearsal, type Stage, stepsOn } from './tag-steps.ts'

const STAGE: Stage = {
  streams: ['a', 'b', 'c'],
  tags: ['1', '2', '3', '4'],
  images: [0, 1, 2].map((n) => image({ seed: n })),
}
const KEYS = keysOf(STAGE)
const step = stepsOn(STAGE, fc.record({ kind: fc.constant('follow' as const), of: fc.constantFrom(...KEYS) }))

/** Follows every chain of the stored specs to its end. */
function longestChain(world: FollowWorld): number {
  const rows = world.db
    .prepare<{ key: Key; source: Key | null }>(
      `select s.name || ':' || p.name as key, p.follows_stream || ':' || p.follows_tag as source
       from spec_tags p join image_streams s on s.id = p.stream_id`,
    )
    .all()
  const sources = new Map(rows.map((row) => [row.key, row.source]))
  const length = (from: Key): number => {
    let steps = 0
    for (let at = sources.get(from); at && steps <= KEYS.length; at = sources.get(at)) steps++
    return steps
  }
  return Math.max(0, ...KEYS.map(length))
}

describe('tags that follow, after any changes', () => {
  it('have the histories, conditions and pushes of the model, and their streams the versions', async () => {
    let longest = 0
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }), async (steps) => {
        await using world = new FollowWorld()
        const rehearsal = new Rehearsal(STAGE, world, new FollowModel())

        for (const one of steps) {
          const code = rehearsal.play(one)
          const chain = longestChain(world)
          expect(chain).toBeLessThan(KEYS.length)
          longest = Math.max(longest, chain)
          if (code === 'INVALID') refused++
        }
        rehearsal.checkLog()
      }),
      { numRuns: 30 },
    )
    // the drawn cases cover the property
    expect(longest).toBeGreaterThan(3)
    expect(refused).toBeGreaterThan(10)
  })
})

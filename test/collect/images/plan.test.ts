import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import type { PrunedEvent } from '../../../src/collect/images/report.ts'
import { BATCH } from '../../../src/concurrency/yielding.ts'
import { recordingReads } from '../../fixtures/database-reads.ts'
import { image } from '../../fixtures/random-image.ts'
import { HOUR, PruneWorld } from './world.ts'

const RELEASES = [1, 2, 3, 4, 5, 6].map((seed) => image({ seed }))
const KEEP_ONE = { keepTagRevisions: 1 }
/** Tags of a batch, and more. */
const TAGS = 2 * BATCH

let world: PruneWorld
beforeEach(async () => {
  world = new PruneWorld()
  for (const release of RELEASES) world.record('shop/web', 'latest', release)
  await world.pass(2 * HOUR)
})
afterEach(() => world[Symbol.asyncDispose]())

const keyOf = ({ tagId, id }: PrunedEvent) => [tagId, id]
const readsOf = (
  reads: readonly { readonly text: string; readonly rows: number }[],
  part: string,
): number[] => reads.filter(({ text }) => text.includes(part)).map(({ rows }) => rows)

describe('the plan of a prune', () => {
  it('reads nothing until something is requested', async () => {
    const recording = recordingReads(world.domain.db)
    await using pruner = world.newPruner(recording.db)
    const before = recording.reads.length

    pruner.plan(SYSTEM, KEEP_ONE)

    expect(recording.reads.length).toBe(before)
  })

  it('reads everything that is requested in one turn in one pass', async () => {
    const recording = recordingReads(world.domain.db)
    await using pruner = world.newPruner(recording.db)
    const plan = pruner.plan(SYSTEM, KEEP_ONE)

    const [totals, first, rest, last, kept, count] = await Promise.all([
      plan.totals(),
      plan.events.page({ limit: 2 }),
      plan.events.page({ limit: 9, after: [1, 2] }),
      plan.events.page({ limit: 2, fromEnd: true }),
      plan.kept.page({ limit: 100 }),
      plan.events.count(),
    ])

    expect([totals.events, count, first.length, rest.length, last.length, kept.length]).toEqual([
      5, 5, 3, 3, 3, 6,
    ])
    expect(last.map(keyOf)).toEqual(rest.map(keyOf).slice(-3))
    expect(readsOf(recording.reads, 'as newestOld')).toHaveLength(1)
    expect(readsOf(recording.reads, 'hasEvents').length).toBeLessThanOrEqual(2)
  })

  it('reads no images for pages of entries alone, and only entries after the cursor until the page is full', async () => {
    for (let tag = 0; tag < TAGS; tag++) {
      for (const release of RELEASES.slice(0, 3)) world.record('shop/many', `v${tag}`, release)
    }
    await world.pass(2 * HOUR)
    const all = await world.pruner.plan(SYSTEM, KEEP_ONE).events.page({ limit: 10_000, peek: false })
    const middle = all[all.length - 20] as PrunedEvent
    const recording = recordingReads(world.domain.db)
    await using pruner = world.newPruner(recording.db)

    const page = await pruner.plan(SYSTEM, KEEP_ONE).events.page({ limit: 3, after: keyOf(middle) })

    expect(page).toEqual(all.slice(-19, -15))
    expect(readsOf(recording.reads, 'hasEvents')).toEqual([])
    expect(readsOf(recording.reads, 'as newestOld').reduce((sum, rows) => sum + rows, 0)).toBeLessThan(BATCH)
  })

  it('returns pages back from a cursor, of ordered and of unordered lists', async () => {
    const plan = world.pruner.plan(SYSTEM, { ...KEEP_ONE, keepYoungerThanMinutes: 0 })
    const [events, kept] = await Promise.all([
      plan.events.page({ limit: 100, peek: false }),
      plan.kept.page({ limit: 100, peek: false }),
    ])
    const [event, image] = [events[3], kept[3]]
    if (!event || !image) throw new Error('the lists are too short')

    expect(await plan.events.page({ limit: 2, peek: false, fromEnd: true, before: keyOf(event) })).toEqual(
      events.slice(1, 3),
    )
    expect(await plan.kept.page({ limit: 2, peek: false, fromEnd: true, before: [image.id] })).toEqual(
      kept.slice(1, 3),
    )
    expect(await plan.kept.page({ limit: 2, peek: false, after: [image.id] })).toEqual(kept.slice(4, 6))
  })
})

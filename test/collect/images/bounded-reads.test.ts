import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createIndexChildren } from '../../../src/collect/images/index-children.ts'
import { BATCH } from '../../../src/concurrency/yielding.ts'
import { recordingReads } from '../../fixtures/database-reads.ts'
import { countingIterations } from '../../fixtures/event-loop.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { HOUR, PruneWorld, planOf, pruneOf } from './world.ts'

const [one, two] = [image({ seed: 1 }), image({ seed: 2 })]
const ENTRIES = 2_600

let world: PruneWorld
beforeEach(() => {
  world = new PruneWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

/** Adds entries to the history of a tag, which has alternately one of two images. */
function lengthen(stream: string, tag: string): void {
  for (const content of [one, two]) world.record(stream, tag, content)
  world.domain.db
    .prepare(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${ENTRIES})
       insert into tag_events (tag_id, image_id, docker_image_reference, generation, created_at)
       select tag_id, image_id, docker_image_reference, generation, created_at
       from n cross join tag_events where id = (select max(id) - n.i % 2 from tag_events)`,
    )
    .run()
  const { db } = world.domain
  db.prepare(
    'update tags set newest_event_id = (select max(id) from tag_events where tag_id = tags.id)',
  ).run()
  db.prepare(
    'update tags set newest_image_id = (select image_id from tag_events where id = newest_event_id)',
  ).run()
}

describe('a dry run', () => {
  it('reads a bounded number of entries with each statement, and lets other work run between them', async () => {
    lengthen('shop/web', 'latest')
    await world.pass(2 * HOUR)
    const recording = recordingReads(world.domain.db)
    await using pruner = world.newPruner(recording.db)

    const { result, iterations } = await countingIterations(() => planOf(pruner))

    expect(result.events.total).toBe(ENTRIES - 1)
    expect(Math.max(...recording.reads.map(({ rows }) => rows))).toBeLessThanOrEqual(5 * BATCH)
    expect(iterations).toBeGreaterThanOrEqual(ENTRIES / (5 * BATCH))
  })

  it('reads few tags for each page of a long history', async () => {
    lengthen('shop/web', 'latest')
    for (let tag = 0; tag < BATCH; tag++) world.record('shop/other', `v${tag}`, one)
    await world.pass(2 * HOUR)
    const recording = recordingReads(world.domain.db)
    await using pruner = world.newPruner(recording.db)

    await planOf(pruner)

    const tags = recording.reads.filter(({ text }) => text.includes('as newestOld'))
    expect(tags.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThan(2 * BATCH)
  })

  it('reports the entries in order of tags, page by page', async () => {
    lengthen('shop/web', 'a')
    lengthen('shop/web', 'b')
    await world.pass(2 * HOUR)

    const first = await planOf(world.pruner, { limit: 3 })
    const last = first.events.items.at(-1)
    const second = await planOf(world.pruner, { limit: 3, after: { events: last } })

    const positions = [...first.events.items, ...second.events.items].map(({ tagId, id }) => [tagId, id])
    expect(positions).toHaveLength(6)
    expect(positions).toEqual(
      positions.toSorted(([a, x], [b, y]) => (a ?? 0) - (b ?? 0) || (x ?? 0) - (y ?? 0)),
    )
  })
})

describe('manifests that no history has any more', () => {
  it('are counted by reading the entries of their image once, in parts, for all streams', async () => {
    // the history of another stream keeps both images
    lengthen('shop/web', 'latest')
    for (const stream of ['shop/kept', 'shop/lost']) {
      for (const content of [one, two, image({ seed: 3 })]) world.record(stream, 'latest', content)
      for (const content of [one, two]) world.link(stream, content)
    }
    world.record('shop/kept', 'current', one)
    await world.pass(2 * HOUR)

    const plan = await planOf(world.pruner, { keepTagRevisions: 1 })
    const { result, iterations } = await countingIterations(() =>
      pruneOf(world.pruner, { keepTagRevisions: 1 }),
    )

    // "current" of the stream "kept" still has one of the two images
    expect([plan.repositoryManifests, result.repositoryManifests]).toEqual([3, 3])
    expect(iterations).toBeGreaterThanOrEqual(ENTRIES / BATCH)
  })
})

describe('indexes that are stored while a prune runs', () => {
  it('are read in parts', async () => {
    const children = createIndexChildren(world.domain.db)
    await children.build(new AbortController().signal)
    const many = Array.from({ length: 2 * BATCH + 10 }, (_, seed) =>
      index([one], { annotations: { seed: `${seed}` } }),
    )
    for (const content of many) world.store(content)

    expect([children.refresh(), children.refresh(), children.refresh()]).toEqual([true, true, false])
    expect(children.isChild(one.digest)).toBe(true)
  })
})

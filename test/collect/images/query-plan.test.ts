import { describe, expect, it } from 'vitest'
import { image, index } from '../../fixtures/random-image.ts'
import { watchStatements } from '../../fixtures/statements.ts'
import { HOUR, PruneWorld, planOf, pruneOf } from './world.ts'

describe('pruning', () => {
  it('reads every table by a key or an index', async () => {
    await using world = new PruneWorld()
    const { db } = world.domain
    const images = [1, 2, 3, 4, 5].map((seed) => image({ seed }))
    for (const each of images) world.record('shop/web', 'latest', each)
    world.link('shop/web', image({ seed: 1 }))
    world.store(index(images.slice(0, 3)))
    world.store(index(images.slice(3)))
    await world.trimLog()
    await world.pass(2 * HOUR)
    using statements = watchStatements()

    await planOf(world.pruner, { namespace: 'shop' })
    await pruneOf(world.pruner, { namespace: 'shop' })
    await planOf(world.pruner)
    await pruneOf(world.pruner)

    const read = [...new Set(statements.run)].filter((text) => /^\s*(?:select|delete|update)/i.test(text))
    expect(read.length).toBeGreaterThan(20)
    const scans = read.flatMap((text) =>
      db
        .prepare<{ detail: string }>(`explain query plan ${text}`)
        .all(...Array.from({ length: text.split('?').length - 1 }, () => null))
        // pages are read along a key; "SEARCH" uses an index or a key too
        .filter(({ detail }) => /^SCAN (?!json_each|VIRTUAL|e VIRTUAL|i$|\(subquery)/.test(detail))
        .map(({ detail }) => `${detail}: ${text}`),
    )
    expect(scans).toEqual([])
  })
})

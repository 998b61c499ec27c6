import semver from 'semver'
import { expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { groupBy } from '../../src/input/maps.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { moves } from '../fixtures/ruby-history.ts'
import { PolicyWorld, ruled } from './policy-world.ts'
import { recordMoves } from './recorded-moves.ts'

/** Each date of the twelve years of the ruby image, with its moves. */
const dates = [...groupBy([...moves()], ({ at }) => at.getTime())]

/** The highest of the versions that a pattern finds in tags, a full one before a short one; undefined without any. */
function highest(tags: ReadonlyMap<string, Digest>, pattern: RegExp, range = '*'): Digest | undefined {
  const versions = [...tags].flatMap(([tag, digest]) => {
    const found = pattern.exec(tag)?.[1]
    const version = found && (/^\d+\.\d+$/.test(found) ? `${found}.0` : found)
    return version && semver.satisfies(version, range) ? [{ version, found, digest }] : []
  })
  return versions
    .sort((a, b) => semver.compare(a.version, b.version) || a.found.length - b.found.length)
    .at(-1)?.digest
}

it('over twelve years of the ruby image each policy chooses at every date the tag that the data has', async () => {
  await using world = new PolicyWorld({ importMode: 'PreserveOriginal' })
  world.createWith('ruby', [
    ruled('stable', { order: 'SEMVER' }),
    ruled('stable-2', { order: 'SEMVER', range: '2.x' }),
    ruled('stable-slim', { order: 'SEMVER', filter: { pattern: '^([\\d.]+)-slim$' } }),
    ruled('last', { order: 'NEWEST' }),
  ])
  const stream = world.stream('ruby')
  const tags = new Map<string, Digest>()
  /** Creation time of each image. */
  const created = new Map<Digest, number>()
  let expected: readonly (Digest | undefined)[] = []
  let moved = 0
  for (const [time, now] of dates) {
    for (const { tag, digest } of now) tags.set(tag, digest)
    world.time = time
    recordMoves(
      world,
      stream,
      now.map(({ tag, content }) => ({ tag, content, at: time })),
    )

    const before = expected
    expected = [
      highest(tags, /^(\d+\.\d+(?:\.\d+)?)$/),
      highest(tags, /^(\d+\.\d+(?:\.\d+)?)$/, '2.x'),
      highest(tags, /^(\d+\.\d+(?:\.\d+)?)-slim$/),
    ]
    const names = ['stable', 'stable-2', 'stable-slim']
    expect(names.map((name) => world.digestsOf(`ruby:${name}`)[0])).toEqual(expected)
    moved += expected.filter((digest, at) => digest !== before[at]).length

    for (const { digest, createdAt } of world.images
      .byDigests(
        SYSTEM,
        now.map(({ digest }) => digest),
      )
      .values())
      created.set(digest, createdAt ?? 0)
    const newest = Math.max(...[...tags.values()].map((digest) => created.get(digest) ?? 0))
    expect(created.get(world.digestsOf('ruby:last')[0] as Digest)).toBe(newest)
  }

  expect(dates).toHaveLength(258)
  expect(moved).toBeGreaterThan(100)
  expect(world.internalErrors).toEqual([])
})

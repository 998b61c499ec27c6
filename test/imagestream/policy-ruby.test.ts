import semver from 'semver'
import { expect, it } from 'vitest'
import { groupBy } from '../../src/input/maps.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { moves } from '../fixtures/ruby-history.ts'
import { UPSTREAM } from '../fixtures/test-domain.ts'
import { PolicyWorld, ruled } from './policy-world.ts'

/** Each date of the first five years of the ruby image, with its moves. */
const dates = [...groupBy([...moves()], ({ at }) => at.getTime())].filter(([time]) => time < Date.UTC(2019))

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

it('over five years of the ruby image each policy chooses at every date the tag that the data has', async () => {
  await using world = new PolicyWorld({ importMode: 'PreserveOriginal' })
  world.createWith('ruby', [
    ruled('stable', { order: 'SEMVER' }),
    ruled('stable-2', { order: 'SEMVER', range: '2.x' }),
    ruled('stable-slim', { order: 'SEMVER', filter: { pattern: '^([\\d.]+)-slim$' } }),
    ruled('last', { order: 'NEWEST' }),
  ])
  const tags = new Map<string, Digest>()
  let expected: readonly (Digest | undefined)[] = []
  let moved = 0
  for (const [time, now] of dates) {
    for (const { tag, digest, content } of now) {
      world.remote.push(UPSTREAM, tag, content)
      tags.set(tag, digest)
    }
    world.time = time
    await world.import({ from: UPSTREAM, all: true })

    const before = expected
    expected = [
      highest(tags, /^(\d+\.\d+(?:\.\d+)?)$/),
      highest(tags, /^(\d+\.\d+(?:\.\d+)?)$/, '2.x'),
      highest(tags, /^(\d+\.\d+(?:\.\d+)?)-slim$/),
    ]
    const names = ['stable', 'stable-2', 'stable-slim']
    expect(names.map((name) => world.digestsOf(`ruby:${name}`)[0])).toEqual(expected)
    moved += expected.filter((digest, at) => digest !== before[at]).length

    const all = [...world.images.byDigests([...new Set(tags.values())]).values()]
    const [last] = world.eventsOf('ruby:last')
    const newest = Math.max(...all.map(({ createdAt }) => createdAt ?? 0))
    expect(all.find(({ id }) => id === last?.imageId)?.createdAt).toBe(newest)
  }

  expect(dates.length).toBeGreaterThan(120)
  expect(moved).toBeGreaterThan(100)
  expect(world.internalErrors).toEqual([])
})

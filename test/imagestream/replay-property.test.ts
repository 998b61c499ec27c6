import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { createPruner, type Pruner } from '../../src/collect/images/prune.ts'
import { isPush } from '../../src/events/log-entry.ts'
import type { Push } from '../../src/events/push-filter.ts'
import type { ImportMode } from '../../src/imagestream/image/fetch-image.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import { image, index } from '../fixtures/random-image.ts'
import { ALL, fromImage, tagName } from '../fixtures/test-domain.ts'
import { FollowWorld, following, namesOf } from './follow-world.ts'

const STREAMS = ['app', 'web', 'team/app'] as const
const TAGS = ['latest', '1', '2'] as const
const REPOSITORIES = ['registry.test/one', 'registry.test/two'] as const
const arm64 = { os: 'linux', architecture: 'arm64' }
const SINGLE = [1, 2, 3].map((seed) => image({ seed }))
// an index, another one with the same image for mode Legacy, and one without an image for that mode
const UPSTREAM = [
  ...SINGLE,
  index([image({ seed: 1 }), image({ seed: 4, platform: arm64 })]),
  index([image({ seed: 1 }), image({ seed: 5, platform: arm64 })]),
  index([image({ seed: 5, platform: arm64 })]),
]

const stream = fc.constantFrom(...STREAMS)
const tag = fc.constantFrom(...TAGS)
const repository = fc.constantFrom(...REPOSITORIES)
const at = fc.tuple(stream, tag).map(([name, of]) => `${name}:${of}`)
const importMode = fc.constantFrom<ImportMode>('Legacy', 'PreserveOriginal')
const are = <Do extends string>(what: Do) => fc.constant(what)
const specTag = fc.oneof(
  fc.record({ tag, from: at }),
  fc.record({ tag, repository, of: tag, reference: fc.boolean() }),
  fc.record({ tag }),
)
const specTags = fc.uniqueArray(specTag, { selector: (one) => one.tag, maxLength: 3 })

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: are('move'), repository, tag, content: fc.nat(UPSTREAM.length - 1) }),
  },
  { weight: 1, arbitrary: fc.record({ do: are('vanish'), repository, tag }) },
  { weight: 1, arbitrary: fc.record({ do: are('fail'), repository, tag, heals: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: are('follow'), stream, repository, importMode }) },
  { weight: 5, arbitrary: fc.record({ do: are('import'), stream }) },
  { weight: 2, arbitrary: fc.record({ do: are('import once'), stream, importMode }) },
  { weight: 2, arbitrary: fc.record({ do: are('import tag'), at, repository, of: tag }) },
  { weight: 5, arbitrary: fc.record({ do: are('push'), at, content: fc.nat(SINGLE.length - 1) }) },
  { weight: 3, arbitrary: fc.record({ do: are('copy'), at, from: at }) },
  { weight: 3, arbitrary: fc.record({ do: are('alias'), at, from: at }) },
  { weight: 2, arbitrary: fc.record({ do: are('roll back'), at, to: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: are('specify'), stream, tags: specTags }) },
  { weight: 2, arbitrary: fc.record({ do: are('untag'), at }) },
  { weight: 1, arbitrary: fc.record({ do: are('unpush'), at }) },
  { weight: 1, arbitrary: fc.record({ do: are('delete'), stream }) },
  { weight: 2, arbitrary: fc.record({ do: are('restore tag'), at }) },
  { weight: 2, arbitrary: fc.record({ do: are('restore'), deleted: fc.nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: are('prune'), keep: fc.integer({ min: 1, max: 2 }), hours: fc.nat(2) }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** Steps that remove tags. */
const REMOVES: readonly Step['do'][] = ['untag', 'unpush', 'delete']

const specTagOf = (one: typeof specTag extends fc.Arbitrary<infer Value> ? Value : never): SpecTagInput => {
  if ('from' in one) {
    const { namespace, name, tag: of } = namesOf(one.from)
    return following(one.tag, `${name}:${of}`, { namespace })
  }
  if ('of' in one) return fromImage(one.tag, `${one.repository}:${one.of}`, { reference: one.reference })
  return { name: one.tag, reference: false }
}

/** Plays one step. Ignores the errors of refused steps. */
async function play(world: FollowWorld, pruner: Pruner, one: Step): Promise<void> {
  try {
    await dare(world, pruner, one)
  } catch (error) {
    if (!['INVALID', 'NOT_FOUND', 'CONFLICT', 'ALREADY_EXISTS'].includes(Object(error).code)) throw error
  }
}

async function dare(world: FollowWorld, pruner: Pruner, one: Step): Promise<void> {
  const { remote, writer } = world
  const idOf = (text: string) => {
    const { namespace, name } = namesOf(text)
    return world.streams.byName(SYSTEM, namespace, name)
  }
  if (one.do === 'move') remote.push(one.repository, one.tag, UPSTREAM[one.content] ?? image({ seed: 0 }))
  else if (one.do === 'vanish') remote.untag(one.repository, one.tag)
  else if (one.do === 'fail') {
    remote.fail(one.repository, one.tag, one.heals ? null : 'RegistryUnavailable')
  } else if (one.do === 'follow') {
    const { namespace, name } = namesOf(`${one.stream}:x`)
    const importPolicy = { insecure: false, scheduled: false, importMode: one.importMode }
    const input = { namespace, name, spec: { dockerImageRepository: one.repository, importPolicy } }
    const { importId } = idOf(`${one.stream}:x`) ? writer.update(SYSTEM, input) : writer.create(SYSTEM, input)
    if (importId !== null) await world.finished(importId)
  } else if (one.do === 'import' || one.do === 'import once') {
    const { namespace, name: imageStream } = namesOf(`${one.stream}:x`)
    await world.import({
      namespace,
      imageStream,
      ...(one.do === 'import once' && { importMode: one.importMode }),
    })
  } else if (one.do === 'import tag') {
    const { namespace, name: imageStream, tag: name } = namesOf(one.at)
    await world.import({
      namespace,
      imageStream,
      tag: name,
      from: `${one.repository}:${one.of}`,
      confirm: true,
    })
  } else if (one.do === 'push') world.push(SINGLE[one.content] ?? image({ seed: 0 }), one.at)
  else if (one.do === 'copy' || one.do === 'alias') {
    const { namespace, name, tag: of } = namesOf(one.from)
    world.retag(
      one.at,
      { kind: 'ImageStreamTag', name: `${name}:${of}`, namespace },
      { alias: one.do === 'alias' },
    )
  } else if (one.do === 'roll back') {
    const { namespace, name: imageStream, tag: name } = namesOf(one.at)
    const events = world.eventsOf(one.at)
    const to = events[Math.min(one.to, events.length - 1)]
    const digest = to && world.images.byIds([to.imageId]).get(to.imageId)?.digest
    if (digest) world.rollBackTag(SYSTEM, { namespace, imageStream, tag: name, digest })
  } else if (one.do === 'specify') {
    const { namespace, name } = namesOf(`${one.stream}:x`)
    const { importId } = writer.update(SYSTEM, { namespace, name, spec: { tags: one.tags.map(specTagOf) } })
    if (importId !== null) await world.finished(importId)
  } else if (one.do === 'untag') world.untag(one.at)
  else if (one.do === 'unpush') {
    const found = idOf(one.at)
    const { tag: name } = namesOf(one.at)
    if (found) world.db.transact((tx) => world.receiver.removeTags(tx, SYSTEM, found.id, [tagName(name)]))
  } else if (one.do === 'delete') {
    const { namespace, name } = namesOf(`${one.stream}:x`)
    world.streamRemoval.delete(SYSTEM, { namespace, name })
  } else if (one.do === 'restore tag') {
    const { namespace, name: imageStream, tag: name } = namesOf(one.at)
    const { importId } = world.tagRemoval.restore(SYSTEM, { namespace, imageStream, tag: name })
    if (importId !== null) await world.finished(importId)
  } else if (one.do === 'restore') {
    const uid = deletedUids(world).at(-1 - one.deleted)
    if (uid === undefined) return
    const { importId } = world.streamRemoval.restore(SYSTEM, { uid })
    if (importId !== null) await world.finished(importId)
  } else {
    const keepYoungerThanMinutes = one.hours * 60
    await pruner.prune(SYSTEM, { keepTagRevisions: one.keep, keepYoungerThanMinutes, namespace: undefined })
  }
}

/** The uids of deleted streams, the last deleted last. */
const deletedUids = ({ db }: FollowWorld): string[] =>
  db
    .prepare<{ uid: string }>(
      'select uid from image_streams where deleted_at is not null order by deleted_at, id',
    )
    .all()
    .map(({ uid }) => uid)

/** Every tag that has an image, by stream and name. */
function tagsNow(world: FollowWorld): Map<string, number> {
  const streams = world.db.prepare<{ id: number }>('select id from image_streams').all()
  const tags = world.tags.ofStreams(
    streams.map(({ id }) => id),
    { order: 'NAME', page: ALL },
  )
  return new Map(tags.flatMap((one) => (one.image ? [[`${one.streamId} ${one.name}`, one.image.id]] : [])))
}

/** The tags as computed from the log of all changes alone. */
class Reader {
  readonly tags = new Map<string, number>()
  /** Images of each tag, oldest first. */
  readonly histories = new Map<string, number[]>()
  #read = 0

  /** Reads the entries since the last call. Returns the number of removed tags. */
  read({ changeLog }: FollowWorld): number {
    let removed = 0
    for (const entry of changeLog.readEntries({
      after: this.#read,
      before: changeLog.head() + 1,
      limit: 10_000,
    })) {
      expect(entry.sequence).toBe(++this.#read)
      const key = `${entry.streamId} ${entry.tag}`
      if (isPush(entry)) this.#readPush(key, entry)
      else if (entry.kind === 'TAG_REMOVED' && this.tags.delete(key)) removed++
    }
    return removed
  }

  #readPush(key: string, { imageId, previousImageId }: Push): void {
    expect(previousImageId).toBe(this.tags.get(key) ?? null)
    expect(imageId).not.toBe(previousImageId)
    this.tags.set(key, imageId)
    this.histories.set(key, [...(this.histories.get(key) ?? []), imageId])
  }
}

/** Every tag that had an image at the time, by stream and name, as the server answers it. */
function tagsAt(world: FollowWorld, time: number): Map<string, number> {
  const streams = world.db.prepare<{ id: number }>('select id from image_streams').all()
  const found = world.lookBack.tagsAt(
    streams.map(({ id }) => id),
    { time },
    ALL,
  )
  return new Map(found.map(({ streamId, name, event }) => [`${streamId} ${name}`, event.imageId]))
}

function checkHistories(world: FollowWorld, reader: Reader, pruned: boolean): void {
  for (const [key, images] of reader.histories) {
    const [streamId, name = ''] = key.split(' ')
    const found = world.tags.named([Number(streamId)], tagName(name))[0]
    const id = found?.id ?? world.tags.removed(Number(streamId), tagName(name))?.tagId
    const events = id === undefined ? [] : world.tags.events([id], ALL)
    const newestFirst = images.toReversed()
    const seen = events.map(({ imageId }) => imageId)
    // pruning removes the oldest entries and keeps the others, but for a removed tag's
    const isLeft = found?.image ? 1 : 0
    expect(seen).toEqual(pruned ? newestFirst.slice(0, Math.max(isLeft, seen.length)) : newestFirst)
    const digests = world.images.byIds(seen)
    for (const { imageId, dockerImageReference } of events) {
      expect(dockerImageReference.split('@')[1]).toBe(digests.get(imageId)?.digest)
    }
  }
}

describe('a replay of the log of all changes', () => {
  it('gives the tags and histories at any time, after any imports, pushes, tagging, following, removals, restores and pruning', async () => {
    const seen = { steps: 0, pushes: 0, removed: 0, times: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await using world = new FollowWorld()
        await using pruner = createPruner({ ...world, now: () => world.time })
        const reader = new Reader()
        let pruned = false
        const past: { readonly time: number; readonly tags: Map<string, number> }[] = []
        for (const each of REPOSITORIES) world.remote.push(each, 'latest', SINGLE[0] ?? image({ seed: 0 }))

        for (const one of steps) {
          world.time += 20 * 60_000
          await play(world, pruner, one)

          const removed = reader.read(world)
          const now = tagsNow(world)
          expect(reader.tags).toEqual(now)
          if (!REMOVES.includes(one.do)) expect(removed).toBe(0)
          pruned ||= one.do === 'prune'
          checkHistories(world, reader, pruned)
          past.push({ time: world.time, tags: now })
          seen.steps++
          seen.removed += removed
        }

        // pruned entries can no longer be read
        for (const { time, tags } of pruned ? past.slice(-1) : past) {
          expect(tagsAt(world, time)).toEqual(tags)
          seen.times++
        }
        seen.pushes += world.log().length
        expect(world.internalErrors).toEqual([])
      }),
      { numRuns: 40 },
    )
    // the drawn cases cover the property
    expect(seen.pushes).toBeGreaterThan(100)
    expect(seen.removed).toBeGreaterThan(10)
    expect(seen.times).toBeGreaterThan(100)
  })
})

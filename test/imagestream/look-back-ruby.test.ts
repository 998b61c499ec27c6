import { afterAll, beforeAll, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { PastTag } from '../../src/imagestream/tag/image-histories.ts'
import { groupBy } from '../../src/input/maps.ts'
import { moves, tagsAt } from '../fixtures/ruby-history.ts'
import { ALL, TestDomain } from '../fixtures/test-domain.ts'
import { recordMoves } from './recorded-moves.ts'

const all = [...moves()]
/** Each date of the twelve years of the ruby image, with its moves. */
const dates = [...groupBy(all, ({ at }) => at.getTime())]

let domain: TestDomain
beforeAll(() => {
  domain = new TestDomain({ importMode: 'PreserveOriginal' })
  const { stream } = domain.writer.create(SYSTEM, { namespace: 'default', name: 'ruby' })
  for (const [at, moved] of dates) {
    recordMoves(
      domain,
      stream,
      moved.map(({ tag, content }) => ({ tag, content, at })),
    )
  }
})
afterAll(() => domain[Symbol.asyncDispose]())

/** Digests of the images that were read, by row id. */
const digests = new Map<number, string>()

function digestsOf(past: readonly PastTag[]): Map<string, string | undefined> {
  const unknown = new Set(past.map(({ event }) => event.imageId).filter((id) => !digests.has(id)))
  for (const [id, { digest }] of domain.images.byIds([...unknown])) digests.set(id, digest)
  return new Map(past.map(({ name, event }) => [name, digests.get(event.imageId)]))
}

/** Returns the tags with different images; a comparison of all entries by `toEqual` takes much longer. */
const differences = (one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] =>
  [...new Set([...one.keys(), ...other.keys()])].filter((tag) => one.get(tag) !== other.get(tag))

it('twelve years of the ruby image, recorded at every date, have the right tags at every date and just before', () => {
  const { id } = domain.stream()
  const then = (time: number) => digestsOf(domain.lookBack.tagsAt([id], { time }, ALL))

  let before = new Map<string, string>()
  for (const [time, moved] of dates) {
    const after = new Map(before)
    for (const { tag, digest } of moved) after.set(tag, digest)
    expect(differences(then(time - 1), before)).toEqual([])
    expect(differences(then(time), after)).toEqual([])
    before = after
  }

  expect(dates).toHaveLength(258)
  expect(before.size).toBe(1736)
  expect(domain.internalErrors).toEqual([])
})

it('each of the 9,425 moves is one push, with its date and the previous image', () => {
  const log = domain.log()
  const ids = log.flatMap(({ imageId, previousImageId }) => [imageId, previousImageId ?? imageId])
  const images = domain.images.byIds([...new Set(ids)])
  const lineOf = (at: number, tag: string, digest?: string, previous?: string | null) =>
    `${at} ${tag} ${digest} ${previous}`
  const logged = log.map(({ pushedAt, tag, imageId, previousImageId }) => {
    const previous = previousImageId === null ? null : images.get(previousImageId)?.digest
    return lineOf(pushedAt, tag, images.get(imageId)?.digest, previous)
  })

  const filed = all.map(({ at, tag, digest, previous }) => lineOf(at.getTime(), tag, digest, previous))

  expect(filed).toHaveLength(9425)
  expect(logged).toEqual(filed)
})

it('each tag has at a date the image in the file', () => {
  const date = new Date('2020-06-01')
  const tags = domain.tags.ofStreams([domain.stream().id], { order: 'NAME', page: ALL })
  const events = domain.lookBack.eventsAt(
    tags.map(({ id }) => id),
    date.getTime(),
  )

  const past = tags.flatMap(({ id, streamId, name }) => {
    const event = events.get(id)
    return event ? [{ streamId, name, event }] : []
  })

  expect(digestsOf(past)).toEqual(tagsAt(date))
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PastTag } from '../../src/imagestream/tag/look-back.ts'
import { groupBy } from '../../src/input/maps.ts'
import { moves, tagsAt } from '../fixtures/ruby-history.ts'
import { ALL, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

/** The moves of the first five years of the ruby image. */
const END = new Date('2019-01-01')
const ofFiveYears = [...moves()].filter(({ at }) => at < END)
/** Each date of these years, with its moves. */
const dates = [...groupBy(ofFiveYears, ({ at }) => at.getTime())]

let domain: TestDomain
beforeAll(async () => {
  domain = new TestDomain({ importMode: 'PreserveOriginal' })
  domain.writer.create({ namespace: 'default', name: 'ruby' })
  for (const [time, moved] of dates) {
    for (const { tag, content } of moved) domain.remote.push(UPSTREAM, tag, content)
    domain.time = time
    const imported = await domain.import({ from: UPSTREAM, all: true })
    expect(imported).toMatchObject({
      state: 'SUCCEEDED',
      imported: new Set(moved.map(({ tag }) => tag)).size,
    })
  }
})
afterAll(() => domain[Symbol.asyncDispose]())

const digestsOf = (past: readonly PastTag[]): Map<string, string | undefined> => {
  const images = domain.images.byIds([...new Set(past.map(({ event }) => event.imageId))])
  return new Map(past.map(({ name, event }) => [name, images.get(event.imageId)?.digest]))
}

it('five years of the ruby image, imported at every date, have the right tags at every date and just before', () => {
  const { id } = domain.stream()
  const then = (time: number) => digestsOf(domain.lookBack.tagsAt([id], { time }, ALL))

  let before = new Map<string, string>()
  for (const [time, moved] of dates) {
    const after = new Map(before)
    for (const { tag, digest } of moved) after.set(tag, digest)
    expect(then(time - 1)).toEqual(before)
    expect(then(time)).toEqual(after)
    before = after
  }

  expect(dates.length).toBeGreaterThan(120)
  expect(before).toEqual(tagsAt(END))
  expect(domain.internalErrors).toEqual([])
})

it('each of the 4,368 moves is one push, with its date and the previous image', () => {
  const log = domain.log()
  const ids = log.flatMap(({ imageId, previousImageId }) => [imageId, previousImageId ?? imageId])
  const images = domain.images.byIds([...new Set(ids)])
  const lineOf = (at: number, tag: string, digest?: string, previous?: string | null) =>
    `${at} ${tag} ${digest} ${previous}`
  const logged = log.map(({ pushedAt, tag, imageId, previousImageId }) => {
    const previous = previousImageId === null ? null : images.get(previousImageId)?.digest
    return lineOf(pushedAt, tag, images.get(imageId)?.digest, previous)
  })

  const filed = ofFiveYears.map(({ at, tag, digest, previous }) =>
    lineOf(at.getTime(), tag, digest, previous),
  )

  expect(filed).toHaveLength(4368)
  // tags of one date are in the order of the registry's responses
  expect([...logged].sort()).toEqual([...filed].sort())
  expect(log.map(({ pushedAt }) => pushedAt)).toEqual(filed.map((line) => Number(line.split(' ')[0])))
})

it('each tag has at a date the image in the file', () => {
  const date = new Date('2017-06-01')
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

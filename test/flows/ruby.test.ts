import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { moves, RUBY_REPOSITORY, RubyReplay, tagsAt } from '../fixtures/ruby-history.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { Follower } from './follower.ts'
import { createStream, endOfLog, history, importImage, pushLog, tagDigests } from './operations.ts'

const DATES = ['2015-06-01', '2017-06-01', '2019-06-01', '2021-06-01', '2023-06-01', '2026-09-01'].map(
  (date) => new Date(date),
)

test('six imports of twelve years of the ruby image give each tag the image that it pointed to at that date', async () => {
  await using upstream = await startUpstream({ log: false })
  await using app = await startApp({ importMode: 'PreserveOriginal' })
  using follower = await Follower.start(app.app.url, { since: await endOfLog(app.client) })
  const replay = new RubyReplay(upstream)
  await createStream(app.client, { name: 'ruby' })
  const seen = new Map<string, string[]>()
  let known: ReadonlyMap<string, string> = new Map()

  for (const date of DATES) {
    replay.advanceTo(date)
    const imported = await importImage(app.client, {
      imageStream: 'ruby',
      from: `${upstream.host}/${RUBY_REPOSITORY}`,
      all: true,
    })

    const expected = tagsAt(date)
    const moved = [...expected].filter(([tag, digest]) => known.get(tag) !== digest)
    expect(imported).toMatchObject({
      state: 'SUCCEEDED',
      total: expected.size,
      imported: moved.length,
      unchanged: expected.size - moved.length,
    })
    expect(new Map(await tagDigests(app.client, 'ruby'))).toEqual(expected)
    const pushes = await follower.take(moved.length)
    expect(new Map(pushes.map(({ tag, image }) => [tag, image.digest]))).toEqual(new Map(moved))
    for (const { tag, image, previousImage } of pushes) {
      expect(previousImage?.digest).toBe(known.get(tag))
      seen.set(tag, [image.digest, ...(seen.get(tag) ?? [])])
    }
    known = expected
  }

  const allMoves = [...moves()]
  expect(known.size).toBe(new Set(allMoves.map(({ tag }) => tag)).size)
  for (const tag of ['latest', '2.7', '3', 'slim']) {
    expect(await history(app.client, `ruby:${tag}`), tag).toEqual(seen.get(tag))
  }
  expect(await pushLog(app.client)).toHaveLength([...seen.values()].flat().length)
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { cpuTime } from '../fixtures/cpu-time.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { TestDomain } from '../fixtures/test-domain.ts'

const EVENTS = 1_000_000
/** Tags of even number share the second half of the events; the first tag has the first half alone. */
const TAGS = 1000
const IMAGES = 10_000
/** Milliseconds between two events. */
const PACE = 1000

let domain: TestDomain
let streamId: number
beforeAll(() => {
  domain = new TestDomain()
  streamId = domain.writer.create(SYSTEM, { namespace: 'default', name: 'ruby' }).stream.id
  seed()
})
afterAll(() => domain[Symbol.asyncDispose]())

/** Inserts the rows of so many events, without recording them one by one. */
function seed(): void {
  const numbers = (count: number) =>
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})`
  const insert = (text: string) => domain.db.prepare(text).run()
  domain.db.transact(() => {
    insert(`insert into images (id, digest, media_type, docker_image_reference, manifest)
      ${numbers(IMAGES)} select i, 'sha256:' || i, 'x', 'y', x'00' from n`)
    insert(`insert into tags (id, stream_id, name, importance, version, newest_at)
      ${numbers(TAGS)} select i, ${streamId}, 't' || i, 't' || i, 't' || i, 0 from n`)
    insert(`insert into tag_events (id, tag_id, image_id, docker_image_reference, generation, created_at)
      ${numbers(EVENTS)} select i, case when i <= ${EVENTS / 2} then 1 else 1 + i % ${TAGS} end, 1 + i % ${IMAGES},
        'registry.test/ruby@sha256:' || i, 1, i * ${PACE} from n`)
    insert(`update tags set newest_event_id = (select max(id) from tag_events where tag_id = tags.id)`)
    insert(`update tags set (newest_at, newest_image_id) =
      (select created_at, image_id from tag_events where id = newest_event_id)`)
  })
}

/** Milliseconds of CPU time of the fastest of several reads. */
function fastest(read: () => unknown): number {
  return Math.min(...Array.from({ length: 7 }, () => cpuTime(read)))
}

/** The steps of SQLite's query plans for the read. */
function planOf(read: () => unknown): string[] {
  let texts: readonly string[] = []
  {
    using statements = watchStatements()
    read()
    texts = [...statements.run]
  }
  return texts.flatMap((text) => {
    const parameters = Array.from(text.matchAll(/\?/g), () => 0)
    const plan = domain.db.prepare<{ detail: string }>(`explain query plan ${text}`).all(...parameters)
    return plan.map(({ detail }) => detail)
  })
}

/** Steps that read a whole table, or index, of the database. */
const scans = (plan: readonly string[]) =>
  plan.filter((step) => /^SCAN (?:tag_events|tags|images|t|e|g|earlier|later)\b(?! VIRTUAL)/.test(step))

const lookBack = () => domain.lookBack
const many = Array.from({ length: 500 }, (_, at) => at + 1)
const times = [0, 0.1, 0.25, 0.5, 0.75, 0.999, 1].map((part) => part * EVENTS * PACE)

const READS: Readonly<Record<string, () => unknown>> = {
  'the images of tags at a time': () => lookBack().eventsAt(many, times[4] ?? 0),
  'the images of a stream’s tags at a time': () =>
    lookBack().tagsAt([streamId], { time: times[4] ?? 0 }, { limit: 500 }),
  'a later page of it': () =>
    lookBack().tagsAt([streamId], { time: times[4] ?? 0 }, { limit: 50, after: ['t5'], fromEnd: true }),
  'the number of tags with an image at a time': () =>
    lookBack().countTagsAt([streamId], { time: times[4] ?? 0 }),
  'an image’s history': () => lookBack().eventsOfImages(SYSTEM, [5, 6], { limit: 50, after: [EVENTS] }),
  'how long it is': () => lookBack().countEventsOfImages(SYSTEM, [5, 6]),
  'an image of a stream': () => lookBack().newestInStream(streamId, 5),
  'an image of a tag': () => lookBack().newestOfTag(6, 5),
  'the previous images of tags': () => lookBack().imagesBefore(many.map((id) => id * 2000)),
}

describe('among a million tag events', () => {
  it.each(Object.entries(READS))('%s is read by indexes only', (_what, read) => {
    const plan = planOf(read)
    expect(plan.length).toBeGreaterThan(0)
    expect(scans(plan)).toEqual([])
  })

  it('detects a plan that reads a whole table', () => {
    const plan = planOf(() =>
      domain.db.prepare('select count(*) from tag_events where created_at < ?').get(5),
    )
    expect(scans(plan)).toHaveLength(1)
  })

  it.each(Object.entries(READS))('%s takes milliseconds of CPU time', (_what, read) => {
    // measured: 0.02 to 2
    expect(fastest(read)).toBeLessThan(20)
  })

  it('the image of a tag is found as fast in a history of 500,000 entries as in one of 500', () => {
    for (const time of times) {
      // measured: 0.03, where reading from the newest entry on takes 170
      expect(fastest(() => lookBack().eventsAt([1], time))).toBeLessThan(5)
    }
  })

  it('returns the same as reading from the newest entry on', () => {
    const slow = domain.db.prepare<{ id: number }>(
      'select id from tag_events where tag_id = ? and created_at <= ? order by id desc limit 1',
    )
    for (const time of times.flatMap((exact) => [exact - 1, exact, exact + 1])) {
      const found = lookBack().eventsAt([1, 2, 500, 1000], time)
      for (const tag of [1, 2, 500, 1000]) expect(found.get(tag)?.id).toBe(slow.get(tag, time)?.id)
    }
  })
})

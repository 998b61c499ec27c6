import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { LONGEST_WAIT } from '../../src/imagestream/schedule/source-results.ts'
import type { ImportRequest } from '../../src/imagestream/stored-import/import-plan.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, UPSTREAM } from '../fixtures/test-domain.ts'
import { INTERVAL, MINUTE, SCHEDULED, ScheduleWorld, UNSCHEDULED } from './schedule-world.ts'

const RUNS = 10
const STREAMS = ['app-0', 'app-1', 'app-2'] as const
const TAGS = ['3.3', '3.4'] as const
/** The repository, and the spec tags that a stream may have. */
const SOURCES = ['', ...TAGS] as const
type Source = (typeof SOURCES)[number]
const upstreamOf = (stream: string): string => `${UPSTREAM}/${stream}`

const stream = fc.constantFrom(...STREAMS)
const source = fc.constantFrom(...SOURCES)
const some = fc.subarray([...SOURCES])
const time = fc.integer({ min: 1, max: 2 * INTERVAL })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), time }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('spec' as const), stream, there: some, scheduled: some }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('import' as const), stream }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('import tag' as const), stream, tag: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('registry' as const), stream, source, fails: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), stream, time }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), stream }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), time }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** State of a scheduled source. */
interface Known {
  /** End of its last import; undefined before the first one since it was scheduled. */
  ended: number | undefined
  /** Time since which it may wait without an import, */
  from: number
  /** for so many intervals. */
  patience: number
}

/** A simple model of schedules. */
class Model {
  readonly scheduled = new Map<string, Known>()
  readonly failing = new Set<string>()
  readonly slack: number
  requested = 0

  /** A source waits for each of the others at most once. */
  constructor(distance: number) {
    this.slack = (STREAMS.length * SOURCES.length + 1) * distance
  }

  spec(stream: string, scheduled: readonly string[], at: number): void {
    for (const source of SOURCES) {
      const key = `${stream} ${source}`
      if (!scheduled.includes(source)) this.scheduled.delete(key)
      else if (!this.scheduled.has(key)) this.scheduled.set(key, { ended: undefined, from: at, patience: 1 })
    }
  }

  begin(
    stream: string,
    { repository, specTags }: Pick<ImportRequest, 'repository' | 'specTags'>,
    at: number,
  ) {
    const sources = [...(repository ? [''] : []), ...specTags]
    expect(sources).not.toEqual([])
    for (const source of sources) {
      const known = this.scheduled.get(`${stream} ${source}`)
      if (!known) throw new Error(`${stream} ${source} is not scheduled`)
      // never more often than the interval
      if (known.ended !== undefined) expect(at - known.ended).toBeGreaterThanOrEqual(INTERVAL)
      this.#isInTime(known, at)
    }
    this.requested++
  }

  ends(stream: string, request: ImportRequest, at: number): void {
    for (const source of SOURCES) {
      const key = `${stream} ${source}`
      const known = this.scheduled.get(key)
      const covered =
        source === ''
          ? request.repository
          : request.specTags === 'all' || (request.specTags as readonly string[]).includes(source)
      if (!known || !covered) continue
      this.scheduled.set(key, { ended: at, from: at, patience: this.failing.has(key) ? LONGEST_WAIT : 1 })
    }
  }

  /** Checks that each source is imported once in every interval, plus the delay of the limit for each minute. */
  check(at: number): void {
    for (const known of this.scheduled.values()) this.#isInTime(known, at)
  }

  /** Adds time in which nothing could be imported. */
  excuse(milliseconds: number): void {
    for (const known of this.scheduled.values()) known.from += milliseconds
  }

  #isInTime({ from, patience }: Known, at: number): void {
    expect(at - from).toBeLessThanOrEqual(patience * INTERVAL + this.slack)
  }
}

class Walk {
  readonly #world: ScheduleWorld
  readonly #model: Model
  #lastAsk = Number.NEGATIVE_INFINITY
  #lastImport = 0
  readonly #distance: number

  constructor(world: ScheduleWorld, model: Model, perMinute: number) {
    this.#world = world
    this.#model = model
    this.#distance = MINUTE / perMinute
  }

  async take(one: Step): Promise<void> {
    const { domain } = this.#world
    const exists = 'stream' in one && domain.streams.byName(SYSTEM, 'default', one.stream) !== undefined
    if (one.do === 'pass') await this.#world.pass(one.time)
    else if (one.do === 'spec') await this.#writeSpec(one, exists)
    else if (one.do === 'registry') {
      const reason = one.fails ? 'RegistryUnavailable' : null
      domain.remote.fail(upstreamOf(one.stream), one.source, reason)
      this.#model.failing[one.fails ? 'add' : 'delete'](`${one.stream} ${one.source}`)
    } else if (one.do === 'restart') {
      this.#world.restart(one.time)
      this.#model.excuse(one.time)
    } else if (exists && one.do === 'import') await domain.import({ imageStream: one.stream })
    else if (exists && one.do === 'import tag') {
      await domain.import({ imageStream: one.stream, tag: TAGS[one.tag] ?? '' })
    } else if (exists && one.do === 'delete') {
      domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: one.stream })
      this.#model.spec(one.stream, [], domain.time)
    } else if (exists && one.do === 'hold') await this.#hold(one)
    this.#follow()
  }

  async #writeSpec({ stream, there, scheduled }: Step & { do: 'spec' }, exists: boolean): Promise<void> {
    const { domain } = this.#world
    const policyOf = (source: Source) => (scheduled.includes(source) ? SCHEDULED : UNSCHEDULED)
    const tags = TAGS.filter((tag) => there.includes(tag))
    const spec = {
      dockerImageRepository: upstreamOf(stream),
      importPolicy: policyOf(''),
      tags: tags.map((tag) =>
        fromImage(tag, `${upstreamOf(stream)}:${tag}`, { importPolicy: policyOf(tag) }),
      ),
    }
    domain.writer[exists ? 'update' : 'create'](SYSTEM, { namespace: 'default', name: stream, spec })
    this.#model.spec(
      stream,
      ['', ...tags].filter((tag) => scheduled.includes(tag as Source)),
      domain.time,
    )
    await this.#world.settle()
  }

  /** Advances the clock while the registry does not respond, and a client waits for a tag. */
  async #hold({ stream, time }: Step & { do: 'hold' }): Promise<void> {
    const { domain } = this.#world
    const held = domain.remote.hold()
    domain.beginImport({ imageStream: stream, tag: '3.3' })
    this.#world.passHeld(time)
    held.release()
    await this.#world.settle()
    this.#model.excuse(time)
  }

  /** Applies the events since the last step to the model. */
  #follow(): void {
    const { domain } = this.#world
    const ended = domain.db
      .prepare<{ id: number; name: string; request: string; at: number }>(
        `select i.id, s.name, i.request, i.finished_at as at from imports i join image_streams s on s.id = i.stream_id
         where i.id > ? order by i.id`,
      )
      .all(this.#lastImport)
    const events = [
      ...this.#world
        .takeRequested()
        .map(({ at, stream, request }) => ({ at, apply: () => this.#startImport(stream, request, at) })),
      ...ended.map(({ at, name, request }) => ({
        at,
        apply: () => this.#model.ends(name, JSON.parse(request), at),
      })),
    ]
    // sorting is stable: a request precedes the end of its import
    for (const { apply } of events.sort((a, b) => a.at - b.at)) apply()
    this.#lastImport = ended.at(-1)?.id ?? this.#lastImport
    this.#model.check(domain.time)
    this.#compareRows()
  }

  #startImport(stream: string, request: Pick<ImportRequest, 'repository' | 'specTags'>, at: number): void {
    expect(at - this.#lastAsk).toBeGreaterThanOrEqual(this.#distance)
    this.#lastAsk = at
    this.#model.begin(stream, request, at)
  }

  #compareRows(): void {
    const { streams, schedules } = this.#world.domain
    const rows = STREAMS.flatMap((name) => {
      const found = streams.byName(SYSTEM, 'default', name)
      return found ? schedules.ofStreams([found.id]).map(({ tag }) => `${name} ${tag}`) : []
    })
    expect(rows).toEqual([...this.#model.scheduled.keys()].sort())
  }
}

describe('after any operations', () => {
  it('each scheduled source is imported once an interval, and more often only on request', async () => {
    let requested = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
        fc.constantFrom(1, 6, 60),
        async (steps, perMinute) => {
          await using world = new ScheduleWorld({ perMinute })
          for (const name of STREAMS) {
            for (const tag of ['latest', ...TAGS]) {
              world.domain.remote.push(upstreamOf(name), tag, image({ seed: tag }))
            }
          }
          const model = new Model(MINUTE / perMinute)
          const walk = new Walk(world, model, perMinute)
          world.runner.start()
          for (const stream of STREAMS) {
            await walk.take({ do: 'spec', stream, there: [...TAGS], scheduled: [...SOURCES] })
          }
          for (const one of steps) await walk.take(one)
          expect([...world.errors, ...world.domain.internalErrors]).toEqual([])
          requested += model.requested
        },
      ),
      { numRuns: RUNS },
    )
    expect(requested).toBeGreaterThan(RUNS * 5)
  })
})

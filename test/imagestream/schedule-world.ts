import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { Schedule } from '../../src/imagestream/schedule/schedule.ts'
import { createScheduleRunner, type ScheduleRunner } from '../../src/imagestream/schedule/schedule-runner.ts'
import type { ImageStream, SpecInput, SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import type { ImportRequest } from '../../src/imagestream/stored-import/import-plan.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, type TestDomainOptions, UPSTREAM } from '../fixtures/test-domain.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const INTERVAL = 15 * MINUTE

/** Imported on the schedule. */
export const SCHEDULED = { insecure: false, scheduled: true, importMode: 'Legacy' } as const
export const UNSCHEDULED = { ...SCHEDULED, scheduled: false } as const

/** An import that the runner requested, and its time. */
export interface RequestedImport {
  readonly at: number
  readonly stream: string
  readonly request: Pick<ImportRequest, 'repository' | 'specTags'>
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

export interface ScheduleOptions extends TestDomainOptions {
  readonly perMinute?: number
}

/** A domain and a runner of its schedules, with a clock and a timer that only tests advance. */
export class ScheduleWorld implements AsyncDisposable {
  readonly domain: TestDomain
  readonly requested: RequestedImport[] = []
  readonly errors: unknown[] = []
  readonly #perMinute: number
  runner: ScheduleRunner
  #timer: Timer | undefined
  /** Time until which the imports of all namespaces wait. */
  waitsUntil = 0
  /** Number of times that the timer was set. */
  armed = 0

  constructor({ perMinute = 60, ...options }: ScheduleOptions = {}) {
    this.domain = new TestDomain({ ...options, intervalMs: INTERVAL })
    const { remote } = this.domain
    for (const tag of ['latest', '3.3', '3.4']) remote.push(UPSTREAM, tag, image({ seed: tag }))
    this.#perMinute = perMinute
    this.runner = this.#createRunner()
  }

  #createRunner(): ScheduleRunner {
    const { domain } = this
    const { db, schedules, importer } = domain
    return createScheduleRunner({
      waitsUntil: () => this.waitsUntil,
      db,
      schedules,
      importer: {
        request: (tx, streamId, request) => {
          const { repository, specTags } = request
          const stream = domain.streams.byIds(SYSTEM, [streamId]).get(streamId)?.name ?? ''
          this.requested.push({ at: domain.time, stream, request: { repository, specTags } })
          return importer.request(tx, streamId, request)
        },
      },
      perMinute: this.#perMinute,
      now: () => domain.time,
      onError: (error) => this.errors.push(error),
      setTimer: (callback, milliseconds) => {
        const timer = { at: domain.time + milliseconds, callback }
        this.#timer = timer
        this.armed++
        return () => {
          if (this.#timer === timer) this.#timer = undefined
        }
      },
    })
  }

  /** Disposes of the runner, and starts another one so much later. */
  restart(milliseconds: number): void {
    this.runner[Symbol.dispose]()
    this.domain.time += milliseconds
    this.runner = this.#createRunner()
    this.runner.start()
  }

  /** Time at which the timer fires; undefined without one. */
  get wakesAt(): number | undefined {
    return this.#timer?.at
  }

  /** Advances the clock; requested imports end at once. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.domain.time + milliseconds
    for (;;) {
      await this.settle()
      if (!this.#goOff(end)) break
    }
    this.domain.time = end
  }

  /** Advances the clock while the registry does not respond to imports. */
  passHeld(milliseconds: number): void {
    const end = this.domain.time + milliseconds
    while (this.#goOff(end));
    this.domain.time = end
  }

  /** Fires the timer now. */
  wake(): void {
    const timer = this.#timer
    this.#timer = undefined
    timer?.callback()
  }

  #goOff(end: number): boolean {
    const timer = this.#timer
    if (!timer || timer.at > end) return false
    this.#timer = undefined
    this.domain.time = Math.max(this.domain.time, timer.at)
    timer.callback()
    return true
  }

  /** Waits for every import to end. */
  async settle(): Promise<void> {
    const { importRows: rows } = this.domain
    for (let open = rows.unfinished(); open.length > 0; open = rows.unfinished()) {
      await Promise.all(open.map(({ id }) => this.domain.finished(id)))
    }
  }

  /** Creates a stream of the upstream's tags, and waits for its first import. */
  async createStream(name = 'ruby', spec: SpecInput = {}): Promise<ImageStream> {
    const { stream } = this.domain.writer.create(SYSTEM, {
      namespace: 'default',
      name,
      spec: { dockerImageRepository: UPSTREAM, importPolicy: SCHEDULED, ...spec },
    })
    await this.settle()
    return stream
  }

  update(spec: SpecInput, name = 'ruby'): void {
    this.domain.writer.update(SYSTEM, { namespace: 'default', name, spec })
  }

  schedules(name = 'ruby'): Schedule[] {
    return this.domain.schedules.ofStreams([this.domain.stream(name).id])
  }

  /** The schedule of a spec tag, or with '' of the repository. */
  schedule(tag = '', name = 'ruby'): Schedule | undefined {
    return this.schedules(name).find((one) => one.tag === tag)
  }

  takeRequested(): RequestedImport[] {
    return this.requested.splice(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.runner[Symbol.dispose]()
    await this.domain[Symbol.asyncDispose]()
  }
}

/** A scheduled spec tag from the upstream's tag of the same name. */
export const scheduledTag = (name: string, more: Partial<SpecTagInput> = {}): SpecTagInput =>
  fromImage(name, `${UPSTREAM}:${name}`, { importPolicy: SCHEDULED, ...more })

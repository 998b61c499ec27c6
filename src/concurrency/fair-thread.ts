import { setImmediate as nextIteration } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Lane, type Party, ThreadWork, type WorkLimit } from './thread-work.ts'
import { Turns } from './turns.ts'

/** Milliseconds of work between two iterations of the event loop. */
const SLICE = 2

const LIMITS = {
  /** Milliseconds after which a work is long. */
  long: 250,
  /** Long works of one party that run at a time, in turns; others wait until one of these ends: each has results in memory. */
  maxLong: 16,
}

/** Parties whose use of the thread is remembered. */
const MAX_PARTIES = 10_000

/**
 * Divides the time of the thread into slices. Each slice is for the work of the party, and of its connection, that has used
 * least so far: a client that needs little waits for one slice of the others, however much they want. Between two slices
 * the event loop handles other events. Work that finds the thread idle begins at once.
 */
export class FairThread {
  readonly #limits: typeof LIMITS
  readonly #parties = new LRUCache<string, Party>({ max: MAX_PARTIES })
  readonly #lanes = new WeakMap<object, Lane>()
  readonly #waiting = new Turns<Party>()
  #current: ThreadWork | undefined
  /** End of the slice; milliseconds, monotonic. */
  #until = 0
  /** Start of the current work's part of the slice. */
  #since = 0
  #isServing = false

  constructor(limits: Partial<typeof LIMITS> = {}) {
    this.#limits = { ...LIMITS, ...limits }
  }

  /** Creates a work of a party, for example an address, over one of its connections. */
  begin(name: string, connection: object, limit: WorkLimit): ThreadWork {
    const party = this.#parties.get(name) ?? { used: 0, lanes: new Turns<Lane>(), long: 0 }
    this.#parties.set(name, party)
    const lane = this.#lanes.get(connection) ?? { used: 0, works: new Set() }
    this.#lanes.set(connection, lane)
    return new ThreadWork(this, { party, lane }, limit)
  }

  /** Returns undefined if the work may go on now, else a promise for its next turn. */
  turn(work: ThreadWork): Promise<void> | undefined {
    if (this.#current) {
      // the slice is for all works of the connection
      if (this.#current.place.lane === work.place.lane && performance.now() < this.#until) return undefined
    } else if (this.#waiting.size === 0) {
      this.#start(work)
      this.#until = this.#since + SLICE
      // after all that the work does in this iteration of the event loop
      process.nextTick(() => this.#charge(work))
      return undefined
    }
    return new Promise((resume) => {
      work.resumes.push(resume)
      this.#enqueue(work)
    })
  }

  /** Removes a work: what waits for its turns does not go on. */
  remove(work: ThreadWork): void {
    if (!work.isQueued) return
    const { party, lane } = work.place
    work.isQueued = false
    if (work.isAdmitted) party.long--
    work.isAdmitted = false
    lane.works.delete(work)
    if (lane.works.size === 0) party.lanes.delete(lane)
    if (party.lanes.size === 0) this.#waiting.delete(party)
  }

  #enqueue(work: ThreadWork): void {
    if (work.isQueued) return
    const { party, lane } = work.place
    work.isQueued = true
    this.#waiting.add(party)
    party.lanes.add(lane)
    lane.works.add(work)
    if (!this.#isServing) void this.#serve()
  }

  async #serve(): Promise<void> {
    this.#isServing = true
    for (;;) {
      await nextIteration()
      if (this.#waiting.size === 0) break
      await this.#slice()
    }
    this.#isServing = false
  }

  /** Resumes works of the connection that is due, until its slice is over or all of them wait for something else. */
  async #slice(): Promise<void> {
    const party = this.#waiting.due()
    if (!party) return
    const isEligible = ({ isAdmitted, milliseconds }: ThreadWork): boolean =>
      isAdmitted || milliseconds < this.#limits.long || party.long < this.#limits.maxLong
    const hasEligible = ({ works }: Lane): boolean => {
      for (const work of works) if (isEligible(work)) return true
      return false
    }
    const works = party.lanes.due(hasEligible)?.works ?? new Set()
    this.#until = performance.now() + SLICE
    for (const work of works) {
      if (!isEligible(work)) continue
      if (work.milliseconds >= this.#limits.long && !work.isAdmitted) {
        work.isAdmitted = true
        party.long++
      }
      await this.#resume(work)
      // the works of one connection take turns
      if (works.delete(work)) works.add(work)
      if (performance.now() >= this.#until) return
    }
  }

  async #resume(work: ThreadWork): Promise<void> {
    this.#start(work)
    do {
      work.resumes.shift()?.()
      await allMicrotasks()
    } while (work.resumes.size > 0 && performance.now() < this.#until)
    this.#charge(work)
    if (work.resumes.size === 0) this.remove(work)
  }

  #start(work: ThreadWork): void {
    this.#current = work
    this.#since = performance.now()
  }

  #charge(work: ThreadWork): void {
    const milliseconds = performance.now() - this.#since
    this.#current = undefined
    const { party, lane } = work.place
    this.#waiting.charge(party, milliseconds)
    party.lanes.charge(lane, milliseconds)
    work.spend(milliseconds)
  }
}

/** Resolves after all microtasks that are due, and those that they add. */
const allMicrotasks = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

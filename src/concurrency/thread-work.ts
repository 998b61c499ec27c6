import { unlessAborted } from './abort.ts'
import type { Share, Turns } from './turns.ts'

/** A connection: its works that wait, in the order of their turns. */
export interface Lane extends Share {
  readonly works: Set<ThreadWork>
}

/** A principal or an address: its connections with works that wait. */
export interface Party extends Share {
  readonly lanes: Turns<Lane>
  /** Its long works that run. */
  long: number
}

/** Limit of a work's time. */
export interface WorkLimit {
  /** Called with the milliseconds of each part of the work. */
  readonly onSpend?: (milliseconds: number) => void
  readonly milliseconds: number
  /** Called once the work has used more. */
  readonly onLate: () => void
}

interface Thread {
  turn(work: ThreadWork): Promise<void> | undefined
  remove(work: ThreadWork): void
}

/** Works by their signals, for reads that have only a signal. */
const works = new WeakMap<AbortSignal, ThreadWork>()

/** Returns the work whose signal it is; undefined for other signals. */
export const workOf = (signal: AbortSignal | undefined): ThreadWork | undefined => signal && works.get(signal)

/** One operation of a client, and what it has used of the thread. */
export class ThreadWork {
  readonly place: { readonly party: Party; readonly lane: Lane }
  /** What continues at the next turns. */
  readonly resumes = new Resumes()
  /** Whether it is one of the long works of its party that run; those run until they wait for something else. */
  isAdmitted = false
  /** Whether it waits in its lane. */
  isQueued = false
  readonly #thread: Thread
  readonly #limit: WorkLimit
  #controller: AbortController | undefined
  #reason: unknown
  #isOver = false
  #milliseconds = 0

  constructor(thread: Thread, place: ThreadWork['place'], limit: WorkLimit) {
    this.#thread = thread
    this.place = place
    this.#limit = limit
  }

  /** Milliseconds of the thread that it has used. */
  get milliseconds(): number {
    return this.#milliseconds
  }

  /** Whether it was aborted. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** A signal that is aborted with the work. It is created when it is needed: few operations read long lists. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      works.set(this.#controller.signal, this)
      if (this.#isOver) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /**
   * Returns undefined if the work may go on now, else a promise for its next turn. The promise never settles once the work
   * was aborted: what waits for it ends without further work.
   */
  turn(): Promise<void> | undefined {
    return this.#isOver ? new Promise(() => {}) : this.#thread.turn(this)
  }

  /** Resolves when it is this work's turn; rejects with the reason once the work is aborted. */
  async nextTurn(): Promise<void> {
    if (this.#isOver) throw this.#reason
    const turn = this.#thread.turn(this)
    if (turn) await unlessAborted(turn, this.signal)
  }

  /** Adds to the time that the work has used. */
  spend(milliseconds: number): void {
    this.#milliseconds += milliseconds
    this.#limit.onSpend?.(milliseconds)
    if (this.#milliseconds > this.#limit.milliseconds && !this.#isOver) this.#limit.onLate()
  }

  /** Starts the limit of time again, for the next event of a subscription. */
  restart(): void {
    this.#milliseconds = 0
  }

  /** Ends the work: aborts its signal, and drops what waits for its turns. */
  abort(reason: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    this.#thread.remove(this)
    this.resumes.clear()
    this.#controller?.abort(reason)
  }
}

/** A queue. `Array.shift` moves all other items, which can be a hundred thousand. */
class Resumes {
  #items: (() => void)[] = []
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(resume: () => void): void {
    this.#items.push(resume)
  }

  shift(): (() => void) | undefined {
    const resume = this.#items[this.#first++]
    if (this.#first >= this.#items.length) this.clear()
    return resume
  }

  clear(): void {
    this.#items = []
    this.#first = 0
  }
}

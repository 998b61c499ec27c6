import { unlessAborted } from './abort.ts'

/** What a client has used of the thread. */
interface Share {
  /** Milliseconds, at least those of the share that has used least of all that waited when it came back. */
  used: number
}

/** A connection: its works that wait, in the order of their turns. */
export interface Lane extends Share {
  readonly works: Set<ThreadWork>
}

/** A principal or an address: its connections with works that wait. */
export interface Party extends Share {
  readonly lanes: Set<Lane>
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

/**
 * Milliseconds by which a share may be ahead of the others before it is their turn. Work that needs less is done in one go:
 * what several works have made halfway stays in memory, and the garbage collector copies it again and again.
 */
const LEAD = 10

/** Returns the share that is due: the one that had the last turn until it is ahead, then the one that has used least. */
export function due<One extends Share>(shares: ReadonlySet<One>, last: One | undefined): One | undefined {
  const first = least(shares)
  const isAhead = !first || !last || !shares.has(last) || last.used - first.used >= LEAD
  return isAhead ? first : last
}

/** Lets a share that comes back have an advantage of one lead, at most, over those that waited meanwhile. */
export function comeBack(share: Share, waiting: ReadonlySet<Share>): void {
  share.used = Math.max(share.used, (least(waiting)?.used ?? 0) - LEAD)
}

function least<One extends Share>(shares: Iterable<One>): One | undefined {
  let found: One | undefined
  for (const share of shares) if (!found || share.used < found.used) found = share
  return found
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

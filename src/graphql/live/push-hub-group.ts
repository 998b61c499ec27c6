import { setImmediate as nextTurn } from 'node:timers/promises'
import type { GraphQLError } from 'graphql'
import type { Push, PushFilter } from '../../events/push-log.ts'
import type { PushSource } from './push-hub-source.ts'

/** One push as the answer to one operation, ready to be sent. */
export interface PushResult {
  readonly sequence: number
  /** Resumes behind this push. */
  readonly cursor: string
  /** The execution result as JSON text in UTF-8. */
  readonly json: Buffer
}

/** What one turn brings to every reader at the same position; the object is the same for all of them. */
export interface PushPage {
  /** In commit order, never empty. */
  readonly results: readonly PushResult[]
}

/** Where the pushes of one subscription go. Neither method throws. */
export interface PushReader {
  /** Sends the page. False if the connection must drain first: nothing was sent, resume the member when it has. */
  take(page: PushPage): boolean
  /** The subscription ends here; the reader is no longer a member. */
  fail(error: GraphQLError): void
}

export interface PushGroupOptions {
  readonly source: PushSource
  readonly filter: PushFilter
  readonly render: (push: Push) => Promise<PushResult>
  readonly mask: (error: unknown) => GraphQLError
  /** The last member has left. */
  readonly onEmpty: () => void
}

/** Bytes of a page, give or take its last result. */
const PAGE_BYTES = 64 * 1024

/** Members that are written to before the event loop gets a turn. */
const SLICE = 256

/** What a page costs, in members written to. */
const PAGE_WORK = 16

/** One subscription's place in the log. */
export class PushMember {
  position: number
  isBlocked = false
  readonly reader: PushReader
  readonly #group: PushGroup

  constructor(group: PushGroup, reader: PushReader, position: number) {
    this.#group = group
    this.reader = reader
    this.position = position
  }

  /** The reader is ready again. */
  resume(): void {
    this.#group.resume(this)
  }

  /** Safe to call again. */
  leave(): void {
    this.#group.leave(this)
  }
}

interface Page extends PushPage {
  readonly through: number
}

/** Everybody who gets the same answers: each push is executed and written as text once, whoever reads it when. */
export class PushGroup {
  readonly #options: PushGroupOptions
  readonly #members = new Set<PushMember>()
  /** Have everything that the source has read. */
  #waiting = new Set<PushMember>()
  /** Have not; those who are in neither set are blocked. */
  #behind = new Set<PushMember>()
  #isRunning = false
  #work = 0

  constructor(options: PushGroupOptions) {
    this.#options = options
  }

  /** Those who read. */
  get size(): number {
    return this.#members.size
  }

  join(reader: PushReader, position: number): PushMember {
    const member = new PushMember(this, reader, position)
    this.#members.add(member)
    this.#proceed(member)
    this.#run()
    return member
  }

  leave(member: PushMember): void {
    if (!this.#members.delete(member)) return
    this.#waiting.delete(member)
    this.#behind.delete(member)
    if (this.#members.size === 0) this.#options.onEmpty()
  }

  resume(member: PushMember): void {
    if (!member.isBlocked || !this.#members.has(member)) return
    member.isBlocked = false
    this.#behind.add(member)
    this.#run()
  }

  /** The source has read on. */
  wake(): void {
    if (this.#behind.size === 0) {
      const idle = this.#behind
      this.#behind = this.#waiting
      this.#waiting = idle
    } else {
      for (const member of this.#waiting) this.#behind.add(member)
      this.#waiting.clear()
    }
    this.#run()
  }

  /** Ends everybody's subscription with this error. */
  end(error: unknown): void {
    this.#fail(this.#members, error)
  }

  #run(): void {
    if (this.#isRunning || this.#behind.size === 0) return
    this.#isRunning = true
    void this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    while (this.#behind.size > 0) {
      // each gets at most a page before anybody gets a second one
      for (const [position, members] of this.#byPosition()) await this.#serve(position, members)
      await nextTurn()
    }
    this.#isRunning = false
  }

  /** Those behind, from the furthest up: neighbours share pages. */
  #byPosition(): [number, PushMember[]][] {
    const groups = new Map<number, PushMember[]>()
    for (const member of this.#behind) {
      const members = groups.get(member.position)
      if (members) members.push(member)
      else groups.set(member.position, [member])
    }
    return [...groups].sort(([a], [b]) => a - b)
  }

  async #serve(position: number, members: PushMember[]): Promise<void> {
    let page: Page
    try {
      page = await this.#page(position)
    } catch (error) {
      this.#fail(members, error)
      return
    }
    await this.#spend(PAGE_WORK)
    for (const member of members) {
      // it may have left while others were served
      if (!this.#behind.has(member)) continue
      this.#give(member, page)
      await this.#spend(1)
    }
  }

  #give(member: PushMember, page: Page): void {
    if (page.results.length > 0 && !member.reader.take(page)) {
      this.#behind.delete(member)
      member.isBlocked = true
      return
    }
    member.position = page.through
    this.#proceed(member)
  }

  /** Lets the event loop turn after a slice of work. */
  async #spend(work: number): Promise<void> {
    this.#work += work
    if (this.#work < SLICE) return
    this.#work = 0
    await nextTurn()
  }

  #proceed(member: PushMember): void {
    const isBehind = member.position < this.#options.source.end
    this.#waiting[isBehind ? 'delete' : 'add'](member)
    this.#behind[isBehind ? 'add' : 'delete'](member)
  }

  #fail(members: Iterable<PushMember>, error: unknown): void {
    const masked = this.#options.mask(error)
    for (const member of members) {
      if (!this.#members.has(member)) continue
      this.leave(member)
      member.reader.fail(masked)
    }
  }

  async #page(position: number): Promise<Page> {
    const { pushes, through } = this.#options.source.after(position, this.#options.filter)
    const results: PushResult[] = []
    let bytes = 0
    for (const push of pushes) {
      const result = await this.#options.render(push)
      results.push(result)
      bytes += result.json.length
      if (bytes >= PAGE_BYTES) return { results, through: push.sequence }
    }
    return { results, through }
  }
}

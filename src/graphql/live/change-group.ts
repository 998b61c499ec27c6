import type { GraphQLError } from 'graphql'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import { ChangeMembers, type GroupMember } from './change-members.ts'
import { type ChangePageOptions, type ChangeStretch, renderPage } from './change-page.ts'

export interface ChangeGroupOptions extends ChangePageOptions {
  readonly mask: (error: unknown) => GraphQLError
  /** Called when the members have got a page that did not exist when one of them joined, with the time of its last change. */
  readonly onDelivered: (recordedAt: number) => void
  /** Called when the last member has left. */
  readonly onEmpty: () => void
}

/** Work units between yields to the event loop; sending a page to one member is one unit. */
const SLICE = 256

/** Work units of rendering a page. */
const PAGE_WORK = 16

/** The subscriptions that get the same results. Each entry is executed and serialized once for all of them. */
export class ChangeGroup<Member extends GroupMember> {
  readonly #options: ChangeGroupOptions
  readonly #members = new ChangeMembers<Member>()
  #isRunning = false
  #work = 0

  constructor(options: ChangeGroupOptions) {
    this.#options = options
  }

  /** Number of members. */
  get size(): number {
    return this.#members.size
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#members[Symbol.iterator]()
  }

  /** Adds a member, which gets every entry after its position. */
  add(member: Member): void {
    this.#members.add(member)
    const { end } = this.#options.source
    member.joinedAt ??= end
    this.#members.place(member, end)
    this.#run()
  }

  /** Moves a member to another group, which continues at its position. Nothing more is sent to it by this group. */
  moveTo(group: ChangeGroup<Member>, member: Member): void {
    const isBlocked = this.#members.isBlocked(member)
    this.remove(member)
    if (isBlocked) group.#members.add(member)
    else group.add(member)
  }

  /** Continues with a member whose connection has drained. */
  resume(member: Member): void {
    if (this.#members.unblock(member)) this.#run()
  }

  /** Removes a member. Further calls have no effect. */
  remove(member: Member): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#options.onEmpty()
  }

  /** Continues after the source has read more. */
  wake(): void {
    this.#members.wake()
    this.#run()
  }

  /** Ends the subscriptions of these members, by default of all, with this error. */
  end(error: unknown, members: Iterable<Member> = this.#members): void {
    const masked = this.#options.mask(error)
    for (const member of members) {
      if (!this.#members.has(member)) continue
      this.remove(member)
      member.reader.fail(masked)
    }
  }

  #run(): void {
    if (this.#isRunning || !this.#members.someBehind) return
    this.#isRunning = true
    void this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    while (this.#members.someBehind) {
      // each member gets at most one page before any member gets a second one
      for (const [position, members] of this.#members.byPosition()) await this.#serve(position, members)
      await yieldToEventLoop()
    }
    this.#isRunning = false
  }

  async #serve(position: number, members: readonly Member[]): Promise<void> {
    let page: ChangeStretch
    try {
      page = await renderPage(this.#options, position)
    } catch (error) {
      this.end(error, members)
      return
    }
    await this.#spend(PAGE_WORK)
    const newest = page.results.at(-1)
    let isLive = false
    for (const member of members) {
      // the member may have left while others were served
      if (!this.#members.isBehind(member)) continue
      this.#give(member, page)
      isLive ||= newest !== undefined && newest.sequence > (member.joinedAt ?? 0)
      await this.#spend(1)
    }
    if (isLive && newest) this.#options.onDelivered(newest.recordedAt)
  }

  #give(member: Member, page: ChangeStretch): void {
    if (page.results.length > 0 && !member.reader.take(page)) {
      this.#members.block(member)
      return
    }
    member.position = page.through
    this.#members.place(member, this.#options.source.end)
  }

  /** Yields to the event loop after a slice of work. */
  async #spend(work: number): Promise<void> {
    this.#work += work
    if (this.#work < SLICE) return
    this.#work = 0
    await yieldToEventLoop()
  }
}

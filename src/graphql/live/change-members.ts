import type { GraphQLError } from 'graphql'
import { groupBy } from '../../input/maps.ts'
import type { ChangePage } from './change-page.ts'

/** The receiver of one subscription's entries. Neither method throws. */
export interface ChangeReader {
  /** Sends the page. Returns false if the connection must drain first: nothing was sent; resume the member afterwards. */
  take(page: ChangePage): boolean
  /** Ends the subscription; the reader is no longer a member. */
  fail(error: GraphQLError): void
}

/** One subscription's position in the log. */
export interface ChangeMember {
  /** Continues after `take` returned false. */
  resume(): void
  /** Ends the membership. Further calls have no effect. */
  leave(): void
}

/** A member as its group sees it. */
export interface GroupMember {
  readonly reader: ChangeReader
  position: number
  /** End of the log when it joined: what is after it was not there before. */
  joinedAt?: number
}

/**
 * Members of a group by state: waiting members have received everything that the source has read, members behind have
 * not, and blocked members are in neither set until their reader has drained.
 */
export class ChangeMembers<Member extends GroupMember> {
  readonly #all = new Set<Member>()
  #waiting = new Set<Member>()
  #behind = new Set<Member>()

  get size(): number {
    return this.#all.size
  }

  get someBehind(): boolean {
    return this.#behind.size > 0
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#all.values()
  }

  add(member: Member): void {
    this.#all.add(member)
  }

  /** Returns false if it was no longer a member. */
  delete(member: Member): boolean {
    this.#waiting.delete(member)
    this.#behind.delete(member)
    return this.#all.delete(member)
  }

  has(member: Member): boolean {
    return this.#all.has(member)
  }

  isBehind(member: Member): boolean {
    return this.#behind.has(member)
  }

  isBlocked(member: Member): boolean {
    return this.#all.has(member) && !this.#waiting.has(member) && !this.#behind.has(member)
  }

  block(member: Member): void {
    this.#behind.delete(member)
  }

  /** Returns false unless the member was blocked. */
  unblock(member: Member): boolean {
    const wasBlocked = this.isBlocked(member)
    if (wasBlocked) this.#behind.add(member)
    return wasBlocked
  }

  /** Sorts a member by its position; `end` is the position of the source. */
  place(member: Member, end: number): void {
    if (member.position < end) {
      this.#waiting.delete(member)
      this.#behind.add(member)
    } else {
      this.#behind.delete(member)
      this.#waiting.add(member)
    }
  }

  /** The source has read more: no member waits. */
  wake(): void {
    if (this.#behind.size === 0) {
      const empty = this.#behind
      this.#behind = this.#waiting
      this.#waiting = empty
    } else {
      for (const member of this.#waiting) this.#behind.add(member)
      this.#waiting.clear()
    }
  }

  /** Returns the members that are behind, by position, the furthest behind first: neighbours share pages. */
  byPosition(): [number, Member[]][] {
    const groups = groupBy([...this.#behind], ({ position }) => position)
    return [...groups].sort(([a], [b]) => a - b)
  }
}

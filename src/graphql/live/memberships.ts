import type { GraphQLError } from 'graphql'
import type { Authentication } from '../../access/authentication.ts'
import { UnauthenticatedError } from '../../access/right/errors.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { EntryFilter } from '../../events/log-entry.ts'
import type { ChangeGroup } from './change-group.ts'
import type { ChangeMember, ChangeReader, GroupMember } from './change-members.ts'
import type { RootSubscription } from './subscription-operation.ts'

/** An operation that subscribes to the log, and who sent it. */
export interface Subscriber {
  readonly subscription: RootSubscription
  readonly filter: EntryFilter
  readonly viewer: Viewer
}

/** A subscription with a reader, in the group of the rights that its viewer has. */
export interface Membership extends GroupMember, Subscriber {
  viewer: Viewer
  group: ChangeGroup<Membership>
}

interface MembershipsOptions {
  readonly authentication: Pick<Authentication, 'renew'>
  /** Returns the group of the operation for viewers with these rights. */
  readonly groupOf: (subscriber: Subscriber) => ChangeGroup<Membership>
  readonly mask: (error: unknown, viewer: Viewer) => GraphQLError
}

const GONE: ChangeMember = { resume: () => {}, leave: () => {} }

/** Creates what puts each subscription into the group of its viewer's rights, also after these have changed. */
export const createMemberships = ({ authentication, groupOf, mask }: MembershipsOptions) => ({
  /** Adds a reader with the rights that its viewer has now, which gets every entry after the position. */
  join(reader: ChangeReader, position: number, { viewer: sent, ...operation }: Subscriber): ChangeMember {
    const viewer = authentication.renew(sent)
    if (!viewer) {
      // readers expect no failure before they have their member
      queueMicrotask(() => reader.fail(mask(revoked(), sent)))
      return GONE
    }
    const subscriber = { ...operation, viewer }
    const member: Membership = { ...subscriber, reader, position, group: groupOf(subscriber) }
    member.group.add(member)
    return { resume: () => member.group.resume(member), leave: () => member.group.remove(member) }
  },

  /** Moves each member to the group of the rights that its viewer has now; ends those without a valid credential. */
  renew(members: readonly Membership[]): void {
    const viewers = new Set(members.map(({ viewer }) => viewer))
    const renewed = new Map([...viewers].map((viewer) => [viewer, authentication.renew(viewer)]))
    for (const member of members) {
      const { group } = member
      const viewer = renewed.get(member.viewer)
      if (!viewer) {
        group.end(revoked(), [member])
        continue
      }
      member.viewer = viewer
      member.group = groupOf(member)
      if (member.group !== group) group.moveTo(member.group, member)
    }
  },
})

const revoked = (): UnauthenticatedError =>
  new UnauthenticatedError('the credential is no longer valid: sign in again, or send another one')

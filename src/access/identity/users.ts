import { and, count, eq } from 'drizzle-orm'
import { rowsOfPage } from '../../db/page.ts'
import { users as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import { UnauthenticatedError } from '../right/errors.ts'
import { requirePerson, requireServerAdmin, type Viewer } from '../right/viewer.ts'
import type { AccessParts } from './dependencies.ts'
import { principalId } from './principal.ts'

/** A person who has signed in. */
export type User = typeof table.$inferSelect

/** What a provider reports about a person at a sign-in. */
export interface ReportedUser {
  readonly issuer: string
  readonly subject: string
  readonly name: string
  readonly email: string | null
  readonly groups: readonly string[]
}

/** The admin of a server without a provider. */
export const LOCAL_ADMIN: ReportedUser = {
  issuer: 'local',
  subject: 'admin',
  name: 'admin',
  email: null,
  groups: [],
}

/** The people who have signed in. */
export type Users = ReturnType<typeof createUsers>

/** Creates the store of people. */
export function createUsers({ db, audit, changes, now }: AccessParts) {
  const { orm } = db
  const row = (id: number): User | undefined => orm.select().from(table).where(eq(table.id, id)).get()

  const setSuspended = (viewer: Viewer, id: number, suspendedAt: number | null): User => {
    requirePerson(viewer)
    requireServerAdmin(viewer)
    return db.transact((tx) => {
      const user = row(id)
      if (!user) throw new NotFoundError('there is no such user')
      const action = suspendedAt === null ? 'resumeUser' : 'suspendUser'
      audit.record(tx, viewer, { action, namespace: null, target: principalId('user', id) })
      changes.record(tx)
      orm.update(table).set({ suspendedAt }).where(eq(table.id, id)).run()
      return { ...user, suspendedAt }
    })
  }

  /**
   * Stores what the provider reports about a person who signs in, whose number stays the same. Throws UnauthenticatedError
   * for a person who is suspended.
   */
  function signedIn(tx: Transaction, { groups, ...reported }: ReportedUser): User {
    const known = orm.select().from(table).where(isPerson(reported)).get()
    if (known?.suspendedAt != null) throw new UnauthenticatedError('a server admin has suspended this person')
    const stored = { ...reported, groups: JSON.stringify(groups), lastSignInAt: now() }
    if (known?.groups !== stored.groups) changes.record(tx)
    if (!known)
      return orm
        .insert(table)
        .values({ ...stored, createdAt: now() })
        .returning()
        .get()
    return orm.update(table).set(stored).where(eq(table.id, known.id)).returning().get()
  }

  return {
    signedIn,

    /** Stores that the local admin signs in, and ends a suspension: the operator who starts the server decides, not another admin. */
    localAdminSignedIn(tx: Transaction): User {
      orm.update(table).set({ suspendedAt: null }).where(isPerson(LOCAL_ADMIN)).run()
      return signedIn(tx, LOCAL_ADMIN)
    },

    /** Returns a person to a server admin, and each person themselves; undefined otherwise. */
    byId: (viewer: Viewer, id: number): User | undefined =>
      viewer.rights.isServerAdmin || viewer.id === principalId('user', id) ? row(id) : undefined,

    /** Returns a page by number, which is its key. Throws ForbiddenError, UnauthenticatedError. */
    page(viewer: Viewer, page: KeysetPage): User[] {
      requireServerAdmin(viewer)
      return rowsOfPage(orm.select().from(table).$dynamic(), page, { columns: [table.id] })
    },

    /** Returns the number of people. Throws as `page`. */
    count(viewer: Viewer): number {
      requireServerAdmin(viewer)
      return orm.select({ count: count() }).from(table).get()?.count ?? 0
    },

    /** Suspends a person: their sessions, tokens and sockets end. Throws ForbiddenError, NotFoundError, InvalidInputError. */
    suspend(viewer: Viewer, id: number): User {
      if (viewer.id === principalId('user', id))
        throw new InvalidInputError('id', 'you are this person: another server admin can suspend you')
      return setSuspended(viewer, id, now())
    },

    /** Ends a suspension. Throws as `suspend`. */
    resume: (viewer: Viewer, id: number): User => setSuspended(viewer, id, null),
  }
}

const isPerson = ({ issuer, subject }: Pick<ReportedUser, 'issuer' | 'subject'>) =>
  and(eq(table.issuer, issuer), eq(table.subject, subject))

/** Returns the groups of a person at the last sign-in. */
export const groupsOf = ({ groups }: Pick<User, 'groups'>): readonly string[] => JSON.parse(groups)

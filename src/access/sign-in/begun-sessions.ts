import { and, eq, isNull } from 'drizzle-orm'
import { users as userRows } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { AccessParts } from '../identity/dependencies.ts'
import { principalId, requireUserId } from '../identity/principal.ts'
import { cookieOver, type SessionCookie, secretInCookies, setCookie } from '../identity/session-cookie.ts'
import type { BegunSession, UserSession, UserSessions } from '../identity/sessions.ts'
import type { ReportedUser, User, Users } from '../identity/users.ts'
import { UnauthenticatedError } from '../right/errors.ts'
import type { Rights } from '../right/rights.ts'
import type { Client, Viewer } from '../right/viewer.ts'
import type { SignInRequest } from './messages.ts'

/** What the pages need of the people and their sessions. */
export interface SessionParts extends AccessParts {
  readonly audit: Pick<AuditLog, 'record' | 'failedSignIn'>
  readonly users: Pick<Users, 'signedIn'>
  readonly sessions: Pick<UserSessions, 'begin'>
  /** Returns the viewer whose session the cookies have. Throws UnauthenticatedError, or rejects with it, for a session that has ended. */
  readonly viewerOf: (cookies: { readonly cookie: string }, client: Client) => Viewer | Promise<Viewer>
  /** Returns the rights that a principal has now. */
  readonly rightsOf: (principal: string) => Rights
  /** The cookie with the secret of a session. */
  readonly cookie: SessionCookie
}

/** The person that a browser is signed in as. */
export interface SignedInPerson {
  readonly userId: number
  readonly viewer: Viewer
}

/** The sessions that the pages begin. */
export type BegunSessions = ReturnType<typeof createBegunSessions>

/** Creates the beginning of sessions, which the audit log has. */
export function createBegunSessions(parts: SessionParts) {
  const { db, audit, now, users, sessions, viewerOf, rightsOf, cookie } = parts

  const begin = (tx: Transaction, user: User, kind: UserSession['kind'], client: Client): BegunSession => {
    const id = principalId('user', user.id)
    const viewer: Viewer = { id, name: user.name, rights: rightsOf(id), ...client }
    const begun = sessions.begin(tx, user, kind)
    audit.record(tx, viewer, { action: 'signIn', namespace: null, target: id, details: { session: kind } })
    return begun
  }

  return {
    /** Begins the session of a browser, and returns the header that sets its cookie. Throws UnauthenticatedError for a suspended person. */
    inBrowser(reported: ReportedUser, { client, isOverTls }: SignInRequest): string {
      const { secret, session } = db.transact((tx) =>
        begin(tx, users.signedIn(tx, reported), 'BROWSER', client),
      )
      const maxAge = Math.floor((session.expiresAt - now()) / 1000)
      return setCookie(cookieOver(isOverTls, cookie), { secret, maxAge })
    },

    /** Begins a session at a command line of a person who has allowed it. Throws UnauthenticatedError for a suspended person. */
    atCommandLine(tx: Transaction, userId: number, client: Client): BegunSession {
      const isActive = and(eq(userRows.id, userId), isNull(userRows.suspendedAt))
      const user = db.orm.select().from(userRows).where(isActive).get()
      if (!user) throw new UnauthenticatedError('a server admin has suspended this person')
      return begin(tx, user, 'COMMAND_LINE', client)
    },

    /** Records a sign-in that failed. */
    failed: audit.failedSignIn,

    /** Returns who is signed in; undefined for no one, and after the session has ended. */
    async personOf({ cookie: header, client }: SignInRequest): Promise<SignedInPerson | undefined> {
      if (header === undefined || secretInCookies(cookie, header) === undefined) return undefined
      try {
        const viewer = await viewerOf({ cookie: header }, client)
        return { userId: requireUserId(viewer), viewer }
      } catch (error) {
        if (error instanceof UnauthenticatedError) return undefined
        throw error
      }
    },
  }
}

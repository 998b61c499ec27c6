import { and, count, eq, getTableColumns, gt, lte, type SQL } from 'drizzle-orm'
import { rowsOfPage } from '../../db/page.ts'
import { sessions as table, type users } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import { requirePerson, type Viewer } from '../right/viewer.ts'
import type { AccessParts } from './dependencies.ts'
import { principalId, requireUserId } from './principal.ts'
import { createSecret, parseSecret } from './secret-text.ts'

/** A session of a person, without its secret. */
export type UserSession = Omit<typeof table.$inferSelect, 'hash'>

/** Days after which a session ends; then the person signs in again. */
const SESSION_DAYS = 30
const DAY = 24 * 60 * 60 * 1000

/** A session that has begun, and its secret, which is not stored. */
export interface BegunSession {
  readonly session: UserSession
  /** `iss_…`: a bearer token, and the value of the cookie. */
  readonly secret: string
}

/** The sessions of people. */
export type UserSessions = ReturnType<typeof createSessions>

const { hash: _hash, ...COLUMNS } = getTableColumns(table)

/** Creates the store of sessions. */
export function createSessions({ db, audit, changes, now }: AccessParts) {
  const { orm } = db
  const valid = () => gt(table.expiresAt, now())
  const row = (id: number): UserSession | undefined =>
    orm
      .select(COLUMNS)
      .from(table)
      .where(and(eq(table.id, id), valid()))
      .get()

  /** The sessions that the viewer sees: a server admin all, a person their own. */
  const visibleTo = (viewer: Viewer): SQL | undefined =>
    viewer.rights.isServerAdmin ? undefined : eq(table.userId, requireUserId(viewer))

  const byId = (viewer: Viewer, id: number): UserSession | undefined => {
    const session = row(id)
    const isOwn = session && viewer.id === principalId('user', session.userId)
    return isOwn || viewer.rights.isServerAdmin ? session : undefined
  }

  return {
    byId,

    /** Begins a session of a person who has signed in. */
    begin(
      _tx: Transaction,
      { id: userId }: Pick<typeof users.$inferSelect, 'id'>,
      kind: UserSession['kind'],
    ): BegunSession {
      const { text, hash } = createSecret('SESSION')
      const times = { createdAt: now(), expiresAt: now() + SESSION_DAYS * DAY }
      const session = orm
        .insert(table)
        .values({ userId, hash, kind, ...times })
        .returning(COLUMNS)
        .get()
      return { session, secret: text }
    },

    /** Returns a page, newest first, by number, which is its key. Throws ForbiddenError, UnauthenticatedError. */
    page(viewer: Viewer, page: KeysetPage): UserSession[] {
      requirePerson(viewer)
      const where = and(visibleTo(viewer), valid())
      const list = { columns: [table.id], where, descending: true }
      return rowsOfPage(orm.select(COLUMNS).from(table).$dynamic(), page, list)
    },

    /** Returns the number of sessions that have not ended. Throws as `page`. */
    count(viewer: Viewer): number {
      requirePerson(viewer)
      const counted = orm
        .select({ count: count() })
        .from(table)
        .where(and(visibleTo(viewer), valid()))
      return counted.get()?.count ?? 0
    },

    /** Ends a session of the viewer; a server admin ends any. Throws ForbiddenError, UnauthenticatedError, NotFoundError. */
    revoke(viewer: Viewer, id: number): UserSession {
      requirePerson(viewer)
      return db.transact((tx) => {
        const session = byId(viewer, id)
        if (!session) throw new NotFoundError('there is no such session')
        const target = principalId('user', session.userId)
        audit.record(tx, viewer, { action: 'revokeSession', namespace: null, target })
        changes.record(tx)
        orm.delete(table).where(eq(table.id, id)).run()
        return session
      })
    },

    /** Ends the session with this secret; does nothing for an unknown one. */
    end(viewer: Viewer, secret: string): void {
      const parsed = parseSecret(secret)
      if (parsed?.kind !== 'SESSION') return
      db.transact((tx) => {
        const ended = orm.delete(table).where(eq(table.hash, parsed.hash)).returning(COLUMNS).get()
        if (!ended) return
        audit.record(tx, viewer, { action: 'signOut', namespace: null, target: null })
        changes.record(tx)
      })
    },

    /** Removes sessions that have ended by themselves. */
    deleteExpired: (): void => void orm.delete(table).where(lte(table.expiresAt, now())).run(),
  }
}

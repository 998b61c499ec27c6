import { and, eq } from 'drizzle-orm'
import { grants } from '../db/tables/index.ts'
import type { AuditLog } from './audit/audit-log.ts'
import { createGrantRows } from './grant/grant-rows.ts'
import type { AccessParts } from './identity/dependencies.ts'
import type { FailedSignIns } from './identity/failed-sign-ins.ts'
import type { OneTimeSecrets } from './identity/one-time-secrets.ts'
import { principalId } from './identity/principal.ts'
import type { BegunSession, UserSessions } from './identity/sessions.ts'
import type { Users } from './identity/users.ts'
import { UnauthenticatedError } from './right/errors.ts'
import { ANY, EVERYTHING } from './right/rights.ts'
import { type Client, SYSTEM } from './right/viewer.ts'

interface FirstAdminDependencies extends AccessParts {
  readonly audit: Pick<AuditLog, 'record' | 'failedSignIn'>
  readonly users: Pick<Users, 'localAdminSignedIn'>
  readonly sessions: Pick<UserSessions, 'begin'>
  readonly oneTimeSecrets: OneTimeSecrets
  readonly failures: Pick<FailedSignIns, 'check' | 'failed'>
}

/** Path of the link that is printed at the start. */
export const FIRST_ADMIN_PATH = '/sign-in/first-admin'

/** Milliseconds for which a code is accepted. */
const LIFETIME = 24 * 60 * 60 * 1000
const EVERYWHERE = { role: 'SERVER_ADMIN', namespace: ANY, streams: ANY } as const

/** The way in for the first server admin, who has no account yet. */
export type FirstAdmin = ReturnType<typeof createFirstAdmin>

/** Creates it. */
export function createFirstAdmin(dependencies: FirstAdminDependencies) {
  const { db, audit, changes, users, sessions, oneTimeSecrets, failures, now } = dependencies
  const rows = createGrantRows(db)
  const hasAdmin = (): boolean =>
    db.orm
      .select()
      .from(grants)
      .where(and(eq(grants.role, 'SERVER_ADMIN'), eq(grants.namespace, ANY)))
      .limit(1)
      .get() !== undefined

  return {
    /** Reports whether someone is a server admin. */
    hasAdmin,

    /** Returns a code that works once, within a day, and in place of all earlier ones. */
    invite: (): string =>
      db.transact((tx) => {
        oneTimeSecrets.deleteAll(tx, 'FIRST_ADMIN')
        return oneTimeSecrets.create(tx, 'FIRST_ADMIN', null, LIFETIME)
      }),

    /** Begins a session of the local admin, who becomes a server admin. Throws UnauthenticatedError for an invalid code. */
    accept(code: string, client: Client): BegunSession {
      failures.check(client, code)
      const begun = db.transact((tx) => {
        if (!oneTimeSecrets.take(tx, 'FIRST_ADMIN', code)) return undefined
        const user = users.localAdminSignedIn(tx)
        const id = principalId('user', user.id)
        const subject = { subjectKind: 'USER', subject: String(user.id) } as const
        rows.add(tx, subject, EVERYWHERE, { createdAt: now(), createdBy: SYSTEM.id })
        const viewer = { id, name: user.name, rights: EVERYTHING, ...client }
        audit.record(tx, viewer, { ...SIGN_IN, details: { by: 'first-admin link' } })
        changes.record(tx)
        return sessions.begin(tx, user, 'BROWSER')
      })
      if (begun) return begun
      const error = new UnauthenticatedError(
        'the code is not valid: it works once, for 24 hours, until the next start of the server, which prints another one',
      )
      failures.failed(client, code)
      audit.failedSignIn(client, error)
      throw error
    },
  }
}

const SIGN_IN = { action: 'signIn', namespace: null, target: null } as const

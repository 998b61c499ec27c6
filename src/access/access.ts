import type { Database } from '../db/open.ts'
import type { AuditLog } from './audit/audit-log.ts'
import { type Authentication, OPEN } from './authentication.ts'
import { createRuleReferences } from './federation/rule-reference.ts'
import { createFirstAdmin } from './first-admin.ts'
import { createGrants } from './grant/grants.ts'
import { createPrincipalRights } from './grant/principal-rights.ts'
import { createAccessChanges } from './identity/access-changes.ts'
import { createFailedSignIns } from './identity/failed-sign-ins.ts'
import { createOneTimeSecrets } from './identity/one-time-secrets.ts'
import type { SessionCookie } from './identity/session-cookie.ts'
import { createSessions } from './identity/sessions.ts'
import { createUsers } from './identity/users.ts'
import { EVERYTHING } from './right/rights.ts'
import { createSignInAuthentication } from './sign-in-authentication.ts'
import { createAccessTokens } from './token/access-tokens.ts'
import type { BearerForm } from './token/credential.ts'
import { createLastUses } from './token/last-uses.ts'
import { createStoredCredentials } from './token/stored-credentials.ts'
import { createTokenSubjects } from './token-subjects.ts'

interface AccessDependencies {
  readonly db: Database
  readonly audit: Pick<AuditLog, 'record' | 'refuse' | 'failedSignIn'>
  readonly mode: Authentication['mode']
  readonly cookie: SessionCookie
  /** Failed sign-ins that each address may make in a minute; 0 for no limit. */
  readonly failedSignInsPerMinute: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the error when times of last use cannot be written. */
  readonly onError: (error: unknown) => void
}

/** Who may do what: identities, credentials and grants. Disposing writes the times of last use. */
export type AccessControl = ReturnType<typeof createAccess>

/** Joins the floors. */
export function createAccess(dependencies: AccessDependencies) {
  const { db, audit, mode, cookie, now, onError } = dependencies
  const changes = createAccessChanges()
  const parts = { db, audit, changes, now }
  const users = createUsers(parts)
  const sessions = createSessions(parts)
  const tokens = createAccessTokens(parts)
  const grants = createGrants(parts)
  const oneTimeSecrets = createOneTimeSecrets(db, now)
  const uses = createLastUses({ db, now, onError })
  const { rightsOf } = createPrincipalRights(parts)
  const stored = createStoredCredentials(db)
  const forms: BearerForm[] = [stored.form]
  const failures = createFailedSignIns(dependencies.failedSignInsPerMinute, now)
  const isOpen = mode === 'OPEN'

  return {
    audit,
    changes,
    users,
    sessions,
    tokens,
    grants,
    oneTimeSecrets,
    uses,
    failures,
    cookie,
    /** Returns the rights that a principal has now: everything without sign-in. */
    rightsOf: isOpen ? () => EVERYTHING : rightsOf,
    subjects: createTokenSubjects({ stored, rules: createRuleReferences(db), rightsOf, now }),
    authentication: isOpen
      ? OPEN
      : createSignInAuthentication({ forms, cookie, rightsOf, changes, uses, failures, audit, now }),
    firstAdmin: createFirstAdmin({ ...parts, audit, users, sessions, oneTimeSecrets, failures }),
    /** Adds a form of bearer tokens, which is tried after those that are there. */
    accept: (form: BearerForm): void => void forms.push(form),

    /** Removes sessions and codes that have expired. */
    deleteExpired(): void {
      sessions.deleteExpired()
      oneTimeSecrets.deleteExpired()
    },

    [Symbol.dispose]: () => uses[Symbol.dispose](),
  }
}

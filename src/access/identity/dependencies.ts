import type { Database } from '../../db/open.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { AccessChanges } from './access-changes.ts'

/** What the stores of users, sessions, tokens and grants share. */
export interface AccessParts {
  readonly db: Database
  readonly audit: Pick<AuditLog, 'record'>
  readonly changes: AccessChanges
  /** Milliseconds since 1970. */
  readonly now: () => number
}

import { desc } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { auditEntries } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { type Client, SYSTEM, unidentified, type Viewer } from '../right/viewer.ts'
import { type AuditEntry, type AuditedAction, FIRST_HASH, hashOf } from './audit-entry.ts'
import { createAuditReads } from './audit-reads.ts'
import { createRefusalBudget } from './refusal-budget.ts'
import { createAuditVerification } from './verification.ts'

/** The record of who did what. Entries are only added, each with the hash of the entry before it. */
export type AuditLog = ReturnType<typeof createAuditLog>

/** The part of the audit log that rooms write their changes with. */
export type AuditRecorder = Pick<AuditLog, 'record'>

/** Who did something: entries have no rights. */
type Principal = Omit<Viewer, 'rights'>

/** What a viewer tried to do, and why it was not done. */
export interface RefusedAction extends Omit<AuditedAction, 'details'> {
  readonly error: Error
}

interface AuditLogDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the error of refusals that cannot be stored: they are no error of the refused request. */
  readonly onError: (error: unknown) => void
}

/** Maximum number of characters of a text: clients choose the names of what is refused. */
const MAX_TEXT = 500

/** Creates the audit log. */
export function createAuditLog({ db, now, onError }: AuditLogDependencies) {
  const { sequence, at, hash } = auditEntries
  const newest = db.orm
    .select({ sequence, at, hash })
    .from(auditEntries)
    .orderBy(desc(sequence))
    .limit(1)
    .prepare()
  const budget = createRefusalBudget(now)

  const append = (
    _tx: Transaction,
    viewer: Principal,
    { outcome, details = {}, ...action }: AuditedAction & Pick<AuditEntry, 'outcome'>,
  ): void => {
    const last = newest.get() ?? { sequence: 0, at: 0, hash: FIRST_HASH }
    const entry = {
      sequence: last.sequence + 1,
      // in the order of the entries, also after a clock was set back
      at: Math.max(now(), last.at),
      principal: viewer.id,
      principalName: bounded(viewer.name),
      address: viewer.address,
      requestId: viewer.requestId,
      action: action.action,
      namespace: action.namespace && bounded(action.namespace),
      target: action.target && bounded(action.target),
      outcome,
      details: JSON.stringify(details),
    }
    db.orm
      .insert(auditEntries)
      .values({ ...entry, hash: hashOf(entry, last.hash) })
      .run()
  }

  /** Stores what is not part of a change, and reports whether it could. */
  const store = (viewer: Principal, action: Parameters<typeof append>[2]): boolean => {
    try {
      db.transact((tx) => append(tx, viewer, action))
      return true
    } catch (error) {
      onError(error)
      return false
    }
  }

  const addRefusal = (
    viewer: Principal,
    outcome: 'REFUSED' | 'FAILED',
    { error, ...action }: RefusedAction,
  ): void => {
    if (!budget.take(viewer, action.action)) return
    const refused = { ...action, outcome, details: { message: bounded(error.message) } }
    if (!store(viewer, refused)) budget.omit(action.action)
  }

  const storeOmitted = (): void => {
    const omitted = budget.omitted()
    if (!omitted) return
    const unnamed = { action: 'refusals', namespace: null, target: null }
    if (store(SYSTEM, { ...unnamed, outcome: 'REFUSED', details: { omitted } })) budget.clearOmitted()
  }

  return {
    /**
     * Adds what the viewer did, in the transaction of the change. A dry run, whose transaction is rolled back, leaves no entry;
     * nor does the server's own work, of which the histories of the tags have the results.
     */
    record(tx: Transaction, viewer: Viewer, action: AuditedAction): void {
      if (viewer !== SYSTEM) append(tx, viewer, { ...action, outcome: 'DONE' })
    },

    /**
     * Adds what the viewer was not allowed to do, in a transaction of its own. Of a flood of refusals some are stored, and
     * the others only counted, as are those that cannot be stored.
     */
    refuse: (viewer: Viewer, action: RefusedAction): void => addRefusal(viewer, 'REFUSED', action),

    /** Adds a sign-in whose credential is not valid, as `refuse`. */
    failedSignIn: (client: Client, error: Error): void =>
      addRefusal(unidentified(client), 'FAILED', { action: 'signIn', namespace: null, target: null, error }),

    /** Adds one entry with the number of refusals that were not stored since the last one. Called every minute. */
    storeOmitted,

    ...createAuditReads(db),
    verify: createAuditVerification(db),

    [Symbol.dispose]: storeOmitted,
  }
}

const bounded = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`)

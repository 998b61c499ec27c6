import { and, eq, or } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { grants as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { GrantedAt } from './place.ts'

/** A role of a subject at a place. */
export type StoredGrant = typeof table.$inferSelect

/** Who has a role: a user, token or rule by number, a group by name, every person, or every client. */
export type Subject = Pick<StoredGrant, 'subjectKind' | 'subject'>

/** Subjects without a number or name. */
export const SIGNED_IN: Subject = { subjectKind: 'SIGNED_IN', subject: '' }
export const EVERYONE: Subject = { subjectKind: 'EVERYONE', subject: '' }

/** Creates the reads and writes of rows, without any check. */
export function createGrantRows({ orm }: Pick<Database, 'orm'>) {
  const isOf = ({ subjectKind, subject }: Subject) =>
    and(eq(table.subjectKind, subjectKind), eq(table.subject, subject))
  return {
    byId: (id: number): StoredGrant | undefined => orm.select().from(table).where(eq(table.id, id)).get(),

    /** Returns all grants of these subjects. */
    of: (subjects: readonly Subject[]): StoredGrant[] =>
      orm
        .select()
        .from(table)
        .where(or(...subjects.map(isOf)))
        .orderBy(table.id)
        .all(),

    /** Adds a grant, or returns the equal one that exists. */
    add(
      _tx: Transaction,
      { subjectKind, subject }: Subject,
      { role, namespace, streams }: GrantedAt,
      created: Pick<StoredGrant, 'createdAt' | 'createdBy'>,
    ): StoredGrant {
      const values = { subjectKind, subject, role, namespace, streams, ...created }
      return orm
        .insert(table)
        .values(values)
        .onConflictDoUpdate({
          target: [table.subjectKind, table.subject, table.namespace, table.streams, table.role],
          set: { role },
        })
        .returning()
        .get()
    },

    remove: (_tx: Transaction, id: number): void => void orm.delete(table).where(eq(table.id, id)).run(),
  }
}

import { and, eq, gt, lte } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { oneTimeSecrets as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { createSecret, parseSecret } from './secret-text.ts'

/** What a secret is for. */
export type OneTimePurpose = (typeof table.$inferSelect)['purpose']

/** Secrets that work once. */
export type OneTimeSecrets = ReturnType<typeof createOneTimeSecrets>

/** Creates the store. `now` returns milliseconds since 1970. */
export function createOneTimeSecrets({ orm }: Pick<Database, 'orm'>, now: () => number) {
  return {
    /** Stores what a new secret is for, as JSON, and returns its text, which is not stored. */
    create(_tx: Transaction, purpose: OneTimePurpose, content: unknown, lifetime: number): string {
      const { text, hash } = createSecret('ONE_TIME')
      const times = { createdAt: now(), expiresAt: now() + lifetime }
      orm
        .insert(table)
        .values({ hash, purpose, content: JSON.stringify(content), ...times })
        .run()
      return text
    },

    /** Uses a secret up and returns what it was for; undefined for one that is unknown, used or expired. */
    take(_tx: Transaction, purpose: OneTimePurpose, text: string): { readonly content: unknown } | undefined {
      const parsed = parseSecret(text)
      if (parsed?.kind !== 'ONE_TIME') return undefined
      const isThis = and(eq(table.hash, parsed.hash), eq(table.purpose, purpose), gt(table.expiresAt, now()))
      const taken = orm.delete(table).where(isThis).returning().get()
      return taken && { content: JSON.parse(taken.content) }
    },

    /** Removes the secrets of a purpose that were not used. */
    deleteAll: (_tx: Transaction, purpose: OneTimePurpose): void =>
      void orm.delete(table).where(eq(table.purpose, purpose)).run(),

    /** Removes secrets that have expired. */
    deleteExpired: (): void => void orm.delete(table).where(lte(table.expiresAt, now())).run(),
  }
}

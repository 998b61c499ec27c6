import { and, asc, eq, notInArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { triggerSecrets as table, triggers } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Vault } from '../../secrets/rotate-keys.ts'
import type { Sealer } from '../../secrets/sealer.ts'
import type { Trigger } from './trigger.ts'

type Owner = Pick<Trigger, 'id' | 'uid'>

/** Secrets of one name at the same time: during a rotation a receiver takes the newer one whenever it is ready. */
const MOST = 2

/** Returns the context that a secret is sealed with: it cannot be opened for another trigger, name or time. */
const boundTo = (uid: string, name: string, createdAt: number): string[] => [
  'trigger secret',
  uid,
  name,
  String(createdAt),
]

interface TriggerSecretsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The secrets of triggers. */
export type TriggerSecrets = ReturnType<typeof createTriggerSecrets>

/** Creates the secrets of triggers: keys that sign, tokens, and values of headers. */
export function createTriggerSecrets({ db, sealer, now }: TriggerSecretsDependencies) {
  const { orm } = db
  const isNamed = (triggerId: number, name: string) =>
    and(eq(table.triggerId, triggerId), eq(table.name, name))
  const allOf = orm
    .select()
    .from(table)
    .where(eq(table.triggerId, sql.placeholder('triggerId')))
    .orderBy(asc(table.id))
    .prepare()
  const rowsOf = (triggerId: number, name: string) =>
    orm.select().from(table).where(isNamed(triggerId, name)).orderBy(asc(table.id)).all()

  return {
    /** Replaces a secret; the one before stays valid beside it if `keepsOld`. */
    set(_tx: Transaction, { id, uid }: Owner, name: string, secret: string, keepsOld = false): void {
      const old = rowsOf(id, name)
      for (const row of keepsOld ? old.slice(0, Math.max(0, old.length - MOST + 1)) : old) {
        orm.delete(table).where(eq(table.id, row.id)).run()
      }
      const createdAt = now()
      const { keyId, bytes } = sealer.seal(secret, boundTo(uid, name, createdAt))
      orm.insert(table).values({ triggerId: id, name, keyId, sealed: bytes, createdAt }).run()
    },

    /** Deletes all secrets of other names. */
    keepOnly(_tx: Transaction, { id }: Owner, names: readonly string[]): void {
      const isOther = and(eq(table.triggerId, id), notInArray(table.name, [...names]))
      orm.delete(table).where(isOther).run()
    },

    has: ({ id }: Owner, name: string): boolean => rowsOf(id, name).length > 0,

    /** Returns the secrets of a trigger by name, the oldest of a name first. Throws BrokenSealError, as the sealer does. */
    open({ id, uid }: Owner): Map<string, string[]> {
      const opened = new Map<string, string[]>()
      for (const { name, keyId, sealed, createdAt } of allOf.all({ triggerId: id })) {
        const secret = sealer.open({ keyId, bytes: sealed }, boundTo(uid, name, createdAt))
        opened.set(name, [...(opened.get(name) ?? []), secret])
      }
      return opened
    },
  }
}

/** Describes the sealed secrets of triggers. */
export const triggerVault = ({ orm }: Pick<Database, 'orm'>): Vault => ({
  noun: 'trigger secret',
  table,
  secrets: (where) =>
    orm
      .select()
      .from(table)
      .innerJoin(triggers, eq(triggers.id, table.triggerId))
      .where(where)
      .orderBy(table.id)
      .all()
      .map(({ trigger_secrets: { id, name, keyId, sealed, createdAt }, triggers: trigger }) => ({
        id,
        name: `a secret of the trigger ${trigger.namespace}/${trigger.name}`,
        sealed: { keyId, bytes: sealed },
        boundTo: boundTo(trigger.uid, name, createdAt),
      })),
})

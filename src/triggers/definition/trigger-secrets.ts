import { and, asc, eq, notInArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { triggerSecrets as table, triggers } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { invalid } from '../../input/errors.ts'
import type { Vault } from '../../secrets/rotate-keys.ts'
import type { Sealer } from '../../secrets/sealer.ts'
import type { CheckedAction } from '../content/action-kind.ts'
import type { Action } from '../content/actions.ts'
import { madeSecret, SIGNING } from '../content/kinds/http.ts'
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

  /** Replaces a secret; the one before stays valid beside it if `keepsOld`. */
  const set = ({ id, uid }: Owner, name: string, secret: string, keepsOld = false): void => {
    const old = rowsOf(id, name)
    for (const row of keepsOld ? old.slice(0, Math.max(0, old.length - MOST + 1)) : old) {
      orm.delete(table).where(eq(table.id, row.id)).run()
    }
    const createdAt = now()
    const { keyId, bytes } = sealer.seal(secret, boundTo(uid, name, createdAt))
    orm.insert(table).values({ triggerId: id, name, keyId, sealed: bytes, createdAt }).run()
  }
  const has = ({ id }: Owner, name: string): boolean => rowsOf(id, name).length > 0
  /** Deletes all secrets of other names. */
  const keepOnly = ({ id }: Owner, names: readonly string[]): void => {
    const isOther = and(eq(table.triggerId, id), notInArray(table.name, [...names]))
    orm.delete(table).where(isOther).run()
  }

  return {
    /** Deletes all secrets: they are not sent to where they were not meant for. */
    forget: (_tx: Transaction, trigger: Owner): void => keepOnly(trigger, []),

    /**
     * Stores the secrets of an action, and keeps those that are not given again. Returns the one that signs if it is new. Throws
     * InvalidInputError if one is missing.
     */
    setGiven(_tx: Transaction, trigger: Owner, action: CheckedAction<Action>): string | null {
      const { secrets: given, neededSecrets } = action
      keepOnly(trigger, neededSecrets)
      const issued = new Map<string, string>()
      for (const name of neededSecrets) {
        const isKept = given[name] === undefined && has(trigger, name)
        const secret = isKept ? undefined : (given[name] ?? madeSecret(name))
        if (!isKept && secret === undefined) throw invalid('action', `needs the secret "${name}"`)
        if (secret !== undefined) issued.set(name, secret)
      }
      for (const [name, secret] of issued) set(trigger, name, secret)
      return issued.get(SIGNING) ?? null
    },

    /** Adds a secret that signs beside the newest of those before it, and returns it. Throws InvalidInputError. */
    rotate(_tx: Transaction, trigger: Owner): string {
      const secret = madeSecret(SIGNING)
      if (secret === undefined || !has(trigger, SIGNING)) {
        throw invalid('id', 'is of a trigger that does not sign with a secret')
      }
      set(trigger, SIGNING, secret, true)
      return secret
    },

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

import { and, eq } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { registryCredentials as table } from '../db/tables/registry-config.ts'
import type { CredentialRow } from './stored-secret.ts'

/** One version of a credential: setting the credential again starts a version that is not used yet. */
type CredentialVersion = Pick<CredentialRow, 'id' | 'updatedAt'>

export interface CredentialUsesDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the error when times cannot be written; the next write includes them. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Milliseconds between the first unwritten use and the write: a crash loses the uses of this time. */
const WRITE_DELAY = 60_000

/**
 * Creates the times of the last use of credentials. Writes at most once a minute, all credentials that were used meanwhile
 * in one commit. Disposing writes those that are not written yet.
 */
export function createCredentialUses({ db, now, onError }: CredentialUsesDependencies) {
  const unwritten = new Map<number, { readonly updatedAt: number; readonly time: number }>()
  let timer: NodeJS.Timeout | undefined

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (unwritten.size === 0) return
    try {
      db.transact(() => {
        for (const [id, { updatedAt, time }] of unwritten) {
          const ofVersion = and(eq(table.id, id), eq(table.updatedAt, updatedAt))
          db.orm.update(table).set({ lastUsedAt: time }).where(ofVersion).run()
        }
      })
      unwritten.clear()
    } catch (error) {
      onError?.(error)
    }
  }

  return {
    /** Records a use in memory. */
    note({ id, updatedAt }: CredentialVersion): void {
      const known = unwritten.get(id)
      // an import that started before the credential was replaced may still use the old version
      if (known && known.updatedAt > updatedAt) return
      unwritten.set(id, { updatedAt, time: now() })
      timer ??= setTimeout(flush, WRITE_DELAY).unref()
    },

    /** Returns the time of the last use, written or not. Milliseconds since 1970; null without one. */
    lastOf({ id, updatedAt, lastUsedAt }: CredentialVersion & Pick<CredentialRow, 'lastUsedAt'>) {
      const latest = unwritten.get(id)
      return latest?.updatedAt === updatedAt ? latest.time : lastUsedAt
    },
    [Symbol.dispose]: flush,
  }
}

import type { Database } from '../db/open.ts'
import type { registryCredentials } from '../db/tables/access.ts'

type Row = typeof registryCredentials.$inferSelect
/** One setting of a credential: what replaces it was not used with it. */
type Setting = Pick<Row, 'id' | 'updatedAt'>

export interface CredentialUsesDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told when uses could not be written; they are tried again with the next. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** When credentials were last used. Disposing writes what is not written yet. */
export interface CredentialUses extends Disposable {
  /** Costs nothing that a request would notice. */
  note(credential: Setting): void
  /** What is written, or newer and not written yet. */
  lastOf(credential: Setting & Pick<Row, 'lastUsedAt'>): number | null
}

/** Milliseconds that a use may wait for company: a crash loses no more than these. */
const DELAY = 60_000

/** Writes at most once a minute, all that were used meanwhile in one commit. */
export function createCredentialUses({ db, now, onError }: CredentialUsesDependencies): CredentialUses {
  const write = db.prepare('update registry_credentials set last_used_at = ? where id = ? and updated_at = ?')
  const unwritten = new Map<number, { readonly updatedAt: number; readonly time: number }>()
  let timer: NodeJS.Timeout | undefined

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (unwritten.size === 0) return
    try {
      db.transact(() => {
        for (const [id, { updatedAt, time }] of unwritten) write.run(time, id, updatedAt)
      })
      unwritten.clear()
    } catch (error) {
      onError?.(error)
    }
  }

  return {
    note({ id, updatedAt }) {
      const known = unwritten.get(id)
      // an import that began before it was replaced may still use the old one
      if (known && known.updatedAt > updatedAt) return
      unwritten.set(id, { updatedAt, time: now() })
      timer ??= setTimeout(flush, DELAY).unref()
    },
    lastOf({ id, updatedAt, lastUsedAt }) {
      const latest = unwritten.get(id)
      return latest?.updatedAt === updatedAt ? latest.time : lastUsedAt
    },
    [Symbol.dispose]: flush,
  }
}

import { eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { accessTokens, federationRules, sessions } from '../../db/tables/index.ts'

/** Kinds of credentials whose use is recorded. */
export type UsedKind = 'SESSION' | 'ACCESS_TOKEN' | 'RULE'

interface LastUsesDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the error when times cannot be written; the next write includes them. */
  readonly onError: (error: unknown) => void
}

interface Use {
  readonly kind: UsedKind
  readonly id: number
  readonly at: number
  readonly address: string | null
}

/** When credentials were last used, to within a minute. Disposing writes the times that are not written yet. */
export type LastUses = ReturnType<typeof createLastUses>

/** Milliseconds between the first unwritten use and the write: a crash loses the uses of this time. */
const WRITE_DELAY = 60_000

/** Creates the times of last use, which are written once a minute in one commit, not at each request. */
export function createLastUses({ db, now, onError }: LastUsesDependencies) {
  const { orm } = db
  const unwritten = new Map<string, Use>()
  let timer: NodeJS.Timeout | undefined

  const write = ({ kind, id, at: lastUsedAt, address: lastUsedFrom }: Use): void => {
    if (kind === 'ACCESS_TOKEN')
      orm.update(accessTokens).set({ lastUsedAt, lastUsedFrom }).where(eq(accessTokens.id, id)).run()
    else if (kind === 'SESSION') orm.update(sessions).set({ lastUsedAt }).where(eq(sessions.id, id)).run()
    else orm.update(federationRules).set({ lastUsedAt }).where(eq(federationRules.id, id)).run()
  }

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (unwritten.size === 0) return
    try {
      db.transact(() => {
        for (const use of unwritten.values()) write(use)
      })
      unwritten.clear()
    } catch (error) {
      onError(error)
    }
  }

  return {
    /** Records a use in memory. */
    note(kind: UsedKind, id: number, address: string | null): void {
      unwritten.set(`${kind}${id}`, { kind, id, at: now(), address })
      timer ??= setTimeout(flush, WRITE_DELAY).unref()
    },

    /** Returns the last use that is not written yet; undefined for none. */
    unwrittenOf: (kind: UsedKind, id: number): Pick<Use, 'at' | 'address'> | undefined =>
      unwritten.get(`${kind}${id}`),

    [Symbol.dispose]: flush,
  }
}

import { and, asc, count, eq, isNotNull, sql } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { streamConditions, tags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { groupBy } from '../../input/maps.ts'
import type { ImportFailure } from '../tag/tag-change.ts'
import { createStreamVersions } from '../tag/tag-rows.ts'

/** A condition of a stream, as in Kubernetes. Times are milliseconds since 1970. */
export type StreamCondition = Readonly<Omit<typeof streamConditions.$inferSelect, 'streamId'>>

/** Numbers of what cannot be imported, by reason. */
export interface FailingCounts {
  /** Streams whose whole repository cannot be imported. */
  readonly repositories: Readonly<Record<string, number>>
  readonly tags: Readonly<Record<string, number>>
}

const IMPORT_SUCCESS: StreamCondition['type'] = 'ImportSuccess'

/** The conditions of streams that imports set: `ImportSuccess=False` while the whole repository cannot be imported. */
export type StreamConditions = ReturnType<typeof createStreamConditions>

export function createStreamConditions(db: Database) {
  const { orm } = db
  const versions = createStreamVersions(db)
  const isImportSuccess = and(
    eq(streamConditions.streamId, sql.placeholder('streamId')),
    eq(streamConditions.type, IMPORT_SUCCESS),
  )
  // prepared: these two run at the end of each import
  const find = orm.select().from(streamConditions).where(isImportSuccess).prepare()
  const remove = orm.delete(streamConditions).where(isImportSuccess).prepare()

  return {
    /** Has no entry for a stream without conditions. */
    ofStreams(streamIds: readonly number[]): Map<number, StreamCondition[]> {
      const { streamId, type } = streamConditions
      const isOne = isOneOf(streamId, streamIds)
      const rows = orm.select().from(streamConditions).where(isOne).orderBy(asc(streamId), asc(type)).all()
      return groupBy(rows, (row) => row.streamId)
    },
    /**
     * Sets the condition `ImportSuccess=False`. Reports whether the repository begins to fail: an equal failure before, or
     * one for another reason, is the same failure, unless the repository has changed since.
     */
    setFailure(tx: Transaction, streamId: number, { at, ...failure }: ImportFailure): boolean {
      const before = find.get({ streamId })
      const { reason, message, generation } = failure
      const isSame =
        before?.reason === reason && before.message === message && before.generation === generation
      if (isSame) return false
      const row = { streamId, type: IMPORT_SUCCESS, status: 'False' as const, reason, message, generation }
      orm
        .insert(streamConditions)
        .values({ ...row, lastTransitionTime: at })
        .onConflictDoUpdate({ target: [streamConditions.streamId, streamConditions.type], set: row })
        .run()
      versions.raise(tx, streamId)
      return before?.generation !== generation
    },
    /** Removes the condition `ImportSuccess=False`. Reports whether the stream had it. */
    clearFailure(tx: Transaction, streamId: number): boolean {
      if (remove.run({ streamId }).changes === 0) return false
      versions.raise(tx, streamId)
      return true
    },
    /** Counts the streams and the tags that cannot be imported. */
    countFailing(): FailingCounts {
      const { reason } = streamConditions
      const { failing } = tags
      const numbers = (rows: readonly { reason: string | null; total: number }[]) =>
        Object.fromEntries(rows.map((row) => [row.reason ?? '', row.total]))
      return {
        repositories: numbers(
          orm.select({ reason, total: count() }).from(streamConditions).groupBy(reason).all(),
        ),
        tags: numbers(
          orm
            .select({ reason: failing, total: count() })
            .from(tags)
            .where(isNotNull(failing))
            .groupBy(failing)
            .all(),
        ),
      }
    },
  }
}

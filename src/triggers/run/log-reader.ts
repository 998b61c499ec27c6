import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { triggerPosition } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import type { Push } from '../../events/push-filter.ts'
import type { Tags } from '../../imagestream/tag/tag.ts'
import type { MatchingTriggers } from '../definition/matching-triggers.ts'
import { newTarget, type Targets } from '../state/targets.ts'
import type { BaseMoves } from './base-moves.ts'
import type { createPolicyMoves } from './policy-moves.ts'

interface LogReaderDependencies {
  readonly db: Pick<Database, 'orm'>
  readonly changeLog: Pick<ChangeLog, 'read' | 'head'>
  readonly tags: Pick<Tags, 'named'>
  readonly matching: MatchingTriggers
  readonly targets: Targets
  readonly baseMoves: BaseMoves
  readonly isByPolicy: ReturnType<typeof createPolicyMoves>
}

/** Entries that are read in one transaction. */
const PART = 200
/** Entries without a trigger that are read before the position is stored: after a restart they are read again. */
const UNSTORED = 10_000

/** The reader of the change log for triggers. */
export type LogReader = ReturnType<typeof createLogReader>

/**
 * Creates the reader that notes for each trigger which tags have moved. It compares what the tag points to now: of many moves
 * the last one counts. Entries that are read again, after a crash, change nothing.
 */
export function createLogReader(dependencies: LogReaderDependencies) {
  const { db, changeLog, tags, matching, targets, baseMoves, isByPolicy } = dependencies
  const { orm } = db
  const isOnly = eq(triggerPosition.id, 1)
  const store = orm
    .insert(triggerPosition)
    .values({ id: 1, sequence: sql.placeholder('sequence') })
    .onConflictDoUpdate({ target: triggerPosition.id, set: { sequence: sql`excluded.sequence` } })
    .prepare()
  // a migration has stored the first one
  let stored = orm.select().from(triggerPosition).where(isOnly).get()?.sequence ?? 0
  let position = stored

  /** Notes a move for each trigger that reacts to it. Reports whether there is one. */
  const note = (tx: Transaction, push: Push): boolean => {
    const { namespace, imageStreamName: name, streamId, tag, sequence } = push
    const triggers = matching({ namespace, name }, tag, sequence)
    if (triggers.length === 0) return false
    const [moved] = tags.named([streamId], tag)
    // removed meanwhile
    if (!moved?.image || moved.newestEventId === null) return false
    const move = { eventId: moved.newestEventId, imageId: moved.image.id }
    for (const trigger of triggers) {
      const { id: triggerId, source } = trigger
      const key = { triggerId, tagId: moved.id }
      if (source === 'BASE_IMAGE') baseMoves.setBases(tx, { triggerId, tagId: moved.id }, move.imageId)
      if (source === 'BASE_IMAGE' || (source === 'POLICY' && !isByPolicy(push))) continue
      targets.want(tx, targets.find(key) ?? newTarget(key, trigger), move)
    }
    return true
  }

  return {
    /**
     * Takes a part of what was appended since. Reports whether there is more. The position is stored with what was noted:
     * reading entries again without a trigger costs less than a commit.
     */
    readPart(tx: Transaction): boolean {
      const isReadingBases = baseMoves.readBases(tx, position)
      const end = changeLog.head()
      const last = Math.min(position + PART, end)
      if (last <= position) return isReadingBases
      const pushes = changeLog.read({ after: position, before: last + 1, limit: PART })
      let isNoted = false
      for (const push of pushes) isNoted = note(tx, push) || isNoted
      // once the bases of all images are up to date
      for (const push of pushes) isNoted = baseMoves.note(tx, push) || isNoted
      const isStored = isNoted || last - stored > UNSTORED
      if (isStored) store.run({ sequence: last })
      tx.afterCommit(() => {
        position = last
        if (isStored) stored = last
      })
      return isReadingBases || last < end
    },
  }
}

import type { Database } from '../../db/open.ts'
import type { ImportFailure } from './tag-change.ts'

/** Creates the writes of the failures of tags: `tag_conditions`, and their marks in `tags`. Runs inside a transaction. */
export function createConditionRows(db: Database) {
  // a removed tag keeps its spec tag until it has an image: without the failing source it is a removed tag again
  const setFailing = db.prepare('update tags set failing = ?, removed_at = null where id = ?')
  const setGone = db.prepare('update tags set gone_at = ? where id = ? and gone_at is null')
  const setWorking = db.prepare(
    'update tags set failing = null, missing_since = null, gone_at = null where id = ?',
  )
  const deleteOf = db.prepare('delete from tag_conditions where tag_id in (select value from json_each(?))')
  const setCondition = db.prepare(`
    insert into tag_conditions (tag_id, type, status, reason, message, last_transition_time, generation)
    values (?, 'ImportSuccess', 'False', ?, ?, ?, ?)
    on conflict (tag_id, type) do update set status = excluded.status, reason = excluded.reason,
      message = excluded.message, generation = excluded.generation, last_transition_time =
        case when status = excluded.status then last_transition_time else excluded.last_transition_time end
    where (status, reason, message, generation) is not
      (excluded.status, excluded.reason, excluded.message, excluded.generation)`)

  return {
    /** Sets the condition `ImportSuccess=False`. Reports whether that changed anything. */
    setFailure(id: number, { reason, message, generation, at }: ImportFailure): boolean {
      if (setCondition.run(id, reason, message, at, generation).changes === 0) return false
      setFailing.run(reason, id)
      return true
    },
    /** Stores that the registry does not have the tag, until `clear`. */
    setGone: (id: number, at: number): void => void setGone.run(at, id),
    /** Deletes the conditions of tags that are removed. */
    delete: (ids: readonly number[]): void => void deleteOf.run(JSON.stringify(ids)),
    /** Removes the failures of a tag that was imported, or that a client gave another image. */
    clear(id: number): void {
      deleteOf.run(JSON.stringify([id]))
      setWorking.run(id)
    },
  }
}

import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { triggerTargets } from '../../db/tables/index.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { MatchingTriggers } from '../definition/matching-triggers.ts'
import type { Trigger } from '../definition/trigger.ts'
import type { TriggerRows } from '../definition/trigger-rows.ts'

/** Why a trigger has not reacted to a tag that its source matches. */
export type Silence = 'NOT_MOVED' | 'NOT_MOVED_BY_POLICY' | 'BASE_NOT_MOVED' | 'READING_BASES'

/** A trigger that has not reacted to a tag that its source matches. */
export interface SilentTrigger {
  readonly trigger: Trigger
  readonly silence: Silence
}

/** Triggers of one tag that are read. */
const MOST = 100

/** Creates the search for triggers that have not reacted to a tag, although their source matches it. */
export function createSilentTriggers(
  { orm }: Pick<Database, 'orm'>,
  matching: MatchingTriggers,
  triggers: Pick<TriggerRows, 'byIds'>,
) {
  const reacted = orm
    .select({ triggerId: triggerTargets.triggerId })
    .from(triggerTargets)
    .where(eq(triggerTargets.tagId, sql.placeholder('tagId')))
    .prepare()

  /** Returns the triggers, at most 100, those that were created first before the others. */
  return (stream: StreamName, tag: { readonly id: number; readonly name: string }): SilentTrigger[] => {
    const others = new Set(reacted.all({ tagId: tag.id }).map(({ triggerId }) => triggerId))
    const ids = matching(stream, tag.name, Number.MAX_SAFE_INTEGER)
      .map(({ id }) => id)
      .filter((id) => !others.has(id))
      .sort((one, other) => one - other)
      .slice(0, MOST)
    return [...triggers.byIds(ids).values()].map((trigger) => ({ trigger, silence: silenceOf(trigger) }))
  }
}

function silenceOf({ source, basesReadFrom }: Trigger): Silence {
  if (source === 'TAG') return 'NOT_MOVED'
  if (source === 'POLICY') return 'NOT_MOVED_BY_POLICY'
  return basesReadFrom === null ? 'BASE_NOT_MOVED' : 'READING_BASES'
}

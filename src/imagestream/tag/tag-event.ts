import { count, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/statement.ts'
import { tagConditions, tagEvents, tags } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import { countsByOwner, pageOfOwners } from './owned-rows.ts'

/** One entry of a tag's history: the image that the tag pointed to from `createdAt` on. */
export type TagEvent = Omit<typeof tagEvents.$inferSelect, 'importId'>
/** Why a tag was removed. */
export type RemovalReason = NonNullable<TagEvent['removedReason']>
/** Reports whether a change of a stream has the reason of a removal, and not that of a failure. */
export const isRemovalReason = (reason: string | null): reason is RemovalReason =>
  tagEvents.removedReason.enumValues.some((value) => value === reason)
export type TagCondition = typeof tagConditions.$inferSelect

/** Columns of a `TagEvent`, of `tag_events t`. */
export const EVENT_COLUMNS = columnsOf(tagEvents, 't', ['importId'])

const CONDITIONS = `
  select ${columnsOf(tagConditions, 'c')} from tag_conditions c
  where c.tag_id in (select value from json_each(?))
  union all
  select t.id, 'PolicyChoice', 'False', c.passed_over_reason, c.passed_over_message, c.passed_over_since, p.generation
  from json_each(?) o cross join tags t on t.id = o.value
    join policy_choices c on c.stream_id = t.stream_id and c.tag = t.name
    join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
  where c.passed_over_reason is not null order by tagId, type`

const EVENTS = { table: 'tag_events', columns: EVENT_COLUMNS } as const

/** Creates the reads of histories and conditions. Each takes the ids of many tags, so that a list needs one statement. */
export const createTagHistories = (db: Database) => ({
  /** Returns a page of each tag's history, newest first; its keys are [event id]. */
  events: (tagIds: readonly number[], page: KeysetPage): TagEvent[] =>
    pageOfOwners(db, { ...EVENTS, owner: 'tag_id' }, tagIds, page),
  /** Returns an entry of a history. */
  event: (id: number): TagEvent | undefined =>
    db.prepare<TagEvent>(`select ${EVENT_COLUMNS} from tag_events t where t.id = ?`).get(id),
  countEvents: (tagIds: readonly number[]): Map<number, number> =>
    countsByOwner(db, { table: 'tag_events', owner: 'tag_id' }, tagIds),
  /** Counts the entries of all histories of a stream, those of removed tags included. */
  countEventsOfStream: (streamId: number): number =>
    db.orm
      .select({ total: count() })
      .from(tags)
      .innerJoin(tagEvents, eq(tagEvents.tagId, tags.id))
      .where(eq(tags.streamId, streamId))
      .get()?.total ?? 0,
  /** Returns the conditions of the tags, by tag and type: `ImportSuccess`, and `PolicyChoice` of tags with a policy. */
  conditions: (tagIds: readonly number[]): TagCondition[] =>
    db.prepare<TagCondition>(CONDITIONS).all(JSON.stringify(tagIds), JSON.stringify(tagIds)),
  /**
   * Returns the images in the histories of a stream whose digest starts with the prefix, at most `limit`, in order of
   * digest.
   */
  digestsInHistory: (
    streamId: number,
    digestPrefix: string,
    limit: number,
  ): { readonly imageId: number; readonly digest: Digest }[] =>
    db
      .prepare<{ imageId: number; digest: Digest }>(
        `select distinct i.id as imageId, i.digest from tags t
         join tag_events e on e.tag_id = t.id join images i on i.id = e.image_id
         where t.stream_id = ? and i.digest >= ? and i.digest < ? order by i.digest limit ?`,
      )
      // "g" follows the last hexadecimal digit
      .all(streamId, digestPrefix, `${digestPrefix}g`, limit),
})

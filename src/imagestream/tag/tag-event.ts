import type { Database } from '../../db/open.ts'
import { pageOfEach } from '../../db/page.ts'
import { columnsOf } from '../../db/rows.ts'
import type { Parameter } from '../../db/statement.ts'
import { tagConditions, tagEvents } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'

/** One entry of a tag's history: the image that the tag pointed to from `createdAt` on. */
export type TagEvent = Omit<typeof tagEvents.$inferSelect, 'importId'>
export type TagCondition = typeof tagConditions.$inferSelect

/** Reads of histories and conditions. Each takes the ids of many tags, so that a list needs one statement. */
export interface TagHistories {
  /** A page of each tag's history, newest first; its keys are [event id]. */
  events(tagIds: readonly number[], page: KeysetPage): TagEvent[]
  countEvents(tagIds: readonly number[]): Map<number, number>
  conditions(tagIds: readonly number[]): TagCondition[]
  /** Images in the histories of a stream whose digest starts with the prefix, at most `limit`, in order of digest. */
  digestsInHistory(
    streamId: number,
    digestPrefix: string,
    limit: number,
  ): { readonly imageId: number; readonly digest: Digest }[]
}

/** Columns of a `TagEvent`, of `tag_events t`. */
export const EVENT_COLUMNS = columnsOf(tagEvents, 't', ['importId'])

/** Returns a page of the tag events of each owner, newest first; its keys are [event id]. */
export function eventPages(
  db: Database,
  owner: 'tag_id' | 'image_id',
  ids: readonly number[],
  page: KeysetPage,
): TagEvent[] {
  const { from, orderBy, parameters, inOrder } = pageOfEach(page, [{ column: 'id', descending: true }], {
    table: 'tag_events',
    owner,
  })
  return inOrder(
    db.prepare<TagEvent>(`select ${EVENT_COLUMNS} from ${from} order by ${orderBy}`).all(...parameters(ids)),
  )
}

/** Returns the number of rows of each owner that meet the conditions, whose parameters are `values`. Owners without such rows are missing. */
export const countsByOwner = (
  db: Database,
  { table, owner, by = owner, conditions = [] }: OwnedRows,
  ids: readonly number[],
  ...values: readonly Parameter[]
): Map<number, number> =>
  new Map(
    db
      .prepare<{ owner: number; total: number }>(
        `select ${owner} as owner, count(*) as total from ${table}
         where ${[`${by} in (select value from json_each(?))`, ...conditions].join(' and ')} group by ${owner}`,
      )
      .all(JSON.stringify(ids), ...values)
      .map(({ owner: id, total }) => [id, total]),
  )

interface OwnedRows {
  readonly table: 'tags' | 'tag_events'
  /** Column with the owner's id. */
  readonly owner: string
  /** Column that the ids are values of; by default the owner's. */
  readonly by?: string
  readonly conditions?: readonly string[]
}

export const createTagHistories = (db: Database): TagHistories => ({
  events: (tagIds, page) => eventPages(db, 'tag_id', tagIds, page),
  countEvents: (tagIds) => countsByOwner(db, { table: 'tag_events', owner: 'tag_id' }, tagIds),
  conditions: (tagIds) =>
    db
      .prepare<TagCondition>(
        `select ${columnsOf(tagConditions, 'c')} from tag_conditions c
         where c.tag_id in (select value from json_each(?)) order by c.tag_id, c.type`,
      )
      .all(JSON.stringify(tagIds)),
  digestsInHistory: (streamId, digestPrefix, limit) =>
    db
      .prepare<{ imageId: number; digest: Digest }>(
        `select distinct i.id as imageId, i.digest from tags t
         join tag_events e on e.tag_id = t.id join images i on i.id = e.image_id
         where t.stream_id = ? and i.digest >= ? and i.digest < ? order by i.digest limit ?`,
      )
      // "g" follows the last hexadecimal digit
      .all(streamId, digestPrefix, `${digestPrefix}g`, limit),
})

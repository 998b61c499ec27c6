import { type Criterion, criterion, matchesColumn } from '../../db/search.ts'
import type { KeysetPage, PageKey } from '../../input/page.ts'
import { keyOf, type Tag, type TagOrder } from '../tag/tag.ts'
import { criteriaCount, type TagSearchFilter } from '../tag/tag-search.ts'
import type { WalkedStreams } from './stream-walk.ts'

/** Criteria for tags of all streams. */
export interface TagListFilter extends TagSearchFilter, WalkedStreams {}

export interface TagListQuery extends TagListFilter {
  readonly order: TagOrder
  readonly page: KeysetPage
}

/** A tag with the names of its stream. */
export interface ListedTag extends Tag {
  readonly namespace: string
  readonly streamName: string
}

/**
 * Returns the tag's key in the list. Newest first, the tags of all streams are one list. In the other orders the streams
 * come by namespace and name, and the tags of each in the order.
 */
export const tagListKeyOf = (tag: ListedTag, order: TagOrder): PageKey =>
  order === 'NEWEST_FIRST' ? keyOf(tag, order) : [tag.namespace, tag.streamName, ...keyOf(tag, order)]

/** Returns the criteria on a tag's stream. Tags of deleted streams are removed. */
export function streamCriteria({ namespace, stream }: WalkedStreams): Criterion[] {
  if (namespace === undefined && stream === undefined) return []
  const inNamespace = namespace === undefined ? [] : ['s.namespace = ?']
  const named = stream === undefined ? [] : [matchesColumn('s.name', stream)]
  const values = [namespace, stream].filter((value) => value !== undefined)
  return [
    criterion(
      `exists (select 1 from image_streams s where ${['s.id = stream_id', ...inNamespace, ...named].join(' and ')})`,
      values,
    ),
  ]
}

/** Returns how many rows of other tables or columns a search checks for each tag at most. */
export const probesOf = ({ namespace, stream, ...filter }: TagListFilter): number =>
  criteriaCount(filter) + (namespace === undefined && stream === undefined ? 0 : 2)

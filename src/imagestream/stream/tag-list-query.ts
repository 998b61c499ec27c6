import type { Viewer } from '../../access/right/viewer.ts'
import { type Criterion, criterion, matchesColumn, probes } from '../../db/search.ts'
import type { KeysetPage, PageKey } from '../../input/page.ts'
import { keyOf, type Tag, type TagOrder } from '../tag/tag.ts'
import { criteriaCount, type TagSearchFilter } from '../tag/tag-search.ts'
import type { WalkedStreams } from './stream-walk.ts'
import { seesFewNamespaces, visibleStreamsBy } from './visible-streams.ts'

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

/** Returns the criteria on a tag's stream, which the viewer must see. Tags of deleted streams are removed. */
export function streamCriteria(viewer: Viewer, { namespace, stream }: WalkedStreams): Criterion[] {
  const criteria = [
    ...(namespace === undefined ? [] : [criterion('s.namespace = ?', [namespace])]),
    ...(stream === undefined ? [] : [criterion(matchesColumn('s.name', stream), [stream])]),
    ...visibleStreamsBy(viewer, namespace).ofAll,
  ]
  if (criteria.length === 0) return []
  const { where, values } = probes(criteria)
  const conditions = ['s.id = stream_id', ...where].join(' and ')
  return [criterion(`exists (select 1 from image_streams s where ${conditions})`, values)]
}

/** Reports whether a list has the tags of some streams, which together may be few. */
export const mayBeOfFewStreams = (viewer: Viewer, { namespace, stream }: WalkedStreams): boolean =>
  namespace !== undefined || stream !== undefined || seesFewNamespaces(viewer)

/** Returns how many rows of other tables or columns a search checks for each tag at most. */
export const probesOf = (viewer: Viewer, { namespace, stream, ...filter }: TagListFilter): number =>
  criteriaCount(filter) +
  (namespace === undefined && stream === undefined ? 0 : 2) +
  2 * viewer.rights.scopes.length

import {
  type ColumnValues,
  type Criterion,
  criterion,
  everyValue,
  matchesColumn,
  ownersOf,
} from '../../db/search.ts'
import { literalRange } from '../../input/glob.ts'
import type { KeyValue } from '../../input/key-values.ts'
import { type TagSearchFilter, tagValues } from '../tag/tag-search.ts'

/** Criteria for streams; a stream meets all that are set. */
export interface StreamFilter extends Pick<TagSearchFilter, 'digest' | 'failing' | 'platform'> {
  readonly namespace?: string | undefined
  /** Glob over the name: `*` stands for any characters. */
  readonly matching?: string | undefined
  /** Labels that the stream all has. */
  readonly labels?: readonly KeyValue[] | undefined
  /** Registry host of the repository or of a spec tag: `docker.io`. */
  readonly registry?: string | undefined
  /** No import has read every requested tag since this time. Milliseconds since 1970. */
  readonly notCheckedSince?: number | undefined
  /** No tag has changed its image since this time. Milliseconds since 1970. */
  readonly unchangedSince?: number | undefined
}

/** Order of a list of streams: by namespace and name, or by the time at which a tag last got another image. */
export type StreamOrder = 'NAME' | 'NEWEST_FIRST'

/** Order of a search: also that of the deleted streams, by the time of their deletion. */
export type SearchOrder = StreamOrder | 'LAST_DELETED'

/** Returns the condition of the streams that a search in the order finds. */
export const existenceIn = (order: SearchOrder): string =>
  order === 'LAST_DELETED' ? 's.deleted_at is not null' : 's.deleted_at is null'

/** Returns the criteria that select a range of the order's index. */
export function rangeOf({ namespace, matching }: StreamFilter, order: SearchOrder): Criterion[] {
  // the indexes have the streams that exist, or those that are deleted
  const exists = criterion(existenceIn(order), [])
  if (namespace === undefined) return [exists]
  const range = matching === undefined || order !== 'NAME' ? undefined : literalRange(matching)
  return [
    exists,
    criterion('s.namespace = ?', [namespace]),
    // by name, the next column of the index is the name
    ...(range ? [criterion('s.name >= ? and s.name < ?', range)] : []),
  ]
}

/** Returns the criteria on the name that are checked on each stream. */
function nameCriteria({ namespace, matching }: StreamFilter, order: SearchOrder): Criterion[] {
  if (matching === undefined) return []
  const range = literalRange(matching)
  const isOfOrder = order === 'NAME' && namespace !== undefined
  const matches = criterion(matchesColumn('s.name', matching), [matching])
  if (!range || isOfOrder) return [matches]
  const [prefix, values] =
    namespace === undefined ? ['', range] : ['namespace = ? and ', [namespace, ...range]]
  const ids = {
    text: `select id from image_streams where deleted_at is null and ${prefix}name >= ? and name < ?`,
    values,
  }
  return [criterion('s.name >= ? and s.name < ?', range, ids), matches]
}

function labelCriterion({ key, value }: KeyValue): Criterion {
  const values = [key, value]
  return criterion(
    'exists (select 1 from stream_labels l where l.stream_id = s.id and l.key = ? and l.value = ?)',
    values,
    { text: 'select stream_id as id from stream_labels where key = ? and value = ?', values },
  )
}

function registryCriterion(registry: string): Criterion {
  const wanted = { text: 'select ? as value', values: [registry] }
  const index = 'spec_tags_by_registry'
  const specTags = ownersOf({ table: 'spec_tags', column: 'registry', index, wanted }, 'stream_id')
  return criterion(
    `(s.registry = ? or exists (
      select 1 from spec_tags p indexed by ${index} where p.registry = ? and p.stream_id = s.id))`,
    [registry, registry],
    {
      text: `select id from image_streams where registry = ? union all select id from (${specTags.text})`,
      values: [registry, ...specTags.values],
    },
  )
}

/** Returns the criteria that are checked on each stream of the range. */
export function criteriaOf(filter: StreamFilter, order: SearchOrder): Criterion[] {
  const { labels = [], registry, notCheckedSince, unchangedSince } = filter
  const criteria = nameCriteria(filter, order)
  if (unchangedSince !== undefined) {
    const values = [unchangedSince]
    const text = 'select id from image_streams where deleted_at is null and newest_at < ?'
    criteria.push(criterion('s.newest_at < ?', values, { text, values }))
  }
  if (notCheckedSince !== undefined) {
    const values = [notCheckedSince]
    const text = `select id from image_streams where checked_at is null
      union all select id from image_streams where checked_at < ?`
    criteria.push(criterion('ifnull(s.checked_at < ?, 1)', values, { text, values }))
  }
  criteria.push(...labels.map(labelCriterion))
  if (registry !== undefined) criteria.push(registryCriterion(registry))
  for (const tags of tagValues(filter)) {
    const hasTag = tagCriterion(tags)
    criteria.push(tags.column === 'failing' ? failingCriterion(hasTag, filter) : hasTag)
  }
  return criteria
}

/** Returns the criterion that one of the stream's tags has one of the values. */
function tagCriterion(tags: ColumnValues): Criterion {
  const { column, index, wanted } = tags
  const text = `exists (
    select 1 from tags t indexed by ${index} where t.${column} in (${wanted.text}) and t.stream_id = s.id)`
  return criterion(text, wanted.values, ownersOf(tags, 'stream_id'))
}

/** Returns the criterion that a tag fails, or the whole repository. */
function failingCriterion({ probe, ids }: Criterion, { failing }: StreamFilter): Criterion {
  const table = 'stream_conditions'
  const [isReason, values] =
    failing?.reason === undefined ? ['', []] : [' and c.reason = ?', [failing.reason]]
  const condition = `select 1 from ${table} c where c.stream_id = s.id and c.type = 'ImportSuccess'${isReason}`
  const text = failing?.reason === undefined ? everyValue(table, 'reason') : 'select ? as value'
  const streams = ownersOf(
    { table, column: 'reason', index: 'stream_conditions_by_reason', wanted: { text, values } },
    'stream_id',
  )
  const union = ids.map((ofTags) => ({
    text: `select id from (${ofTags.text}) union all select id from (${streams.text})`,
    values: [...ofTags.values, ...streams.values],
  }))
  return criterion(`(${probe.text} or exists (${condition}))`, [...probe.values, ...values], ...union)
}

import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import {
  type ColumnValues,
  type Criterion,
  criterion,
  everyValue,
  fewIds,
  ownersOf,
  probes,
} from '../../db/search.ts'
import { literalRange } from '../../input/glob.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { ImageStream } from '../spec/spec.ts'
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

export type StreamOrder = 'NAME' | 'NEWEST_FIRST'

/** Returns the stream's key in the order, for pages. */
export const streamKeyOf = (
  { id, namespace, name, newestAt }: ImageStream,
  order: StreamOrder,
): readonly (string | number)[] => (order === 'NAME' ? [namespace, name] : [newestAt, id])

const SORT: Record<StreamOrder, readonly SortColumn[]> = {
  NAME: [{ column: 's.namespace' }, { column: 's.name' }],
  NEWEST_FIRST: [
    { column: 's.newest_at', descending: true },
    { column: 's.id', descending: true },
  ],
}

/** Returns the index with all streams, or those of one namespace, in order. */
function indexOf(order: StreamOrder, { namespace }: StreamFilter): string {
  if (order === 'NAME') return 'image_streams_by_name'
  return namespace === undefined ? 'image_streams_by_newest' : 'image_streams_by_newest_in_namespace'
}

/**
 * Returns the criteria on namespace and name. The index of the order starts with the namespace; by name, the next column
 * is the name.
 */
function nameCriteria({ namespace, matching }: StreamFilter, order: StreamOrder): Criterion[] {
  const criteria: Criterion[] = []
  const range = matching === undefined ? undefined : literalRange(matching)
  if (namespace !== undefined) criteria.push(criterion('s.namespace = ?', [namespace]))
  if (range) {
    // the order's own index serves the range
    const isInOrder = order === 'NAME' && namespace !== undefined
    const [prefix, values] =
      namespace === undefined ? ['', range] : ['namespace = ? and ', [namespace, ...range]]
    const ids = {
      text: `select id from image_streams where deleted_at is null and ${prefix}name >= ? and name < ?`,
      values,
    }
    criteria.push(criterion('s.name >= ? and s.name < ?', range, ...(isInOrder ? [] : [ids])))
  }
  if (matching !== undefined) criteria.push(criterion('matches_glob(?, s.name)', [matching]))
  return criteria
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

function criteriaOf(filter: StreamFilter, order: StreamOrder): Criterion[] {
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

export interface StreamQuery extends StreamFilter {
  readonly order: StreamOrder
  readonly page: KeysetPage
}

const EXISTS = 's.deleted_at is null'

export function createStreamSearch(db: Database) {
  /** Returns the `from` clause for `s`: the few streams that can meet the criteria, or all. */
  const source = (criteria: readonly Criterion[], all: string) => {
    const few = fewIds(db, criteria)
    if (few === undefined) return { from: all, ids: [] }
    return {
      from: 'json_each(?) few cross join image_streams s on s.id = few.value',
      ids: [JSON.stringify(few)],
    }
  }

  return {
    /** Returns a page of the streams that meet the filter, in order, with these columns of `s`. */
    page({ order, page, ...filter }: StreamQuery, columns: string): ImageStream[] {
      const criteria = criteriaOf(filter, order)
      const { from, ids } = source(criteria, `image_streams s indexed by ${indexOf(order, filter)}`)
      const { where, values } = probes(criteria)
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, SORT[order])
      return inOrder(
        db
          .prepare<ImageStream>(
            `select ${columns} from ${from} where ${[EXISTS, ...condition, ...where].join(' and ')} order by ${orderBy} limit ?`,
          )
          .all(...ids, ...keys, ...values, limit),
      )
    },

    count(filter: StreamFilter): number {
      const criteria = criteriaOf(filter, 'NAME')
      // without an order, SQLite chooses the index
      const { from, ids } = source(criteria, 'image_streams s')
      const { where, values } = probes(criteria)
      return (
        db
          .prepare<{ total: number }>(
            `select count(*) as total from ${from} where ${[EXISTS, ...where].join(' and ')}`,
          )
          .get(...ids, ...values)?.total ?? 0
      )
    },
  }
}

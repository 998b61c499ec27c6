import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import {
  type ColumnValues,
  type Criterion,
  criterion,
  everyValue,
  fewIds,
  matchesColumn,
  ownersOf,
  probes,
} from '../../db/search.ts'
import { windowsOf } from '../../db/windows.ts'
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

/** Returns the criteria that select a range of the order's index. */
function rangeOf({ namespace, matching }: StreamFilter, order: StreamOrder): Criterion[] {
  // the indexes have the streams that exist
  const exists = criterion('s.deleted_at is null', [])
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
function nameCriteria({ namespace, matching }: StreamFilter, order: StreamOrder): Criterion[] {
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

export function createStreamSearch(db: Database) {
  /** Returns the read of one part of a page in one statement, and whether the part has to be bounded. */
  const readerOf = (filter: StreamFilter, order: StreamOrder) => {
    const range = rangeOf(filter, order)
    const checked = criteriaOf(filter, order)
    const few = fewIds(db, checked)
    const all = `image_streams s indexed by ${indexOf(order, filter)}`
    const from = few ? 'json_each(?) few cross join image_streams s on s.id = few.value' : all
    const ids = few ? [JSON.stringify(few)] : []
    const { where, values } = probes([...range, ...checked])
    /** Returns the results of a statement on the streams of the page that meet the filter. */
    const select = <Row>(columns: string, page: KeysetPage, isList: boolean): Row[] => {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, SORT[order])
      const end = isList ? `order by ${orderBy} limit ?` : ''
      const conditions = [...condition, ...where].join(' and ')
      const statement = `select ${columns} from ${from} where ${conditions} ${end}`
      const rows = db.prepare<Row>(statement).all(...ids, ...keys, ...values, ...(isList ? [limit] : []))
      return isList ? inOrder(rows) : rows
    }
    /** Returns the parts of the page: itself, where few streams are read or each that is read meets the filter. */
    const windows = (page: KeysetPage, signal: AbortSignal | undefined) => {
      if (few || checked.length === 0) return [page]
      const rows = { from: all, where: range.map(({ probe }) => probe), columns: SORT[order] }
      return windowsOf(db, rows, { page, probes: checked.length, signal })
    }
    return { select, windows }
  }

  return {
    /**
     * Returns a page of the streams that meet the filter, in order, with these columns of `s`. Reads in bounded statements,
     * between which other work runs.
     */
    async page(
      { order, page, ...filter }: StreamQuery,
      columns: string,
      signal?: AbortSignal,
    ): Promise<ImageStream[]> {
      const { select, windows } = readerOf(filter, order)
      const wanted = keyset(page, SORT[order]).limit
      let found: ImageStream[] = []
      for await (const window of windows(page, signal)) {
        const rest = { ...window, limit: wanted - found.length, peek: false }
        const rows = select<ImageStream>(columns, rest, true)
        found = page.fromEnd ? [...rows, ...found] : [...found, ...rows]
        if (found.length >= wanted) break
      }
      return found
    },

    /** Returns the number of streams that meet the filter, read as `page` does: changes meanwhile may be counted or not. */
    async count(filter: StreamFilter, signal?: AbortSignal): Promise<number> {
      const { select, windows } = readerOf(filter, 'NAME')
      let total = 0
      for await (const window of windows({ limit: 0 }, signal)) {
        total += select<{ total: number }>('count(*) as total', window, false)[0]?.total ?? 0
      }
      return total
    },
  }
}

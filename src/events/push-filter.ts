import type { Rights } from '../access/right/rights.ts'
import { matchesColumn } from '../db/search.ts'
import type { Parameter } from '../db/statement.ts'
import type { pushLog } from '../db/tables/index.ts'
import { visibleStreams } from '../db/visible-places.ts'
import { matchesGlob } from '../input/glob.ts'

/** The change of a tag to another image: a row of the log. */
export type Push = Readonly<typeof pushLog.$inferSelect>

/** Criteria for pushes; an absent one does not restrict. `imageStream` and `tag` can contain `*`. */
export interface PushFilter {
  readonly namespace?: string | undefined
  readonly imageStream?: string | undefined
  readonly tag?: string | undefined
}

/** Reports whether the push meets the criteria. */
export const matchesPush = (
  {
    namespace: ofNamespace,
    imageStreamName,
    tag: ofTag,
  }: Pick<Push, 'namespace' | 'imageStreamName'> & { tag: string | null },
  { namespace, imageStream, tag }: PushFilter,
): boolean =>
  (namespace === undefined || ofNamespace === namespace) &&
  (imageStream === undefined || matchesGlob(imageStream, imageStreamName)) &&
  (tag === undefined || (ofTag !== null && matchesGlob(tag, ofTag)))

/** Part of the log: the sequences above `after` and below `before`. */
export interface Interval {
  readonly after: number
  readonly before: number
}

/**
 * Returns the conditions of the filter on one row, with the values of their question marks. "+" keeps SQLite from using an
 * index: it would read all pushes of a tag, for example, where the caller has bounded the rows by their sequence.
 */
export function conditionsOf({ namespace, imageStream, tag }: PushFilter) {
  const conditions: (readonly [condition: string, value: Parameter])[] = []
  if (namespace !== undefined) conditions.push(['+namespace = ?', namespace])
  for (const [column, pattern] of [
    ['image_stream_name', imageStream],
    ['tag', tag],
  ] as const) {
    if (pattern !== undefined) conditions.push([matchesColumn(column, pattern), pattern])
  }
  return { where: conditions.map(([text]) => text), values: conditions.map(([, value]) => value) }
}

/** Returns the conditions that an entry of the table is of a stream that these rights show; as `conditionsOf`. */
export function visibleConditions(rights: Pick<Rights, 'scopes'>, table: 'push_log' | 'stream_changes') {
  const columns = { namespace: `${table}.namespace`, name: `${table}.image_stream_name` }
  const criteria = visibleStreams(rights, columns).map(({ probe }) => probe)
  return { where: criteria.map(({ text }) => text), values: criteria.flatMap(({ values }) => values) }
}
